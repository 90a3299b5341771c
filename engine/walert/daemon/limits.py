"""What this process is allowed and allows itself: open files, for a log that is followed is kept open, and searches for garbage."""

from __future__ import annotations

import gc
import resource

MOST_FILES = (
    65_536  # more than is followed at once; a limit of a million makes children slow that close all they inherit
)

SEARCHES = (20_000, 20, 50)
"""Objects made before the young are searched for garbage in cycles, such searches before the middle-aged are, and those before all are."""


def search_seldom() -> None:
    """Let the garbage collector search all of memory seldom: with 10,000 logs that stops the process for 0.3 s, and scans provoke it.

    Nearly everything is freed without it; cycles, as those of exceptions, are found young.
    """
    gc.set_threshold(*SEARCHES)


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
