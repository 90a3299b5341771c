"""A run as its keeper holds it: its members and what is seen of them; and what the keeper needs of the world. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from walert.dispatch.desk import Notice
from walert.model import Run
from walert.pipeline.lifecycle.member import OVER, Facts, Member
from walert.store.codec import run_to_builtins
from walert.store.values import RunState

LOST_FOR_LONG = 1e9  # seconds, longer than any limit
GONE_FOR = 60.0
"""Seconds in which another file may come in the place of a foreign log that is gone, before its run has ended."""
AT_ONCE, NEVER = float("-inf"), float("inf")
"""Moments."""


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
class Life:
    """A run. `shown` is the state last committed, `held` since when the news of it waits for a restart.

    `due` is the moment before which the passing of time changes nothing: a run of which only lines are known is not looked at until then.
    """

    run: Run
    members: dict[str, Member] = field(default_factory=dict)
    shown: str = "running"
    since: float = 0.0
    held: float | None = None
    unjudged: bool = True
    due: float = AT_ONCE

    @property
    def foreign(self) -> bool:
        """Whether no walert writes any of its logs."""
        return all(m.foreign for m in self.members.values())

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be looked at any more."""
        return self.shown in OVER and self.held is None and not self.unjudged

    def dump(self) -> dict[str, Any]:
        """What the state file keeps of the run itself, as builtins."""
        # How its logs stand by themselves is kept with each of them; what was seen of them is kept here.
        seen = {m.stream: m.state for m in self.members.values() if m.state != "running" and not m.end}
        return {"run": run_to_builtins(self.run), "held": self.held, "seen": seen}


@dataclass(slots=True)
class Pulse:
    """What is seen of a member now; moments are the daemon's monotonic clock.

    `ends` is when a foreign log whose file is gone has ended, if it does not come back.
    """

    line: float
    beat: float
    touched: float | None = None
    suspect: bool = False
    ends: float = NEVER


def member_of(row: Mapping[str, Any], seen: Mapping[str, str]) -> Member | None:
    """A member as it was kept; one that is damaged is as if its log had never been read."""
    try:
        member = Member.load(row)
    except (LookupError, TypeError):
        return None
    return member if member.end else replace(member, state=seen.get(member.stream, "running"))


def pulse_of(member: Member, now: float, moment: float) -> Pulse:
    """How long a member was silent before this process looked, by the wall clock, once. One that was lost is so until it gives a sign."""
    line = moment - max(0.0, now - member.quiet_since)
    beat = line - LOST_FOR_LONG if member.state == "lost" else moment
    return Pulse(line, beat, ends=moment + GONE_FOR if member.gone else NEVER)
