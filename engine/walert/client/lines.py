"""Values -> the bytes of one line. No I/O, no clock.

Metric lines are put together by hand, since `log()` is called in the training loop: floats and ints take a short way, everything
else a long one. Non-finite numbers are the strings "NaN", "Infinity" and "-Infinity", which every JSON reader takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

RESERVED = frozenset({"_walert", "_step", "_timestamp"})
MAX_LINE = 1_000_000  # bytes; readers refuse lines over 1 MiB
MAX_DEPTH = 32
_MAX_KEYS = 20_000

_quote: Callable[[str], str] = encode_basestring
_heads: dict[str, str] = {}  # a metric's name -> its quoted form with the colon, for names seen before

LeftOut = Callable[[str, object], None]
"""Told of each value that is no metric: its name and the value."""


def spelled(value: float) -> str:
    """A number as JSON."""
    if isfinite(value):
        return repr(value)
    return '"NaN"' if value != value else '"Infinity"' if value > 0 else '"-Infinity"'


def parts(data: Mapping[str, Any], latest: dict[str, Any], left_out: LeftOut) -> list[str]:
    """`"name": number` for each metric of a record; what is none goes to `left_out`. `latest` takes the numbers by name.

    Raises `TypeError` for a name that is not text.
    """
    found = []
    for name, value in data.items():
        head = _heads.get(name) or _learn(name)
        kind = type(value)
        if head and (kind is float or (kind is int and -(2**63) <= value < 2**64)):
            found.append(head + (repr(value) if isfinite(value) else spelled(value)))
            latest[name] = value
        else:
            _add(found, name, value, latest, left_out, ())
    return found


def _learn(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the names of metrics must be str, not {type(name).__name__}: {name!r}"[:200])
    if name in RESERVED:
        return ""
    if len(_heads) >= _MAX_KEYS:
        _heads.clear()
    head = _heads[str(name)] = f"{_quote(name)}: "
    return head


def _add(
    found: list[str], name: str, value: object, latest: dict[str, Any], left_out: LeftOut, above: tuple[int, ...]
) -> None:
    if name in RESERVED or id(value) in above or len(above) > MAX_DEPTH:
        left_out(name, value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _add(found, f"{name}/{key}", item, latest, left_out, (*above, id(value)))
    elif (number := as_number(value)) is None:
        left_out(name, value)
    else:
        found.append(f"{_quote(name)}: {spelled(number)}")
        latest[name] = number


def as_number(value: object) -> int | float | None:
    """The number in `value`: an int, a float, or a scalar of NumPy, torch and the like. None if it is none, or a bool."""
    try:
        item = getattr(value, "item", None)
        if callable(item) and not isinstance(value, int | float):
            value = item()
        elif not isinstance(value, int | float | str | bytes) and hasattr(value, "__float__"):
            value = float(value)
    except Exception:  # an array of many values, or a stranger's code: no number
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isinstance(value, float) else _bounded(int(value))


def _bounded(value: int) -> int | float:
    if -(2**63) <= value < 2**64:
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def metric_line(step: int | float, time: float, found: list[str]) -> bytes:
    """One record, with its newline."""
    return f'{{"_step": {step!r}, "_timestamp": {time:.6f}, {", ".join(found)}}}\n'.encode("utf-8", "replace")


def metric_lines(step: int | float, time: float, found: list[str]) -> list[bytes]:
    """One record as lines that readers take: in two or more of the same step when it is very wide."""
    line = metric_line(step, time, found)
    if len(line) <= MAX_LINE or len(found) == 1:
        return [line] if len(line) <= MAX_LINE else []
    half = len(found) // 2
    return [*metric_lines(step, time, found[:half]), *metric_lines(step, time, found[half:])]


def event_line(event: Mapping[str, Any], time: float, step: int | float | None = None) -> bytes:
    """A line with an object below `_walert`, with its newline. The event holds JSON values only, no non-finite numbers."""
    whole: dict[str, Any] = {"_walert": event, "_timestamp": round(time, 6)}
    if step is not None:
        whole["_step"] = step
    return (json.dumps(whole, ensure_ascii=False) + "\n").encode("utf-8", "replace")
