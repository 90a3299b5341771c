"""Whether a walertd follows a folder: asked once, so that nobody waits for alerts that nobody reads.

Every walertd holds a locked file in a registry while it runs, wherever its state is; it names the folders that are followed, by path and inode.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from walert import paths
from walert.client.notice import say

SEEN_TO = "WALERT_FOLLOWED"
"""The variable by which `walert run` says that it takes care of a walertd."""
_MAX_LOCK = 1 << 20
_MAX_ENTRIES = 100


def tell_if_unfollowed(runs: str) -> None:
    """One line on stderr when no walertd follows the folder `runs`, with what to do. `walert run` has said it, or sees to it."""
    if os.environ.get(SEEN_TO):
        return
    try:
        own = list(_running(paths.lock_path(), *_entries(paths.registry())))
        if is_followed(runs, own):
            return
        if own:
            where = next((f"{found['config']}" for found in own if found.get("config")), "its walert.yaml")
            text = f"walertd runs, but does not follow {runs}. Add it to `watch:` in {where}, then: walert check"
        else:
            more = "" if runs == paths.runs_dir() else f", with {runs} under `watch:` in its walert.yaml"
            text = f"no walertd follows {runs}; alerts wait in the log until one does. Start one: walertd{more}"
        say("unfollowed", text)
    except (OSError, ValueError):
        pass


def is_followed(runs: str, own: Sequence[dict[str, Any]] | None = None) -> bool:
    """Whether a walertd of this user or of the system follows the folder `runs`; `own` are those of this home, if they are known."""
    seen = _running(paths.lock_path(), *_entries(paths.registry())) if own is None else iter(own)
    if any(_follows(found, runs) for found in seen):
        return True
    # Where XDG_RUNTIME_DIR is not set, in a batch job, the folder is there all the same.
    folders = {paths.session_registry(), f"/run/user/{os.getuid()}/{paths.APP}", paths.SYSTEM_REGISTRY} - {None}
    return any(_follows(found, runs) for folder in folders for found in _running(*_entries(str(folder))))


def _entries(folder: str) -> list[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".lock"))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names[:_MAX_ENTRIES]]


def _running(*locks: str) -> Iterator[dict[str, Any]]:
    """What each walertd that holds one of these announced."""
    for path in locks:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield _about(os.pread(fd, _MAX_LOCK, 0))
        finally:
            os.close(fd)  # a lock that was got goes with it


def _about(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text.split(b"\n")[1])
    except (ValueError, IndexError):
        return {}  # it is being written
    return found if isinstance(found, dict) else {}


def _follows(found: dict[str, Any], runs: str) -> bool:
    """Whether a root is the folder or above it, by path, or by inode under another name."""
    roots = [tuple(root) for root in found.get("roots", ()) if isinstance(root, list) and len(root) == 3]
    inodes = {(device, inode) for _, device, inode in roots if inode}
    return any(_inode(folder) in inodes for folder in _upward(runs)) or any(
        _is_below(runs, str(root)) for root, _, _ in roots
    )


def _upward(path: str) -> Iterator[str]:
    path, below = os.path.realpath(path), ""
    while path != below:
        yield path
        path, below = os.path.dirname(path), path


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_below(path: str, root: str) -> bool:
    path, root = os.path.realpath(path), os.path.realpath(root)
    return path == root or path.startswith(root.rstrip("/") + "/")
