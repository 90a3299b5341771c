"""What a condition is made of once it is understood: two kinds of node, numbers and truths, each with its place in the text.

A number is a float, NaN where arithmetic has no answer, or MISSING (None) where there is nothing to compute with. A truth is True,
False or UNKNOWN (None). Nothing here evaluates; `compiling` turns nodes into code, `reference` into simpleeval's dialect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from walert.units import Span

WindowKind = Literal["samples", "steps", "seconds"]


@dataclass(frozen=True, slots=True)
class Const:
    """A finite number, or `inf` or `nan` written as such."""

    value: float


@dataclass(frozen=True, slots=True)
class Metric:
    """The newest sample of a metric; `name` is flattened (`train/loss`), or a role of `aliases`."""

    name: str


@dataclass(frozen=True, slots=True)
class OfRun:
    """A value of the run rather than of a metric: `step`, `epoch`, `attempt`, `run_age` (seconds)."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A total function or an operator over numbers; `function` is its name in `functions.MATH`, `-x` is `neg`, `a + b` is `add`."""

    function: str
    args: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """`x if c else y` over numbers. UNKNOWN chooses neither: MISSING."""

    condition: Truth
    then: Number
    otherwise: Number


@dataclass(frozen=True, slots=True)
class Feature:
    """A value kept over the history of one metric (or, for `frac` and `streak`, of one condition).

    `span` is the window, `amount` a plain number argument (`q`, `k`, `n`), `minimum` is `min=`, `mode` is `"min"` or `"max"`.
    """

    function: str
    metric: str | None = None
    condition: Truth | None = None
    span: Span | None = None
    amount: float | None = None
    minimum: int | None = None
    mode: str | None = None


Number = Const | Metric | OfRun | Apply | Choose | Feature


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison or a chain of them: UNKNOWN where a side is NaN or MISSING; a chain is Kleene's `and` of its links."""

    operators: tuple[str, ...]
    sides: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Predicate:
    """`isnan isinf isfinite` of a number: UNKNOWN on MISSING only."""

    function: str
    arg: Number


@dataclass(frozen=True, slots=True)
class Presence:
    """`seen(x)`, `absent(x, after)` or `stalled(after)`: never UNKNOWN, since nothing there is what they ask for."""

    function: str
    metric: str | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """Kleene's `not`."""

    arg: Truth


@dataclass(frozen=True, slots=True)
class All:
    """Kleene's `and`."""

    args: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    """Kleene's `or`."""

    args: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class ChooseTruth:
    """`a if c else b` over truths; UNKNOWN chooses neither."""

    condition: Truth
    then: Truth
    otherwise: Truth


Atom = Compare | Predicate | Presence
Truth = Compare | Predicate | Presence | Not | All | Any_ | ChooseTruth
Node = Number | Truth


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below `node`, in the order they were written."""
    match node:
        case Apply(args=args) | All(args=args) | Any_(args=args):
            return args
        case Choose(c, a, b) | ChooseTruth(c, a, b):
            return (c, a, b)
        case Compare(sides=sides):
            return sides
        case Predicate(arg=arg) | Not(arg=arg):
            return (arg,)
        case Feature(condition=inner) if inner is not None:
            return (inner,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, parents first, left to right."""
    left = [node]
    while left:
        node = left.pop()
        yield node
        left.extend(reversed(children(node)))


def atoms(truth: Truth) -> Iterator[Atom]:
    """The comparisons and predicates that latch on their own: not those inside one."""
    if isinstance(truth, Compare | Predicate | Presence):
        yield truth
        return
    for child in children(truth):
        yield from atoms(child)  # type: ignore[arg-type]
