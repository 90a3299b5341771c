"""What others can see of a running walertd: the lock beside its state file, and a locked file in each registry.

A training script knows no configuration, so that it cannot know the state file: it looks into the registries for a walertd that follows its
folder, and `walert status` finds there one that keeps its state elsewhere. Folders are told by device and inode as well: a
container may see them under another name.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from collections.abc import Mapping
from typing import Any

from walert import paths
from walert.config import Config
from walert.daemon.lock import Lock, held
from walert.errors import AlreadyRunning, StoreError
from walert.tail.discover import root_of

T_TOUCH = 2.0  # seconds between two signs of life


class Presence:
    """Held from `enter` to `leave`."""

    def __init__(self, state: str, environ: Mapping[str, str]) -> None:
        self._lock = Lock(f"{state}.lock")
        self._touched = float("-inf")
        name = f"{hashlib.sha256(os.fsencode(state)).hexdigest()[:16]}.lock"
        self._entries = [Lock(os.path.join(folder, name), 0o644) for folder in _registries(environ)]

    def enter(self, config: Config) -> None:
        """Take the lock of the state file and tell of it. Raises `AlreadyRunning` or `StoreError`; what else cannot be told costs nothing."""
        about = _about(config)
        self._lock.acquire(about)
        for entry in self._entries:
            with contextlib.suppress(StoreError, AlreadyRunning, OSError):
                entry.acquire(about)

    def announce(self, config: Config) -> None:
        """Another configuration is in force."""
        for lock in (self._lock, *self._entries):
            lock.announce(_about(config))

    def touch(self, monotonic: float) -> None:
        """A pass has completed: now and then the lock's file is given the present time."""
        if monotonic - self._touched >= T_TOUCH:
            self._touched = monotonic
            self._lock.touch()

    def leave(self) -> None:
        """Give everything back. The entries go before the lock: whoever takes that makes them anew."""
        for entry in self._entries:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)
            entry.release()
        self._lock.release()


def others(state: str) -> list[tuple[int, dict[str, Any]]]:
    """The walertds that run on other state files, as far as this user can see: pid and what they announced."""
    found = {}
    for folder in filter(None, (paths.registry(), paths.session_registry(), paths.SYSTEM_REGISTRY)):
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.lock"))):
            if (one := held(path)) is not None and one[1].get("state") not in (state, None):
                found[one[1]["state"]] = one
    return list(found.values())


def _registries(environ: Mapping[str, str]) -> list[str]:
    """This user's folders, and those that systemd made for the service."""
    given = environ.get("RUNTIME_DIRECTORY", "").split(":")
    found = [paths.registry(), paths.session_registry(), *(folder for folder in given if os.path.isabs(folder))]
    return list(dict.fromkeys(folder for folder in found if folder))


def _about(config: Config) -> dict[str, Any]:
    roots = dict.fromkeys(root_of(s) if glob.has_magic(s.path) else s.path for s in config.sources)
    return {"state": config.state, "config": config.file, "roots": [_root(path) for path in roots]}


def _root(path: str) -> tuple[str, int, int]:
    """A folder with its device and inode, 0 while it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return path, 0, 0
    return path, found.st_dev, found.st_ino
