"""How a series is written in a test of rules."""

from __future__ import annotations

import math

import pytest

from walert.pipeline.ruletest.notation import MAX_DEPTH, MAX_RECORDS, MAX_SLIPS, Gap, parse_series

MISSING, NULL = Gap.MISSING, Gap.NULL


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("1.5", [1.5]),
        ("-.5 +2 1e-3 0", [-0.5, 2, 0.001, 0]),
        ("1x3", [1, 1, 1]),
        ("1 x3", [1, 1, 1]),
        ("0x2", [0, 0]),
        ("_ _x2 null nullx2", [MISSING, MISSING, MISSING, NULL, NULL, NULL]),
        ("inf -inf +inf Inf", [math.inf, -math.inf, math.inf, math.inf]),
        ("1..4", [1, 2, 3, 4]),
        ("2..-1", [2, 1, 0, -1]),
        ("3..3", [3]),
        ("1..0/5", [1, 0.75, 0.5, 0.25, 0]),
        ("1.5..1.5/2", [1.5, 1.5]),
        ("1..2x2", [1, 2, 1, 2]),
        ("(1 2)x2 3", [1, 2, 1, 2, 3]),
        ("((1 _)x2 5) x2", [1, MISSING, 1, MISSING, 5] * 2),
        ("  1\n\t2  ", [1, 2]),
    ],
)
def test_items_become_one_cell_a_record(text: str, cells: list[float | Gap]) -> None:
    assert parse_series(text) == (cells, [])


def test_nan_is_a_value_in_any_spelling() -> None:
    cells, slips = parse_series("nan NaN nanx2")
    assert slips == []
    assert len(cells) == 4
    assert all(isinstance(cell, float) and math.isnan(cell) for cell in cells)


@pytest.mark.parametrize(
    ("text", "offset", "what"),
    [
        ("", 0, "no value in this series"),
        ("1 foo 2", 2, "`foo` is no value"),
        ("1 x3x2", 2, "`x3x2` is no value"),
        ("x3", 0, "`x3` is no value"),
        ("1x0", 2, "no times"),
        ("1 2..2.5", 2, "from one whole number to another"),
        ("1..2/1", 5, "at least 2 values"),
        ("1 1e999", 2, "too large for a number"),
        ("-1e308..1e308/3", 0, "too large for numbers"),
        ("1 )", 2, "no ( for this parenthesis"),
        ("1 (2 3", 2, "not closed"),
        ("1 ()", 2, "nothing between these parentheses"),
        (f"1 1x{MAX_RECORDS}", 2, "more than 100,000 records"),
        ("1..2000000", 0, "more than 100,000 records"),
        ("((1)x1000)x1000", 0, "more than 100,000 records"),
        ("1x99999999999999999999", 2, "more than 100,000 records"),
        ("(" * (MAX_DEPTH + 1), MAX_DEPTH, "deeper than 10 levels"),
        ("1_000", 0, "is no value"),
        ("１", 0, "is no value"),
    ],
)
def test_a_mistake_is_told_at_its_character(text: str, offset: int, what: str) -> None:
    _, slips = parse_series(text)
    assert [slip.offset for slip in slips] == [offset]
    assert what in slips[0].what


def test_all_mistakes_are_told_in_one_pass() -> None:
    _, slips = parse_series("foo 1 (bar 1x0) )")
    assert [slip.offset for slip in slips] == [0, 7, 13, 16]


def test_a_hostile_text_costs_no_more_than_its_length() -> None:
    assert len(parse_series("? " * 500_000)[1]) == MAX_SLIPS
    assert len(parse_series("(" * 500_000)[1]) == 1
    assert len(parse_series("(1x100000)" * 50_000)[1]) == 1


def test_the_longest_series_is_read() -> None:
    assert len(parse_series(f"(1 2)x{MAX_RECORDS // 2}")[0]) == MAX_RECORDS
