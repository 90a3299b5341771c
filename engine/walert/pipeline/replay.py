"""The same fold over finished or live logs, with nothing delivered: what would have been said, line by line."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from walert.dispatch.desk import Desk, Place, Said, Told
from walert.model import BadLine, Batch, Happening, Run, Transition
from walert.pipeline.carried import RunRules, owner_of
from walert.pipeline.logs import LogFile, batches, first_event, numbered
from walert.pipeline.runs import head_of, identify, is_start, relative
from walert.pipeline.session import Judged, Quiet, Session, open_session
from walert.pipeline.survey import Surveyor
from walert.rules.blind import Blind, Sight, blind_rules
from walert.rules.plan import RuleSet


@dataclass(slots=True)
class Totals:
    """What a replay came to."""

    runs: set[str] = field(default_factory=set)
    records: int = 0
    bad_lines: int = 0
    records_without_time: int = 0
    messages: int = 0
    suppressed: int = 0

    def row(self) -> dict[str, Any]:
        """The summary object that closes `walert replay --json`."""
        return {
            "happening": "summary", "runs": len(self.runs), "records": self.records, "bad_lines": self.bad_lines,
            "records_without_time": self.records_without_time, "messages": self.messages, "suppressed": self.suppressed,
        }  # fmt: skip


class Replay:
    """A replay of some files under one rule set. Iterate `happenings()`, then read `totals`.

    Or hand it the files' batches with `take`, and tell each file's end: then several replays can share one reading. `on_judged` hears of
    every record, right after it was judged. `carried` finds the rules of walert's own runs; without it `rules` judge them, too.
    """

    def __init__(
        self,
        rules: RuleSet,
        files: Iterable[LogFile],
        on_bad_line: Callable[[LogFile, BadLine], None] | None = None,
        on_judged: Callable[[Session, Judged], None] | None = None,
        carried: RunRules | None = None,
    ) -> None:
        self.rules = rules
        self.carried = carried
        self.files = list(files)
        self.totals = Totals()
        self.held: dict[tuple[str, str], int] = {}  # (run, title) -> all that was held back, repeats included
        self._left: dict[tuple[str, str], int] = {}
        self._desks: dict[str, Desk] = {}
        self._sights: dict[str, _Seen] = {}
        self._surveyor = Surveyor(self.files)
        self._session: Session | None = None
        self._on_bad_line = on_bad_line or (lambda file, bad: None)
        self._on_judged = on_judged

    def happenings(self, on_read: Callable[[int], None] = lambda size: None) -> Iterator[dict[str, Any]]:
        """One object a happening, files in the order given and each in line order; the summary is not among them.

        `on_read` hears of every batch how many bytes it took. Raises `OSError` for a file that cannot be read.
        """
        for file in self.files:
            # What fell due after a line comes when the next one is read, but stands at that line: transitions first there, too.
            for _, rows in groupby(self.file(file, on_read), key=itemgetter("line")):
                yield from sorted(rows, key=_is_said)

    def file(self, file: LogFile, on_read: Callable[[int], None]) -> Iterator[dict[str, Any]]:
        """What happens on one file, as it is read. Raises `OSError`."""
        for batch, size in batches(file):
            yield from self.take(file, batch)
            on_read(size)
        self.end(file)

    def take(self, file: LogFile, batch: Batch) -> Iterator[dict[str, Any]]:
        """What a batch of the present file, the next one, makes happen."""
        # An over-long line is a bad line like any other.
        self.totals.bad_lines += sum(1 for flaw in batch.flaws if flaw.line)
        if self._session is None:
            begin = next((place for place in numbered(batch) if place[2].strip()), None)
            if begin is None:
                return
            number, offset, data = begin
            self._session = self._open(file, data, number, offset)
        session, hears = self._session, self._on_judged
        for judged in session.lines(batch.lines, batch.first_line, batch.first_offset, None, every=hears is not None):
            if isinstance(judged, BadLine):
                self._on_bad_line(file, judged)
            elif isinstance(judged, Quiet):
                self._hold(shown_run(file, session.run), session.desk, judged.titles, ())
            else:
                if hears is not None:
                    hears(session, judged)
                if judged.transitions or judged.said:
                    yield from self._rows(file, session, judged)

    def end(self, file: LogFile) -> None:
        """The present file is read to its end."""
        session, self._session = self._session, None
        if session is None:
            self.totals.runs.add(identify(file.source, file.root, file.path, None, None).id)
            return
        self.totals.runs.add(session.run.id)
        for name, count in session.counts.items():
            setattr(self.totals, name, getattr(self.totals, name) + count)
        self.totals.suppressed = sum(desk.suppressed for desk in self._desks.values())
        session.fold.sight.look(session.fold)

    def blind(self) -> list[tuple[str, Blind]]:
        """(run, rule) of every rule that is blind on a run, as far as the files go."""
        return [(seen.run, each) for seen in self._sights.values() for each in blind_rules(seen.rules, seen.sight)]

    def _open(self, file: LogFile, data: bytes, number: int, offset: int) -> Session:
        event = first_event(file.source, file.path, data, number, offset)
        run = identify(file.source, file.root, file.path, event, None)
        desk = self._desks.setdefault(run.id, Desk(run, lambda alert, own: ()))
        place = Place(
            stream=file.path, log=file.shown, path=relative(file.root, file.path), head=head_of(data), clock=None
        )
        rules = rules_for(file, event, self.carried) or self.rules
        session = open_session(file.source, run, file.path, rules, desk, place)
        seen = self._sights.setdefault(run.id, _Seen(shown_run(file, run), session.fold.rules, session.fold.sight))
        session.fold.sight = seen.sight
        session.fold.file, session.fold.company = file.path, self._surveyor.company(run, session.fold.rules)
        return session

    def _rows(self, file: LogFile, session: Session, judged: Judged) -> Iterator[dict[str, Any]]:
        """A line's transitions, then its messages; what fell due before the line stands at the line before."""
        run = shown_run(file, session.run)
        told = [t for t in judged.transitions if t.happening is not Happening.CONFIRMED]
        self.totals.messages += sum(isinstance(said, Told) for said in judged.said)
        self._hold(run, session.desk, [t.rule.title for t in judged.transitions], judged.said)
        rows = [*map(_transition_row, told), *map(_said_row, judged.said)]
        for row in sorted(rows, key=itemgetter("line")):
            yield {"run": run, "file": file.shown} | row

    def _hold(self, run: str, desk: Desk, about: Iterable[str], told: Iterable[Said]) -> None:
        """Count what lines held back, title by title: what the cooldown holds now, and what their messages told of."""
        titles = dict.fromkeys(about)
        drained: dict[str, int] = {}
        for said in told:
            title = said.alert.title if isinstance(said, Told) else said.title
            titles.setdefault(title)
            drained[title] = drained.get(title, 0) + (said.alert.suppressed if isinstance(said, Told) else 0)
        for title in titles:
            kept = desk.cooldowns.get(title)
            left, before = kept.suppressed if kept else 0, self._left.get((run, title), 0)
            # The end of a run empties every cooldown at once: that held nothing back.
            self.held[run, title] = self.held.get((run, title), 0) + max(0, left - before + drained.get(title, 0))
            self._left[run, title] = left


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the rules of a run have found in its files so far."""

    run: str
    rules: RuleSet
    sight: Sight


def rules_for(file: LogFile, event: Mapping[str, Any] | None, carried: RunRules | None) -> RuleSet | None:
    """The rules by which a file that begins with `event` is judged where its run may carry some, else None."""
    if carried is None or not is_start(event):
        return None
    return carried.judging(
        os.path.dirname(os.path.abspath(file.path)), os.path.dirname(file.shown) or ".", owner_of(file.path)
    )


def shown_run(file: LogFile, run: Run) -> str:
    """A run's name below LOG: its folder for walert's own logs, its file for foreign ones."""
    name = relative(file.root, file.path)
    own = run.name != name and not file.source.run
    if not own:
        return run.name
    folder = file.path.rpartition("/")[0] or "."
    return relative(file.root, folder)


def _is_said(row: Mapping[str, Any]) -> bool:
    return row["happening"] in ("message", "suppressed")


def _transition_row(transition: Transition) -> dict[str, Any]:
    rule = transition.rule
    row = {
        "line": transition.line, "step": plain(transition.step), "time": transition.time, "rule": rule.origin, "title": rule.title,
        "level": str(rule.level), "happening": str(transition.happening), "values": spelled(transition.values), "text": transition.why,
        "suppressed": 0,
    }  # fmt: skip
    return row | ({"by": "timer"} if transition.by == "timer" else {})


def _said_row(said: Said) -> dict[str, Any]:
    alert, happening = (said.alert, "message") if isinstance(said, Told) else (said, "suppressed")
    return {
        "line": said.line, "step": plain(said.step), "time": said.time, "rule": alert.origin, "title": alert.title,
        "level": str(alert.level), "happening": happening, "values": spelled(alert.values), "text": alert.text,
        "suppressed": alert.suppressed,
    }  # fmt: skip


def spelled(values: Mapping[str, float]) -> dict[str, float | int | str | None]:
    """Values for JSON: non-finite ones as strings, whole ones without a point."""
    return {name: plain(value) for name, value in values.items()}


def plain(value: float | None) -> float | int | str | None:
    """One value for JSON."""
    if value is None:
        return None
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def dumps(row: Mapping[str, Any]) -> str:
    """One line of output, any script kept readable; bytes of a file's name that are no text are written \\udcXX."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace").decode()
