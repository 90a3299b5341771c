"""Keeps the runs that live: their members, how each stands, and what is to be told when a run's state changes.

It commits nothing and reads no clock. What it answers carries the run's new state for the state file; a caller that cannot commit calls
`forget`, and the run is taken up again from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from walert.config.lifecycle import DEFAULTS
from walert.config.lifecycle import News as Told
from walert.dispatch.desk import Notice
from walert.model import Record, Run
from walert.pipeline.lifecycle import words
from walert.pipeline.lifecycle.life import (
    AT_ONCE,
    BLIND,
    GONE_FOR,
    NEVER,
    Life,
    News,
    Pulse,
    Senses,
    States,
    member_of,
    pulse_of,
)  # fmt: skip
from walert.pipeline.lifecycle.member import OVER, Member, started
from walert.pipeline.lifecycle.verdict import Limits, Sight, Verdict, patience, standing, verdict
from walert.store.codec import run_from_builtins
from walert.store.values import RunState

HOLD = 60.0  # seconds in which a launcher that restarts may do so, before the end of an attempt is told
MOST_OVER = 2_000  # runs in memory that are over
MOST_MEMBERS = 4_096  # logs of one run that are watched
QUIET_IN_NOTEBOOKS = ("finished", "finished_early", "stalled")


__all__ = ["BLIND", "MOST_MEMBERS", "MOST_OVER", "Keeper", "News", "Senses"]


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
        self._lives: dict[str, Life] = {}
        self._pulses: dict[str, Pulse] = {}
        self._ledger = ledger
        self._taken_up = False
        self._suspects: list[str] = []
        self._roomy = 0  # runs left when room was made the last time
        self.judge_by(timeout, news)

    def judge_by(self, timeout: float, news: Mapping[str, Told]) -> None:
        """Another configuration is in force: every run that lives is looked at anew."""
        stalled = news["stalled"]
        self.timeout, self.news = timeout, news
        self.limits = Limits(stalled.after, news["lost"].after, timeout, stalled.told and stalled.everywhere)
        for life in self._lives.values():
            life.due = NEVER if life.is_over else AT_ONCE

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
        life = self._life(run, now) if foreign else None
        if life is not None and stream not in life.members:
            member = Member(stream, path, foreign=True, history=history, quiet_since=min(now, modified))
            self._admit(life, member, pulse_of(member, now, moment))
            life.unjudged, life.due = True, AT_ONCE

    def start(
        self, run: Run, stream: str, path: str, record: Record, *, history: bool, now: float, moment: float
    ) -> News:
        """A process began, or began again."""
        life = self._life(run, now)
        event = record.event or {}
        if event.get("role") != "supervisor":
            life.run = run
        member = started(stream, path, event, now, history, record.line)
        self._admit(life, member, pulse_of(member, now, moment))
        life.held, life.due = None, AT_ONCE
        state = verdict(tuple(life.members.values())).state
        life.shown, life.since = state, record.time or now
        return self._news(life, life.members[stream], None, "a process began", now)

    def finish(
        self, run: Run, stream: str, path: str, record: Record, *, history: bool, now: float, moment: float
    ) -> News:
        """A process said how it ended."""
        life = self._life(run, now)
        member = life.members.get(stream) or started(stream, path, {}, now, history)
        member = replace(member, foreign=False)
        member = member.ended(record.event or {}, record.step if record.has_step else None, record.line)
        self._admit(life, member, self._pulse_of(member, now, moment))
        life.due = AT_ONCE
        # `walert run` saw the end; what the command itself said of it may be in a log that was not read yet: the next look judges.
        life.unjudged = life.members[stream].boss
        changed = None if life.unjudged else self._judge(life, now, moment)
        return changed or self._news(life, life.members[stream], None, "a process ended", now)

    def heard(
        self, run: Run, stream: str, records: int, newest: Record | None, *, history: bool, now: float, moment: float
    ) -> None:
        """Lines were read of a log."""
        life = self._lives.get(run.id) or self._life(run, now)
        member = life.members.get(stream) or self._returned(life, stream, now, moment)
        if member is None:
            if not life.members:
                del self._lives[run.id]
            return
        time, step = (None, member.step) if newest is None else (newest.time, newest.step)
        before = member.state
        if not history:
            member = member.heard(records, time, step, now)
            pulse = self._pulse_of(member, now, moment)
            pulse.line = pulse.beat = moment
            pulse.suspect, pulse.ends = False, NEVER
            life.due = min(life.due, moment + patience(member, self.limits))
        elif not member.foreign:
            member = replace(member, step=step)
        life.members[stream] = member
        if member.state != before:  # it goes on after all
            life.unjudged, life.due = True, AT_ONCE

    def gone(self, run_id: str, stream: str, moment: float) -> None:
        """The file of a log is gone for good, or another took its place, and all of it was read.

        A process goes on without its log, and is watched as before. A foreign log is all that is known of its writer: it leaves its run, and
        takes the run with it if no other log of it comes within `GONE_FOR` seconds.
        """
        life = self._lives.get(run_id)
        member = life.members.get(stream) if life is not None else None
        if life is None or member is None or not member.foreign:
            return
        life.members[stream] = replace(member, gone=True)
        self._pulses.setdefault(stream, Pulse(moment, moment)).ends = moment + GONE_FOR
        life.due = min(life.due, moment + GONE_FOR)
        self._part(life)

    # --- what time and processes say

    def look(self, now: float, moment: float, is_read: Callable[[str], bool]) -> Iterator[News]:
        """What changed by itself. `is_read(stream)`: nothing of the log is left to read.

        A process that is gone is judged at the second look, so that its last words are read before.
        """
        self._take_up()
        self._suspects = []
        for life in [life for life in self._lives.values() if life.due <= moment]:
            if life.is_over:
                self._drop(life.run.id)  # with its logs; should they return, it is read back from the state file
                continue
            news = self._look(life, now, moment, is_read)
            if news is not None:
                yield news

    def _look(self, life: Life, now: float, moment: float, is_read: Callable[[str], bool]) -> News | None:
        changed = life.unjudged or life.held is not None
        for stream, member in list(life.members.items()):
            if not member.over:
                state = self._standing(member, now, moment, is_read)
                if state != member.state:
                    life.members[stream], changed = replace(member, state=state), True
        news = self._judge(life, now, moment) if changed else None
        self._part(life)
        life.due = self._due(life)
        return news

    def _standing(self, member: Member, now: float, moment: float, is_read: Callable[[str], bool]) -> str:
        if moment >= self._pulse_of(member, now, moment).ends:
            return "finished"
        return standing(member, self._sight(member, now, moment, is_read), self.limits)

    def _due(self, life: Life) -> float:
        """When to look again: at processes always, at lines when their silence can have become too long."""
        if life.is_over:
            return AT_ONCE if all(m.gone for m in life.members.values()) else NEVER
        if life.held is not None or not life.foreign:
            return AT_ONCE
        living = [(m, self._pulses[m.stream]) for m in life.members.values() if not m.over]
        return min((min(p.line + patience(m, self.limits), p.ends) for m, p in living), default=NEVER)

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
        return life is None or life.unjudged or life.shown in ("running", "stalled", "lost")

    def _sight(self, member: Member, now: float, moment: float, is_read: Callable[[str], bool]) -> Sight:
        pulse = self._pulse_of(member, now, moment)
        gone = None if member.foreign else self.senses.gone(member.facts)
        judged = bool(gone) and pulse.suspect and is_read(member.stream)
        pulse.suspect = bool(gone)
        if gone and not judged:
            self._suspects.append(member.path)
        if gone is None and member.beats is not None:
            self._feel(pulse, member, moment)
        return Sight(gone and judged, moment - pulse.line, moment - pulse.beat)

    def _feel(self, pulse: Pulse, member: Member, moment: float) -> None:
        """A touch of the log is a heartbeat. Its own time is another clock's: only that it changed counts."""
        touched = self.senses.touched(member.path)
        if touched is not None and touched != pulse.touched:
            pulse.beat = moment if pulse.touched is not None else pulse.beat
            pulse.touched = touched

    # --- what follows

    def _judge(self, life: Life, now: float, moment: float) -> News | None:
        life.unjudged = False
        found = verdict(tuple(life.members.values()))
        if found.state == life.shown:
            return self._release(life, found, now, moment)
        life.shown, life.since = found.state, now
        waits = found.state in ("failed", "crashed", "preempted") and any(m.restarts for m in found.by)
        life.held = now if waits else None
        return self._tell(life, found, now, moment, silent=waits)

    def _release(self, life: Life, found: Verdict, now: float, moment: float) -> News | None:
        """The news of an attempt's end, once no restart came."""
        if life.held is None or 0 <= now - life.held < HOLD:
            return None
        life.held = None
        return self._tell(life, found, now, moment)

    def _tell(self, life: Life, found: Verdict, now: float, moment: float, silent: bool = False) -> News:
        member = found.by[0] if found.by else next(iter(life.members.values()))
        kind = words.kind_of(found)
        notice = None if kind is None or silent else self._notice(kind, life, found, moment)
        why = "waits for a restart" if silent else words.text_of(kind, found, _all(life), 0.0) if kind else ""
        return self._news(life, member, notice, why.partition("\n")[0] or "it goes on", now)

    def _notice(self, kind: str, life: Life, found: Verdict, moment: float) -> Notice:
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

    def _news(self, life: Life, member: Member, notice: Notice | None, why: str, now: float) -> News:
        return News(life.run, RunState(life.shown, life.since, life.dump()), member, notice, why)

    # --- kept

    def forget(self, run_id: str) -> None:
        """Nothing was committed: the run is as the state file has it."""
        self._drop(run_id)
        self._taken_up = False

    def _drop(self, run_id: str) -> None:
        life = self._lives.pop(run_id, None)
        for stream in life.members if life is not None else ():
            self._pulses.pop(stream, None)

    def _admit(self, life: Life, member: Member, pulse: Pulse) -> None:
        """Take a member in, or its new standing. Beyond the bound another goes, one that ended if there is one."""
        if member.stream not in life.members and len(life.members) >= MOST_MEMBERS:
            self._let_go(life, next((s for s, m in life.members.items() if m.over), next(iter(life.members))))
        life.members[member.stream] = member
        self._pulses[member.stream] = pulse
        self._part(life)

    def _part(self, life: Life) -> None:
        """Let go of foreign logs that are gone or silent for ever, where the run has another one."""
        if len(life.members) > 1 and life.foreign:
            left = [stream for stream, member in life.members.items() if member.gone or member.over]
            for stream in left[: len(life.members) - 1]:
                self._let_go(life, stream)

    def _let_go(self, life: Life, stream: str) -> None:
        del life.members[stream]
        self._pulses.pop(stream, None)

    def _returned(self, life: Life, stream: str, now: float, moment: float) -> Member | None:
        """A log that its run was without, as it was kept: its file was away."""
        if len(life.members) >= MOST_MEMBERS:
            return None
        row = next((row for row in self._ledger.members(life.run.id) if row.get("stream") == stream), None)
        member = member_of(row, {}) if row is not None else None
        if member is not None:
            self._admit(life, member, pulse_of(member, now, moment))
            life.unjudged, life.due = True, AT_ONCE
        return member

    def _pulse_of(self, member: Member, now: float, moment: float) -> Pulse:
        pulse = self._pulses.get(member.stream)
        if pulse is None:
            pulse = self._pulses[member.stream] = pulse_of(member, now, moment)
        return pulse

    def _life(self, run: Run, now: float) -> Life:
        life = self._lives.get(run.id)
        if life is None:
            known = self._ledger.run_state(run.id)
            life = (self._loaded(run.id, known) if known is not None else None) or Life(run, since=now)
            self._make_room()
            self._lives[run.id] = life
        return life

    def _loaded(self, run_id: str, known: RunState) -> Life | None:
        detail = known.detail
        if not isinstance(detail, dict) or "run" not in detail:
            return None
        seen = detail.get("seen") or {}
        rows = self._ledger.members(run_id)
        rows = [row for row in rows if not row.get("gone")] or rows[-1:]
        members = [member_of(row, seen) for row in rows[:MOST_MEMBERS]]
        life = Life(
            run_from_builtins(detail["run"]),
            {m.stream: m for m in members if m is not None},
            known.state,
            known.since,
            detail.get("held"),
        )
        life.unjudged = known.state not in OVER
        life.due = NEVER if life.is_over else AT_ONCE
        return life

    def dump(self, run_id: str, stream: str, *, ended: bool = False) -> dict[str, Any] | None:
        """What the state file keeps of a log of a run, as builtins; with the log's own state, not with the run's. `ended`: its file is gone."""
        life = self._lives.get(run_id)
        member = life.members.get(stream) if life is not None else None
        return None if member is None else replace(member, gone=ended and member.foreign).dump()

    def _make_room(self) -> None:
        """Runs that are over are read back from the state file should they begin again."""
        if len(self._lives) - self._roomy < MOST_OVER:
            return
        for life in [life for life in self._lives.values() if life.is_over]:
            self._drop(life.run.id)
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


def _all(life: Life) -> Sequence[Member]:
    return tuple(life.members.values())
