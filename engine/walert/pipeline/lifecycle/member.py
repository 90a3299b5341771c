"""One process of a run, as its log tells of it: who it is, what it said last, and how it ended, if it said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, NamedTuple

OVER = frozenset({"finished", "failed", "preempted", "crashed"})
"""States that only a new start ends."""

GAPS = 31  # between lines, of which the median is taken
_END_FACTS = ("exit_code", "error", "signal", "oom", "stderr", "planned", "reached", "unit", "peak")


class Facts(NamedTuple):
    """By what a process is known again: its host's name, pid, start in clock ticks since boot, boot, pid namespace."""

    host: str | None
    pid: int | None
    pid_start: int | None
    boot_id: str | None
    pid_namespace: int | None


NOBODY = Facts(None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Member:
    """A log of a run. `quiet_since` is when its newest line was read, by the daemon's clock, Unix seconds.

    `beats`: its process promised a sign of life every so many seconds. `boss`: it is `walert run`, which sees the process end. `history`: it
    was old when first seen, and its life is no news. `gone`: its file is. `end` holds what a finish record said, `line` is where that stands,
    or the start record.
    """

    stream: str
    path: str
    rank: int = 0
    world: int = 1
    attempt: int = 0
    facts: Facts = NOBODY
    beats: float | None = None
    boss: bool = False
    foreign: bool = False
    jupyter: bool = False
    ad_hoc: bool = False
    history: bool = False
    gone: bool = False
    restarts: bool = False
    state: str = "running"
    line: int = 0
    step: float | None = None
    quiet_since: float = 0.0
    time: float | None = None
    gaps: tuple[float, ...] = ()
    end: Mapping[str, Any] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether it ended, in any way."""
        return self.state in OVER

    @property
    def logs(self) -> bool:
        """Whether it ever logged a metric."""
        return self.time is not None

    @property
    def gap(self) -> float:
        """The median seconds between two of its lines; 0 before the second."""
        return median(self.gaps) if self.gaps else 0.0

    @property
    def name(self) -> str:
        """What a message calls it."""
        return "walert run" if self.boss else f"rank {self.rank}"

    def time_at(self, now: float) -> float:
        """The event time at the moment `now` of the daemon's clock: it has gone on since the newest line."""
        return now if self.time is None else self.time + max(0.0, now - self.quiet_since)

    def heard(self, records: int, time: float | None, step: float | None, now: float) -> Member:
        """After `records` more lines, the newest at event time `time`."""
        gaps = self.gaps
        if records and time is not None and self.time is not None and time > self.time:
            gaps = (*gaps, (time - self.time) / records)[-GAPS:]
        state = "running" if self.foreign and not self.end else self.state
        return replace(
            self,
            quiet_since=now,
            time=time if time is not None else self.time,
            step=step,
            gaps=gaps,
            history=False,
            gone=False,
            state=state,
        )

    def ended(self, event: Mapping[str, Any], step: float | None, line: int = 0) -> Member:
        """After its finish record, which stands in `line`."""
        state = event.get("state")
        if state not in ("finished", "failed", "preempted"):
            state = "failed" if event.get("exit_code") else "finished"
        end: dict[str, Any] = {name: event[name] for name in _END_FACTS if event.get(name) is not None}
        end["unknown"] = "exit_code" in event and event["exit_code"] is None
        return replace(self, state=state, end=end, line=line, step=step if step is not None else self.step)

    def dump(self) -> dict[str, Any]:
        """Plain builtins for the state file."""
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**row, "facts": list(self.facts), "gaps": list(self.gaps), "end": dict(self.end)}

    @classmethod
    def load(cls, row: Mapping[str, Any]) -> Member:
        """The member that `dump` described; fields of a newer walert are left out."""
        known = {name: value for name, value in row.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "facts": Facts(*row["facts"]), "gaps": tuple(row["gaps"])})


def started(stream: str, path: str, event: Mapping[str, Any], now: float, history: bool, line: int = 0) -> Member:
    """The member that a start record describes. What is not as the schema says is as if it were not there."""
    return Member(
        stream, path, rank=_whole(event.get("rank"), 0), world=_whole(event.get("world_size"), 1), attempt=_whole(event.get("attempt"), 0),
        facts=Facts(
            _text(event.get("host")), _some(event.get("pid")), _some(event.get("pid_start")), _text(event.get("boot_id")),
            _some(event.get("pid_namespace")),
        ),
        beats=_seconds(event.get("heartbeat")), boss=event.get("role") == "supervisor", jupyter=event.get("jupyter") is True,
        ad_hoc=event.get("ad_hoc") is True, restarts=event.get("may_restart") is True, history=history, quiet_since=now, line=line,
    )  # fmt: skip


def _some(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _whole(value: object, otherwise: int) -> int:
    found = _some(value)
    return otherwise if found is None else found


def _text(value: object) -> str | None:
    return value[:1000] if isinstance(value, str) else None


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6 else None
