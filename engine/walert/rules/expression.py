"""The door of the rule language: text in, an understood condition out, or every reason why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from walert.rules import terms as t
from walert.rules.problems import ConditionError, Finding
from walert.rules.syntax import parse_placed

__all__ = ["Condition", "ConditionError", "Finding", "parse"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that can be judged. `metrics` are the flattened names (or roles) it depends on, in the order written.

    `mentions` are all their places: (name, offset in `text`).
    """

    text: str
    truth: t.Truth
    metrics: tuple[str, ...]
    mentions: tuple[tuple[str, int], ...] = ()
    places: Mapping[int, int] = field(default_factory=dict, compare=False, repr=False)

    def place(self, term: t.Node) -> int:
        """The offset at which a term of `truth`, this very object, begins."""
        return self.places.get(id(term), 0)


def parse(text: str, roles: frozenset[str] = frozenset()) -> Condition:
    """Understand a condition. Raises `ConditionError`, whose `problems` name every finding with its offset.

    `roles` are the names under `aliases`; a role is used like a metric.
    """
    parsed = parse_placed(text)
    mentions = tuple(sorted(parsed.mentions, key=itemgetter(1)))
    names = tuple(dict.fromkeys(name for node in t.walk(parsed.truth) for name in _metric_of(node)))
    return Condition(text, parsed.truth, names, mentions, parsed.places)


def _metric_of(node: t.Node) -> tuple[str, ...]:
    match node:
        case t.Metric(name):
            return (name,)
        case t.Feature(metric=metric) | t.Presence(metric=metric) if metric is not None:
            return (metric,)
    return ()
