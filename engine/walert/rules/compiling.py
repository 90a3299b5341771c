"""Terms to code: each comparison becomes one small Python function, compiled once for a rule set and shared by all runs.

Generated code holds no text of a user's: metrics, features and values of the run are list indices, numbers are `repr` of floats, and
`__builtins__` is empty. MISSING is None, so arithmetic on it raises `TypeError`, which a function turns into UNKNOWN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from walert.rules import terms as t
from walert.rules.functions import MATH

Values = list[float | None]
RunValues = list[Any]  # of the run: floats or None, and last the slots logged elsewhere
Reader = Callable[[], float | None]
Judge = Callable[[Values, Sequence[Callable[[], float | None]], RunValues], bool | None]
Verdict = Callable[[Sequence[bool | None]], bool | None]

_INFIX = {"add": "+", "sub": "-", "mul": "*"}
RUN_SLOTS = {"step": 0, "epoch": 1, "run_age": 2, "attempt": 3, "step_age": 4, "silence": 5}
ELSEWHERE = 7  # among the values of the run: the slots of metrics that another file of the run has logged


def kleene_and(*parts: bool | None) -> bool | None:
    """False if any is False, else UNKNOWN if any is, else True."""
    known = True
    for part in parts:
        if part is False:
            return False
        known = known and part is not None
    return True if known else None


def kleene_or(*parts: bool | None) -> bool | None:
    """True if any is True, else UNKNOWN if any is, else False."""
    known = True
    for part in parts:
        if part is True:
            return True
        known = known and part is not None
    return False if known else None


def kleene_not(part: bool | None) -> bool | None:
    """UNKNOWN stays UNKNOWN."""
    return None if part is None else not part


def _link(operator: str) -> Callable[[float | None, float | None], bool | None]:
    compare: Callable[[float, float], bool] = {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
    }[operator]

    def link(a: float | None, b: float | None) -> bool | None:
        if a is None or b is None or a != a or b != b:
            return None
        return compare(a, b)

    return link


def _attempt(part: Callable[[], bool | None]) -> bool | None:
    try:
        return part()
    except TypeError:
        return None


def _known(part: bool | None) -> bool:
    if part is None:
        raise TypeError
    return part


LINKS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
_NAMES: dict[str, object] = {f"_{name}": function for name, function in MATH.items()}
_NAMES |= {f"_{word}": _link(operator) for operator, word in LINKS.items()}
_NAMES |= {
    "_kand": kleene_and,
    "_kor": kleene_or,
    "_knot": kleene_not,
    "_attempt": _attempt,
    "_known": _known,
    "_isinf": math.isinf,
    "_isfinite": math.isfinite,
    "_isnan": math.isnan,
    "INF": math.inf,
    "NAN": math.nan,
    "NONE": None,
    "TypeError": TypeError,
    "__builtins__": {},
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the values stand: `slot` of a metric's newest sample, `feature` of a kept value."""

    slot: Callable[[str], int]
    feature: Callable[[t.Feature], int]


def compile_atom(atom: t.Atom, layout: Layout) -> Judge:
    """One comparison or predicate as `judge(samples, features, run) -> True | False | None`."""
    writer = Writer(layout)
    source = f"def judge(v, f, r):\n try:\n  return {writer.truth(atom)}\n except TypeError:\n  return None\n"
    return define(source, "judge")  # type: ignore[return-value]


def compile_number(node: t.Number, layout: Layout) -> Callable[[Values, Sequence[Reader], RunValues], float | None]:
    """A number of a condition on its own, None where it is MISSING: for `explain`, which shows the sides of a comparison."""
    source = f"def number(v, f, r):\n try:\n  return {Writer(layout).number(node)}\n except TypeError:\n  return None\n"
    return define(source, "number")  # type: ignore[return-value]


def compile_verdict(truth: t.Truth) -> Verdict:
    """How the atoms, in the order of `terms.atoms`, decide the condition: Kleene's `and or not`."""
    counter = iter(range(1_000))

    def write(node: t.Truth) -> str:
        match node:
            case t.All(args):
                return f"_kand({', '.join(write(a) for a in args)})"
            case t.Any_(args):
                return f"_kor({', '.join(write(a) for a in args)})"
            case t.Not(arg):
                return f"_knot({write(arg)})"
            case t.ChooseTruth(c, a, b):
                test, then, otherwise = write(c), write(a), write(b)
                return f"(None if {test} is None else {then} if {test} else {otherwise})"
        return f"a[{next(counter)}]"

    return define(f"def verdict(a):\n return {write(truth)}\n", "verdict")  # type: ignore[return-value]


def define(source: str, name: str, more: Mapping[str, object] | None = None) -> object:
    """What `source`, generated code, calls `name`; it may use what the language has, and `more`."""
    space = _NAMES | dict(more or {}) | {"__builtins__": {}}
    exec(compile(source, "<condition>", "exec"), space)
    return space[name]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes a term as a Python expression. Where values stand in its lists is for subclasses to say otherwise."""

    layout: Layout

    def sample(self, slot: int) -> str:
        """The newest sample of a slot."""
        return f"v[{slot}]"

    def kept(self, node: t.Feature) -> str:
        """A kept value."""
        return f"f[{self.layout.feature(node)}]()"

    def of_run(self, slot: int) -> str:
        """A value of the run."""
        return f"r[{slot}]"

    def nowhere_else(self, slot: int) -> str:
        """Whether no other file of the run has logged a slot's metric."""
        return f"{slot} not in r[{ELSEWHERE}]"

    def number(self, node: t.Number) -> str:
        """A Python expression that gives the number, None or a `TypeError`."""
        match node:
            case t.Const(value):
                return literal(value)
            case t.Metric(name):
                return self.sample(self.layout.slot(name))
            case t.OfRun(name):
                return self.of_run(RUN_SLOTS[name])
            case t.Feature(function="last", metric=metric) if metric is not None:
                return self.sample(self.layout.slot(metric))
            case t.Feature():
                return self.kept(node)
            case t.Choose(condition, then, otherwise):
                return f"({self.number(then)} if _known({self.truth(condition)}) else {self.number(otherwise)})"
            case t.Apply(function, args):
                parts = [self.number(a) for a in args]
                if function in _INFIX:
                    return f"({parts[0]} {_INFIX[function]} {parts[1]})"
                return f"_{function}({', '.join(parts)})"
        raise AssertionError(node)

    def truth(self, node: t.Truth) -> str:
        """A Python expression that gives True, False or None, or a `TypeError` at the top of an atom."""
        match node:
            case t.Compare(operators, sides):
                parts = [self.number(s) for s in sides]
                links = [f"_{LINKS[op]}({a}, {b})" for op, a, b in zip(operators, parts, parts[1:], strict=False)]
                return (
                    links[0]
                    if len(links) == 1
                    else f"_kand({', '.join(f'_attempt(lambda: {link})' for link in links)})"
                )
            case t.Predicate(function, arg):
                return f"_{function}({self.number(arg)})"
            case t.Presence():
                return self.presence(node)
            case t.All(args):
                return f"_kand({', '.join(self.part(a) for a in args)})"
            case t.Any_(args):
                return f"_kor({', '.join(self.part(a) for a in args)})"
            case t.Not(arg):
                return f"_knot({self.part(arg)})"
            case t.ChooseTruth(c, a, b):
                return f"({self.part(a)} if _known({self.part(c)}) else {self.part(b)})"
        raise AssertionError(node)

    def part(self, node: t.Truth) -> str:
        """A truth inside another: what is MISSING there is UNKNOWN there, not in the whole."""
        return f"_attempt(lambda: {self.truth(node)})"

    def presence(self, node: t.Presence) -> str:
        """`seen`, `absent` and `stalled` ask whether something is there."""
        if node.function == "seen" and node.metric is not None:
            return f"({self.sample(self.layout.slot(node.metric))} is not None)"
        assert node.span is not None
        age = self.of_run(RUN_SLOTS["step_age" if node.span.kind == "steps" else "run_age"])
        after = literal(node.span.amount)
        if node.function == "absent" and node.metric is not None:
            slot = self.layout.slot(node.metric)
            return f"({self.sample(slot)} is None and {self.nowhere_else(slot)} and _ge({age}, {after}) is True)"
        return f"(_ge({self.of_run(RUN_SLOTS['silence'])}, {after}) is True)"


def literal(value: float) -> str:
    """A number as Python spells it."""
    if value != value:
        return "NAN"
    if math.isinf(value):
        return "INF" if value > 0 else "(-INF)"
    return f"({value!r})"
