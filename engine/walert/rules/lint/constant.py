"""Comparisons that say the same whatever is logged, and those that floats make unsure."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from walert.rules import terms as t
from walert.rules.lint.bounds import Bound, Interval, bound, bounds, interval
from walert.rules.lint.names import spelt

_FINITE = frozenset(
    {"mean", "median", "std", "min_over", "max_over", "count", "quantile", "ema", "first", "prev", "best_min", "best_max"}
)  # fmt: skip
_COMPARE = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class Oddity(NamedTuple):
    """A part of a condition that is most likely not meant."""

    node: t.Node
    code: str
    what: str
    hint: str


def oddities(truth: t.Truth) -> Iterator[Oddity]:
    """What is odd about a condition, from the outside in: where the whole of an `and` is, its parts are not told again."""
    found = _of_one(truth)
    if found is not None:
        yield found
    if found is None or found.code == "float-equality":
        for child in t.children(truth):
            yield from _below(child)


def _below(node: t.Node) -> Iterator[Oddity]:
    if isinstance(node, t.Compare | t.Predicate | t.Presence | t.Not | t.All | t.Any_ | t.ChooseTruth):
        yield from oddities(node)
    else:
        for child in t.children(node):
            yield from _below(child)


def _of_one(truth: t.Truth) -> Oddity | None:
    match truth:
        case t.Compare():
            return _compare(truth)
        case t.Predicate():
            return _predicate(truth)
        case t.Presence(function="stalled", span=span) if span is not None and span.kind == "steps":
            what = "no step passes while nothing is logged: this is never true."
            return Oddity(truth, "never-true", what, 'Write a time: stalled("15m").')
        case t.All(args):
            return _and(truth, args)
        case t.Any_(args):
            return _or(truth, args)
    return None


def _compare(truth: t.Compare) -> Oddity | None:
    if any(isinstance(side, t.Const) and side.value != side.value for side in truth.sides):
        return _with_nan(truth)
    links = list(zip(truth.operators, truth.sides, truth.sides[1:], strict=False))
    for op, left, right in links:
        if isinstance(left, t.Const) and isinstance(right, t.Const) and not _COMPARE[op](left.value, right.value):
            return Oddity(truth, "never-true", f"`{spelt(truth)}` is never true.", "")
    if all(isinstance(side, t.Const) for side in truth.sides):
        return Oddity(truth, "always-true", f"`{spelt(truth)}` is always true.", "Name a metric.")
    return _contradiction(truth, bounds(truth)) or _certainty(truth, links) or _equality(truth)


def _with_nan(truth: t.Compare) -> Oddity:
    other = next((side for side in truth.sides if not isinstance(side, t.Const)), None)
    asked = f"isnan({spelt(other)})" if other is not None else "isnan(loss)"
    hint = f"Write not {asked}." if truth.operators[0] == "!=" else f"Write {asked}."
    return Oddity(truth, "never-true", "a comparison with nan is unknown: this is never true.", hint)


def _contradiction(node: t.Node, found: Iterable[Bound]) -> Oddity | None:
    """Whether the bounds, all of which must hold, leave a term nothing."""
    left: dict[t.Number, Interval] = {}
    for each in found:
        left[each.term] = left.get(each.term, interval(each.term)).meet(each.interval)
        if left[each.term].empty:
            what = f"`{spelt(node)}` is never true: no value of {spelt(each.term)} can be so."
            return Oddity(node, "never-true", what, _range_hint(each.term))
    return None


def _certainty(truth: t.Compare, links: list[tuple[str, t.Number, t.Number]]) -> Oddity | None:
    found = list(bounds(truth))
    if len(found) < len(links) or any(each.operator == "!=" for each in found):
        return None
    if all(interval(each.term).within(each.interval) for each in found):
        return Oddity(truth, "always-true", f"`{spelt(truth)}` is true whatever is logged.", _range_hint(found[0].term))
    return None


def _range_hint(term: t.Number) -> str:
    own = interval(term)
    if own == Interval():
        return ""
    ends = f"lies between {own.low:g} and {own.high:g}"
    if own.low == own.high:
        ends = f"is {own.low:g}"
    elif own.high == Interval().high:
        ends = f"is at least {own.low:g}"
    elif own.low == Interval().low:
        ends = f"is at most {own.high:g}"
    return f"{spelt(term)} {ends}."


def _equality(truth: t.Compare) -> Oddity | None:
    for each in bounds(truth):
        if each.operator in ("==", "!=") and each.limit % 1 > 0:
            text, limit = spelt(each.term), f"{each.limit:g}"
            what = f"{text} is compared with exactly {limit}: a measured value hardly ever is."
            return Oddity(truth, "float-equality", what, f"Write for example abs({text} - {limit}) < 1e-6.")
    return None


def _predicate(truth: t.Predicate) -> Oddity | None:
    arg = truth.arg
    sure = isinstance(arg, t.Const) or (isinstance(arg, t.Feature) and arg.function in _FINITE)
    if not sure or (isinstance(arg, t.Const) and arg.value - arg.value != 0):
        return None
    metric = arg.metric if isinstance(arg, t.Feature) else None
    hint = f"Write {truth.function}({metric}): what is kept of a metric are its finite samples." if metric else ""
    if truth.function == "isfinite":
        return Oddity(truth, "always-true", f"`{spelt(truth)}` is always true.", hint)
    return Oddity(truth, "never-true", f"`{spelt(truth)}` is never true.", hint)


def _and(truth: t.All, args: tuple[t.Truth, ...]) -> Oddity | None:
    return _contradiction(truth, (each for arg in args for each in bounds(arg)))


def _or(truth: t.Any_, args: tuple[t.Truth, ...]) -> Oddity | None:
    """Whether two of the parts leave a term no value at which neither is true."""
    single = [each for each in map(bound, args) if each is not None and each.operator != "!="]
    for at, one in enumerate(single):
        for other in single[at + 1 :]:
            if one.term == other.term and _covers(one.interval, other.interval):
                what = f"one of `{_shown(one)}` and `{_shown(other)}` is always true."
                return Oddity(truth, "always-true", what, "Swap the two, or write `and`.")
    return None


def _shown(each: Bound) -> str:
    return f"{spelt(each.term)} {each.operator} {spelt(t.Const(each.limit))}"


def _covers(one: Interval, other: Interval) -> bool:
    """Whether every number is in one of the two."""
    for low, high in ((one, other), (other, one)):
        reaches = (low.low, low.low_open, high.high, high.high_open) == (-math.inf, False, math.inf, False)
        if reaches and (low.high > high.low or (low.high == high.low and not (low.high_open and high.low_open))):
            return True
    return False
