"""From the alerts of a pass to the messages that they become: one a receiver and moment, collected where they are a flood or a backlog."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from walert.dispatch.flood import USUAL, Floods
from walert.dispatch.moment import Together, together
from walert.model import Alert
from walert.store.values import Parcel

BACKLOG = "backlog"
BACKLOG_HOLD = 3_500.0
"""Seconds that a backlog waits at most for its logs to be read to their end: below what the outbox takes for a jump of the clock."""


class Parcels:
    """Makes the messages. `limits` are the messages a minute and run that a receiver gets before the rest is collected.

    Receivers that are `singly` get each alert by itself, always: pagers, which keep an incident open for each.
    """

    def __init__(
        self, limits: Mapping[str, float] | None = None, singly: Collection[str] = (), *, digests: bool = True
    ) -> None:
        self.limits: Mapping[str, float] = limits or {}
        self.singly: Collection[str] = singly
        self.digests = digests
        self._floods = Floods()

    def of(self, told: Sequence[tuple[Alert, tuple[str, ...]]], now: float, *, backlog: bool = False) -> list[Parcel]:
        """The messages of a pass; in a backlog each stays alone and waits."""
        alone = [Parcel(name, (alert.id,)) for alert, names in told for name in names if name in self.singly]
        rest = [(alert, [name for name in names if name not in self.singly]) for alert, names in told]
        if backlog and self.digests:
            held = [Parcel(name, (alert.id,), BACKLOG, now + BACKLOG_HOLD) for alert, names in rest for name in names]
            return list(dict.fromkeys([*alone, *held]))
        return [*dict.fromkeys(alone), *(self._parcel(message, now) for message in together(rest))]

    def _parcel(self, message: Together, now: float) -> Parcel:
        ids = tuple(alert.id for alert in message.alerts)
        head = message.alerts[0]
        if not self.digests:
            return Parcel(message.receiver, ids)
        most = self.limits.get(message.receiver, USUAL)
        hold = self._floods.hold(message.receiver, head.run.id, head.level.severity, now, most)
        if hold is None:
            return Parcel(message.receiver, ids)
        return Parcel(message.receiver, ids, f"flood {head.run.id}", hold)

    def rest(self, now: float) -> None:
        """A quiet moment: let go of what is over."""
        self._floods.forget(now)
