"""Silences as `walert silence` and `walert status` show them."""

from __future__ import annotations

from walert.cli.common import age
from walert.store.values import Silence
from walert.units import format_duration

HEADER = ("id", "state", "ends", "silences", "held", "comment")


def shown(silence: Silence, now: float) -> tuple[object, ...]:
    """One silence as a row under `HEADER`."""
    return (silence.id, state(silence, now), ends(silence, now), meant(silence), silence.held, silence.comment)


def state(silence: Silence, now: float) -> str:
    """`active`, `pending` before it begins, or `over`."""
    if silence.told is not None or silence.ends <= now:
        return "over"
    return "active" if silence.starts <= now else "pending"


def ends(silence: Silence, now: float) -> str:
    """How long it lasts still, or how long ago it ended."""
    left = silence.ends - now
    if left <= 0:
        return age(silence.ends)
    return f"in {format_duration(int(left) if left < 3600 else int(left // 60 * 60))}"


def meant(silence: Silence) -> str:
    """What it matches, in words."""
    texts = [
        f"{name} {value}"
        for name, value in (("title", silence.title), ("run", silence.run), ("project", silence.project))
        if value is not None
    ]
    level = (
        [] if silence.level is None else [silence.level if silence.level == "INFO" else f"{silence.level} and below"]
    )
    return ", ".join([*texts, *level])
