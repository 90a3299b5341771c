"""Lines in, records out, for lines that nobody wrote by hand."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from walert.model import BadLine, Record, Source
from walert.records import Decoder

KEYS = st.sampled_from(
    ["loss", "train", "val", "acc", "step", "epoch", "iter", "time", "timestamp", "top-1 acc", "é", "x.y"]
)
NUMBERS = st.one_of(
    st.floats(),
    st.integers(-(10**25), 10**25),
    st.sampled_from([0, 1, 17, 1.7e9, 1_700_000_000_000, 0.02, 10**400, -(10**400), 2**53 + 1]),
)
SCALARS = st.one_of(
    NUMBERS,
    st.none(),
    st.booleans(),
    st.sampled_from(["NaN", "inf", "-Infinity", "null", "abc", "12", "10/100", "2026-11-23T18:06:18Z", "a NaN b"]),
)
FLAT = st.dictionaries(KEYS, SCALARS, max_size=6)
RECORDS = st.dictionaries(KEYS, st.one_of(SCALARS, st.lists(SCALARS, max_size=2), FLAT), max_size=6)
LINES = st.one_of(
    RECORDS.map(lambda record: json.dumps(record).encode()),
    RECORDS.map(lambda record: json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()),
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b" ", b'{"a": 1', b"[1]", b'{"_walert": 1}', b'{"_walert": {"event": "start"}}', b'{"a":{"a":1}}']
    ),
)
# A writer repeats its lines with other values: what a decoder learns from the first ones must not show.
STREAMS = st.lists(LINES, min_size=1, max_size=4).flatmap(
    lambda kinds: st.lists(st.sampled_from(kinds) | LINES, max_size=14)
)
SOURCES = st.sampled_from(
    [
        Source(path="/x"),
        Source(path="/x", format="jsonl", nulls="nan"),
        Source(path="/x", nulls="missing", rename={"loss": "train/loss"}),
        Source(path="/x", root="train"),
        Source(path="/x", step=("x/y",), time=("val.time",), strings="numbers"),
        Source(path="/x", pivot=("val", "loss")),
        Source(path="/x", format="csv"),
    ]
)


def told(outcome: Record | BadLine | None) -> str:
    """An outcome as text, because NaN equals nothing; the order of the metrics shows too."""
    return repr(outcome)


def decoded(source: Source, lines: list[bytes], name: str = "metrics.jsonl") -> list[Record | BadLine | None]:
    decoder = Decoder(source, name)
    return [decoder.decode(line, number, 0) for number, line in enumerate(lines, 1)]


@given(
    st.lists(st.binary(max_size=300), max_size=8), SOURCES, st.sampled_from(["a.jsonl", "a.csv", "a.tsv", "a.log", ""])
)
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise(lines: list[bytes], source: Source, name: str) -> None:
    for outcome in decoded(source, lines, name):
        assert outcome is None or isinstance(outcome, Record | BadLine)


@given(STREAMS, SOURCES)
@settings(max_examples=300, deadline=None)
def test_a_decoder_restored_before_every_line_gives_the_same_records(lines: list[bytes], source: Source) -> None:
    state: dict[str, Any] | None = None
    restored = []
    for number, line in enumerate(lines, 1):
        decoder = Decoder(source, "metrics.jsonl", state)
        restored.append(told(decoder.decode(line, number, 0)))
        state = json.loads(json.dumps(decoder.state()))
    assert restored == [told(outcome) for outcome in decoded(source, lines)]


@given(
    st.lists(RECORDS, min_size=1, max_size=3),
    st.lists(st.lists(NUMBERS, min_size=6, max_size=6), min_size=4, max_size=10),
)
@settings(max_examples=150, deadline=None)
def test_lines_that_look_alike_read_as_each_would_alone(
    shapes: list[dict[str, Any]], values: list[list[float]]
) -> None:
    lines = []
    for row, numbers in enumerate(values):
        record = dict(shapes[row % len(shapes)])
        for key, number in zip(record, numbers, strict=False):
            if type(record[key]) in (int, float):
                record[key] = number
        lines.append(json.dumps(record).encode())
    source = Source(path="/x", format="jsonl", nulls="nan")
    outcomes = decoded(source, lines)
    for number, (line, outcome) in enumerate(zip(lines, outcomes, strict=True), 1):
        alone = Decoder(source, "m.jsonl").decode(line, number, 0)
        assert isinstance(alone, Record)
        assert isinstance(outcome, Record)
        assert told(outcome._replace(step=0.0)) == told(alone._replace(step=0.0))
        assert outcome.step == alone.step or not outcome.has_step


@given(
    st.dictionaries(
        st.lists(st.sampled_from(["a", "b", "loss", "top-1"]), min_size=1, max_size=4).map(tuple), NUMBERS, max_size=5
    )
)
@settings(max_examples=150, deadline=None)
def test_slash_dot_and_nesting_are_one_separator(metrics: dict[tuple[str, ...], float]) -> None:
    leaves = {path: value for path, value in metrics.items() if not _is_inner(path, metrics)}
    spellings = [
        {"/".join(path): value for path, value in leaves.items()},
        {".".join(path): value for path, value in leaves.items()},
        _nested(leaves),
    ]
    found = {told(decoded(Source(path="/x"), [json.dumps(spelling).encode()])[0]) for spelling in spellings}
    assert len(found) == 1


def _is_inner(path: tuple[str, ...], metrics: dict[tuple[str, ...], float]) -> bool:
    return any(other[: len(path)] == path and other != path for other in metrics)


def _nested(leaves: dict[tuple[str, ...], float]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        place = tree
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
    return tree


@given(st.dictionaries(st.text(max_size=6).map(lambda text: "m" + text), NUMBERS, max_size=5))
@settings(max_examples=150, deadline=None)
def test_every_number_of_a_flat_record_is_found_under_its_name(record: dict[str, float]) -> None:
    outcome = decoded(Source(path="/x", format="jsonl"), [json.dumps(record).encode()])[0]
    assert isinstance(outcome, Record)
    last = {key.replace(".", "/"): value for key, value in record.items()}
    for name, value in last.items():
        assert _same(outcome.metrics[_printable(name)], value)


def _printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")


def _same(found: float, written: float) -> bool:
    try:
        wanted = float(written)
    except OverflowError:
        wanted = math.inf if written > 0 else -math.inf
    return found == wanted or (math.isnan(found) and math.isnan(wanted))


@given(
    st.lists(
        st.lists(st.one_of(st.floats(), st.sampled_from(["", "abc", '"q"', "1_0"])), min_size=3, max_size=3), max_size=8
    )
)
@settings(max_examples=100, deadline=None)
def test_a_table_and_the_same_records_in_json_agree(rows: list[list[float | str]]) -> None:
    table = [b"step,loss,acc", *(",".join(map(str, row)).encode() for row in rows)]
    records = [{k: v for k, v in zip(("step", "loss", "acc"), row, strict=True) if v != ""} for row in rows]
    lines = [
        json.dumps({"step": "x", "loss": "x", "acc": "x"}).encode(),
        *(json.dumps(record).encode() for record in records),
    ]
    by_table = decoded(Source(path="/x", format="csv"), table)[1:]
    by_json = decoded(Source(path="/x", format="jsonl"), lines)[1:]
    for row, record in zip(by_table, by_json, strict=True):
        assert isinstance(row, Record)
        assert isinstance(record, Record)
        assert told(row.metrics and dict(sorted(row.metrics.items()))) == told(record.metrics)
        assert row.has_step == record.has_step
