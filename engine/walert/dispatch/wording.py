"""The sentences of an alert: a rule's text filled in, or, where a rule has none, which condition held with which values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from walert import template
from walert.model import AlertLevel, Run, Transition
from walert.template import Value, number

# Angle brackets begin a mention or a link where a message is delivered: in what comes from data they are only characters.
_HARMLESS = str.maketrans({"<": "‹", ">": "›"})
_PING = re.compile(
    r"@(?=everyone|here|channel|all|room)", re.IGNORECASE
)  # these ping without any brackets in some chats

FLAPS = 3
"""Episodes of a title that were over before they could be told: so many between two messages are called flapping."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a text may fill in. `at` is the record's step, or its ordinal where it has none (`step` is None then)."""

    step: float | None
    time: float | None
    line: int
    offset: int
    values: Mapping[str, float]
    names: Mapping[str, float]
    since: float | None
    run: Run
    log: str
    host: str | None
    attempt: int
    at: float


def from_data(text: str) -> str:
    """Text that comes from data: it can neither mention nor link anybody."""
    return _PING.sub("@\u200b", text.translate(_HARMLESS))


def fill(text: str, facts: Facts, title: str, level: AlertLevel, suppressed: int) -> str:
    """A rule's text with its fields filled in; a field that cannot be is named in its place."""
    known: dict[str, Value] = {**facts.values, **facts.names}
    known |= {
        "step": facts.step,
        "run": facts.run.name,
        "project": facts.run.project or "",
        "title": title,
        "level": str(level),
        "time": moment(facts.time),
        "since": moment(facts.since),
        "value": next(iter(facts.values.values()), None),
        "suppressed": suppressed,
        "host": facts.host or "",
        "file": facts.log,
        "line": facts.line,
        "attempt": facts.attempt,
        "for": elapsed(facts),
    }
    known.setdefault("epoch", None)
    return template.fill(text, known, from_data)


def moment(time: float | None) -> str | None:
    """A time as people and machines both read it, in UTC to the second."""
    if time is None:
        return None
    return dt.datetime.fromtimestamp(time, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def elapsed(facts: Facts) -> str | None:
    """How long the episode has lasted by event time."""
    if facts.since is None or facts.time is None:
        return None
    seconds = max(0, int(facts.time - facts.since))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [
        f"{hours}h" if hours else "",
        f"{minutes}m" if minutes else "",
        f"{seconds}s" if seconds or not (hours or minutes) else "",
    ]
    return "".join(parts)


def sentence(kind: str, transition: Transition) -> str:
    """What a message says of a rule without a text, or of the end of an episode."""
    values = ", ".join(f"{from_data(name)} = {number(value)}" for name, value in transition.values.items())
    if kind in ("resolved", "closed"):
        return f"{kind} ({transition.why})" + (f": {values}" if values else "")
    rule = transition.rule
    held = f"{rule.when} for {rule.for_}" if rule.for_ else rule.when
    return f"{held}: {values}" if values else held


def unreported(began: float, transition: Transition) -> str:
    """One episode that was over before its cooldown let it speak."""
    return f"fired at step {number(began)}, {transition.happening} at step {number(transition.step)}"


def with_unreported(text: str, ended: Sequence[str]) -> str:
    """`text`, and what was over before it could be told."""
    if not ended:
        return text
    flaps = " (it is flapping)" if len(ended) >= FLAPS else ""
    return f"{text}\nHeld back since the last message{flaps}: {'; '.join(ended)}."


def finished(event: Mapping[str, Any]) -> str:
    """What a finish record says of how the run ended; nothing for a good end."""
    if event.get("error"):
        return from_data(str(event["error"]))[:2_000]
    return f"exit code {event['exit_code']}" if event.get("exit_code") else ""


def still_held(held: Mapping[str, tuple[int, Sequence[str]]]) -> list[str]:
    """For the run's last message: what its cooldowns hold back, by title, how often and which episodes."""
    return [f"{title}: {count} held back{_named(ended)}" for title, (count, ended) in held.items() if count or ended]


def _named(ended: Sequence[str]) -> str:
    return f" ({'; '.join(ended)})" if ended else ""
