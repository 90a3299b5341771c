"""What an earlier attempt of a run left in its log."""

from __future__ import annotations

import json
import os

from walert.client import arguments

_LOOKED_AT = 256 * 1024  # bytes at the end of a log; a line has at most 1 MB, most have 200 bytes


def last_step(path: str) -> int | float | None:
    """The step of the newest record of a log that says one, or None: no log, no step, or none near its end."""
    try:
        with open(path, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LOOKED_AT))
            lines = log.read(_LOOKED_AT).splitlines()
    except (OSError, ValueError):
        return None
    for line in reversed(lines):
        try:
            return arguments.step(json.loads(line)["_step"])
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return None
