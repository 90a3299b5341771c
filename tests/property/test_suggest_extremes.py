"""What `walert suggest` measures with sliding windows, against the plain definition."""

from __future__ import annotations

import statistics

from hypothesis import given, settings
from hypothesis import strategies as st

from walert.pipeline.suggest.extremes import against_best, against_median, beyond, held, medians

VALUES = st.lists(st.integers(1, 9).map(float), max_size=25)
WIDTH = st.integers(1, 6)


def windows(values: list[float], width: int) -> list[list[float]]:
    return [values[i - width + 1 : i + 1] for i in range(width - 1, len(values))]


@settings(deadline=None)
@given(VALUES, WIDTH, st.booleans())
def test_what_a_window_holds_is_its_minimum_or_maximum(values: list[float], width: int, upper: bool) -> None:
    assert held(values, width, upper) == [(min if upper else max)(w) for w in windows(values, width)]


@settings(deadline=None)
@given(VALUES, WIDTH)
def test_a_sliding_median_is_the_median_of_the_newest(values: list[float], width: int) -> None:
    assert list(medians(values, width)) == [
        statistics.median(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))
    ]


@settings(deadline=None)
@given(VALUES, WIDTH, WIDTH, st.booleans(), st.booleans())
def test_the_furthest_from_the_median(values: list[float], width: int, least: int, upper: bool, ratio: bool) -> None:
    base = 2 * width + 1
    far = [
        (w / m if ratio else w - m)
        for i in range(max(width, least) - 1, len(values))
        for w in [(min if upper else max)(values[i - width + 1 : i + 1])]
        for m in [statistics.median(values[max(0, i - base + 1) : i + 1])]
    ]
    assert against_median(values, width, base, least, upper, ratio) == (max if upper else min)(far, default=None)


@settings(deadline=None)
@given(VALUES, WIDTH, st.booleans())
def test_the_furthest_from_the_best(values: list[float], width: int, upper: bool) -> None:
    far = [
        (min(w) / min(values[: i + width]) if upper else max(values[: i + width]) - max(w))
        for i, w in enumerate(windows(values, width))
    ]
    assert against_best(values, width, upper) == max(far, default=None)


@settings(deadline=None)
@given(VALUES, WIDTH, st.integers(0, 25), st.booleans())
def test_the_furthest_from_a_step_on(values: list[float], width: int, since: int, upper: bool) -> None:
    steps = [float(i) for i in range(len(values))]
    passed = [(min if upper else max)(w) for i, w in enumerate(windows(values, width)) if i + width - 1 >= since]
    assert beyond(values, steps, width, since, upper) == (max if upper else min)(passed, default=None)
