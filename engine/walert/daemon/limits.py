"""What the system allows this process: as many open files as it may have, for a log that is followed is kept open."""

from __future__ import annotations

import resource

MOST_FILES = (
    65_536  # more than is followed at once; a limit of a million makes children slow that close all they inherit
)


def raise_files() -> int:
    """Raise the soft limit of open files to the hard one, within reason. Returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft  # a sandbox forbids it: fewer logs are kept open, none is left out
        return wanted
    return soft
