"""One walertd a state file: an flock on a file beside it, which also tells others who holds it and what is followed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Mapping
from typing import Any

from walert.errors import AlreadyRunning, StoreError


class Lock:
    """Held from `acquire` to `release`, or to the end of the process, however that comes. The kernel frees it on SIGKILL."""

    def __init__(self, path: str, mode: int = 0o600) -> None:
        self.path = path
        self._mode = mode
        self._fd: int | None = None

    def acquire(self, about: Mapping[str, Any]) -> None:
        """Take the lock. Raises `AlreadyRunning` with the holder's pid, or `StoreError` when the folder cannot be written."""
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, self._mode)
        except OSError as error:
            raise StoreError(
                f"cannot use {self.path}: {error.strerror}. Choose another place with `state:` in walert.yaml."
            ) from None
        if not _locked(fd):
            pid = _pid(fd)
            os.close(fd)
            raise AlreadyRunning(f"walertd already runs on this state file (pid {pid or 'unknown'}).", pid) from None
        self._fd = fd
        self.announce(about)

    def announce(self, about: Mapping[str, Any]) -> None:
        """Write down who holds the lock, on a line of its own, and what else others may know of it."""
        if self._fd is None:
            return
        text = f"{os.getpid()}\n{json.dumps(dict(about))}\n"
        with contextlib.suppress(OSError):  # a full disk costs the courtesy, not the lock
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, text.encode(), 0)

    def touch(self) -> None:
        """Say that the holder lives, by the file's time: also while the disk is full."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.utime(self._fd)

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two processes hold two locks of one name."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def _locked(fd: int) -> bool:
    """Try for a moment: a training script that looks whether a walertd runs holds the lock for microseconds."""
    for pause in (0.0, 0.01, 0.05):
        threading.Event().wait(pause)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        return True
    return False


def holder(path: str) -> int | None:
    """The pid of the walertd that holds the lock at `path`, or None."""
    found = held(path)
    return None if found is None else found[0]


def touched(path: str) -> float | None:
    """When the holder last said that it lives, Unix seconds of the system's clock; None without a lock file."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def held(path: str) -> tuple[int, dict[str, Any]] | None:
    """The pid of the walertd that holds the lock at `path` (-1 when it does not say), with what it announced; or None."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _pid(fd) or -1, _about(fd)
    else:
        return None
    finally:
        os.close(fd)


def _pid(fd: int) -> int | None:
    first = os.pread(fd, 32, 0).split(b"\n")[0]
    return int(first) if first.isdigit() else None


def _about(fd: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(fd, 1 << 20, 0).split(b"\n")[1])
    except (OSError, ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}
