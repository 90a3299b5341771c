"""Durations and spans as people write them."""

from __future__ import annotations

import math

import pytest

from walert.units import Span, format_duration, parse_duration, parse_span


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("300", 300),
        (300, 300),
        (300.5, 300.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("90s", 90),
        ("2d", 172800),
        ("250ms", 0.25),
        (0, 0),
        ("0", 0),
        ("1w", 604800),
        (" 5m ", 300),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("1e2", 100),
    ],
)
def test_a_duration_is_read(written: str | float, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        -1,
        "-5m",
        "-1",
        math.nan,
        math.inf,
        -math.inf,
        "nan",
        "inf",
        "",
        "five minutes",
        "5 parsecs",
        "5m!",
        "m5",
        True,
        False,
        "1e400",
        10**400,
        "9" * 100,
        "1d" * 1000,
        None,
        [5],
        "4000000d",
    ],
)
def test_what_is_no_duration_is_refused_with_a_sentence(written: object) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_duration(written)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m"), (5400, "1h30m"), (0, "0s"), (0.25, "250ms"), (90061, "1d1h1m1s"), (-60, "-1m"), (math.inf, "inf")],
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 61, 3599, 3600, 86399, 86400, 1234567, 0.001])
def test_a_written_duration_reads_back(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("3", Span("samples", 3)),
        (3, Span("samples", 3)),
        ("3 samples", Span("samples", 3)),
        (3.0, Span("samples", 3)),
        ("200 steps", Span("steps", 200)),
        ("1 step", Span("steps", 1)),
        ("10m", Span("seconds", 600)),
        ("90s", Span("seconds", 90)),
        ("3 of 5", Span("k_of_n", 3, 5)),
        (" 3  of 5 ", Span("k_of_n", 3, 5)),
        ("100000", Span("samples", 100_000)),
        ("1e3 steps", Span("steps", 1000)),
    ],
)
def test_a_span_is_read(written: str | float, span: Span) -> None:
    assert parse_span(written) == span


@pytest.mark.parametrize(
    "written",
    [
        "0",
        0,
        -3,
        "-3",
        2.5,
        "100001",
        "6 of 5",
        "0 of 5",
        "3 of 1000000",
        "0 steps",
        "-2 steps",
        "inf steps",
        "0s",
        "",
        "soon",
        True,
        math.nan,
        math.inf,
        None,
        "3 of",
        "of 5",
        "9" * 1000,
        "steps",
    ],
)
def test_what_is_no_span_is_refused_with_a_sentence(written: object) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_span(written)  # type: ignore[arg-type]
