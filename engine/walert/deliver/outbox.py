"""What delivery needs of the outbox and the clock. The store implements the first, `walert.clock` the second; neither
is imported here.
"""

from __future__ import annotations

from typing import Protocol

from walert.deliver.policy import Verdict
from walert.model import Message, Outcome, Terms


class Clock(Protocol):
    """Wall time for what is stored, monotonic time for waits inside the process."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class Outbox(Protocol):
    """The messages that wait, seen by one worker thread. Every call may raise; the worker survives it and asks again.

    An outbox is made, used and closed in one thread.
    """

    def lease(self, receiver: str, now: float, owner: str, seconds: float, limit: int, terms: Terms) -> list[Message]:
        """Claim up to `limit` due messages of `receiver` for `owner` until `now + seconds`, the highest level first
        and of one level the oldest, and count a try for each. `terms` say which levels may go now, and what goes
        as one digest: such a message stands for several rows, which `settle` settles alike.

        Due is what waits with a next time not after `now`, or so far ahead (over `policy.LONGEST_RETRY_AFTER`) that
        the clock must have been set back; and what another owner's ended lease left behind. `tries` of the messages
        includes this try.
        """
        ...

    def settle(self, message_id: int, outcome: Outcome, verdict: Verdict | None, now: float) -> object:
        """Record how a try ended: delivered (`verdict` is None), to be tried again at `verdict.at`, or dead with
        `verdict.reason`.
        """
        ...

    def next_due(self, receiver: str, now: float | None = None, least: int = 0) -> float | None:
        """When the next waiting message of `receiver`, of severity `least` or above, falls due or its lease ends, Unix seconds; None when none
        waits.
        """
        ...

    def close(self) -> None:
        """Give back what the thread held."""
        ...
