"""While a rule goes on firing, most of its confirming samples say nothing: until when that is so can be told beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from walert.dispatch.cooldown import Cooldown
from walert.dispatch.desk import Desk, Episode, key_of
from walert.model import Rule

_MARGIN = 1e-3  # seconds by which a lull ends early: what comes so near its end is decided by the cooldown itself
_ALWAYS = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Lull:
    """Samples at times from `low` on and before `high` say nothing; each counts as held back once for each of `titles`."""

    low: float
    high: float
    titles: tuple[str, ...]


def lull(desk: Desk, stream: str, arrival: float | None, rules: Iterable[tuple[str, Rule]]) -> Lull | None:
    """When confirming samples of all these firing rules, (state, rule), say nothing; None if one of them may speak at any time.

    `arrival` is the daemon's clock; None in a replay, where event time stands for it.
    """
    low, high = _ALWAYS
    titles = []
    for state, rule in rules:
        key = key_of(state, rule)
        episode = desk.episodes.get(stream, {}).get(key)
        if episode is None or desk.is_muted(stream, rule, key) or (episode.sent and rule.repeat == "never"):
            continue
        within = _within(desk.cooldowns.get(rule.title, Cooldown()), stream, arrival, rule, episode)
        if within is None:
            return None
        low, high = max(low, within[0]), min(high, within[1])
        if rule.repeat != "never":
            titles.append(rule.title)
    return Lull(low, high, tuple(titles))


def _within(
    kept: Cooldown, stream: str, arrival: float | None, rule: Rule, episode: Episode
) -> tuple[float, float] | None:
    wait = episode.wait if episode.sent else rule.wait_duration
    if not kept.accepted or rule.level.severity > kept.severity or wait <= 0:
        return None
    own = stream == kept.stream
    since = kept.at if own else kept.clock
    if since is None:
        return _ALWAYS
    if not own and arrival is not None:
        return _ALWAYS if 0 <= arrival - since < wait else None
    return since, since + wait - _MARGIN
