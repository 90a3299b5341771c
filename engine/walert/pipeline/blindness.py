"""What the files of a run share, as the daemon follows it: the company that they are to each other, and which rules are blind on them.

Blind rules are looked at after each batch, told once a run, and kept for `walert status`.
Each run is judged when all its files that are followed have ended, or once one of them is 1,000 records and an hour old; then again after every
batch for as long as a rule is blind, so that a metric that comes late is taken off the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from walert.model import Run
from walert.pipeline.session import Session
from walert.rules.blind import Blind, Sight, blind, is_due
from walert.rules.company import Company

FACT = "blind:"
MOST_TOLD = 20  # rules named in the log's line; all are in the fact


class Verdict(NamedTuple):
    """What to commit and to tell: `facts` as `Changes.facts`, and the run's one line, the first time there is one."""

    facts: Mapping[str, Any]
    line: str | None


NOTHING = Verdict({}, None)


@dataclass(slots=True)
class _Known:
    sight: Sight = field(default_factory=Sight)
    company: Company = field(default_factory=Company)
    streams: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    world: int = 1  # how many files the run has, as its start records say
    told: bool = False
    rules: list[dict[str, Any]] = field(default_factory=list)  # as the state file has them

    def dump(self, file: str) -> dict[str, Any]:
        """Plain builtins for the state of `file`."""
        return {
            "sight": self.sight.dump(), "company": self.company.dump(file), "told": self.told, "rules": self.rules, "world": self.world,
            "ended": sorted(self.ended),
        }  # fmt: skip

    def join(self, file: str, kept: Mapping[str, Any]) -> None:
        """Add what `dump` gave when the state of `file` was committed."""
        self.sight.join(kept["sight"])
        self.company.join(file, kept.get("company"))
        self.told = self.told or kept["told"]
        self.rules = self.rules or kept["rules"]
        self.world = max(self.world, kept["world"])
        self.ended.update(kept["ended"])
        self.streams.update(kept["ended"])

    @property
    def over(self) -> bool:
        """Whether every file of the run is here and has ended."""
        return self.streams <= self.ended and len(self.streams) >= self.world


class Blindness:
    """One for the daemon. `watch` each session, ask after each batch of it, and keep `dump` with the session's state."""

    def __init__(self) -> None:
        self._runs: dict[str, _Known] = {}

    def watch(
        self, session: Session, kept: Mapping[str, Any] | None = None, event: Mapping[str, Any] | None = None
    ) -> None:
        """Let the session's fold share the sight of its run.

        `kept` is what `dump` gave when the session was committed, `event` the `_walert` object of a new file's first record.
        """
        known = self._runs.setdefault(session.run.id, _Known())
        if kept is not None:
            known.join(session.place.stream, kept)
        world = (event or {}).get("world_size")
        if isinstance(world, int):
            known.world = max(known.world, world)
        session.fold.sight = known.sight
        if session.fold.rules.social:
            known.company.gap = session.fold.rules.shortest_stall or 0.0
            session.fold.file, session.fold.company = session.place.stream, known.company
        known.streams.add(session.place.stream)

    def judge(self, session: Session, now: float) -> Verdict:
        """After a batch of the session, `now` by the daemon's clock."""
        known = self._runs.get(session.run.id)
        if known is None:
            return NOTHING
        if session.fold.ended:
            known.ended.add(session.place.stream)
        else:
            known.ended.discard(session.place.stream)
        if not (known.rules or known.over or is_due(session.fold)):
            session.fold.sight.look(session.fold)
            return NOTHING
        return _verdict(known, session.run, blind(session.fold), now)

    def dump(self, session: Session) -> dict[str, Any] | None:
        """What the state file keeps of the session's run, as builtins."""
        known = self._runs.get(session.run.id)
        return None if known is None else known.dump(session.place.stream)

    def part(self, run_id: str, stream: str) -> None:
        """The file of a stream is gone for good: of a run whose log is rotated on and on nothing piles up."""
        known = self._runs.get(run_id)
        if known is not None:
            known.company.part(stream)

    def forget(self, session: Session, run_is_held: bool) -> None:
        """The session is closed; without `run_is_held` it was the last of its run in memory."""
        known = self._runs.get(session.run.id)
        if known is not None:
            if session.place.stream not in known.ended:
                known.streams.discard(session.place.stream)
            if not run_is_held:
                del self._runs[session.run.id]


def _verdict(known: _Known, run: Run, found: list[Blind], now: float) -> Verdict:
    rows = [each.row() for each in found]
    if rows == known.rules:
        return NOTHING
    known.rules = rows
    fact = {"run": run.name, "project": run.project, "at": now, "rules": rows} if rows else None
    line = None if known.told or not rows else _line(run, found)
    known.told = known.told or bool(rows)
    return Verdict({FACT + run.id: fact}, line)


def _line(run: Run, found: list[Blind]) -> str:
    named = "; ".join(f"{each.rule.title}: {each.why}" for each in found[:MOST_TOLD])
    more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    count = f"{len(found)} {'rule is' if len(found) == 1 else 'rules are'}"
    return f"INFO {run.name}: {count} blind: {named}{more}"
