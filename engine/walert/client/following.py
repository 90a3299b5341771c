"""Whether a walertd follows a folder: asked once, so that nobody waits for alerts that nobody reads."""

from __future__ import annotations

import fcntl
import os

from walert import paths
from walert.client.notice import say

_MAX_LOCK = 1 << 20


def tell_if_unfollowed(runs: str) -> None:
    """One line on stderr when no walertd follows the folder `runs`, with what to do."""
    try:
        roots = _followed()
        if roots is None:
            more = "" if runs == paths.runs_dir() else f", with {runs} under `watch:` in its walert.yaml"
            say(
                "unfollowed",
                f"no walertd follows {runs}; alerts wait in the log until one does. Start one: walertd{more}",
            )
        elif not any(_is_below(runs, root) for root in roots):
            say(
                "unfollowed",
                f"walertd runs, but does not follow {runs}. Add it to `watch:` in its walert.yaml, then: walert check",
            )
    except (OSError, ValueError):
        pass


def _followed() -> list[str] | None:
    """The folders that a running walertd follows, or None when none runs."""
    try:
        fd = os.open(paths.lock_path(), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.fsdecode(os.pread(fd, _MAX_LOCK, 0)).splitlines()[1:]
    finally:
        os.close(fd)  # a lock that was got goes with it
    return None


def _is_below(path: str, root: str) -> bool:
    path, root = os.path.realpath(path), os.path.realpath(root)
    return path == root or path.startswith(root.rstrip("/") + "/")
