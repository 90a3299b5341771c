"""One fold over one file: records in, transitions out, the same for the daemon, a restart, a test and a replay.

    fold = Fold(rules)                      # or Fold.load(rules, state)
    for record in records: transitions = fold.step(record)

No clock is read and nothing is written. What it keeps is in `fold_state`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from walert.model import Happening, Record, Transition
from walert.rules.attempts import Return
from walert.rules.company import Company
from walert.rules.compiling import ELSEWHERE
from walert.rules.fold_state import ATTEMPT, EPOCH, RUN_AGE, SILENCE, STEP, STEP_AGE, TIME, FoldState
from walert.rules.latch import Latch
from walert.rules.machine import Machine, Move, Phase
from walert.rules.plan import ConditionPlan, RulePlan

_TOLD = {
    Move.PENDING: Happening.PENDING,
    Move.FIRED: Happening.FIRING,
    Move.CONFIRMED: Happening.CONFIRMED,
    Move.RESOLVED: Happening.RESOLVED,
}

Ripe = tuple[bool | None, float | None]
"""The verdict that the passing of time brings to a condition, and when; (None, None) for none."""


class Fold(FoldState):
    """A rule set on one file. `step` is the fold; everything else is how it is kept and shown."""

    # --- the fold

    def step(self, record: Record) -> list[Transition]:
        """What one record changes, in the order of the rules. A start record begins an attempt, a finish record closes what fires."""
        out: list[Transition] = []
        kind = record.event.get("event") if record.event else None
        if self.rules.timed and record.time is not None:
            out += self._due_before(record.time)
        if kind == "start":
            self.attempts.start()
            if self.ended and record.time is not None:
                self._moment(record.time, record.time)  # nobody was silent between an end and the next start
        self.ended = self.ended and not record.metrics and kind != "start"
        if record.metrics or record.event is None:
            out += self._return(record)
            out += self._judge_all(record)
        elif self.line:
            self.line, self.offset = record.line, record.offset
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
        run[STEP] = step
        run[EPOCH] = epoch if epoch is not None else run[EPOCH]
        run[ATTEMPT] = float(self.attempts.number)
        run[STEP_AGE] = step - (self.origin_step or 0.0)
        self.line, self.offset, self.looked = line, offset, None
        if time is not None:
            if self.company is not None:
                last = run[TIME]
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
        run[TIME] = time
        newest = last if self.company is None else self.company.newest(self.file, time)
        run[SILENCE] = time - (last if newest is None else max(last, newest))
        if self.origin_time is not None:
            run[RUN_AGE] = time - self.origin_time

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
        last = self.run[TIME]
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
                company.logged(self.file, slots[slot].key, run[TIME])
            elif company.has(slots[slot].key, self.file, run[TIME]):
                elsewhere.add(slot)
        if elsewhere != self.elsewhere:
            run[ELSEWHERE] = frozenset(elsewhere)

    def due(self, now: float) -> list[Transition]:
        """What the time from the newest record until `now` (event time) changes by itself, at the moment at which it does.

        Such transitions stand at the newest record's line, are `by` the timer, and are no confirming samples.
        """
        last = self.run[TIME]
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
        step = self.run[STEP] or 0.0
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

    def _names(self, plan: RulePlan) -> dict[str, float]:
        rows = [(text, slot) for text, slot, _ in plan.when.shown if slot is not None]
        out = {}
        for name, slot in (*rows, *plan.mentions):
            value = self.samples[slot]
            if value is not None:
                out[name] = value
        return out

    def firing(self) -> list[RulePlan]:
        """The rules that fire on this file now."""
        return [p for p, m in zip(self.rules.plans, self.machines, strict=True) if m.phase is Phase.FIRING]

    def since(self, plan: RulePlan) -> float | None:
        """The event time at which the present episode of a rule began."""
        return self.machines[plan.rank].since

    def values_of(self, plan: RulePlan) -> dict[str, float]:
        """The values that a rule's condition sees now."""
        return self._values(plan.when)


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
