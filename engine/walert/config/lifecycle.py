"""`lifecycle:` of walert.yaml: which news of a run's life is told, how loudly, to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from walert.model import AlertLevel

LOST_AFTER = 300.0  # seconds without a heartbeat
STALLED_AFTER = 900.0  # seconds without a line, at least
WAIT = 300.0  # seconds of cooldown


@dataclass(frozen=True, slots=True)
class News:
    """One kind of news. `receivers` empty: by routes. `after` is seconds: of silence (stalled), without a heartbeat (lost).

    `everywhere`: also where it is no news as a rule: *finished* and *stalled* in a notebook, *stalled* of a foreign file.
    """

    level: AlertLevel
    told: bool = True
    receivers: tuple[str, ...] = ()
    wait_duration: float = WAIT
    after: float = 0.0
    everywhere: bool = False


DEFAULTS: Mapping[str, News] = {
    "finished": News(AlertLevel.INFO),
    "finished_early": News(AlertLevel.WARN),
    "preempted": News(AlertLevel.INFO),
    "stalled": News(AlertLevel.WARN, after=STALLED_AFTER),
    "failed": News(AlertLevel.ERROR),
    "crashed": News(AlertLevel.ERROR),
    "lost": News(AlertLevel.ERROR, after=LOST_AFTER),
}
"""By the name under `lifecycle:`."""


def read_news(
    default: News, entry: object, level: AlertLevel | None, receivers: tuple[str, ...], seconds: Mapping[str, float]
) -> News:
    """One entry: `true`, `false`, or an object whose values were read already; what it does not say is as by default."""
    if not isinstance(entry, Mapping):
        return replace(default, told=bool(entry))
    return replace(
        default,
        level=level or default.level,
        told=entry.get("told") is not False,
        receivers=receivers,
        everywhere=entry.get("everywhere") is True,
        wait_duration=seconds["wait_duration"],
        after=seconds["after"],
    )
