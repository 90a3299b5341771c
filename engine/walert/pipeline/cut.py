"""The picture's data: the samples before an alert, cut from the log's own bytes at the moment of the decision.

What was written before stands in the file, so nothing is kept in memory for it, and it survives a restart. The cut is bounded in bytes
and in lines, reads only what the page cache has just held, and is kept as the alert's evidence: a log that is rotated or deleted before a
message is delivered takes no picture with it. Drawing comes later, in the receiver's own thread.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from operator import itemgetter

from walert.model import Alert, BadLine, Batch, Curve, Record, Rule
from walert.pipeline.session import Session
from walert.rules.drawing import drawn

SAMPLES = 120
"""Samples of a metric in a picture: more are not told apart at its size."""
A_PASS = 16
"""Lines of one pass whose alerts get a picture: a flood must not cost the pass its pace."""
_CHUNK = 65_536
_BYTES = 1 << 20  # at most so many are searched for samples
_LINES = 480  # at most so many are decoded


@dataclass(slots=True)
class _Course:
    """A metric's samples on the way back through the file, newest first."""

    needle: bytes
    steps: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return len(self.values) >= SAMPLES

    def add(self, step: float, value: float, jumps: bool) -> None:
        """One sample further back. What lies at or beyond a later sample's step is of an earlier attempt, and no part of it."""
        if not self.full and math.isfinite(step) and (jumps or not self.steps or step < self.steps[-1]):
            self.steps.append(step)
            self.values.append(value)


Named = tuple[str | None, str]
"""What tells a rule from every other: FILE:LINE and its title; one line may hold several."""


def named(about: Alert | Rule) -> Named:
    """The rule that it is, or that an alert is about."""
    return about.origin, about.title


def curves(session: Session, batch: Batch, record: Record, rules: AbstractSet[Named]) -> dict[Named, tuple[Curve, ...]]:
    """The curves of each of `rules` up to `record`, which was just judged.

    A rule that judges no metric, and a file that cannot be read back or is another one by now, have none. A record with neither
    metrics nor an event stands for what fell due after the file's last line.
    """
    plans = session.fold.rules.plans
    wanted = {rule: drawn(plan) for plan in plans if (rule := named(plan.rule)) in rules}
    courses: dict[str, _Course] = {}
    for each in (each for group in wanted.values() for each in group):
        name = session.fold.logged_name(each.slot)
        courses.setdefault(name, _Course(_needle(session, name)))
    if not courses:
        return {}
    _collect(session, batch, record, courses)
    return {
        rule: tuple(_curve(session.fold.logged_name(each.slot), courses, each.limits) for each in group)
        for rule, group in wanted.items()
    }


def _curve(name: str, courses: Mapping[str, _Course], limits: tuple[float, ...]) -> Curve:
    course = courses[name]
    pairs = list(zip(reversed(course.steps), reversed(course.values), strict=True))
    pairs.sort(key=itemgetter(0))  # of writers that interleave; others are in order
    return Curve(name, tuple(step for step, _ in pairs), tuple(value for _, value in pairs), limits)


def _collect(session: Session, batch: Batch, record: Record, courses: Mapping[str, _Course]) -> None:
    jumps = session.fold.attempts.interleaved
    is_line = bool(record.metrics) or record.event is not None
    end = record.offset if is_line else batch.checkpoint.offset
    _take(courses, record.metrics, record.step, jumps)
    decoded = 0
    for back, line in enumerate(_backwards(batch, end), 1):
        if not any(course.needle in line and not course.full for course in courses.values()):
            if all(course.full for course in courses.values()):
                break
            continue
        if (decoded := decoded + 1) > _LINES:
            break
        earlier = session.decoder.again(line)
        if earlier is not None and not isinstance(earlier, BadLine):
            # Without a step of its own a record stands where it lies in the file.
            step = earlier.step if earlier.has_step else record.step - back + (not is_line)
            _take(courses, earlier.metrics, step, jumps)


def _take(courses: Mapping[str, _Course], metrics: Mapping[str, float], step: float, jumps: bool) -> None:
    for name, course in courses.items():
        if name in metrics:
            course.add(step, metrics[name], jumps)


def _needle(session: Session, name: str) -> bytes:
    """What a line holds if it holds the metric; nothing, where the line may spell it otherwise."""
    source, last = session.decoder.source, name.rpartition("/")[2]
    literal = source.format in ("auto", "jsonl") and not source.rename and source.pivot is None
    return last.encode() if literal and last.isascii() and last.isprintable() and not set(last) & set('"\\./') else b""


def _backwards(batch: Batch, end: int) -> Iterator[bytes]:
    """The complete lines before byte `end` of the batch's file, last first, `_BYTES` of them at most. Nothing on any error."""
    try:
        fd = os.open(batch.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return
    try:
        yield from _lines(fd, batch, end)
    except OSError:
        return
    finally:
        os.close(fd)


def _lines(fd: int, batch: Batch, end: int) -> Iterator[bytes]:
    found = os.fstat(fd)
    if (found.st_dev, found.st_ino) != (batch.checkpoint.device, batch.checkpoint.inode) or found.st_size < end:
        return
    lowest, rest = max(0, end - _BYTES), b""
    while end > lowest:
        start = max(lowest, end - _CHUNK)
        lines = (os.pread(fd, end - start, start) + rest).split(b"\n")
        rest, end = lines[0], start
        yield from (line for line in reversed(lines[1:]) if line)
    if lowest == 0 and rest:
        yield rest
