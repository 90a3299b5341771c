"""One fold over one file: records in, transitions out, the same for the daemon, a restart, a test and a replay.

    fold = Fold(rules)                      # or Fold.load(rules, state)
    for record in records: transitions = fold.step(record)

No clock is read and nothing is written. `dump` gives the whole state as plain builtins, keyed by what things mean and not
by where they stand, so that a changed rule set finds what still belongs to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from walert.model import Happening, Record, Transition
from walert.rules.attempts import Attempts, Return
from walert.rules.blind import Sight
from walert.rules.company import Company
from walert.rules.compiling import ELSEWHERE
from walert.rules.features import Age, Reader, make_reader
from walert.rules.latch import Latch
from walert.rules.machine import Machine, Move, Phase
from walert.rules.plan import ConditionPlan, FeaturePlan, RulePlan, RuleSet, Slot
from walert.rules.windows import Shelf

_STEP, _EPOCH, _RUN_AGE, _ATTEMPT, _STEP_AGE, _SILENCE, _TIME = range(7)
_TOLD = {
    Move.PENDING: Happening.PENDING,
    Move.FIRED: Happening.FIRING,
    Move.CONFIRMED: Happening.CONFIRMED,
    Move.RESOLVED: Happening.RESOLVED,
}

Ripe = tuple[bool | None, float | None]
"""The verdict that the passing of time brings to a condition, and when; (None, None) for none."""


class Fold:
    """A rule set on one file. `step` is the fold; everything else is how it is kept and shown."""

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
            return self.age.reader(plan.node.function, plan.slot, self.run, _STEP, _TIME)
        shelf = self.feeds.setdefault(plan.slot, self.shelves.setdefault(self.rules.slots[plan.slot].key, Shelf()))
        return make_reader(plan.node, shelf)

    # --- the fold

    def step(self, record: Record) -> list[Transition]:
        """What one record changes, in the order of the rules. A start record begins an attempt, a finish record closes what fires."""
        out: list[Transition] = []
        kind = record.event.get("event") if record.event else None
        if kind == "start":
            self.attempts.start()
        self.ended = self.ended and not record.metrics and kind != "start"
        if record.metrics or record.event is None:
            if self.rules.timed and record.time is not None:
                out += self._due_before(record.time)
            out += self._return(record)
            out += self._judge_all(record)
        if kind == "finish":
            out += self.close("run finished", record)
            self.ended = True
        return out

    def step_entered(self, record: Record) -> list[Transition]:
        """As `step`, for a plain record that goes on, and whose samples and inner judgements are in the windows already."""
        self.ended = False
        self.attempts.see(record)
        return self._judge_all(record, entered=True)

    def _return(self, record: Record) -> list[Transition]:
        """Attempts: a record that goes back drops what lies beyond it, or everything."""
        verdict = self.attempts.see(record)
        if verdict is not Return.NONE:
            self.sight.look(self)
        match verdict:
            case Return.FRESH:
                closed = self.close("restarted", record)
                self._fresh()
                if self.company is not None:
                    self.company.restarted(self.file)
                return closed
            case Return.ATTEMPT:
                for shelf in self.shelves.values():
                    shelf.rewind(record.step)
                for machine in self.machines:
                    machine.new_attempt()
        return []

    def _judge_all(self, record: Record, entered: bool = False) -> list[Transition]:
        self.records += 1
        self._place(record)
        touched = self._take(record.metrics, record, entered)
        if self.company is not None and self.rules.absent:
            self._look_around(self.company)
        judged: dict[str, tuple[bool | None, bool | None]] = {}
        self._judge_inner(touched, record, entered)
        out = []
        for plan, machine in zip(self.rules.plans, self.machines, strict=True):
            verdict, holds = self._judgement(plan.when, touched, judged)
            clear = self._judgement(plan.clear, touched, judged)[0] if plan.clear is not None else None
            if verdict is None and clear is None:
                continue
            move = machine.judge(plan.needs, verdict, clear, holds, record.step, record.time)
            if move is not Move.HELD:
                out.append(self._transition(plan, _TOLD[move], record, machine, _why(plan, move)))
        return out

    def _place(self, record: Record) -> None:
        """Where the run stands: step, epoch, ages."""
        if self.origin_step is None or self.origin_time is None:
            self._begin(record)
        self.stand(record.line, record.offset, record.step, record.time, record.epoch)

    def stand(
        self, line: int, offset: int, step: float, time: float | None, epoch: float | None, steadily: bool = False
    ) -> None:
        """The newest record's place in the file and in the run; `steadily` if there was no silence since the last such place."""
        run = self.run
        run[_STEP] = step
        run[_EPOCH] = epoch if epoch is not None else run[_EPOCH]
        run[_ATTEMPT] = float(self.attempts.number)
        run[_STEP_AGE] = step - (self.origin_step or 0.0)
        self.line, self.offset, self.looked = line, offset, None
        if time is not None:
            if self.company is not None:
                last = run[_TIME]
                self.company.wrote(self.file, time if last is None or not steadily else last, time)
            self._moment(time, time)

    def _begin(self, record: Record) -> None:
        """The file's first step and time: windows of steps and seconds are full when it is that old."""
        self.origin_step = record.step if self.origin_step is None else self.origin_step
        self.origin_time = record.time if self.origin_time is None else self.origin_time
        for shelf in self.shelves.values():
            shelf.begin(record.step, record.time)

    def _moment(self, time: float, last: float) -> None:
        """The time that the conditions see: `last` is that of the newest record, `time` is now."""
        run = self.run
        run[_TIME] = time
        newest = last if self.company is None else self.company.newest(self.file, time)
        run[_SILENCE] = time - (last if newest is None else max(last, newest))
        if self.origin_time is not None:
            run[_RUN_AGE] = time - self.origin_time

    def _take(self, metrics: Mapping[str, float], record: Record, entered: bool) -> set[int]:
        """The record's samples into their slots and windows; the slots touched."""
        known, tick = self.known, self.records
        if not known.keys() >= metrics.keys():
            self._bind(metrics)
        touched: set[int] = set()
        for name, value in metrics.items():
            for slot in known[name]:
                touched.add(slot)
                self.samples[slot] = value
                self.arrived[slot] = tick
                self.age.see(slot, record.step, record.time)
                if math.isfinite(value):
                    self.arrived_finite[slot] = tick
                    if slot in self.feeds and not entered:
                        self.feeds[slot].push(value, record.step, record.time)
        return touched

    def _bind(self, metrics: Iterable[str]) -> None:
        """New names: a plain slot takes its own; a role takes the first candidate that this record holds, and keeps it."""
        names = list(metrics)
        for slot in self.rules.slots:
            if slot.candidates and slot not in self.bound:
                chosen = slot.pick(names)
                if chosen is not None:
                    self.bound[slot] = chosen
        for name in [*names, *self.bound.values()]:
            self.known[name] = tuple(
                i
                for i, slot in enumerate(self.rules.slots)
                if (self.bound.get(slot) if slot.candidates else slot.name) == name
            )

    def _judge_inner(self, touched: set[int], record: Record, entered: bool) -> None:
        """The conditions inside `frac` and `streak` are judged first: their judgements are samples."""
        for key, latch in self.inner.items():
            if latch.plan.always or not latch.plan.triggers.isdisjoint(touched):
                verdict = latch.judge(
                    self.samples, self.arrived, self.arrived_finite, self.readers, self.run, self.records
                )
                if verdict is not None and not entered:
                    self.shelves[key].push(float(verdict), record.step, record.time)

    def _judgement(
        self, condition: ConditionPlan, touched: set[int], judged: dict[str, tuple[bool | None, bool | None]]
    ) -> tuple[bool | None, bool | None]:
        """(the counted verdict, the truth that the condition holds now); each condition is judged once a record."""
        latch = self.latches[condition.key]
        if not condition.always and condition.triggers.isdisjoint(touched):
            return None, latch.truth
        if condition.key not in judged:
            verdict = latch.judge(self.samples, self.arrived, self.arrived_finite, self.readers, self.run, self.records)
            judged[condition.key] = (verdict, latch.truth)
        return judged[condition.key]

    # --- what falls due between two records

    def _due_before(self, time: float) -> list[Transition]:
        """What falls due until a record comes, also where another file broke the silence before it did."""
        out: list[Transition] = []
        last = self.run[_TIME]
        if self.company is not None and last is not None and self.rules.shortest_stall is not None:
            for moment in self.company.returns(self.file, max(last, self.looked or last), time):
                out += [*self.due(math.nextafter(moment, 0.0)), *self.due(moment)]
        return out + self.due(math.nextafter(time, 0.0))

    def _look_around(self, company: Company) -> None:
        """Tell the other files of the run which metrics came here, and note which of those that did not came there."""
        run, slots = self.run, self.rules.slots
        elsewhere = set()
        for slot in self.rules.absent:
            if self.arrived[slot]:
                company.logged(self.file, slots[slot].key, run[_TIME])
            elif company.has(slots[slot].key, self.file, run[_TIME]):
                elsewhere.add(slot)
        if elsewhere != self.elsewhere:
            run[ELSEWHERE] = frozenset(elsewhere)

    @property
    def elsewhere(self) -> frozenset[int]:
        """Slots of metrics that another file of the run has logged and this one has not."""
        found: frozenset[int] = self.run[ELSEWHERE]
        return found

    @property
    def newest_time(self) -> float | None:
        """The event time of the newest record that had one."""
        time: float | None = self.run[_TIME]
        return time

    def due(self, now: float) -> list[Transition]:
        """What the time from the newest record until `now` (event time) changes by itself, at the moment at which it does.

        Such transitions stand at the newest record's line, are `by` the timer, and are no confirming samples.
        """
        last = self.run[_TIME]
        if last is None or now <= last or self.ended:
            return []
        if self.company is not None and self.rules.absent:
            self._look_around(self.company)
        since = max(last, self.looked or last)
        self.looked = max(since, now)
        # Rules of one condition share its latch: what ripens is found once, and is news to each of them.
        ripe = {key: self._ripe(self.latches[key], last, since, now) for key in self._timed_keys()}
        out = [made for plan in self.rules.timed if (made := self._due(plan, ripe, last)) is not None]
        self._moment(last, last)
        return sorted(out, key=lambda t: t.time or 0.0)

    def _timed_keys(self) -> list[str]:
        conditions = [c for plan in self.rules.timed for c in (plan.when, plan.clear) if c is not None]
        return list(dict.fromkeys(c.key for c in conditions))

    def _due(self, plan: RulePlan, ripe: Mapping[str, Ripe], last: float) -> Transition | None:
        machine, when = self.machines[plan.rank], self.latches[plan.when.key]
        verdict, at = ripe[plan.when.key]
        clear, clear_at = ripe[plan.clear.key] if plan.clear is not None else (None, None)
        moment = at if at is not None else clear_at
        if moment is None:
            return None
        self._moment(moment, last)
        step = self.run[_STEP] or 0.0
        move = machine.judge(plan.needs, verdict, clear, when.truth, step, moment, confirms=False)
        if move in (Move.HELD, Move.CONFIRMED):
            return None
        record = Record(self.line, self.offset, step, True, moment, None, {}, None)
        return replace(self._transition(plan, _TOLD[move], record, machine, _why(plan, move)), by="timer")

    def _ripe(self, latch: Latch, last: float, since: float, now: float) -> Ripe:
        """(the verdict that time brings, when it does), if it is another one than holds. Until `since` it was looked for before."""
        if not latch.plan.timed:
            return None, None
        truths, verdict = self._look(latch, last, now)
        if verdict is None or verdict is latch.truth:
            return None, None
        low, high = min(since, now), now
        while high - low > 1e-5:
            middle = (low + high) / 2
            low, high = (low, middle) if self._look(latch, last, middle)[1] is verdict else (middle, high)
        latch.take(truths, verdict)
        # A millisecond is finer than any writer's clock: the moment is told in whole ones.
        return verdict, round(high, 3)

    def _look(self, latch: Latch, last: float, time: float) -> tuple[list[bool | None], bool | None]:
        self._moment(time, last)
        return latch.look(self.samples, self.readers, self.run)

    def newest(self) -> Record | None:
        """Where the fold stands: the newest record without its metrics; None before the first."""
        if self.line == 0:
            return None
        return Record(self.line, self.offset, self.run[_STEP] or 0.0, True, self.run[_TIME], None, {}, None)

    # --- ends

    def close(self, why: str, record: Record) -> list[Transition]:
        """What fires is closed for a reason other than its condition; what is pending is forgotten."""
        out = []
        for plan, machine in zip(self.rules.plans, self.machines, strict=True):
            if machine.phase is Phase.FIRING:
                out.append(self._transition(plan, Happening.CLOSED, record, machine, why))
            machine.quit()
            machine.history.clear()
        return out

    def told(self, plan: RulePlan, happening: Happening, why: str) -> Transition:
        """A transition of a rule that stands at the newest record, for a reason of the caller's."""
        record = self.newest() or Record(0, 0, 0.0, False, None, None, {}, None)
        return self._transition(plan, happening, record, self.machines[plan.rank], why)

    # --- proof

    def _transition(
        self, plan: RulePlan, happening: Happening, record: Record, machine: Machine, why: str
    ) -> Transition:
        return Transition(
            rule=plan.rule, happening=happening, values=self._values(plan.when), step=record.step, time=record.time, line=record.line,
            offset=record.offset, why=why, names=self._names(plan), since=machine.since, rank=plan.rank, key=plan.key,
        )  # fmt: skip

    def _values(self, condition: ConditionPlan) -> dict[str, float]:
        out = {}
        for text, slot, feature in condition.shown:
            value = self._shown(text, slot, feature)
            if value is not None:
                out[self.logged_name(slot) if slot is not None else text] = value
        return out

    def _shown(self, text: str, slot: int | None, feature: int | None) -> float | None:
        if slot is not None:
            return self.samples[slot]
        if feature is not None:
            return self.readers[feature]()
        value: float | None = self.run[("step", "epoch", "run_age", "attempt").index(text)]
        return value

    def logged_name(self, slot: int) -> str:
        """The name under which a slot's metric stands in the file: a role's binding, or the name itself."""
        known = self.rules.slots[slot]
        return self.bound.get(known, known.name)

    def _names(self, plan: RulePlan) -> dict[str, float]:
        rows = [(text, slot) for text, slot, _ in plan.when.shown if slot is not None]
        out = {}
        for name, slot in (*rows, *plan.mentions):
            value = self.samples[slot]
            if value is not None:
                out[name] = value
        return out

    @property
    def names(self) -> Iterable[str]:
        """The metrics that records of this file brought, since its last fresh start or restart of the daemon."""
        return self.known

    def firing(self) -> list[RulePlan]:
        """The rules that fire on this file now."""
        return [p for p, m in zip(self.rules.plans, self.machines, strict=True) if m.phase is Phase.FIRING]

    def since(self, plan: RulePlan) -> float | None:
        """The event time at which the present episode of a rule began."""
        return self.machines[plan.rank].since

    def values_of(self, plan: RulePlan) -> dict[str, float]:
        """The values that a rule's condition sees now."""
        return self._values(plan.when)

    # --- kept

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
    def load(cls, rules: RuleSet, state: Mapping[str, Any]) -> Fold:
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


def _why(plan: RulePlan, move: Move) -> str:
    rule = plan.rule
    match move:
        case Move.PENDING:
            return f"{rule.when}; waits for {rule.for_}"
        case Move.FIRED:
            return f"{rule.when} for {rule.for_}" if rule.for_ else rule.when
        case Move.RESOLVED:
            return rule.clear or f"no longer {rule.when}"
    return rule.when
