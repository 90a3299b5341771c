"""Why a kept value has no answer yet, in words: `holds 37 of 100 samples`. Pure, and off the hot path: for `explain` and for blind rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walert.rules import terms as t
from walert.rules.windows import RangeSeries, SampleSeries, Series, Shelf
from walert.template import number
from walert.units import format_duration

if TYPE_CHECKING:
    from walert.rules.fold import Fold

NO_TIME = "finds no time in the records"
_AGES = ("age", "age_steps")
_SCORES = ("zscore", "mad_z")


def never_logged(fold: Fold, slot: int) -> bool:
    """Whether the metric or role of `slot` has no sample yet."""
    return not fold.arrived[slot]


def holding(fold: Fold, feature: int) -> str:
    """How far a kept value without an answer is from one, as what can be said of it."""
    plan = fold.rules.features[feature]
    if plan.slot is not None and never_logged(fold, plan.slot):
        return f"waits for {fold.rules.slots[plan.slot].name}, never logged"
    if plan.node.function in _AGES:
        return NO_TIME
    key = fold.rules.slots[plan.slot].key if plan.slot is not None else plan.inner.key if plan.inner else ""
    series = _series(plan.node, fold.shelves[key])
    if series is None:
        return "has no finite sample yet" if plan.slot is not None else "has no judgement yet"
    return _of_range(plan.node, series) if isinstance(series, RangeSeries) else _of_samples(plan.node, series)


def _series(node: t.Feature, shelf: Shelf) -> Series | None:
    """The window of a kept value; running values such as `ema` have none."""
    if node.function == "ema":
        return None
    if node.span is not None and node.span.kind != "k_of_n":
        return shelf.series(node.span.kind, node.span.amount)
    if node.function == "prev":
        return shelf.series("samples", (node.amount or 1.0) + 1)
    return None


def _of_samples(node: t.Feature, series: Series) -> str:
    assert isinstance(series, SampleSeries)
    # A score holds the newest sample against the n before it.
    need = series.width + 1 if node.function in _SCORES else series.width
    need = min(node.minimum, need) if node.minimum is not None else need
    return f"holds {series.count} of {need} samples"


def _of_range(node: t.Feature, series: RangeSeries) -> str:
    if series.newest is None and series.kind == "seconds":
        return NO_TIME
    held = series.count
    if node.minimum is not None:
        return f"holds {held} of {node.minimum} samples"
    origin = series.origin_step if series.kind == "steps" else series.origin_time
    age = series.newest - origin if series.newest is not None and origin is not None else 0.0
    if age >= series.width:
        return f"holds {held} of the 2 samples that it needs"
    if series.kind == "steps":
        return f"holds {number(age)} of {number(series.width)} steps"
    return f"holds {format_duration(age)} of {format_duration(series.width)}"
