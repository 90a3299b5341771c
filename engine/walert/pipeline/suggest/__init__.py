"""`walert suggest`: rules learned from past healthy runs, written to be reviewed, and proved silent on those runs.

survey (reading) -> subjects (meaning) -> samples (reading) -> rules (extremes, learning) -> text (writing) -> replay, widen, replay (proving)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from walert.errors import Problem
from walert.pipeline.logs import LogFile, run_of
from walert.pipeline.suggest.learning import learn, learn_silence
from walert.pipeline.suggest.meaning import choose
from walert.pipeline.suggest.proving import WIDENINGS, Proof, findings, prove, settled, widen
from walert.pipeline.suggest.reading import problems, role_slots, samples, survey, unhealthy
from walert.pipeline.suggest.values import Basis, Learned, LogFacts, Series, Subject, Suggestion
from walert.pipeline.suggest.writing import rule_file, why
from walert.rules.plan import Slot
from walert.rules.spelling import metric

__all__ = ["Outcome", "Proof", "Suggestion", "Surveyed", "look", "suggest", "why"]

OnRead = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The logs that something can be learned from, and all that is wrong with any: errors where nothing can, warnings else."""

    logs: list[LogFacts]
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rule file, its rules, and the replay that shows it silent. `text` is empty when no rule could be made."""

    text: str
    basis: Basis
    suggestions: list[Suggestion]
    proof: Proof


def look(files: Sequence[LogFile], on_read: OnRead) -> Surveyed:
    """Read all logs, and find in one pass what is wrong with them; one that cannot be read is a problem, too."""
    slots = role_slots()
    surveyed = Surveyed([], [])
    for file in files:
        facts, wrong = _look(file, slots, on_read)
        surveyed.problems.extend(wrong)
        if facts is not None and not any(p.severity == "error" for p in wrong):
            surveyed.logs.append(facts)
    return surveyed


def _look(file: LogFile, slots: dict[str, Slot], on_read: OnRead) -> tuple[LogFacts | None, list[Problem]]:
    try:
        facts = survey(file, slots, on_read)
        wrong = problems(facts)
        if not any(p.severity == "error" for p in wrong):
            wrong += unhealthy(file)
    except OSError as error:
        return None, [Problem(file.shown, 0, 0, "cannot-read", f"the file cannot be read: {error.strerror}.")]
    return facts, wrong


def suggest(logs: Sequence[LogFacts], file: str, on_read: OnRead) -> Outcome:
    """The rules that these logs teach, as a rule file to be called `file`. Raises `OSError`."""
    slots = role_slots()
    subjects, aside = choose(logs, {role: slot.candidates for role, slot in slots.items()})
    subjects, unfit = _fit(subjects)
    series = _series(logs, subjects, on_read)
    rules = [rule for each in subjects for rule in learn(each, series[each.name], len(logs))]
    rules += learn_silence([log.silence for log in logs if log.timed > log.records // 2])
    basis = _basis(logs, subjects, series, [*unfit, *aside])
    return _proved(basis, rules, [log.file for log in logs], file, on_read)


def _series(logs: Sequence[LogFacts], subjects: Sequence[Subject], on_read: OnRead) -> dict[str, list[Series]]:
    series: dict[str, list[Series]] = {each.name: [] for each in subjects}
    for log in logs:
        for name, found in samples(log, subjects, on_read).items():
            series[name].append(found)
    return series


def _proved(basis: Basis, rules: Sequence[Learned], logs: Sequence[LogFile], file: str, on_read: OnRead) -> Outcome:
    """Write, replay, widen what fires, and again: until it is silent, or what is not is gone."""
    suggestions, dropped = settled(rules)
    proof = Proof(len(logs), 0, 0, Counter())
    for _ in range(WIDENINGS + 2):
        if not suggestions:
            break
        text = rule_file(basis, suggestions, dropped)
        proof = prove(text, file, logs, on_read)
        if proof.silent:
            return Outcome(text, basis, suggestions, proof)
        suggestions, more = widen(suggestions, proof.fired)
        dropped += more
    return Outcome("", basis, [], proof)


def _fit(subjects: Sequence[Subject]) -> tuple[list[Subject], list[str]]:
    """The subjects that a rule file can name without a remark: braces, letters in disguise and the like are set aside."""
    fit = [each for each in subjects if _is_clean(each)]
    return fit, [f"{each.name}: a rule cannot name it plainly" for each in subjects if each not in fit]


def _is_clean(subject: Subject) -> bool:
    asks = [(name, metric(name)) for name in subject.names]
    rules = [{"title": f"{name} is it", "when": f"not isfinite({ask})", "text": f"{{{ask}}}"} for name, ask in asks]
    text = json.dumps({"version": 1, "rules": rules}, ensure_ascii=False)
    return all(map(str.isprintable, subject.names)) and not findings(text, "names.yaml")


def _basis(
    logs: Sequence[LogFacts], subjects: Sequence[Subject], series: dict[str, list[Series]], aside: Sequence[str]
) -> Basis:
    notes = {each.name: _note(each, series[each.name], len(logs)) for each in subjects}
    runs = len({run_of(log.file).id for log in logs})
    partial = frozenset(name for name, found in series.items() if len(found) < len(logs))
    records = sum(log.records for log in logs)
    return Basis(tuple(log.file.shown for log in logs), runs, records, tuple(subjects), notes, partial, tuple(aside))


def _note(subject: Subject, series: Sequence[Series], logs: int) -> str:
    values = [value for each in series for value in each.values]
    steps = [step for each in series for step in each.steps]
    names = f" ({', '.join(subject.names)})" if subject.is_role else ""
    held = "all logs" if len(series) == logs else f"{len(series)} of {logs} logs"
    return (
        f"{subject.name}{names}, {subject.sense}: {len(values):,} samples in {held}, steps {min(steps):.15g} to {max(steps):.15g}, "
        f"values {min(values):.4g} to {max(values):.4g}"
    )
