"""Bytes to lines: which files there are, which of them is which, and what is new in each.

Each name is loaded when it is first asked for: a replay reads files and neither follows nor watches any.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from walert.tail.batches import iter_file
    from walert.tail.descriptors import Notice
    from walert.tail.discover import discover_logs
    from walert.tail.follow import Follower, FollowStatus
    from walert.tail.hints import Hints, Waker, WakeStatus
    from walert.tail.wake import open_waker

__all__ = [
    "FollowStatus",
    "Follower",
    "Hints",
    "Notice",
    "WakeStatus",
    "Waker",
    "discover_logs",
    "iter_file",
    "open_waker",
]

_HOMES: Final = {
    "iter_file": "batches", "Notice": "descriptors", "discover_logs": "discover", "Follower": "follow", "FollowStatus": "follow",
    "Hints": "hints", "WakeStatus": "hints", "Waker": "hints", "open_waker": "wake",
}  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
