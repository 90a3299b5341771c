"""What numbers a value can have at all, and what a comparison against a number leaves of them: intervals, nothing cleverer.

NaN is left aside: a comparison on NaN is UNKNOWN, whatever the other side is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from walert.rules import terms as t

_INF = math.inf


class Interval(NamedTuple):
    """All numbers from `low` to `high`; an end belongs to it unless it is `open`."""

    low: float = -_INF
    high: float = _INF
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        """Whether no number is in it."""
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def meet(self, other: Interval) -> Interval:
        """The numbers that are in both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Interval(low, high, low_open, not closed)

    def within(self, other: Interval) -> bool:
        """Whether every number of it is in `other`."""
        return self.meet(other) == self


class Bound(NamedTuple):
    """`term op limit` with a number on the right, however it was written: what the comparison leaves of `term`."""

    term: t.Number
    operator: str
    limit: float

    @property
    def interval(self) -> Interval:
        """The values of the term for which the comparison is true; all, for `!=`."""
        return {
            "<": Interval(-_INF, self.limit, False, True),
            "<=": Interval(-_INF, self.limit),
            ">": Interval(self.limit, _INF, True, False),
            ">=": Interval(self.limit, _INF),
            "==": Interval(self.limit, self.limit),
        }.get(self.operator, Interval())


_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_DENIED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def bounds(truth: t.Truth) -> Iterator[Bound]:
    """The bounds that a comparison, each link of a chain, or its denial sets; none for what is no comparison against a number."""
    if isinstance(truth, t.Compare):
        for operator, left, right in zip(truth.operators, truth.sides, truth.sides[1:], strict=False):
            if isinstance(right, t.Const) and not isinstance(left, t.Const) and right.value == right.value:
                yield Bound(left, operator, right.value)
            elif isinstance(left, t.Const) and not isinstance(right, t.Const) and left.value == left.value:
                yield Bound(right, _FLIPPED[operator], left.value)
    elif isinstance(truth, t.Not) and (inner := bound(truth.arg)) is not None:
        yield Bound(inner.term, _DENIED[inner.operator], inner.limit)


def bound(truth: t.Truth) -> Bound | None:
    """The one bound that `truth` is, if it is no more than that."""
    compared = truth.arg if isinstance(truth, t.Not) else truth
    found = list(bounds(truth)) if isinstance(compared, t.Compare) and len(compared.operators) == 1 else []
    return found[0] if found else None


_FROM_ZERO = frozenset({"std", "streak", "age", "since_best", "abs", "sqrt", "exp"})


def interval(term: t.Number) -> Interval:
    """The values that a term can have, as far as its form alone tells."""
    match term:
        case t.Const(value):
            return Interval(value, value) if value == value else Interval()
        case t.OfRun(name):
            return Interval({"attempt": 1.0, "run_age": 0.0}.get(name, -_INF))
        case t.Feature():
            return _feature(term)
        case t.Apply(function, args):
            return _applied(function, [interval(arg) for arg in args])
        case t.Choose(_, then, otherwise):
            a, b = interval(then), interval(otherwise)
            return Interval(min(a.low, b.low), max(a.high, b.high))
    return Interval()


def _feature(term: t.Feature) -> Interval:
    if term.function == "frac":
        return Interval(0.0, 1.0)
    if term.function == "count" and term.span is not None and term.span.kind == "samples":
        # A window of n samples speaks once it holds n, or `min` of them.
        return Interval(min(term.minimum or term.span.amount, term.span.amount), term.span.amount)
    return Interval(0.0) if term.function in _FROM_ZERO or term.function == "count" else Interval()


def _applied(function: str, args: list[Interval]) -> Interval:
    if function in ("min", "max"):
        choose = min if function == "min" else max
        return Interval(choose(a.low for a in args), choose(a.high for a in args))
    if function == "neg":
        return Interval(-args[0].high, -args[0].low)
    if function == "add" and math.isfinite(args[1].low) and args[1].low == args[1].high:
        return Interval(args[0].low + args[1].low, args[0].high + args[1].low)
    if function == "sub" and math.isfinite(args[1].low) and args[1].low == args[1].high:
        return Interval(args[0].low - args[1].low, args[0].high - args[1].low)
    return Interval(0.0) if function in _FROM_ZERO else Interval()
