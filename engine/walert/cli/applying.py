"""What a pack does on a log: what each of its roles was bound to there, which of its rules could be decided, and which fired."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from walert.dispatch.desk import Desk, Place
from walert.model import BadLine, Happening, Rule
from walert.pipeline.logs import LogFile, batches, run_of
from walert.pipeline.runs import head_of
from walert.pipeline.session import Judged, Session, open_session
from walert.rules.blind import blind
from walert.rules.plan import RuleSet, Slot


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a pack; `metric` is what it stands for in the log, None for nothing."""

    role: str
    metric: str | None


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule on a log: `applies` when it was decided at any record, else `why` says what it lacks. `fired` is the line of the first firing."""

    title: str
    level: str
    applies: bool
    why: str
    fired: int | None


@dataclass(slots=True)
class Application:
    """A rule set on a log. Roles in the order of the rules that name them, rules in theirs."""

    roles: list[Role] = field(default_factory=list)
    rules: list[Applied] = field(default_factory=list)


def apply(rules: list[Rule], file: LogFile, on_bad_line: Callable[[LogFile, BadLine], None]) -> Application:
    """Judge the log and look at what became of roles and rules. Raises `OSError` for a file that cannot be read."""
    # Rules of packs are optional, and optional ones are never blind: here somebody asks.
    compiled = RuleSet([dataclasses.replace(rule, optional=False, runs={}) for rule in rules])
    run = run_of(file)
    place = Place(file.path, file.shown, file.path, head_of(b""), clock=None)
    session = open_session(file.source, run, file.path, compiled, Desk(run, lambda alert, own: ()), place)
    bound: dict[Slot, str] = {}
    undecided = {plan.when.key for plan in compiled.plans}
    fired: dict[str, int] = {}
    for judged in _judged(file, session, on_bad_line):
        bound.update(session.fold.bound)
        undecided = {key for key in undecided if session.fold.latches[key].truth is None}
        for transition in judged.transitions:
            if transition.happening is Happening.FIRING:
                fired.setdefault(f"{transition.rule.title} {transition.rule.level}", transition.line)
    lacks = {(each.rule.title, each.rule.level): each.why for each in blind(session.fold)}
    slots = {slot.name: slot for slot in compiled.slots if slot.candidates}
    return Application(
        [Role(name, bound.get(slot)) for name, slot in slots.items()],
        [
            Applied(
                rule.title, str(rule.level), plan.when.key not in undecided,
                "" if plan.when.key not in undecided else lacks.get((rule.title, rule.level), "nothing decided it"),
                fired.get(f"{rule.title} {rule.level}"),
            )
            for plan, rule in zip(compiled.plans, compiled.rules, strict=True)
        ],
    )  # fmt: skip


def _judged(file: LogFile, session: Session, on_bad_line: Callable[[LogFile, BadLine], None]) -> Iterator[Judged]:
    for batch, _ in batches(file):
        offset = batch.first_offset
        for number, data in enumerate(batch.lines, batch.first_line):
            judged = session.line(data, number, offset, None)
            offset += len(data) + 1
            if isinstance(judged, BadLine):
                on_bad_line(file, judged)
            elif judged is not None:
                yield judged
