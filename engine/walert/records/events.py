"""The object below `_walert`: a lifecycle event or an `alert()` call, checked before anybody acts on it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from walert.records.names import as_float

RESERVED: Final = "_walert"
"""The one key of a record that is walert's own."""

EVENTS: Final = ("start", "alert", "config", "finish", "heartbeat")
LEVELS: Final = ("INFO", "WARN", "ERROR")


def flaw(event: object) -> str | None:
    """What is wrong with the object below `_walert`, one short sentence, or None."""
    if not isinstance(event, Mapping):
        return f"{RESERVED} is not an object"
    kind = event.get("event")
    if kind not in EVENTS:
        return f"{RESERVED}: event is none of {', '.join(EVENTS)}"
    return _alert_flaw(event) if kind == "alert" else None


def _alert_flaw(event: Mapping[str, Any]) -> str | None:
    title, text, level = event.get("title"), event.get("text"), event.get("level")
    if not isinstance(title, str) or not title.strip():
        return f"{RESERVED}: title is no text, or empty"
    if not isinstance(text, str):
        return f"{RESERVED}: text is no text"
    if level is not None and (not isinstance(level, str) or level.upper() not in LEVELS):
        return f"{RESERVED}: level is none of {', '.join(LEVELS)}"
    wait = event.get("wait_duration")
    return (
        None
        if wait is None or _is_duration(wait)
        else f"{RESERVED}: wait_duration is no finite number of seconds from 0"
    )


def _is_duration(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value >= 0 and isfinite(as_float(value))


def clean(value: Any) -> Any:
    """The same value with lone surrogates, which nothing can print or store, replaced by `?`."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return [clean(item) for item in value] if isinstance(value, list) else value
