"""One file's way from lines to what is said: its decoder, its fold, and its place at the desk of its run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from walert.dispatch.desk import Desk, Place, Said
from walert.dispatch.lull import Lull, lull
from walert.model import BadLine, Record, Run, Source, Transition
from walert.records import MAX_LINE, Decoder, Form
from walert.rules.fold import Fold
from walert.rules.plan import RulePlan, RuleSet
from walert.rules.skim import Skimmed, Skimmer, settle


class Judged(NamedTuple):
    """What one line came to."""

    record: Record
    transitions: Sequence[Transition]
    said: Sequence[Said]

    @property
    def tells(self) -> bool:
        """Whether anybody has a use for it."""
        return bool(self.transitions or self.said or self.record.event)


class Quiet(NamedTuple):
    """Lines that said nothing, but were held back under these titles."""

    titles: tuple[str, ...]


@dataclass(slots=True)
class Session:
    """A file being judged. `place` is where its lines come from; its `clock` is set anew for each line."""

    source: Source
    run: Run
    decoder: Decoder
    fold: Fold
    desk: Desk
    place: Place
    late_after: float | None = None
    started: float = 0.0  # when it was first read, by the daemon's clock
    read_at: float = 0.0  # when its newest line was read, by the daemon's monotonic clock
    own: bool = False  # whether it is a log of walert's own writer, whose run may carry rules
    awaits: RuleSet | None = None  # the rules by which it will be judged once their state is rebuilt
    parting: list[Said] = field(default_factory=list)  # of rules that it was judged by before it was taken up again
    skimmer: Skimmer = field(default_factory=Skimmer)
    _lull: Lull | None = None  # of the lines being skimmed
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("records", "bad_lines", "records_without_time"), 0)
    )

    def lines(
        self, lines: Sequence[bytes], number: int, offset: int, arrival: float | None, *, every: bool = False
    ) -> Iterator[Judged | BadLine | Quiet]:
        """Judge lines, the first of which is `number` and begins at `offset`, as `line` would one by one.

        Unless `every` record is asked for, those that nobody needs to hear of are left out; `Quiet` stands for some of them that were held
        back. What is kept of the file is brought up to date before each that is given, and at the end.
        """
        size = sum(map(len, lines)) + len(lines)
        skims = not every and (size <= MAX_LINE or max(map(len, lines)) <= MAX_LINE)
        at, last = 0, len(lines)
        while at < last:
            entered = False
            if skims and (done := self._skim(lines, at, arrival)) is not None:
                count, entered = done.count, done.entered
                if count:
                    passed = size if count == last else sum(map(len, islice(lines, at, at + count))) + count
                    at, offset = at + count, offset + passed
                    settle(self.fold, done, number + at - 1, offset - len(lines[at - 1]) - 1)
                    yield from self._pass_over(done)
                    if at == last:
                        return
            data = lines[at]
            judged = self.line(data, number + at, offset, arrival, entered)
            if judged is not None and (every or isinstance(judged, BadLine) or judged.tells):
                yield judged
            at, offset = at + 1, offset + len(data) + 1

    def _skim(self, lines: Sequence[bytes], at: int, arrival: float | None) -> Skimmed | None:
        form = self.decoder.form
        if form is None:
            return None
        coming = _Coming(form, self.decoder.records, arrival, lines, at, self.decoder.prepare)
        return self.skimmer.run(self.fold, coming, lambda plans: self._hush(plans, arrival))

    def _hush(self, plans: Sequence[RulePlan], arrival: float | None) -> tuple[float, float] | None:
        found = lull(self.desk, self.place.stream, arrival, [(plan.key, plan.rule) for plan in plans])
        self._lull = found
        return None if found is None else (found.low, found.high)

    def _pass_over(self, done: Skimmed) -> Iterator[Quiet]:
        self.decoder.pass_over(done.count)
        self.counts["records"] += done.count
        if not done.view.form.timed:
            self.counts["records_without_time"] += done.count
        if done.loop.confirming and self._lull is not None:
            for title in self._lull.titles:
                self.desk.hold(title, done.count)
            yield Quiet(tuple(dict.fromkeys(self._lull.titles)))

    def line(
        self, data: bytes, number: int, offset: int, arrival: float | None, entered: bool = False
    ) -> Judged | BadLine | None:
        """Judge one line. `arrival` stands for the time of a record that has none, and is the daemon's clock; None in a replay.

        `entered`: the line's samples are in the windows already.
        """
        record = self.decoder.decode(data, number, offset)
        if record is None:
            return None
        if isinstance(record, BadLine):
            self.counts["bad_lines"] += 1
            return record
        return self.record(record, arrival, entered)

    def record(self, record: Record, arrival: float | None, entered: bool = False) -> Judged:
        """Judge one record."""
        self.counts["records"] += 1
        if record.time is None:
            self.counts["records_without_time"] += 1
            record = record._replace(time=arrival)
        transitions = self.fold.step_entered(record) if entered else self.fold.step(record)
        if not transitions and record.event is None:
            return Judged(record, (), ())
        return Judged(record, transitions, self.desk.line(self.here(record, arrival), record, transitions))

    def silent(self, seconds: float, timeout: float, now: float, *, alive: bool = True) -> Judged | None:
        """What `seconds` without a line change by themselves while the run is `alive`; after `timeout`, the end of one that never said so."""
        last = self.fold.newest()
        if last is None or last.time is None:
            return None
        transitions = self.fold.due(last.time + seconds) if alive else []
        if seconds > timeout:
            transitions += self.fold.close("no end record", last._replace(time=last.time + seconds))
        if not transitions:
            return None
        return Judged(last, transitions, self.desk.line(self.here(last, now), last, transitions))

    def here(self, record: Record, arrival: float | None) -> Place:
        """Where a record stands, for the desk."""
        event = record.event or {}
        if event.get("event") == "start" and isinstance(event.get("rank"), int):
            self.place = replace(self.place, rank=event["rank"])
        clock = arrival if arrival is not None else record.time
        late = (
            self.late_after is not None
            and arrival is not None
            and record.time is not None
            and arrival - record.time > self.late_after
        )
        return replace(self.place, clock=clock, attempt=self.fold.attempts.number, late=late)

    def dump(self) -> dict[str, Any]:
        """What the state file keeps of it beside fold and decoder."""
        return {
            "episodes": self.desk.dump_episodes(self.place.stream),
            "rank": self.place.rank,
            "head": self.place.head,
            "own": self.own,
        }


@dataclass(frozen=True, slots=True)
class _Coming:
    """The lines of a batch from `at` on."""

    form: Form
    records: int
    arrival: float | None
    lines: Sequence[bytes]
    at: int
    prepare: Callable[[bytes], bytes] | None

    def __iter__(self) -> Iterator[bytes]:
        lines = islice(self.lines, self.at, None)
        return map(self.prepare, lines) if self.prepare else lines

    def __len__(self) -> int:
        return len(self.lines) - self.at

    def __getitem__(self, index: int) -> bytes:
        data = self.lines[self.at + index]
        return self.prepare(data) if self.prepare else data


def open_session(
    source: Source,
    run: Run,
    path: str,
    rules: RuleSet,
    desk: Desk,
    place: Place,
    late_after: float | None = None,
    own: bool = False,
) -> Session:
    """A session on a file never judged before; `own` for one of walert's own writer."""
    return Session(source, run, Decoder(source, path), Fold(rules.for_run(run)), desk, place, late_after, own=own)


def reopen_session(
    source: Source,
    run: Run,
    path: str,
    rules: RuleSet,
    desk: Desk,
    place: Place,
    state: Kept,
    late_after: float | None = None,
) -> Session:
    """A session as it was committed; its episodes go back to the desk."""
    chosen = rules.for_run(run)
    desk.load_episodes(place.stream, state.extra.get("episodes", {}))
    place = replace(place, rank=state.extra.get("rank", 0), head=state.extra.get("head", ""))
    return Session(
        source,
        run,
        Decoder(source, path, state.decoder),
        Fold.load(chosen, state.fold),
        desk,
        place,
        late_after,
        own=state.own,
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """The committed state of a file."""

    fold: Mapping[str, Any]
    decoder: Mapping[str, Any]
    extra: Mapping[str, Any]

    @property
    def own(self) -> bool:
        """Whether it is a log of walert's own writer."""
        return bool(self.extra.get("own"))


Arrival = Callable[[], float | None]
