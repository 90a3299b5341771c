"""Which alerts of a pass are told together: those of one moment of one run. Pure: alerts in, groups out.

A moment is one line of a log, or lines of one pass whose own times lie within `WITHIN` seconds. A pass is what was read at once, so nothing
waits for a group: it is made of what is there. Lines without a time of their own share a moment only with themselves, since a file that is
caught up with would otherwise be one moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from walert.model import Alert

WITHIN = 5.0
"""Seconds of event time: a script logs its metrics and calls `alert()` within moments, and a person reads them as one."""
_OVER = frozenset({"resolved", "closed"})


@dataclass(frozen=True, slots=True)
class Together:
    """Alerts, the worst first, that one receiver is told of by one message."""

    receiver: str
    alerts: tuple[Alert, ...]


def together(told: Sequence[tuple[Alert, Sequence[str]]]) -> list[Together]:
    """The messages of a pass: one a receiver and moment, in the order in which the moments came."""
    return [message for moment in _moments(told) for message in _by_receiver(moment)]


def _by_receiver(moment: Sequence[tuple[Alert, Sequence[str]]]) -> Iterator[Together]:
    for name in dict.fromkeys(name for _, receivers in moment for name in receivers):
        yield Together(name, worst_first(alert for alert, receivers in moment if name in receivers))


def _moments(told: Iterable[tuple[Alert, Sequence[str]]]) -> Iterator[list[tuple[Alert, Sequence[str]]]]:
    """Alerts in the order of their decision, cut where another moment begins."""
    group: list[tuple[Alert, Sequence[str]]] = []
    for alert, receivers in told:
        if receivers and group and not _is_one(group[0][0], alert):
            yield group
            group = []
        if receivers:
            group.append((alert, receivers))
    if group:
        yield group


def worst_first(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """By level, what is over last; of equals the first decided first."""
    return tuple(sorted(alerts, key=lambda alert: (alert.kind in _OVER, -alert.level.severity)))


def _is_one(first: Alert, other: Alert) -> bool:
    if first.run.id != other.run.id:
        return False
    return first.log == other.log or (
        _has_time(first) and _has_time(other) and abs((other.time or 0.0) - (first.time or 0.0)) <= WITHIN
    )


def _has_time(alert: Alert) -> bool:
    """Whether its time is the record's own: where that has none, the time of its arrival stands for it."""
    return alert.time is not None and alert.time != alert.at
