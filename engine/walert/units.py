"""Durations and spans as people write them: `5m`, `1h30m`, `3`, `200 steps`, `3 of 5`. Pure; seconds are floats."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

MAX_SAMPLES = 100_000
MAX_STEPS = 1e15
MAX_SECONDS = 100 * 365 * 86400.0  # a hundred years: anything longer is a slip, and dates stay within reach

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?")
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?(ms|[smhdw])")
_COUNTED = re.compile(r"(.{1,40}?) ?(steps?|samples?)")
_K_OF_N = re.compile(r"(\d{1,9}) of (\d{1,9})")
_LONGEST_TEXT = 64
_DURATION_EXAMPLES = "Write seconds, or for example 90s, 5m, 1h30m, 2d."


@dataclass(frozen=True, slots=True)
class Span:
    """How long something must hold: samples, steps, seconds of event time, or `amount` of the last `of` judgements."""

    kind: Literal["samples", "steps", "seconds", "k_of_n"]
    amount: float
    of: int = 0


def parse_duration(value: str | int | float) -> float:
    """Seconds from `300`, `"300"`, `300.5`, `"5m"`, `"1h30m"`, `"250ms"`.

    Raises `ValueError` with a sentence for what is negative, not finite, over a hundred years, or no duration.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"a duration is a number of seconds or a text, not {_shown(value)}. {_DURATION_EXAMPLES}")
    seconds = _seconds_of_text(value) if isinstance(value, str) else _float(value)
    if not math.isfinite(seconds):
        raise ValueError(f"a duration must be finite, not {_shown(value)}. {_DURATION_EXAMPLES}")
    if seconds < 0:
        raise ValueError(f"a duration cannot be negative: {_shown(value)}. {_DURATION_EXAMPLES}")
    if seconds > MAX_SECONDS:
        raise ValueError(f"the duration {_shown(value)} is longer than a hundred years. {_DURATION_EXAMPLES}")
    return seconds


def format_duration(seconds: float) -> str:
    """`300` as `5m`, `5400` as `1h30m`, `0.25` as `250ms`; what `parse_duration` reads back to the millisecond."""
    if not math.isfinite(seconds):
        return str(seconds)
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    left_ms = round(left * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left_ms = divmod(left_ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + ("".join(parts) or "0s")


def parse_span(value: str | int | float) -> Span:
    """A span from `3` or `"3"` (samples), `"200 steps"`, `"10m"` or `"3 of 5"`; bounded and positive.

    Raises `ValueError` with a sentence.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"a span is a number of samples or a text, not {_shown(value)}. {_SPAN_EXAMPLES}")
    if not isinstance(value, str):
        return _samples(_float(value), value)
    text = " ".join(value[:_LONGEST_TEXT].split())
    if match := _K_OF_N.fullmatch(text):
        return _k_of_n(int(match[1]), int(match[2]))
    if _NUMBER.fullmatch(text):
        return _samples(float(text), value)
    match = _COUNTED.fullmatch(text)
    if match and _NUMBER.fullmatch(match[1]):
        amount = float(match[1])
        return _samples(amount, value) if match[2].startswith("sample") else _steps(amount, value)
    return _span_of_time(text, value)


_SPAN_EXAMPLES = "Write for example 3 (samples), 200 steps, 10m or 3 of 5."


def _samples(amount: float, written: object) -> Span:
    if not (1 <= amount <= MAX_SAMPLES) or amount != int(amount):
        raise ValueError(f"a number of samples is a whole number from 1 to {MAX_SAMPLES:,}, not {_shown(written)}.")
    return Span("samples", amount)


def _steps(amount: float, written: object) -> Span:
    if not (0 < amount <= MAX_STEPS):
        raise ValueError(f"a number of steps must be above 0 and finite, not {_shown(written)}.")
    return Span("steps", amount)


def _k_of_n(k: int, n: int) -> Span:
    if not (1 <= k <= n <= MAX_SAMPLES):
        raise ValueError(f"in `k of n`, k is at least 1 and at most n, and n at most {MAX_SAMPLES:,}: not {k} of {n}.")
    return Span("k_of_n", float(k), n)


def _span_of_time(text: str, written: str) -> Span:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{_shown(written)} is no span. {_SPAN_EXAMPLES}") from error
    if seconds <= 0:
        raise ValueError(f"a span of time must be above 0, not {_shown(written)}. {_SPAN_EXAMPLES}")
    return Span("seconds", seconds)


def _seconds_of_text(text: str) -> float:
    trimmed = text.strip() if len(text) <= _LONGEST_TEXT else ""
    if trimmed.lower() in {"nan", "inf", "+inf", "-inf", "infinity", "-infinity", ".nan", ".inf", "-.inf"}:
        return math.nan
    if _NUMBER.fullmatch(trimmed):
        return float(trimmed)
    negative, body = trimmed.startswith("-"), trimmed.removeprefix("-").replace(" ", "")
    parts = _PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ValueError(f"{_shown(text)} is no duration. {_DURATION_EXAMPLES}")
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -total if negative else total


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    text = f"`{value}`" if isinstance(value, str | int | float) else type(value).__name__
    return text if len(text) <= 40 else text[:38] + "…`"
