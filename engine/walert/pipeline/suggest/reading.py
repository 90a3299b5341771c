"""Past logs, read twice: what they hold, then the samples of what is learned about. All that is wrong with them is found in one pass."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence

from walert.errors import Problem
from walert.levels import AlertLevel
from walert.model import BadLine, Record
from walert.pipeline.logs import LogFile, batches
from walert.pipeline.replay import Replay
from walert.pipeline.suggest.meaning import ROLES
from walert.pipeline.suggest.values import Extent, LogFacts, Series, Subject
from walert.records import Decoder
from walert.resources import pack_path
from walert.rules.load import load_rules
from walert.rules.plan import RuleSet, Slot

MAX_METRICS = 1_000  # of one log; a hostile one could name a new one on every line
FEWEST = 20  # records that a log needs to teach anything
OnRead = Callable[[int], None]


def role_slots() -> dict[str, Slot]:
    """The roles of the shipped packs that rules are learned for, with the names that they go by."""
    found: dict[str, Slot] = {}
    for pack in ("training", "progress", "rl", "boosting"):
        path = pack_path(pack)
        for rule in load_rules(path.read_bytes(), str(path)).rules:
            for role, names in rule.aliases.items():
                # The packs mean returns by different names: `rl` judges them, `training` only looks whether there are any.
                if role in ROLES and (role != "returns" or pack == "rl"):
                    found.setdefault(role, Slot(role, names))
    return found


def survey(file: LogFile, slots: dict[str, Slot], on_read: OnRead) -> LogFacts:
    """What a log holds. Raises `OSError`."""
    facts = LogFacts(file)
    last_time: float | None = None
    for record in _records(file, on_read):
        if isinstance(record, BadLine):
            facts.bad_lines += 1
            facts.first_bad = facts.first_bad or record.line
            continue
        facts.records += 1
        if record.time is not None:
            facts.timed += 1
            if last_time is not None:
                facts.silence = max(facts.silence, record.time - last_time)
            last_time = record.time
        if any(name not in facts.metrics for name in record.metrics):
            _meet(facts, record, slots)
        for name, value in record.metrics.items():
            if name in facts.metrics:
                _extend(facts.metrics[name], value, record.step)
    return facts


def _meet(facts: LogFacts, record: Record, slots: dict[str, Slot]) -> None:
    """New metrics: room for them, and what roles they are. A role is bound at the first record that holds any of its names."""
    for name in record.metrics:
        if len(facts.metrics) < MAX_METRICS:
            facts.metrics.setdefault(name, Extent(first_step=record.step))
        elif name not in facts.metrics:
            facts.crowded = True
    for role, slot in slots.items():
        if role not in facts.roles:
            picked = slot.pick(name for name in record.metrics if name in facts.metrics)
            if picked is not None:
                facts.roles[role] = picked


def _extend(extent: Extent, value: float, step: float) -> None:
    extent.count += 1
    extent.last_step = max(extent.last_step, step)
    if not math.isfinite(value):
        extent.not_finite += 1
        return
    if extent.newest is not None:
        extent.rises &= value >= extent.newest
        extent.falls &= value <= extent.newest
    extent.newest = value
    extent.low, extent.high = min(extent.low, value), max(extent.high, value)


def samples(log: LogFacts, subjects: Sequence[Subject], on_read: OnRead) -> dict[str, Series]:
    """The samples of each subject that this log holds, by the subject's name. Raises `OSError`."""
    wanted = {name: each.name for each in subjects if (name := metric_in(each, log)) is not None}
    values = {name: (array("d"), array("d")) for name in wanted.values()}
    lost = dict.fromkeys(wanted.values(), 0)
    row = dict(lost)
    for record in _records(log.file, on_read):
        if isinstance(record, BadLine):
            continue
        for metric, name in wanted.items():
            value = record.metrics.get(metric)
            if value is None:
                continue
            if math.isfinite(value):
                row[name] = 0
                values[name][0].append(value)
                values[name][1].append(record.step)
            else:
                row[name] += 1
                lost[name] = max(lost[name], row[name])
    return {name: Series(*each, lost[name]) for name, each in values.items()}


def metric_in(subject: Subject, log: LogFacts) -> str | None:
    """What a subject is called in a log."""
    if subject.role is not None:
        bound = log.roles.get(subject.role)
        return bound if bound in subject.names else None
    return subject.name if subject.name in log.metrics else None


def _records(file: LogFile, on_read: OnRead) -> Iterator[Record | BadLine]:
    decoder = Decoder(file.source, file.path)
    for batch, size in batches(file):
        for flaw in batch.flaws:
            if flaw.line:
                yield BadLine(flaw.line, flaw.offset, flaw.reason, "")
        offset = batch.first_offset
        for number, data in enumerate(batch.lines, batch.first_line):
            record = decoder.decode(data, number, offset)
            if isinstance(record, BadLine) or (record is not None and record.metrics):
                yield record
            offset += len(data) + 1
        on_read(size)


# --- what is wrong with a log


def problems(log: LogFacts) -> list[Problem]:
    """Why nothing can be learned from a log; remarks (warnings) where something can."""
    shown = log.file.shown
    if not log.records:
        what = "no line of it is a record with a metric." if log.bad_lines else "there is no record in it."
        return [
            Problem(
                shown,
                log.first_bad,
                0,
                "no-records",
                what,
                "Give a log of metrics, or say how it is read with --source.",
            )
        ]
    if log.bad_lines > log.records:
        what = f"{log.bad_lines} lines are no records, and only {log.records} are."
        return [
            Problem(shown, log.first_bad, 0, "mostly-bad", what, "Say how it is read with --source, or leave it out.")
        ]
    if log.records < FEWEST:
        what = f"it has {log.records} records with metrics; fewer than {FEWEST} teach nothing."
        return [Problem(shown, 0, 0, "too-short", what, "Leave it out.")]
    found: list[Problem] = []
    if log.bad_lines:
        what = f"{log.bad_lines} line(s) are no records, and were skipped."
        found.append(Problem(shown, log.first_bad, 0, "bad-lines", what, severity="warning"))
    if log.crowded:
        what = f"it holds more than {MAX_METRICS} metrics; those that came later were not looked at."
        found.append(Problem(shown, 0, 0, "many-metrics", what, severity="warning"))
    return found


def unhealthy(file: LogFile) -> list[Problem]:
    """Where the pack `training` has an ERROR for a log: what it would teach is how a run fails. Raises `OSError`."""
    path = pack_path("training")
    rules = [r for r in load_rules(path.read_bytes(), str(path)).rules if r.level is AlertLevel.ERROR]
    for row in Replay(RuleSet(rules), [file]).happenings():
        if row["happening"] == "firing":
            what = f"this is no healthy run: {row['title']!r} of pack:training fires here."
            return [Problem(file.shown, row["line"], 0, "not-healthy", what, "Leave it out.")]
    return []
