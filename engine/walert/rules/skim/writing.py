"""Conditions as Python expressions over the local values of a generated loop: one that is true when the condition is True, one when it is False.

Generated code holds no text of a user's: values are locals by number (`v0` a metric of the row, `f0` a kept value, `c0` what does not change
in the loop), numbers are `repr` of floats. What may be MISSING is asked for before it is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from walert.rules import terms as t
from walert.rules.compiling import RUN_SLOTS, Writer
from walert.rules.plan import ConditionPlan
from walert.rules.skim.cover import Cover, Part

MOST = 1.7976931348623157e308  # the largest finite number
LARGEST = 20_000  # characters of one expression; a choice writes its condition twice, one inside another four times

Source = Literal[
    "sample", "run", "attempt", "origin step", "origin time", "age", "age_steps", "read", "push", "kept", "inner"
]
Constant = tuple[Source, int, int]
"""What a loop is given when it begins: from where, and which."""

_FALSE_WHEN = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "!=": "=="}


class TooLarge(Exception):
    """The expressions of a condition are larger than is worth their speed."""


class Pair(NamedTuple):
    """When a truth is True, and when it is False; neither when it is UNKNOWN."""

    true: str
    false: str


_TRUTHS = {True: Pair("True", "False"), False: Pair("False", "True"), None: Pair("False", "False")}


@dataclass(slots=True)
class Scene:
    """The locals of a loop: `constants` it is given, `judges` it calls for what is written as a function of its own."""

    cover: Cover
    constants: dict[Constant, str] = field(default_factory=dict)
    judges: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(
        default_factory=dict
    )  # locals of when a slot had its newest sample, from which constant
    sure: set[int] = field(default_factory=set)  # kept values that are never MISSING here

    def constant(self, source: Source, which: int, part: int = 0) -> str:
        """The local that holds it."""
        return self.constants.setdefault((source, which, part), f"c{len(self.constants)}")

    def mark(self, slot: int) -> str:
        """The local that holds the time of a slot's newest sample, a row's or that before the loop."""
        name = f"mark{slot}"
        self.marks[name] = self.constant("age", slot)
        return name

    def condition(self, part: Part, truths: Mapping[int, bool | None]) -> tuple[Pair, frozenset[int]]:
        """A condition, `truths` standing for what is not recomputed, and the kept values that it reads."""
        speller = Speller(part.plan.layout, self)
        pair = speller.pair(part.plan.truth, iter(range(1_000)), truths)
        return pair, frozenset(speller.features)

    def until(self, condition: ConditionPlan) -> Pair:
        """A condition of time alone, at the moment `now` after the last record, which was at `before`."""
        return Waiter(condition.layout, self).pair(condition.truth, iter(range(1_000)), {})


@dataclass(frozen=True, slots=True)
class Speller(Writer):
    """Writes the terms of one condition with the locals of a scene."""

    scene: Scene
    features: set[int] = field(default_factory=set)
    used: dict[str, bool] = field(
        default_factory=dict
    )  # locals of the present comparison, and whether they may be MISSING

    def _use(self, name: str, maybe: bool = False) -> str:
        self.used[name] = maybe
        return name

    def sample(self, slot: int) -> str:
        """The newest sample of a slot: the row's, or what the slot had before and keeps."""
        column = self.scene.cover.column.get(slot)
        if column is not None:
            return self._use(f"v{column}")
        return self._use(self.scene.constant("sample", slot), maybe=True)

    def nowhere_else(self, slot: int) -> str:
        """No loop runs while another file of the run has logged what this one lacks."""
        return "True"

    def kept(self, node: t.Feature) -> str:
        """A kept value, read after the samples of the row are in."""
        if node.function in ("age", "age_steps") and node.metric is not None:
            return self._age(node.function == "age_steps", self.layout.slot(node.metric))
        index = self.layout.feature(node)
        self.features.add(index)
        return self._use(f"f{index}", maybe=index not in self.scene.sure)

    def _age(self, in_steps: bool, slot: int) -> str:
        cover = self.scene.cover
        if in_steps:
            now = self._use("step")
        elif cover.kind.clocked:
            now = self._use("time")
        else:  # the clock stands still, and a sample without a time has no age
            now = self._use("NONE" if slot in cover.column else self.scene.constant("run", 6), maybe=True)
        mark = (
            now
            if slot in cover.column
            else self._use(self.scene.constant("age_steps" if in_steps else "age", slot), maybe=True)
        )
        return f"({now} - {mark})"

    def of_run(self, slot: int) -> str:
        """A value of the run."""
        kind = self.scene.cover.kind
        match slot:
            case 0:
                return self._use("step")
            case 1 if kind.epochal:
                return self._use("epoch")
            case 2 if kind.clocked:
                return f"({self._use('time')} - {self._use(self.scene.constant('origin time', 0))})"
            case 3:
                return self._use(self.scene.constant("attempt", 0))
            case 4:
                return f"({self._use('step')} - {self._use(self.scene.constant('origin step', 0))})"
            case 5 if kind.clocked:
                return "0.0"
        return self._use(self.scene.constant("run", slot), maybe=True)

    # --- truths

    def pair(self, node: t.Truth, counter: Iterator[int], truths: Mapping[int, bool | None]) -> Pair:
        """When a condition is True and when it is False; `counter` numbers its comparisons."""
        made = self._pair(node, counter, truths)
        if len(made.true) + len(made.false) > LARGEST:
            raise TooLarge
        return made

    def _pair(self, node: t.Truth, counter: Iterator[int], truths: Mapping[int, bool | None]) -> Pair:
        match node:
            case t.All(args):
                pairs = [self.pair(a, counter, truths) for a in args]
                return Pair(every(p.true for p in pairs), some(p.false for p in pairs))
            case t.Any_(args):
                pairs = [self.pair(a, counter, truths) for a in args]
                return Pair(some(p.true for p in pairs), every(p.false for p in pairs))
            case t.Not(arg):
                true, false = self.pair(arg, counter, truths)
                return Pair(false, true)
            case t.ChooseTruth(c, a, b):
                test, then, other = (self.pair(x, counter, truths) for x in (c, a, b))
                return Pair(
                    some([every([test.true, then.true]), every([test.false, other.true])]),
                    some([every([test.true, then.false]), every([test.false, other.false])]),
                )
        index = next(counter)
        return _TRUTHS[truths[index]] if index in truths else self._atom(node)

    def _atom(self, atom: t.Atom) -> Pair:
        self.used.clear()
        if isinstance(atom, t.Predicate) and isinstance(atom.arg, t.Metric):
            known = self._known(atom.function, self.layout.slot(atom.arg.name))
            if known is not None:
                return _TRUTHS[known]
        if isinstance(atom, t.Compare | t.Predicate) and not _chooses(atom):
            pair = self._plainly(atom)
            if pair is not None:
                asked = [f"{name} is not None" for name, maybe in self.used.items() if maybe]
                return Pair(every([*asked, pair.true]), every([*asked, pair.false]))
        return self._apart(atom)

    def _known(self, predicate: str, slot: int) -> bool | None:
        """What such lines alone tell of a predicate."""
        cover = self.scene.cover
        if slot in cover.finite:
            return predicate == "isfinite"
        return False if slot in cover.column and predicate == "isfinite" else None

    def _plainly(self, atom: t.Compare | t.Predicate) -> Pair | None:
        if isinstance(atom, t.Predicate):
            call = f"_{atom.function}({self.number(atom.arg)})"
            return Pair(call, f"not {call}")
        if len(atom.operators) > 1 or atom.operators[0] == "==":
            return None
        a, b = (self.number(side) for side in atom.sides)
        if atom.operators[0] == "!=":
            return Pair(f"_ne({a}, {b})", f"{a} == {b}")
        return Pair(f"{a} {atom.operators[0]} {b}", f"{a} {_FALSE_WHEN[atom.operators[0]]} {b}")

    def _apart(self, atom: t.Atom) -> Pair:
        """As a function of its own, as the fold has it."""
        self.used.clear()
        text = self.truth(atom)
        names = ", ".join(self.used)
        judge = f"j{len(self.scene.judges)}"
        self.scene.judges.append(f"def {judge}({names}):\n try:\n  return {text}\n except TypeError:\n  return None\n")
        return Pair(f"{judge}({names}) is True", f"{judge}({names}) is False")


@dataclass(frozen=True, slots=True)
class Waiter(Speller):
    """Writes what time alone changes, between two records: as it is `now`, while the newest record's time is `before`."""

    def sample(self, slot: int) -> str:
        """Whether there is any is all that is asked, and those of the row were there before."""
        if slot in self.scene.cover.column:
            return self._use("there")
        return self._use(self.scene.constant("sample", slot), maybe=True)

    def kept(self, node: t.Feature) -> str:
        """An age."""
        assert node.metric is not None
        slot = self.layout.slot(node.metric)
        mark = self.scene.mark(slot) if slot in self.scene.cover.column else self.scene.constant("age", slot)
        return f"({self._use('now')} - {self._use(mark, maybe=True)})"

    def of_run(self, slot: int) -> str:
        """The age of the run, or how long there was no record."""
        since = "before" if slot == RUN_SLOTS["silence"] else self.scene.constant("origin time", 0)
        return f"({self._use('now')} - {self._use(since)})"


def every(parts: Iterable[str]) -> str:
    """All of them, if none is never true."""
    kept = [p for p in dict.fromkeys(parts) if p != "True"]
    if "False" in kept:
        return "False"
    return f"({' and '.join(kept)})" if len(kept) > 1 else kept[0] if kept else "True"


def some(parts: Iterable[str]) -> str:
    """Any of them, if one is ever true."""
    kept = [p for p in dict.fromkeys(parts) if p != "False"]
    if "True" in kept:
        return "True"
    return f"({' or '.join(kept)})" if len(kept) > 1 else kept[0] if kept else "False"


def _chooses(node: t.Node) -> bool:
    """Whether a part of it may be left out of the computation."""
    if isinstance(node, t.Feature):
        return False
    return isinstance(node, t.Choose) or any(_chooses(child) for child in t.children(node))


class Bounds:
    """Between which values a metric's comparisons with numbers are all not true: one test for all of them, and for finite."""

    def __init__(self) -> None:
        self.low, self.high = -MOST, MOST

    def exclude(self, operator: str, number: float) -> None:
        """Leave out the values for which `value operator number` is true."""
        match operator:
            case ">":
                self.high = min(self.high, number)
            case ">=":
                self.high = min(self.high, math.nextafter(number, -math.inf))
            case "<":
                self.low = max(self.low, number)
            case "<=":
                self.low = max(self.low, math.nextafter(number, math.inf))


_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def threshold(node: t.Truth) -> tuple[str, str, float] | None:
    """(metric, operator, number) if a comparison is one of a metric with a number, in either order."""
    if not isinstance(node, t.Compare) or len(node.operators) > 1 or node.operators[0] not in _TURNED:
        return None
    match node.sides:
        case (t.Metric(name), t.Const(number)) if number == number:
            return name, node.operators[0], number
        case (t.Const(number), t.Metric(name)) if number == number:
            return name, _TURNED[node.operators[0]], number
    return None
