"""Bytes to lines: which files there are, which of them is which, and what is new in each."""

from __future__ import annotations

from walert.tail.batches import iter_file
from walert.tail.descriptors import Notice
from walert.tail.discover import discover_logs
from walert.tail.follow import Follower, FollowStatus
from walert.tail.hints import Hints, Waker
from walert.tail.wake import open_waker

__all__ = ["FollowStatus", "Follower", "Hints", "Notice", "Waker", "discover_logs", "iter_file", "open_waker"]
