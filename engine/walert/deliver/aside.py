"""Work beside a message that is delivered already, such as showing its plot: bounded in time, so that a service that hangs over it can
neither hold up the next message nor make this one look undelivered and be sent again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

LIMIT = 20.0
"""Seconds that the receiver's thread waits for it."""


class Aside:
    """One piece of work at a time, in a thread of its own. Used by one thread."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._hanging: threading.Thread | None = None

    def run(self, work: Callable[[], str | None]) -> str | None:
        """Why `work` could not be done, in its own words or in ours; None when it was."""
        if self._hanging is not None and self._hanging.is_alive():
            return "the one before it still hangs"
        answer: list[str | None] = []
        thread = threading.Thread(target=lambda: answer.append(_done(work)), name="walert-aside", daemon=True)
        thread.start()
        thread.join(self._limit)
        self._hanging = thread if thread.is_alive() else None
        return answer[0] if answer else f"no answer in {self._limit:g} s"


def _done(work: Callable[[], str | None]) -> str | None:
    try:
        return work()
    except Exception as error:  # its text may hold a token
        return f"it could not be done ({type(error).__name__})"
