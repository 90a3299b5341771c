"""Whatever is logged or told: each line is JSON that walert's own reader and any other take, and means what was given."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from walert.client import arguments, lines
from walert.model import Record, Source
from walert.records import Decoder

NAMES = st.text(max_size=12)
NUMBERS = st.one_of(st.floats(), st.integers(), st.integers(min_value=10**300, max_value=10**320))
OTHERS = st.one_of(st.none(), st.booleans(), st.text(max_size=5), st.lists(st.floats(), max_size=3))
DATA = st.dictionaries(
    NAMES,
    st.recursive(st.one_of(NUMBERS, OTHERS), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12),
    max_size=6,
)


def decoded(line: bytes) -> Record:
    outcome = Decoder(Source(path="/logs"), "metrics.jsonl").decode(line.removesuffix(b"\n"), 1, 0)
    assert isinstance(outcome, Record), outcome
    return outcome


@settings(max_examples=150, deadline=None)
@given(DATA, st.integers(-(2**53), 2**53))
def test_every_number_of_a_record_is_read_back(data: dict[str, Any], step: int) -> None:
    latest: dict[str, Any] = {}
    left_out: list[str] = []
    found = lines.parts(data, latest, lambda name, _: left_out.append(name))
    written = b"".join(lines.metric_lines(step, 1.7e9, found)) if found else b""
    for line in written.splitlines(keepends=True):
        assert line.endswith(b"\n")
        json.loads(line, parse_constant=lambda literal: 1 / 0)
        record = decoded(line)
        assert (record.step, record.time) == (float(step), 1.7e9)
    values = {name.encode("utf-8", "replace").decode(): value for name, value in latest.items()}
    read = json.loads(written) if found else {}
    for name, value in values.items():
        assert read[name] == value or read[name] == lines.spelled(value).strip('"') or math.isnan(value)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=3_000), st.text(max_size=3_000))
def test_any_title_and_text_come_as_they_were_given(title: str, text: str) -> None:
    if not title.strip():
        title += "T"
    event = {"v": 1, "event": "alert", "id": "a", "title": arguments.title(title), "text": arguments.text(text)}
    line = lines.event_line(event, 1.7e9, 3)
    assert line.count(b"\n") == 1
    found = decoded(line).event
    assert found is not None
    assert len(found["title"].encode()) <= arguments.MAX_TITLE
    assert found["text"] == text.encode("utf-8", "replace").decode()


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.integers()),
    st.timedeltas(),
)


@settings(max_examples=200, deadline=None)
@given(ANYTHING)
def test_whatever_is_given_is_taken_or_refused_with_a_sentence(value: Any) -> None:
    for take in (
        arguments.title,
        arguments.text,
        arguments.level,
        arguments.wait_duration,
        arguments.step,
        arguments.data,
    ):
        try:
            take(value)
        except (TypeError, ValueError) as error:
            assert len(str(error)) > 20


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.integers(4, 200))
def test_a_cut_never_splits_a_character_and_keeps_what_fits(text: str, limit: int) -> None:
    clean = text.encode("utf-8", "replace").decode()
    short = arguments.shorten(clean, limit)
    assert len(short.encode()) <= limit
    assert short == clean or (short.endswith("…") and clean.startswith(short[:-1]))
