"""Keeps the runs that live: their members, how each stands, and what is to be told when a run's state changes.

It commits nothing and reads no clock. What it answers carries the run's new state for the state file; a caller that cannot commit calls
`forget`, and the run is taken up again from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from walert.config.lifecycle import DEFAULTS
from walert.config.lifecycle import News as Told
from walert.dispatch.desk import Notice
from walert.model import Record, Run
from walert.pipeline.lifecycle import words
from walert.pipeline.lifecycle.member import OVER, Facts, Member, started
from walert.pipeline.lifecycle.verdict import Limits, Sight, Verdict, standing, verdict
from walert.store.codec import run_from_builtins, run_to_builtins
from walert.store.values import RunState

LOST_FOR_LONG = 1e9  # seconds, longer than any limit
HOLD = 60.0  # seconds in which a launcher that restarts may do so, before the end of an attempt is told
FOREIGN_EVERY = 10.0  # seconds between two looks at runs of which nothing but their lines is known
MOST_OVER = 2_000  # runs in memory that are over
MOST_MEMBERS = 4_096  # logs of one run that are watched
QUIET_IN_NOTEBOOKS = ("finished", "finished_early", "stalled")


class Senses(Protocol):
    """What is seen of processes. The keeper asks often; answers are cheap."""

    def gone(self, facts: Facts) -> bool | None:
        """Whether the process is certainly not there; None when its pid says nothing here."""

    def touched(self, path: str) -> float | None:
        """When the log was last touched, as its file system has it; None when it is not there."""


class Blind:
    """Sees no process: only what logs say counts."""

    def gone(self, facts: Facts) -> bool | None:
        """Nobody can tell."""
        return None

    def touched(self, path: str) -> float | None:
        """Nobody looked."""
        return None


BLIND = Blind()


class States(Protocol):
    """What the keeper needs of the state file."""

    def run_state(self, run_id: str) -> RunState | None:
        """The committed state of a run, if it has one."""

    def living(self) -> Mapping[str, RunState]:
        """The runs that may go on: those that run, stall or are lost, or whose end is held back."""

    def members(self, run_id: str) -> Sequence[Mapping[str, Any]]:
        """What was kept of the run's logs: what `Keeper.dump` gave for each."""


class News(NamedTuple):
    """A run changed: its state for the state file, who it is about, and what is to be told, if anything is."""

    run: Run
    state: RunState
    member: Member
    notice: Notice | None
    why: str


@dataclass(slots=True)
class _Life:
    """A run. `shown` is the state last committed, `held` since when the news of it waits for a restart."""

    run: Run
    members: dict[str, Member] = field(default_factory=dict)
    shown: str = "running"
    since: float = 0.0
    held: float | None = None
    unjudged: bool = True
    looked: float = float("-inf")

    @property
    def foreign(self) -> bool:
        """Whether no walert writes any of its logs."""
        return all(m.foreign for m in self.members.values())

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be looked at any more."""
        return self.shown in OVER and self.held is None

    def admit(self, member: Member) -> None:
        """Take a member in, or its new standing. Beyond the bound another goes, one that ended if there is one."""
        if member.stream not in self.members and len(self.members) >= MOST_MEMBERS:
            goes = next((s for s, m in self.members.items() if m.over), next(iter(self.members)))
            del self.members[goes]
        self.members[member.stream] = member

    def dump(self) -> dict[str, Any]:
        # How its logs stand by themselves is kept with each of them; what was seen of them is kept here.
        seen = {m.stream: m.state for m in self.members.values() if m.state != "running" and not m.end}
        return {"run": run_to_builtins(self.run), "held": self.held, "seen": seen}


@dataclass(slots=True)
class _Pulse:
    """What is seen of a member now; moments are the daemon's monotonic clock."""

    line: float
    beat: float
    touched: float | None = None
    suspect: bool = False


class Keeper:
    """One for the daemon. `now` is the daemon's clock, `moment` its monotonic one, both arguments."""

    def __init__(
        self,
        senses: Senses,
        ledger: States,
        timeout: float,
        news: Mapping[str, Told] = DEFAULTS,
    ) -> None:
        self.senses = senses
        self.timeout = timeout
        self.news = news
        self._lives: dict[str, _Life] = {}
        self._pulses: dict[str, _Pulse] = {}
        self._ledger = ledger
        self._taken_up = False
        self._suspects: list[str] = []
        self._roomy = 0  # runs left when room was made the last time

    @property
    def limits(self) -> Limits:
        """By the configuration in force."""
        stalled = self.news["stalled"]
        return Limits(stalled.after, self.news["lost"].after, self.timeout, stalled.told and stalled.everywhere)

    # --- what logs say

    def open(
        self,
        run: Run,
        stream: str,
        path: str,
        *,
        foreign: bool,
        history: bool,
        now: float,
        moment: float,
        modified: float,
    ) -> None:
        """A log is read for the first time; a foreign one is a member from here on, any other with its start record."""
        if foreign and stream not in self._life(run, now).members:
            member = Member(stream, path, foreign=True, history=history, quiet_since=min(now, modified))
            self._life(run, now).admit(member)
            self._pulses[stream] = _pulse(member, now, moment)

    def start(
        self, run: Run, stream: str, path: str, record: Record, *, history: bool, now: float, moment: float
    ) -> News:
        """A process began, or began again."""
        life = self._life(run, now)
        event = record.event or {}
        if event.get("role") != "supervisor":
            life.run = run
        life.admit(started(stream, path, event, now, history, record.line))
        self._pulses[stream] = _pulse(life.members[stream], now, moment)
        life.held = None
        state = verdict(tuple(life.members.values())).state
        life.shown, life.since = state, record.time or now
        return self._news(life, life.members[stream], None, "a process began", now)

    def finish(
        self, run: Run, stream: str, path: str, record: Record, *, history: bool, now: float, moment: float
    ) -> News:
        """A process said how it ended."""
        life = self._life(run, now)
        member = life.members.get(stream) or started(stream, path, {}, now, history)
        life.members[stream] = replace(member, foreign=False).ended(
            record.event or {}, record.step if record.has_step else None
        )
        # `walert run` saw the end; what the command itself said of it may be in a log that was not read yet: the next look judges.
        life.unjudged = life.members[stream].boss
        changed = None if life.unjudged else self._judge(life, now, moment)
        return changed or self._news(life, life.members[stream], None, "a process ended", now)

    def heard(
        self, run: Run, stream: str, records: int, newest: Record | None, *, history: bool, now: float, moment: float
    ) -> None:
        """Lines were read of a log."""
        life = self._lives.get(run.id)
        member = life.members.get(stream) if life is not None else None
        if life is None or member is None:
            return
        time, step = (None, member.step) if newest is None else (newest.time, newest.step)
        if not history:
            member = member.heard(records, time, step, now)
            pulse = self._pulses.setdefault(stream, _Pulse(moment, moment))
            pulse.line = pulse.beat = moment
            pulse.suspect = False
        elif not member.foreign:
            member = replace(member, step=step)
        life.members[stream] = member
        if member.foreign and life.shown == "finished" and not member.over:
            life.shown, life.since = "running", now  # it goes on after all

    # --- what time and processes say

    def look(self, now: float, moment: float, is_read: Callable[[str], bool]) -> Iterator[News]:
        """What changed by itself. `is_read(stream)`: nothing of the log is left to read.

        A process that is gone is judged at the second look, so that its last words are read before.
        """
        self._take_up()
        self._suspects, limits = [], self.limits
        for life in list(self._lives.values()):
            if life.is_over or (life.foreign and moment - life.looked < FOREIGN_EVERY):
                continue
            life.looked = moment
            changed = life.unjudged or life.held is not None
            for stream, member in list(life.members.items()):
                if not member.over:
                    state = standing(member, self._sight(member, now, moment, is_read), limits)
                    if state != member.state:
                        life.members[stream], changed = replace(member, state=state), True
            news = self._judge(life, now, moment) if changed else None
            if news is not None:
                yield news

    def suspects(self) -> list[str]:
        """The logs of processes that seemed to be gone at the last look: they are to be read to their end before the next one."""
        return self._suspects

    def named(self, run: Run) -> Run:
        """The run as the process that trains calls itself; `walert run` knows the command only."""
        life = self._lives.get(run.id)
        return run if life is None or not any(not m.boss for m in life.members.values()) else life.run

    def alive(self, run: Run) -> bool:
        """Whether the run may still log."""
        life = self._lives.get(run.id)
        return life is None or life.shown in ("running", "stalled", "lost")

    def _sight(self, member: Member, now: float, moment: float, is_read: Callable[[str], bool]) -> Sight:
        pulse = self._pulses.get(member.stream)
        if pulse is None:
            pulse = self._pulses[member.stream] = _pulse(member, now, moment)
        gone = None if member.foreign else self.senses.gone(member.facts)
        judged = bool(gone) and pulse.suspect and is_read(member.stream)
        pulse.suspect = bool(gone)
        if gone and not judged:
            self._suspects.append(member.path)
        if gone is None and member.beats is not None:
            self._feel(pulse, member, moment)
        return Sight(gone and judged, moment - pulse.line, moment - pulse.beat)

    def _feel(self, pulse: _Pulse, member: Member, moment: float) -> None:
        """A touch of the log is a heartbeat. Its own time is another clock's: only that it changed counts."""
        touched = self.senses.touched(member.path)
        if touched is not None and touched != pulse.touched:
            pulse.beat = moment if pulse.touched is not None else pulse.beat
            pulse.touched = touched

    # --- what follows

    def _judge(self, life: _Life, now: float, moment: float) -> News | None:
        life.unjudged = False
        found = verdict(tuple(life.members.values()))
        if found.state == life.shown:
            return self._release(life, found, now, moment)
        life.shown, life.since = found.state, now
        waits = found.state in ("failed", "crashed", "preempted") and any(m.restarts for m in found.by)
        life.held = now if waits else None
        return self._tell(life, found, now, moment, silent=waits)

    def _release(self, life: _Life, found: Verdict, now: float, moment: float) -> News | None:
        """The news of an attempt's end, once no restart came."""
        if life.held is None or 0 <= now - life.held < HOLD:
            return None
        life.held = None
        return self._tell(life, found, now, moment)

    def _tell(self, life: _Life, found: Verdict, now: float, moment: float, silent: bool = False) -> News:
        member = found.by[0] if found.by else next(iter(life.members.values()))
        kind = words.kind_of(found)
        notice = None if kind is None or silent else self._notice(kind, life, found, moment)
        why = "waits for a restart" if silent else words.text_of(kind, found, _all(life), 0.0) if kind else ""
        return self._news(life, member, notice, why.partition("\n")[0] or "it goes on", now)

    def _notice(self, kind: str, life: _Life, found: Verdict, moment: float) -> Notice:
        pulses = [self._pulses[m.stream] for m in found.by if m.stream in self._pulses]
        silent = max((moment - (p.beat if kind == "lost" else p.line) for p in pulses), default=0.0)
        told = self.news[kind]
        return Notice(
            title=words.TITLES[kind], level=told.level, text=words.text_of(kind, found, _all(life), silent), wait=told.wait_duration,
            receivers=told.receivers, over=found.state in OVER,
            quiet=not told.told or self._is_no_news(kind, told, found), mark=f"{life.since:.0f}" if kind in ("lost", "stalled") else "",
        )  # fmt: skip

    @staticmethod
    def _is_no_news(kind: str, told: Told, found: Verdict) -> bool:
        if any(m.history for m in found.by):
            return True
        if kind == "finished" and not any(m.end for m in found.by):
            return True  # nothing said so: it was silent for longer than anybody waits
        if found.by and all(m.foreign for m in found.by):
            return kind != "stalled"
        if kind not in QUIET_IN_NOTEBOOKS or told.everywhere or any(m.boss for m in found.by):
            return False
        return any(m.jupyter or m.ad_hoc for m in found.by)

    def _news(self, life: _Life, member: Member, notice: Notice | None, why: str, now: float) -> News:
        return News(life.run, RunState(life.shown, life.since, life.dump()), member, notice, why)

    # --- kept

    def forget(self, run_id: str) -> None:
        """Nothing was committed: the run is as the state file has it."""
        life = self._lives.pop(run_id, None)
        for stream in life.members if life is not None else ():
            self._pulses.pop(stream, None)
        self._taken_up = False

    def _life(self, run: Run, now: float) -> _Life:
        life = self._lives.get(run.id)
        if life is None:
            known = self._ledger.run_state(run.id)
            life = (self._loaded(run.id, known) if known is not None else None) or _Life(run, since=now)
            self._make_room()
            self._lives[run.id] = life
        return life

    def _loaded(self, run_id: str, known: RunState) -> _Life | None:
        detail = known.detail
        if not isinstance(detail, dict) or "run" not in detail:
            return None
        seen = detail.get("seen") or {}
        members = [_member(row, seen) for row in self._ledger.members(run_id)[:MOST_MEMBERS]]
        return _Life(
            run_from_builtins(detail["run"]),
            {m.stream: m for m in members if m is not None},
            known.state,
            known.since,
            detail.get("held"),
        )

    def dump(self, run_id: str, stream: str) -> dict[str, Any] | None:
        """What the state file keeps of a log of a run, as builtins; with the log's own state, not with the run's."""
        life = self._lives.get(run_id)
        member = life.members.get(stream) if life is not None else None
        return None if member is None else member.dump()

    def _make_room(self) -> None:
        """Runs that are over are read back from the state file should they begin again."""
        if len(self._lives) - self._roomy < MOST_OVER:
            return
        for life in [life for life in self._lives.values() if life.is_over]:
            self.forget(life.run.id)
        self._taken_up = True
        self._roomy = len(self._lives)

    def _take_up(self) -> None:
        """After a start: runs that lived when the last daemon ended."""
        if self._taken_up:
            return
        for run_id, known in self._ledger.living().items():
            life = None if run_id in self._lives else self._loaded(run_id, known)
            if life is not None and life.members:
                self._lives[run_id] = life
        self._taken_up = True


def _member(row: Mapping[str, Any], seen: Mapping[str, str]) -> Member | None:
    """A member as it was kept; one that is damaged is as if its log had never been read."""
    try:
        member = Member.load(row)
    except (LookupError, TypeError):
        return None
    return member if member.end else replace(member, state=seen.get(member.stream, "running"))


def _all(life: _Life) -> Sequence[Member]:
    return tuple(life.members.values())


def _pulse(member: Member, now: float, moment: float) -> _Pulse:
    """How long a member was silent before this process looked, by the wall clock, once. One that was lost is so until it gives a sign."""
    line = moment - max(0.0, now - member.quiet_since)
    return _Pulse(line, line - LOST_FOR_LONG if member.state == "lost" else moment)
