"""The sentences about a run's life. What comes from data can neither mention nor link anybody."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from walert.dispatch.wording import from_data
from walert.pipeline.lifecycle.member import Member
from walert.pipeline.lifecycle.verdict import Verdict
from walert.template import number
from walert.units import format_duration

EARLY = 0.8  # of what was planned: a run that ends below with exit code 0 has finished early
MAX_ERROR = 2_000
MAX_STDERR = 3_000
MAX_RANKS = 8  # named one by one; the others are counted

TITLES: Mapping[str, str] = {
    "finished": "Run finished",
    "finished_early": "Run finished early",
    "failed": "Run failed",
    "crashed": "Run crashed",
    "stalled": "Run stalled",
    "lost": "Run lost",
    "preempted": "Run preempted",
}
"""By the kind of news. With the run they are the keys of its cooldowns."""


def kind_of(verdict: Verdict) -> str | None:
    """What kind of news a state is; None for running."""
    if verdict.state == "finished" and any(_is_early(m.end) for m in verdict.by):
        return "finished_early"
    return verdict.state if verdict.state in TITLES else None


def text_of(kind: str, verdict: Verdict, members: Sequence[Member], silent: float) -> str:
    """What a message says. `silent` is seconds since the newest line of those whom it is about."""
    by = verdict.by
    match kind:
        case "finished" | "finished_early":
            unknown = by and not any(m.boss for m in by) and any(m.end.get("unknown") for m in by)
            lines = [
                "It left by SystemExit with a code that only `walert run` can tell." if unknown else "",
                _reached(by),
            ]
        case "failed":
            lines = _endings(by, members)
        case "preempted":
            lines = ["The scheduler asked it to end (SIGTERM).", *_endings(by, members)]
        case "crashed":
            lines = [f"{_who(by, members, 'The process is', 'are')} gone without a word{_where(by)}. {_stood(by)}"]
        case "lost":
            lines = [f"No sign of life{_of(by, members)} for {_long(silent)}{_where(by)}. {_stood(by)}"]
        case _:
            lines = [f"No line{_of(by, members)} for {_long(silent)}{_pace(by)}; the process lives. {_stood(by)}"]
    return "\n".join(line.strip() for line in lines if line.strip())


def _endings(by: Sequence[Member], members: Sequence[Member]) -> list[str]:
    """How each ended; `walert run`'s word last, since it brings the last lines of stderr."""
    several = sum(not m.boss for m in members) > 1
    lines: list[str] = []
    for member in sorted(by, key=lambda m: m.boss)[: MAX_RANKS + 1]:
        said = _ending(member)
        if said and said not in lines:
            lines.append(f"{member.name}: {said}" if several and not member.boss else said)
    tails = [m.end["stderr"] for m in by if m.end.get("stderr")]
    if tails:
        lines.append(f"Last lines of stderr:\n{from_data(str(tails[-1]))[-MAX_STDERR:]}")
    return [*lines, _reached(by)]


def _ending(member: Member) -> str:
    end, said = member.end, []
    if member.state == "crashed":
        return "gone without a word"
    if end.get("error"):
        said.append(from_data(str(end["error"]))[:MAX_ERROR])
    if end.get("oom"):
        said.append("killed: out of memory" + _peak(end))
    elif isinstance(end.get("signal"), int):
        said.append(f"ended by {_signal(end['signal'])}" + _peak(end))
    elif end.get("exit_code") and (member.boss or not said):
        said.append(f"exit code {_plain(end['exit_code'])}")
    return "; ".join(said)


def _peak(end: Mapping[str, Any]) -> str:
    peak = end.get("peak")
    if not isinstance(peak, int):
        return ""
    shown = f"{peak / 2**30:.1f} GiB" if peak >= 2**30 else f"{peak >> 20} MiB"
    return f", its memory peaked at {shown}"


def _signal(sent: int) -> str:
    try:
        return signal.Signals(sent).name
    except ValueError:
        return f"signal {sent}"


def _reached(by: Sequence[Member]) -> str:
    """`step 312 of 1000`, as far as it is known."""
    for member in by:
        reached, planned, unit = (member.end.get(name) for name in ("reached", "planned", "unit"))
        if isinstance(reached, int | float) and isinstance(planned, int | float):
            return f"{'Epochs' if unit == 'epochs' else 'Step'} {number(reached)} of {number(planned)}."
    steps = [m.step for m in by if m.step is not None]
    return f"The last step was {number(max(steps))}." if steps else ""


def _is_early(end: Mapping[str, Any]) -> bool:
    reached, planned = end.get("reached"), end.get("planned")
    return (
        isinstance(reached, int | float)
        and isinstance(planned, int | float)
        and planned > 0
        and reached < EARLY * planned
    )


def _who(by: Sequence[Member], members: Sequence[Member], alone: str, verb: str) -> str:
    if sum(not m.boss for m in members) <= 1:
        return "walert run itself is" if by and by[0].boss else alone
    return f"{_ranks(by, members)} {'is' if len(by) == 1 else verb}"


def _of(by: Sequence[Member], members: Sequence[Member]) -> str:
    return f" of {_ranks(by, members)}" if sum(not m.boss for m in members) > 1 else ""


def _ranks(by: Sequence[Member], members: Sequence[Member]) -> str:
    """`rank 3 of 8`, `ranks 1, 2 of 8`."""
    world = max([m.world for m in members], default=1)
    ranks = sorted({m.rank for m in by})
    named = ", ".join(map(str, ranks[:MAX_RANKS]))
    more = f" and {len(ranks) - MAX_RANKS} more" if len(ranks) > MAX_RANKS else ""
    return f"rank{'' if len(ranks) == 1 else 's'} {named}{more} of {max(world, len(members))}"


def _where(by: Sequence[Member]) -> str:
    hosts = sorted({m.facts.host for m in by if m.facts.host})
    pids = [str(m.facts.pid) for m in by if m.facts.pid is not None]
    process = f"pid {pids[0]}" if len(pids) == 1 else ""
    place = f"on {from_data(', '.join(hosts[:3]))}" if hosts else ""
    found = " ".join(part for part in (process, place) if part)
    return f" ({found})" if found else ""


def _stood(by: Sequence[Member]) -> str:
    steps = [m.step for m in by if m.step is not None]
    return f"Its last step was {number(max(steps))}." if steps else ""


def _pace(by: Sequence[Member]) -> str:
    gap = max((m.gap for m in by), default=0.0)
    return f", where one came every {_long(gap)}" if gap >= 1 else ""


def _long(seconds: float) -> str:
    return format_duration(int(seconds) if seconds < 3600 else int(seconds // 60 * 60))


def _plain(code: object) -> str:
    return str(code)[:20]
