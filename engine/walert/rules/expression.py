"""The door of the rule language: text in, an understood condition out, or every reason why it is none."""

from __future__ import annotations

from dataclasses import dataclass

from walert.rules import terms as t
from walert.rules.problems import ConditionError, Finding
from walert.rules.syntax import parse_truth

__all__ = ["Condition", "ConditionError", "Finding", "parse"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that can be judged. `metrics` are the flattened names (or roles) it depends on, in the order written."""

    text: str
    truth: t.Truth
    metrics: tuple[str, ...]


def parse(text: str, roles: frozenset[str] = frozenset()) -> Condition:
    """Understand a condition. Raises `ConditionError`, whose `problems` name every finding with its offset.

    `roles` are the names under `aliases`; a role is used like a metric.
    """
    truth = parse_truth(text)
    names = dict.fromkeys(name for node in t.walk(truth) for name in _metric_of(node))
    return Condition(text, truth, tuple(names))


def _metric_of(node: t.Node) -> tuple[str, ...]:
    match node:
        case t.Metric(name):
            return (name,)
        case t.Feature(metric=metric) | t.Presence(metric=metric) if metric is not None:
            return (metric,)
    return ()
