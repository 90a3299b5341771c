"""One file's way from lines to what is said: its decoder, its fold, and its place at the desk of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from walert.dispatch.desk import Desk, Place, Said
from walert.model import BadLine, Record, Run, Source, Transition
from walert.records import Decoder
from walert.rules.fold import Fold
from walert.rules.plan import RuleSet


class Judged(NamedTuple):
    """What one line came to."""

    record: Record
    transitions: Sequence[Transition]
    said: Sequence[Said]


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
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("records", "bad_lines", "records_without_time"), 0)
    )

    def line(self, data: bytes, number: int, offset: int, arrival: float | None) -> Judged | BadLine | None:
        """Judge one line. `arrival` stands for the time of a record that has none, and is the daemon's clock; None in a replay."""
        record = self.decoder.decode(data, number, offset)
        if record is None:
            return None
        if isinstance(record, BadLine):
            self.counts["bad_lines"] += 1
            return record
        return self.record(record, arrival)

    def record(self, record: Record, arrival: float | None) -> Judged:
        """Judge one record."""
        self.counts["records"] += 1
        if record.time is None:
            self.counts["records_without_time"] += 1
            record = record._replace(time=arrival)
        transitions = self.fold.step(record)
        if not transitions and record.event is None:
            return Judged(record, (), ())
        return Judged(record, transitions, self.desk.line(self._here(record, arrival), record, transitions))

    def silent(self, seconds: float, timeout: float, now: float) -> Judged | None:
        """What `seconds` without a line change by themselves; after `timeout`, the end of a run that never said so."""
        last = self.fold.newest()
        if last is None or last.time is None:
            return None
        transitions = self.fold.due(last.time + seconds)
        if seconds > timeout:
            transitions += self.fold.close("no end record", last._replace(time=last.time + seconds))
        if not transitions:
            return None
        return Judged(last, transitions, self.desk.line(self._here(last, now), last, transitions))

    def _here(self, record: Record, arrival: float | None) -> Place:
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
        return {"episodes": self.desk.dump_episodes(self.place.stream), "rank": self.place.rank, "head": self.place.head}


def open_session(
    source: Source, run: Run, path: str, rules: RuleSet, desk: Desk, place: Place, late_after: float | None = None
) -> Session:
    """A session on a file never judged before."""
    return Session(source, run, Decoder(source, path), Fold(rules.for_run(run)), desk, place, late_after)


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
        source, run, Decoder(source, path, state.decoder), Fold.load(chosen, state.fold), desk, place, late_after
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """The committed state of a file."""

    fold: Mapping[str, Any]
    decoder: Mapping[str, Any]
    extra: Mapping[str, Any]


Arrival = Callable[[], float | None]
