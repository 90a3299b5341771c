"""The functions of the rule language: their names, what they take, and how the total ones compute.

`MATH` functions and operators are total: x/0, overflow and domain errors give NaN, so that a condition cannot raise. They raise
`TypeError` on MISSING (None), which generated code turns into UNKNOWN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

NAN = math.nan


def _total(function: Callable[..., float]) -> Callable[..., float]:
    def total(*args: float) -> float:
        try:
            value = function(*args)
        except (ArithmeticError, ValueError):
            return NAN
        # A negative base under a fractional power is a complex number in Python: no answer here.
        return float(value) if not isinstance(value, complex) else NAN

    return total


def _minimum(*args: float) -> float:
    return NAN if any(a != a for a in args) else min(args)


def _maximum(*args: float) -> float:
    return NAN if any(a != a for a in args) else max(args)


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


MATH: dict[str, Callable[..., float]] = {
    "neg": lambda a: -a,
    "pos": lambda a: +a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _total(lambda a, b: a / b),
    "floordiv": _total(lambda a, b: a // b),
    "mod": _total(lambda a, b: a % b),
    "pow": _total(_power),
    "abs": abs,
    "min": _minimum,
    "max": _maximum,
    "round": _total(round),
    "floor": _total(math.floor),
    "ceil": _total(math.ceil),
    "sqrt": _total(math.sqrt),
    "exp": _total(math.exp),
    "log": _total(math.log),
    "log10": _total(math.log10),
}


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function is called. `takes` names its arguments: number, metric, condition, window, samples, share, order, after, `k?`."""

    kind: str  # math | predicate | feature | presence
    takes: tuple[str, ...]
    example: str


def _of(kind: str, takes: str, *examples: str) -> dict[str, Signature]:
    return {e.split("(")[0]: Signature(kind, tuple(takes.split()), e) for e in examples}


SIGNATURES: dict[str, Signature] = (
    _of("predicate", "number", "isnan(loss)", "isinf(loss)", "isfinite(loss)")
    | _of("math", "number", "abs(x)", "floor(x)", "ceil(x)", "sqrt(x)", "exp(x)", "log(x)", "log10(x)", "round(x)")
    | _of("math", "number number...", "min(x, 1)", "max(x, 1)")
    | _of(
        "feature",
        "metric",
        "first(loss)",
        "last(loss)",
        "best_min(val_loss)",
        "best_max(acc)",
        "age(loss)",
        "age_steps(loss)",
    )
    | _of(
        "feature", "metric window min?", "mean(loss, 100)", "median(loss, 100)", "std(loss, 100)", "min_over(loss, 100)"
    )
    | _of("feature", "metric window min?", "max_over(loss, 100)", "sum_over(loss, 100)", "count(loss, 100)")
    | _of(
        "feature",
        "metric window min?",
        "delta(loss, 100)",
        "pct_change(loss, 100)",
        "slope(loss, 100)",
        "rate(tokens, 100)",
    )
    | _of("feature", "metric window share min?", "quantile(loss, 100, 0.9)")
    | _of("feature", "metric k?", "prev(loss)")
    | _of("feature", "metric samples", "ema(loss, 20)", "zscore(loss, 100)", "mad_z(loss, 100)")
    | _of("feature", "condition window min?", "frac(loss > 1, 100)")
    | _of("feature", "condition", "streak(loss > 1)")
    | _of("feature", "metric order", 'since_best(val_loss, "min")')
    | _of("presence", "metric", "seen(val_loss)")
    | _of("presence", "metric after", 'absent(val_loss, "1h")')
    | _of("presence", "after", 'stalled("15m")')
)

CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
OF_RUN = ("step", "epoch", "run_age", "attempt")
