"""The arguments of functions over history, each read by what the function's signature says it is.

A window, a number of samples, a share: literals, so that what a condition keeps is known before there are values.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from walert.rules import terms as t
from walert.units import MAX_SECONDS, Span, parse_span

MAX_WINDOW = 100_000
MAX_HISTORIES = 5  # `frac` and `streak` inside each other; every level costs a rule set as much as the one below it


class Reader(Protocol):
    """What is needed of the reader of the whole condition. `histories` is how many conditions of functions are being read."""

    histories: int

    def truth(self, node: ast.expr) -> t.Truth | None:
        """A condition."""

    def metric(self, node: ast.expr) -> str | None:
        """A metric's name."""

    def literal(self, node: ast.expr) -> int | float | str | None:
        """A literal argument as written."""

    def find(self, node: ast.AST, code: str, what: str, hint: str = "") -> None:
        """Tell what is wrong at `node`."""


@dataclass
class Given:
    """The arguments of one call."""

    metric: str | None = None
    condition: t.Truth | None = None
    span: Span | None = None
    amount: float | None = None
    minimum: int | None = None
    mode: str | None = None


def _read_metric(reader: Reader, node: ast.expr, given: Given) -> None:
    given.metric = reader.metric(node)


def _read_condition(reader: Reader, node: ast.expr, given: Given) -> None:
    reader.histories += 1
    if reader.histories > MAX_HISTORIES:
        what = f"frac and streak stand inside each other deeper than {MAX_HISTORIES}."
        reader.find(node, "too-deep", what, "Split it into several rules.")
    else:
        given.condition = reader.truth(node)
    reader.histories -= 1


def _read_span(reader: Reader, node: ast.expr, given: Given, *, samples: bool) -> None:
    value = reader.literal(node)
    if value is None:
        return
    try:
        span = parse_span(value)
    except ValueError as error:
        what = str(error).partition(". ")[0].rstrip(".")
        reader.find(node, "bad-window", f"{what}.", 'Write 100, "500 steps" or "10m".')
        return
    if span.kind == "k_of_n" or (span.kind == "samples" and not samples):
        reader.find(node, "bad-window", "this is no window.", 'Write "500 steps" or "10m".')
    elif span.kind == "samples" and not 2 <= span.amount <= MAX_WINDOW:
        reader.find(node, "bad-window", f"a window holds 2 to {MAX_WINDOW:,} samples.")
    else:
        given.span = span


def _read_window(reader: Reader, node: ast.expr, given: Given) -> None:
    _read_span(reader, node, given, samples=True)


def _read_after(reader: Reader, node: ast.expr, given: Given) -> None:
    # A bare number is seconds, as everywhere a duration is meant.
    value = reader.literal(node)
    if isinstance(value, int | float) and 0 < value <= MAX_SECONDS:
        given.span = Span("seconds", float(value))
    elif isinstance(value, int | float):
        reader.find(node, "bad-window", "this is no time to wait for.", 'Write seconds, "500 steps" or "10m".')
    elif value is not None:
        _read_span(reader, node, given, samples=False)


def _whole(reader: Reader, node: ast.expr, low: int) -> int | None:
    value = reader.literal(node)
    if value is None:
        return None
    if isinstance(value, str) or not low <= value <= MAX_WINDOW or value != int(value):
        reader.find(node, "bad-window", f"a whole number from {low} to {MAX_WINDOW:,} belongs here.")
        return None
    return int(value)


def _read_samples(reader: Reader, node: ast.expr, given: Given) -> None:
    count = _whole(reader, node, 2)
    given.span = None if count is None else Span("samples", float(count))


def _read_minimum(reader: Reader, node: ast.expr, given: Given) -> None:
    given.minimum = _whole(reader, node, 1)


def _read_back(reader: Reader, node: ast.expr, given: Given) -> None:
    count = _whole(reader, node, 1)
    given.amount = None if count is None else float(count)


def _read_share(reader: Reader, node: ast.expr, given: Given) -> None:
    value = reader.literal(node)
    if value is None:
        return
    if isinstance(value, str) or not 0 <= value <= 1:
        reader.find(node, "bad-share", "a quantile is a number from 0 to 1.")
        return
    given.amount = float(value)


def _read_order(reader: Reader, node: ast.expr, given: Given) -> None:
    if isinstance(node, ast.Constant) and node.value in ("min", "max"):
        given.mode = str(node.value)
        return
    reader.find(node, "bad-order", '"min" or "max" belongs here.')


READERS: dict[str, Callable[[Reader, ast.expr, Given], None]] = {
    "metric": _read_metric,
    "condition": _read_condition,
    "window": _read_window,
    "after": _read_after,
    "samples": _read_samples,
    "min": _read_minimum,
    "k": _read_back,
    "share": _read_share,
    "order": _read_order,
}
"""How an argument is read, by its name in a signature."""
