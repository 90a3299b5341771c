"""Silences in the daemon: which alert is held back now, and the one message that tells, at the end of a silence, what it held back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from walert.dispatch.desk import Told
from walert.dispatch.route import Router
from walert.dispatch.silence import silenced_by
from walert.dispatch.wording import from_data
from walert.model import Alert, AlertLevel, Run
from walert.store.values import Changes, Ended, Silence
from walert.units import format_duration

MAX_TITLES = 20  # titles that the message at the end of a silence names; of the others it tells how many


class Ledger(Protocol):
    """What silencing needs of the state file."""

    def silences(self, now: float) -> Sequence[Silence]:
        """The silences in force, cheaply."""

    def end_silences(self, now: float, tell: Callable[[Ended], Changes]) -> Sequence[int]:
        """Mark what is over, and commit with the mark what `tell` makes of it."""


class Silencer:
    """Between the way of an alert and its messages. `look` begins a pass: within it the silences stay as they are."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._now = 0.0
        self._silences: Sequence[Silence] = ()
        self._caught: dict[str, Silence] = {}

    def look(self, now: float) -> None:
        """See which silences are in force. Raises `StoreError`."""
        self._silences, self._now = self._ledger.silences(now), now
        self._caught.clear()

    def route(self, alert: Alert, receivers: tuple[str, ...]) -> tuple[str, ...]:
        """Where the alert goes: to nobody while it is silenced, so that its end goes to nobody either."""
        silence = silenced_by(alert, self._silences, self._now) if receivers and self._silences else None
        if silence is None:
            return receivers
        self._caught[alert.id] = silence
        return ()

    def hold(self, told: Told) -> tuple[Told, Silence | None]:
        """The alert as it is to be listed, and the silence that keeps it from its receivers, if one does."""
        receivers = self.route(told.alert, told.receivers)
        silence = self._caught.pop(told.alert.id, None)
        if silence is None:
            return told, None
        return replace(told, receivers=receivers, why=reason(silence)), silence

    def end(self, now: float, router: Router, host: str) -> list[Told]:
        """Tell of every silence that is over what it held back, exactly once; committed when it returns. Raises `StoreError`."""
        said: list[Told] = []

        def tell(ended: Ended) -> Changes:
            said.append(over(ended, now, router, host))
            alert, receivers = said[-1].alert, said[-1].receivers
            return Changes(at=now, alerts=[(alert, receivers)], counters={"alerts": 1})

        self._ledger.end_silences(now, tell)
        return said


def reason(silence: Silence) -> str:
    """Why an alert was held back, in words."""
    return f"silence {silence.id}: {silence.comment}" if silence.comment else f"silence {silence.id}"


def over(ended: Ended, now: float, router: Router, host: str) -> Told:
    """The one message about the end of a silence, for the default receivers that take an INFO."""
    silence = ended.silence
    alert = Alert(
        id=_id(silence), kind="lifecycle", run=Run("walertd", "walertd", host=host), title=f"Silence {silence.id} is over",
        level=AlertLevel.INFO, text=_text(ended), values={}, step=None, time=now, log="", origin=None, host=host, at=now,
    )  # fmt: skip
    return Told(alert, router.receivers(alert, router.default), "the end of a silence", 0, 0.0, now)


def _id(silence: Silence) -> str:
    """The same however often it is made: a silence ends once at a moment."""
    return hashlib.blake2b(f"silence\x1f{silence.id}\x1f{silence.ends!r}".encode(), digest_size=10).hexdigest()


def _text(ended: Ended) -> str:
    silence, titles = ended.silence, ended.titles
    lasted = format_duration(int(max(0.0, silence.ends - silence.starts)))
    total = sum(number for _, number in titles)
    named = ", ".join(f"{from_data(title)} ({number})" for title, number in titles[:MAX_TITLES])
    more = f" and {len(titles) - MAX_TITLES} more titles" if len(titles) > MAX_TITLES else ""
    text = f"In {lasted} it held back {total} {'alert' if total == 1 else 'alerts'}: {named}{more}."
    return f"{text}\n{from_data(silence.comment)}" if silence.comment else text
