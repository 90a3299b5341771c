"""How a process stands, and what the standing of its processes makes of a run. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from walert.pipeline.lifecycle.member import Member

SLOW = 10.0  # medians of silence that make a stall, if that is longer than the least

_WORST_FIRST = ("failed", "preempted", "crashed", "lost", "stalled", "running")


class Sight(NamedTuple):
    """What is seen of a process. `gone`: it is certainly not there, with its log read to the end; None when its pid says nothing here.

    `silent` is seconds since its newest line, `unseen` since the newest line or heartbeat.
    """

    gone: bool | None
    silent: float
    unseen: float


class Limits(NamedTuple):
    """Seconds: of silence, without a sign of life, until a log without an end has ended. `foreign`: a foreign file can stall, too."""

    stalled: float
    lost: float
    timeout: float
    foreign: bool = False


class Verdict(NamedTuple):
    """A run's state, and the members that make it so."""

    state: str
    by: tuple[Member, ...]


def standing(member: Member, sight: Sight, limits: Limits) -> str:
    """The state of one process. Once over it stays so until its log begins anew."""
    if member.over:
        return member.state
    if sight.silent > limits.timeout and (member.foreign or (member.beats is None and sight.gone is None)):
        return "finished"
    if member.foreign:
        return "stalled" if limits.foreign and _is_silent(member, sight, limits) else "running"
    if sight.gone:
        return "crashed"
    if sight.gone is None and _is_lost(member, sight, limits):
        return "lost"
    return "stalled" if _is_silent(member, sight, limits) else "running"


def _is_lost(member: Member, sight: Sight, limits: Limits) -> bool:
    return member.beats is not None and sight.unseen > max(limits.lost, 2 * member.beats)


def _is_silent(member: Member, sight: Sight, limits: Limits) -> bool:
    if member.ad_hoc or (member.boss and not member.logs):
        return False
    return sight.silent > _stall(member, limits)


def _stall(member: Member, limits: Limits) -> float:
    return max(limits.stalled, SLOW * member.gap)


def patience(member: Member, limits: Limits) -> float:
    """The seconds of silence up to which a foreign log stands as it does: while it is not silent for longer, nobody need look at it."""
    return (
        min(limits.timeout, _stall(member, limits)) if limits.foreign and member.state == "running" else limits.timeout
    )


def verdict(members: Sequence[Member]) -> Verdict:
    """What its members make of a run: `walert run` sees how it ends; else the worst rank of the newest attempt decides.

    A rank that never logged is silent only if all are: in many trainings rank 0 logs alone. Further processes of a rank have no vote.
    """
    bosses = _newest([m for m in members if m.boss])
    ranks = _newest([m for m in members if not m.boss and m.rank >= 0])
    found = _worst(bosses) if bosses else _worst(ranks)
    if not bosses or not members:
        return found if ranks else Verdict("running", ())
    if found.state in ("crashed", "lost") and any(not m.over for m in ranks):
        return _worst(ranks)
    if found.state in ("running", "stalled"):
        silent = _worst([m for m in (*bosses, *ranks) if m.state in ("running", "stalled")])
        return silent if silent.state == "stalled" else Verdict("running", tuple(bosses))
    return Verdict(found.state, (*found.by, *(m for m in ranks if m.state != "running")))


def _newest(members: Sequence[Member]) -> list[Member]:
    attempt = max((m.attempt for m in members), default=0)
    return [m for m in members if m.attempt == attempt]


def _worst(members: Sequence[Member]) -> Verdict:
    for state in _WORST_FIRST:
        found = [m for m in members if m.state == state]
        if state == "stalled" and any(m.logs for m in members):
            found = [m for m in found if m.logs]
        if found:
            return Verdict(state, tuple(found))
    stalled = any(m.state == "stalled" for m in members)
    return Verdict("running" if stalled else "finished", tuple(members))
