"""What a picture of a rule shows: the metrics that its condition judges, and the constants that it compares them with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from walert.rules import terms as t
from walert.rules.plan import RulePlan

MOST = 3
"""Metrics of one rule that are drawn."""

_ON_ITS_SCALE = frozenset(
    {"last", "mean", "median", "min_over", "max_over", "quantile", "ema", "prev", "first", "best_min", "best_max"}
)  # what these say of a metric can be drawn where the metric is


@dataclass(frozen=True, slots=True)
class Drawn:
    """A metric to draw, by its slot in the rule set, and the constants that stand for lines beside it."""

    slot: int
    limits: tuple[float, ...]


def drawn(plan: RulePlan) -> tuple[Drawn, ...]:
    """The metrics of `when`, at most `MOST`, in the order in which they were written."""
    truth, slot_of = plan.when.truth, plan.when.layout.slot
    limits: dict[int, dict[float, None]] = {}
    for name in _metrics(truth):
        limits.setdefault(slot_of(name), {})
    for name, value in _limits(truth):
        limits[slot_of(name)][value] = None
    return tuple(Drawn(slot, tuple(values)) for slot, values in list(limits.items())[:MOST])


def _metrics(truth: t.Truth) -> Iterator[str]:
    for node in t.walk(truth):
        match node:
            case t.Metric(name):
                yield name
            case t.Feature(metric=name) if name is not None:
                yield name


def _limits(truth: t.Truth) -> Iterator[tuple[str, float]]:
    """(metric, constant) of every comparison of the two, however the metric is summed up on its own scale."""
    for node in t.walk(truth):
        if isinstance(node, t.Compare):
            for left, right in zip(node.sides, node.sides[1:], strict=False):
                for side, other in ((left, right), (right, left)):
                    name, value = _level(side), _constant(other)
                    if name is not None and value is not None:
                        yield name, value


def _level(number: t.Number) -> str | None:
    match number:
        case t.Metric(name):
            return name
        case t.Feature(function=function, metric=name) if function in _ON_ITS_SCALE:
            return name
    return None


def _constant(number: t.Number) -> float | None:
    return number.value if isinstance(number, t.Const) and math.isfinite(number.value) else None
