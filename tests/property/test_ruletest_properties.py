"""The notation of series: what is written is what is logged, and no text is too strange to be answered."""

from __future__ import annotations

import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from walert.model import BadLine, Run, Source
from walert.pipeline.ruletest.lines import log_lines
from walert.pipeline.ruletest.notation import Cell, Gap, parse_series
from walert.pipeline.ruletest.values import Case
from walert.records import Decoder

Written = tuple[str, list[Cell]]

NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: (repr(x), [x]))
WORDS = st.sampled_from(
    [("_", [Gap.MISSING]), ("null", [Gap.NULL]), ("nan", [math.nan]), ("inf", [math.inf]), ("-inf", [-math.inf])]
)
RAMPS = st.tuples(st.integers(-50, 50), st.integers(0, 30), st.sampled_from([1, -1])).map(
    lambda r: (f"{r[0]}..{r[0] + r[1] * r[2]}", [float(r[0] + i * r[2]) for i in range(r[1] + 1)])
)
SPACES = st.text(" \t\n", min_size=1, max_size=3)


def joined(items: list[Written], space: str) -> Written:
    return space.join(text for text, _ in items), [cell for _, cells in items for cell in cells]


def repeated(item: Written, count: int, space: str) -> Written:
    return f"{item[0]}{space}x{count}", item[1] * count


def sequences(items: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    return st.builds(joined, st.lists(items, min_size=1, max_size=4), SPACES)


def grouped(items: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    group = sequences(items).map(lambda s: (f"({s[0]})", s[1]))
    return st.builds(repeated, group | items, st.integers(1, 4), st.sampled_from(["", " "])) | group


ATOMS: st.SearchStrategy[Written] = NUMBERS | WORDS | RAMPS
# A repeated item can be repeated again only in parentheses.
SERIES = sequences(
    st.builds(repeated, ATOMS, st.integers(1, 5), st.just(""))
    | ATOMS
    | grouped(sequences(ATOMS).map(lambda s: (f"({s[0]})", s[1])))
)


def same(one: list[Cell], other: list[Cell]) -> bool:
    return len(one) == len(other) and all(a == b or (a != a and b != b) for a, b in zip(one, other, strict=True))


@settings(max_examples=300)
@given(SERIES)
def test_what_is_written_is_what_is_read(series: Written) -> None:
    text, cells = series
    read, slips = parse_series(text)
    assert slips == []
    assert same(read, cells)


@settings(max_examples=300)
@given(st.text("01x._()/-+ naiful\n", max_size=40) | st.text(max_size=40))
def test_any_text_is_answered_with_cells_or_with_a_mistake_inside_it(text: str) -> None:
    cells, slips = parse_series(text, limit=1000)
    assert cells or slips
    assert len(cells) <= 1000
    assert all(0 <= slip.offset <= len(text) and slip.what for slip in slips)


@settings(max_examples=200)
@given(SERIES.filter(lambda s: len(s[1]) <= 200), st.booleans())
def test_a_log_holds_the_values_of_the_series(series: Written, timed: bool) -> None:
    cells = series[1]
    steps = [float(10 * i) for i in range(len(cells))]
    times = [1704067200.0 + i / 10 for i in range(len(cells))] if timed else None
    case = Case(
        "a test",
        0,
        1,
        Run("test", "test"),
        steps,
        times,
        {"val/loss": cells, "one": [1.0] * len(cells)},
        (),
        None,
        (),
        None,
    )
    decoder = Decoder(Source(path="metrics.jsonl", format="jsonl", nulls="missing"), "metrics.jsonl")
    records = [decoder.decode(data, number, 0) for number, data in log_lines(case)]
    assert [number for number, _ in log_lines(case)] == list(range(1, len(cells) + 1))
    for i, record in enumerate(records):
        assert record is not None
        assert not isinstance(record, BadLine)
        assert (record.step, record.time) == (steps[i], times[i] if times else None)
        logged = record.metrics.get("val/loss", Gap.MISSING)
        assert same([logged], [Gap.MISSING if cells[i] is Gap.NULL else cells[i]])


def test_a_line_is_json_as_writers_of_logs_write_it() -> None:
    case = Case(
        "a", 0, 1, Run("test", "test"), [1.0], None, {"loss": [math.nan], "null": [Gap.NULL]}, (), None, (), None
    )
    ((_, data),) = log_lines(case)
    assert data == b'{"_step": 1.0, "loss": NaN, "null": null}'
    assert json.loads(data)["null"] is None
