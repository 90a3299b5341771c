"""The state of one file under a rule set: samples, windows, latches, machines, and where the run stands.

`dump` gives the whole of it as plain builtins, keyed by what things mean and not by where they stand, so that a changed rule set finds what
still belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from walert.model import Record
from walert.rules.attempts import Attempts
from walert.rules.blind import Sight
from walert.rules.company import Company
from walert.rules.compiling import ELSEWHERE
from walert.rules.features import Age, Reader, make_reader
from walert.rules.latch import Latch
from walert.rules.machine import Machine
from walert.rules.plan import FeaturePlan, RuleSet, Slot
from walert.rules.windows import Shelf

STEP, EPOCH, RUN_AGE, ATTEMPT, STEP_AGE, SILENCE, TIME = range(7)
"""Where the values of the run stand."""


class FoldState:
    """What a fold keeps of one file; `_fresh` is how it begins. How it moves is `Fold`'s."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.attempts = Attempts()
        self.records = 0  # metric records folded: the tick that latches compare
        self.sight = Sight()  # what was found in the log at all; the folds of a run share one
        self.company: Company | None = None  # the files of its run, for rules that look at all of them
        self.file = ""  # its own name among them
        self._fresh()

    def _fresh(self) -> None:
        """Everything but attempts: as on the file's first record."""
        count = len(self.rules.slots)
        self.samples: list[float | None] = [None] * count
        self.arrived: list[int] = [0] * count  # tick of the newest sample, 0 for never
        self.arrived_finite: list[int] = [0] * count
        self.bound: dict[Slot, str] = {}
        self.known: dict[str, tuple[int, ...]] = {}
        self.origin_step: float | None = None
        self.origin_time: float | None = None
        self.run: list[Any] = [None] * 7 + [frozenset()]
        self.line = self.offset = 0  # of the newest record
        self.ended = False  # an end record came, and nothing after it: silence means nothing now
        self.looked: float | None = None  # until when silence was judged: what others did before is no news
        self.age = Age(count)
        self.shelves: dict[str, Shelf] = {}
        self.feeds: dict[int, Shelf] = {}
        self.readers: list[Reader] = [self._reader(plan) for plan in self.rules.features]
        self.inner = {plan.inner.key: Latch(plan.inner) for plan in self.rules.features if plan.inner is not None}
        self.latches: dict[str, Latch] = {}
        for plan in self.rules.plans:
            for condition in (plan.when, plan.clear):
                if condition is not None:
                    self.latches.setdefault(condition.key, Latch(condition))
        self.machines = [Machine() for _ in self.rules.plans]

    def _reader(self, plan: FeaturePlan) -> Reader:
        """A kept value stands on the shelf of its metric, or of the condition inside it."""
        if plan.slot is None:
            assert plan.inner is not None
            return make_reader(plan.node, self.shelves.setdefault(plan.inner.key, Shelf()))
        if plan.node.function in ("age", "age_steps"):
            return self.age.reader(plan.node.function, plan.slot, self.run, STEP, TIME)
        shelf = self.feeds.setdefault(plan.slot, self.shelves.setdefault(self.rules.slots[plan.slot].key, Shelf()))
        return make_reader(plan.node, shelf)

    @property
    def newest_time(self) -> float | None:
        """The event time of the newest record that had one."""
        time: float | None = self.run[TIME]
        return time

    def newest(self) -> Record | None:
        """Where the fold stands: the newest record without its metrics; None before the first."""
        if self.line == 0:
            return None
        return Record(self.line, self.offset, self.run[STEP] or 0.0, True, self.run[TIME], None, {}, None)

    @property
    def elsewhere(self) -> frozenset[int]:
        """Slots of metrics that another file of the run has logged and this one has not."""
        found: frozenset[int] = self.run[ELSEWHERE]
        return found

    def logged_name(self, slot: int) -> str:
        """The name under which a slot's metric stands in the file: a role's binding, or the name itself."""
        known = self.rules.slots[slot]
        return self.bound.get(known, known.name)

    @property
    def names(self) -> Iterable[str]:
        """The metrics that records of this file brought, since its last fresh start or restart of the daemon."""
        return self.known

    def dump(self) -> dict[str, Any]:
        """The whole state as plain builtins."""
        slots = self.rules.slots
        return {
            "attempts": self.attempts.dump(),
            "records": self.records,
            "origin": [self.origin_step, self.origin_time],
            "run": self.run[:ELSEWHERE],
            "at": [self.line, self.offset, self.ended, self.looked],
            "slots": [
                [
                    s.name,
                    list(s.candidates),
                    self.bound.get(s),
                    self.samples[i],
                    self.arrived[i],
                    self.arrived_finite[i],
                    self.age.steps[i],
                    self.age.times[i],
                ]
                for i, s in enumerate(slots)
            ],
            "shelves": {key: shelf.dump() for key, shelf in self.shelves.items()},
            "inner": {key: latch.dump() for key, latch in self.inner.items()},
            "latches": {key: latch.dump() for key, latch in self.latches.items()},
            "machines": {p.key: m.dump() for p, m in zip(self.rules.plans, self.machines, strict=True)},
        }

    @classmethod
    def load(cls, rules: RuleSet, state: Mapping[str, Any]) -> Self:
        """The fold that `dump` described, under `rules`; what is new among them starts empty."""
        fold = cls(rules)
        fold.attempts = Attempts.load(state["attempts"])
        fold.records = state["records"]
        fold.origin_step, fold.origin_time = state["origin"]
        fold.run[:ELSEWHERE] = state["run"]
        fold.line, fold.offset, fold.ended, fold.looked = [*state["at"], None][:4]
        index = {slot: i for i, slot in enumerate(rules.slots)}
        for name, candidates, bound, sample, arrived, finite, *logged in state["slots"]:
            slot = Slot(name, tuple(candidates))
            if slot not in index:
                continue
            i = index[slot]
            fold.samples[i], fold.arrived[i], fold.arrived_finite[i] = sample, arrived, finite
            fold.age.steps[i], fold.age.times[i] = logged
            if bound is not None:
                fold.bound[slot] = bound
        for key, shelf in fold.shelves.items():
            shelf.load(state["shelves"].get(key, {}))
        for key, latch in fold.inner.items():
            if key in state["inner"]:
                latch.load(state["inner"][key])
        for key, latch in fold.latches.items():
            if key in state["latches"]:
                latch.load(state["latches"][key])
        fold.machines = [
            Machine.load(state["machines"][p.key]) if p.key in state["machines"] else Machine() for p in rules.plans
        ]
        return fold


def lacks(rules: RuleSet, state: Mapping[str, Any]) -> bool:
    """Whether a fold's `state` misses something that a rule set keeps: it must then be rebuilt from the file's bytes."""
    return any(p.key not in state["machines"] for p in rules.plans)
