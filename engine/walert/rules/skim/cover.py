"""What a rule set has to do with lines of one form: the slots that they touch, the comparisons that they recompute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from walert.rules import terms as t
from walert.rules.fold import Fold
from walert.rules.latch import Latch
from walert.rules.plan import AtomPlan, ConditionPlan, RuleSet


class Reading(Protocol):
    """How a line is read by Python code, in which `s` is what `decode` makes of it, and `break` leaves lines of this form.

    `decode`, and all that the code uses, is in `space`; it raises one of `FAILURES`.
    """

    @property
    def space(self) -> Mapping[str, object]:
        """The names that the code uses."""
        ...

    @property
    def checks(self) -> tuple[str, ...]:
        """Blocks of statements, run on each line."""
        ...

    @property
    def step(self) -> str:
        """The step of a form that is stepped, after the checks."""
        ...

    @property
    def time(self) -> str:
        """The time of a form that is timed."""
        ...

    @property
    def epoch(self) -> str:
        """The epoch of a form that is epochal."""
        ...

    @property
    def values(self) -> tuple[str, ...]:
        """The metrics asked for."""
        ...


class Form(Protocol):
    """Lines that look alike. `names` are the metrics of each, in the order of its record."""

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics of each line, in the order of its record."""
        ...

    @property
    def stepped(self) -> bool:
        """Whether such lines have a step of their own."""
        ...

    @property
    def timed(self) -> bool:
        """Whether such lines have a time of their own."""
        ...

    @property
    def epochal(self) -> bool:
        """Whether such lines have an epoch."""
        ...

    def reading(self, wanted: tuple[str, ...]) -> Reading:
        """How code reads the metrics `wanted`."""
        ...

    def row(self, data: bytes, wanted: tuple[str, ...]) -> tuple[Any, ...] | None:
        """(step, time, epoch, the metrics `wanted`) of one line; None if it is of another form."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """What lines have in common for a rule set: equal kinds share a cover and its code.

    `slots` are those that each name feeds, `finite` tells of each of the names that feed any whether its value is. `clocked`:
    each line has a time, its own or that of its arrival.
    """

    slots: tuple[tuple[int, ...], ...]
    finite: tuple[bool, ...]
    stepped: bool
    clocked: bool
    epochal: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A condition that is judged at each such line: the comparisons `fresh` are recomputed, the `blocked` ones keep their truth."""

    plan: ConditionPlan
    inner: bool
    fresh: tuple[int, ...]
    blocked: tuple[int, ...]

    def latch(self, fold: Fold) -> Latch:
        """Its latch on a file."""
        return (fold.inner if self.inner else fold.latches)[self.plan.key]

    def decides(self, truths: Sequence[bool | None]) -> bool:
        """Whether a verdict counts: with what is recomputed UNKNOWN, the whole would be UNKNOWN."""
        known: list[bool | None] = [None] * len(self.plan.atoms)
        for i, truth in zip(self.blocked, truths, strict=True):
            known[i] = truth
        return self.plan.verdict(known) is None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A comparison that such lines do not recompute as long as one of these slots has no newer sample, or finite sample."""

    part: Part
    atom: int
    direct: tuple[int, ...]
    finite: tuple[int, ...]

    def is_due(self, fold: Fold, latch: Latch) -> bool:
        """Whether the next such line would recompute it after all."""
        computed = latch.computed[self.atom]
        return all(fold.arrived[s] > computed for s in self.direct) and all(
            fold.arrived_finite[s] > computed for s in self.finite
        )


class Cover:
    """A rule set on lines of a kind. `column` is where a slot's value stands among the metrics of a row."""

    def __init__(self, rules: RuleSet, kind: Kind) -> None:
        self.rules, self.kind = rules, kind
        fed = [slots for slots in kind.slots if slots]
        self.column = {slot: i for i, slots in enumerate(fed) for slot in slots}
        self.finite = frozenset(s for slots, finite in zip(fed, kind.finite, strict=True) if finite for s in slots)
        self.waiting: list[Waiting] = []
        self.inner = tuple(self._parts((p.inner for p in rules.features if p.inner is not None), inner=True))
        self.outer = {part.plan.key: part for part in self._parts(_conditions(rules), inner=False)}
        self.parts = (*self.inner, *(part for part in self.outer.values() if part.fresh))
        self.timed = tuple(_timed(rules)) if kind.clocked else ()
        self.ranks = tuple(
            plan.rank
            for plan in rules.plans
            if any(c is not None and self.part(c) is not None for c in (plan.when, plan.clear))
        )

    def part(self, condition: ConditionPlan | None) -> Part | None:
        """The condition of a rule, if such lines recompute any of it."""
        part = self.outer.get(condition.key) if condition is not None else None
        return part if part is not None and part.fresh else None

    def _parts(self, conditions: Iterable[ConditionPlan], inner: bool) -> Iterator[Part]:
        for plan in {plan.key: plan for plan in conditions}.values():
            if plan.always or not plan.triggers.isdisjoint(self.column):
                lacks = [self._lacks(atom) for atom in plan.atoms]
                fresh = tuple(i for i, lack in enumerate(lacks) if lack is None)
                part = Part(plan, inner, fresh, tuple(i for i, lack in enumerate(lacks) if lack is not None))
                self.waiting += [Waiting(part, i, *lack) for i, lack in enumerate(lacks) if lack is not None]
                if fresh or not inner:
                    yield part

    def _lacks(self, atom: AtomPlan) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """The slots for want of whose samples, and finite samples, a comparison is not recomputed; None if it is."""
        direct = tuple(s for s in atom.direct if s not in self.column)
        finite = tuple(s for s in atom.finite if s not in self.finite)
        return (direct, finite) if direct or finite else None


def _timed(rules: RuleSet) -> Iterator[ConditionPlan]:
    """The conditions that time alone may change, each once."""
    found = {c.key: c for plan in rules.timed for c in (plan.when, plan.clear) if c is not None and c.timed}
    yield from found.values()


def only_time(rules: RuleSet) -> bool:
    """Whether whatever time changes depends on nothing else, so that a loop can tell when it does."""
    return all(atom.timed and _tells_time(atom.term) for condition in _timed(rules) for atom in condition.atoms)


def _tells_time(node: t.Node) -> bool:
    match node:
        case t.Metric():
            return False
        case t.OfRun(name):
            return name == "run_age"
        case t.Feature(function=function):
            return function == "age"
        case t.Presence(span=span):
            return span is not None and span.kind == "seconds"
    return all(_tells_time(child) for child in t.children(node))


def _conditions(rules: RuleSet) -> Iterator[ConditionPlan]:
    for plan in rules.plans:
        yield plan.when
        if plan.clear is not None:
            yield plan.clear
