"""Why a rule did or did not fire: each comparison as it was judged, with its values, read off a fold that runs as it always does.

    watch = Observer(plan, fold.rules)
    fold.step(record); watch.see(fold, record)      # a `Judgement`, or None when the record recomputed nothing of the rule

Nothing here is part of judging: an observer only reads. Where no history is involved, `reference` gives a second opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from walert.model import Record
from walert.rules import terms as t
from walert.rules.compiling import Layout, Reader, Values, compile_number
from walert.rules.fold import Fold
from walert.rules.holding import holding, never_logged
from walert.rules.machine import Machine, Phase
from walert.rules.plan import ConditionPlan, RulePlan, RuleSet, layout_of
from walert.rules.spelling import spell
from walert.rules.syntax import parse_truth
from walert.template import number
from walert.units import format_duration

Verdict = bool | None
Part = Literal["when", "clear"]


@dataclass(frozen=True, slots=True)
class Looked:
    """One comparison or predicate at one record.

    `truth` is what it holds, None for UNKNOWN; `fresh` whether this record recomputed it. `values` are those that it names (None:
    MISSING), `sides` what its computed sides came to. `why` says what makes it UNKNOWN, `waits` what it waits for to be recomputed.
    `second` is the reference evaluator's opinion where that disagrees.
    """

    part: Part
    text: str
    truth: Verdict
    fresh: bool
    values: Mapping[str, float | None]
    sides: Mapping[str, float | None]
    why: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    second: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A rule at one record: its comparisons, what they decide, and where that leaves the rule.

    `verdict` is what `when` holds; `counts` tells whether this record's recomputed comparisons decide it, or `clear`, so that the
    state machine heard of it. `state` is the state after it, in words.
    """

    line: int
    step: float
    time: float | None
    comparisons: tuple[Looked, ...]
    verdict: Verdict
    clear: Verdict
    counts: bool
    phase: Phase
    state: str


class Observer:
    """Watches one rule of a rule set."""

    def __init__(self, plan: RulePlan, rules: RuleSet) -> None:
        self.plan = plan
        layout = layout_of(rules, plan.rule)
        self._parts: list[tuple[Part, ConditionPlan, list[_Atom]]] = [
            ("when", plan.when, _atoms(plan.rule.when, layout))
        ]
        if plan.clear is not None and plan.rule.clear is not None:
            self._parts.append(("clear", plan.clear, _atoms(plan.rule.clear, layout)))

    def see(self, fold: Fold, record: Record) -> Judgement | None:
        """What `record`, just folded, made of the rule; None when it recomputed no comparison of it."""
        if not record.metrics and record.event is not None:
            return None
        if not any(fold.records in fold.latches[condition.key].computed for _, condition, _ in self._parts):
            return None
        return self._judgement(fold, record.line, record.step, record.time, fold.records)

    def now(self, fold: Fold) -> Judgement:
        """The rule as it stands after the newest record."""
        newest = fold.newest() or Record(0, 0, 0.0, False, None, None, {}, None)
        return self._judgement(fold, newest.line, newest.step, newest.time, fold.records)

    def _judgement(self, fold: Fold, line: int, step: float, time: float | None, tick: int) -> Judgement:
        machine = fold.machines[self.plan.rank]
        looked = [
            atom.look(part, fold, fold.latches[condition.key].truths[i], fold.latches[condition.key].computed[i], tick)
            for part, condition, atoms in self._parts
            for i, atom in enumerate(atoms)
        ]
        return Judgement(
            line, step, time, tuple(looked), fold.latches[self.plan.when.key].truth,
            fold.latches[self.plan.clear.key].truth if self.plan.clear is not None else None,
            any(_counts(fold, condition, tick) for _, condition, _ in self._parts), machine.phase,
            state_of(self.plan, machine, step, time),
        )  # fmt: skip


def _counts(fold: Fold, condition: ConditionPlan, tick: int) -> bool:
    """As `Latch.judge` decides it: with what was recomputed UNKNOWN, the verdict would be UNKNOWN."""
    latch = fold.latches[condition.key]
    fresh = [at == tick for at in latch.computed]
    if not any(fresh) or latch.truth is None:
        return False
    return condition.verdict([None if f else truth for f, truth in zip(fresh, latch.truths, strict=True)]) is None


# --- one comparison


@dataclass(frozen=True, slots=True)
class _Atom:
    term: t.Atom
    text: str
    names: tuple[tuple[str, int | None, int | None], ...]  # (how it is written, slot, feature), as a proof shows them
    sides: tuple[tuple[str, Callable[[Values, Sequence[Reader], Values], float | None]], ...]
    waits: tuple[int, ...]  # slots without which it is not recomputed
    plain: bool  # the reference evaluator can judge it

    def look(self, part: Part, fold: Fold, truth: Verdict, computed: int, tick: int) -> Looked:
        """This comparison as `fold` holds it now."""
        values = {_shown(fold, text, slot): _value(fold, text, slot, feature) for text, slot, feature in self.names}
        sides = {text: compute(fold.samples, fold.readers, fold.run) for text, compute in self.sides}
        fresh = 0 < computed == tick
        return Looked(
            part, self.text, truth, fresh, values, sides,
            tuple(self._why(fold, values, sides)) if truth is None and computed else (),
            () if fresh else tuple(self._waiting(fold, computed)),
            self._second(fold, truth) if fresh else None,
        )  # fmt: skip

    def _why(self, fold: Fold, values: Mapping[str, float | None], sides: Mapping[str, float | None]) -> list[str]:
        """What makes it UNKNOWN."""
        out = []
        for text, slot, feature in self.names:
            name = _shown(fold, text, slot)
            value = values[name]
            if value is None and feature is not None:
                out.append(f"{text} {holding(fold, feature)}")
            elif value is None:
                out.append(f"{name} was never logged")
            elif value != value:
                out.append(f"{name} is NaN")
        if not out:
            out += [f"{text} has no answer (NaN)" for text, value in sides.items() if value != value]
        return list(dict.fromkeys(out))

    def _waiting(self, fold: Fold, computed: int) -> list[str]:
        """The metrics without a sample newer than the last computation."""
        out = []
        for slot in self.waits:
            if never_logged(fold, slot):
                out.append(f"{_role(fold, slot)}, never logged")
            elif fold.arrived[slot] <= computed:
                out.append(fold.logged_name(slot))
        return out

    def _second(self, fold: Fold, truth: Verdict) -> str | None:
        if not self.plain:
            return None
        from walert.rules import reference

        samples = {
            text: value
            for text, slot, _ in self.names
            if slot is not None and (value := fold.samples[slot]) is not None
        }
        run = {
            name: value
            for name, value in zip(("step", "epoch", "run_age", "attempt"), fold.run, strict=False)
            if value is not None
        }
        opinion = reference.judge(self.text, samples, run)
        return None if opinion is truth else f"the reference evaluator says {said(opinion)}"


def _atoms(text: str, layout: Layout) -> list[_Atom]:
    return [_atom(term, layout) for term in t.atoms(parse_truth(text))]


def _atom(term: t.Atom, layout: Layout) -> _Atom:
    nodes = list(t.walk(term))
    numbers = term.sides if isinstance(term, t.Compare) else (term.arg,) if isinstance(term, t.Predicate) else ()
    # A side that is a value by itself is shown among the values; one that is computed says what it came to.
    computed = [n for n in numbers if isinstance(n, t.Apply | t.Choose)]
    direct = {layout.slot(n.name) for n in nodes if isinstance(n, t.Metric)}
    windows = {
        layout.slot(n.metric)
        for n in nodes
        if isinstance(n, t.Feature) and n.metric is not None and n.function not in ("last", "age", "age_steps")
    }
    return _Atom(
        term, spell(term), tuple(_names(nodes, layout)), tuple((spell(n), compile_number(n, layout)) for n in computed),
        tuple(sorted(direct | windows)), not any(isinstance(n, t.Feature | t.Presence) for n in nodes),
    )  # fmt: skip


def _names(nodes: Sequence[t.Node], layout: Layout) -> list[tuple[str, int | None, int | None]]:
    rows: dict[str, tuple[str, int | None, int | None]] = {}
    for node in nodes:
        match node:
            case t.Metric(name):
                rows.setdefault(name, (name, layout.slot(name), None))
            case t.Feature(function="last", metric=str(metric)) | t.Presence(metric=str(metric)):
                rows.setdefault(metric, (metric, layout.slot(metric), None))
            case t.Feature():
                text = spell(node)
                rows.setdefault(text, (text, None, layout.feature(node)))
            case t.OfRun(name):
                rows.setdefault(name, (name, None, None))
    return list(rows.values())


def _shown(fold: Fold, text: str, slot: int | None) -> str:
    return text if slot is None else fold.logged_name(slot)


def _value(fold: Fold, text: str, slot: int | None, feature: int | None) -> float | None:
    if slot is not None:
        return fold.samples[slot]
    if feature is not None:
        return fold.readers[feature]()
    value: float | None = fold.run[("step", "epoch", "run_age", "attempt").index(text)]
    return value


def _role(fold: Fold, slot: int) -> str:
    known = fold.rules.slots[slot]
    return f"{known.name} (none of {', '.join(known.candidates)})" if known.candidates else known.name


# --- words


def said(verdict: Verdict) -> str:
    """True, False or UNKNOWN."""
    return "UNKNOWN" if verdict is None else str(verdict)


def state_of(plan: RulePlan, machine: Machine, step: float, time: float | None) -> str:
    """Where a rule stands, in words: `pending, 2 of 3`."""
    if machine.phase is Phase.PENDING:
        return f"pending, {_progress(plan, machine, step, time)}"
    if machine.phase is Phase.FIRING and machine.clear.count and plan.needs.keep is not None:
        keep = plan.needs.keep
        return f"firing, clear {_stretch(keep.kind, keep.amount, machine.clear.count, machine.clear.step, machine.clear.time, step, time)}"
    return str(machine.phase)


def _progress(plan: RulePlan, machine: Machine, step: float, time: float | None) -> str:
    span, true = plan.needs.for_, machine.true
    if span is None:
        return "not yet confirmed"
    if span.kind == "k_of_n":
        return f"{sum(machine.history)} of the last {len(machine.history)} true, fires at {number(span.amount)} of {span.of}"
    return _stretch(span.kind, span.amount, true.count, true.step, true.time, step, time)


def _stretch(
    kind: str,
    amount: float,
    count: int,
    first_step: float | None,
    first_time: float | None,
    step: float,
    time: float | None,
) -> str:
    if count == 0:
        return f"0 of {number(amount)}" if kind != "seconds" else f"0s of {format_duration(amount)}"
    if kind == "steps":
        return f"{number(step - (first_step or 0.0))} of {number(amount)} steps"
    if kind == "seconds":
        held = time - first_time if time is not None and first_time is not None else 0.0
        return f"{format_duration(held)} of {format_duration(amount)}"
    return f"{count} of {number(amount)}"
