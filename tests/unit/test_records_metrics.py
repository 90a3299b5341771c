"""What of a line is a metric, under which name, with which value."""

from __future__ import annotations

import math
from typing import Any

import pytest

from walert.model import Record, Source
from walert.records import Decoder

INF, NAN = math.inf, math.nan


def source(**options: Any) -> Source:
    return Source(path="/logs", **options)


def metrics(*lines: str, **options: Any) -> list[dict[str, float]]:
    """The metrics of each line of one file."""
    decoder = Decoder(source(**options), "metrics.jsonl")
    outcomes = [decoder.decode(line.encode(), number, 0) for number, line in enumerate(lines, 1)]
    assert all(isinstance(outcome, Record) for outcome in outcomes), outcomes
    return [outcome.metrics for outcome in outcomes if isinstance(outcome, Record)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"loss": 1}', {"loss": 1.0}),
        ('{"loss": -1.5e3}', {"loss": -1500.0}),
        ('{"a": true, "b": false, "c": "text", "d": [1, 2], "e": {}}', {}),
        ('{"train": {"loss": 1}}', {"train/loss": 1.0}),
        ('{"train/loss": 1}', {"train/loss": 1.0}),
        ('{"train.loss": 1}', {"train/loss": 1.0}),
        ('{"eval": {"a.b": {"c/d": 1}}}', {"eval/a/b/c/d": 1.0}),
        ('{"val_top-1 acc": 1}', {"val_top-1 acc": 1.0}),
        ('{"AP@0.5": 1}', {"AP@0/5": 1.0}),
        ('{"/loss": 1, "loss/": 2, "a//b": 3}', {"/loss": 1.0, "loss/": 2.0, "a//b": 3.0}),
        ('{"": 1}', {}),
        ('{"損失": 1}', {"損失": 1.0}),
        (r'{"a\ud800b": 1}', {"a?b": 1.0}),
        ('{"with \\"quote\\"": 1}', {'with "quote"': 1.0}),
        ('{"a": 1, "a": 2}', {"a": 2.0}),
        ('{"a/b": 1, "a": {"b": 2}}', {"a/b": 2.0}),
        ('{"a": {"b": 2}, "a.b": 1}', {"a/b": 1.0}),
    ],
)
def test_numbers_are_metrics_under_their_flattened_names(line: str, expected: dict[str, float]) -> None:
    assert metrics(line) == [expected]


@pytest.mark.parametrize("literal", ["NaN", '"NaN"', '"nan"', '"null"'])
def test_every_spelling_of_nan_is_nan(literal: str) -> None:
    assert math.isnan(metrics(f'{{"loss": {literal}, "n": 1}}')[0]["loss"])


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("Infinity", INF),
        ("-Infinity", -INF),
        ('"Infinity"', INF),
        ('"-Infinity"', -INF),
        ('"inf"', INF),
        ('"-inf"', -INF),
        ("1e999", INF),
        ("-1e999", -INF),
        ("9" * 400, INF),
        ("-" + "9" * 5000, -INF),
        ("123456789012345678901234567890", 1.2345678901234568e29),
    ],
)
def test_infinities_and_numbers_beyond_a_float_are_infinite(literal: str, value: float) -> None:
    assert metrics(f'{{"loss": {literal}}}') == [{"loss": value}]


@pytest.mark.parametrize("text", ["NAN", "+inf", "infinity", "12", " nan", "None", ""])
def test_other_texts_are_no_numbers(text: str) -> None:
    assert metrics(f'{{"loss": "{text}"}}') == [{}]


def test_non_finite_words_inside_strings_change_nothing() -> None:
    line = '{"note": "NaN, or [Infinity] at \\"NaN\\"", "NaN:": 1, "loss": NaN, "x": -Infinity}'
    found = metrics(line)[0]
    assert found.keys() == {"NaN:", "loss", "x"}
    assert found["x"] == -INF


def test_literals_that_come_and_go_are_read_on_every_line() -> None:
    lines = [
        f'{{"loss": {value}, "acc": 1}}' for value in ["1", "2", "NaN", "Infinity", "3"] + ["4"] * 40 + ["NaN", "5"]
    ]
    losses = [found["loss"] for found in metrics(*lines)]
    assert math.isnan(losses[2])
    assert math.isnan(losses[-2])
    assert [loss for loss in losses if not math.isnan(loss)] == [1, 2, INF, 3, *[4] * 40, 5]


def test_a_key_may_change_its_kind_from_line_to_line() -> None:
    values = ["1", "2", "3", '"text"', "true", "[1]", '{"x": 9}', "4", '"inf"', "5"]
    found = metrics(*(f'{{"v": {value}, "w": 0}}' for value in values))
    assert [row.get("v") for row in found] == [1, 2, 3, None, None, None, None, 4, INF, 5]
    assert found[6]["v/x"] == 9


def test_metrics_are_in_order_of_name_however_the_writer_mixes_its_keys() -> None:
    found = metrics('{"b": 1, "a": 2}', '{"b": 1, "a": 2}', '{"b": 1, "a": 2}', '{"a": 1, "b": 2}')
    assert {tuple(row) for row in found} == {("a", "b")}


# --- null ---

FIRST_NULL = ['{"a": null, "n": 1}', '{"a": 1, "n": 1}', '{"a": null, "n": 1}']
FIRST_NUMBER = ['{"a": 1, "n": 1}', '{"a": null, "n": 1}', '{"a": 2, "n": 1}']


def test_null_is_missing_under_a_key_whose_first_value_was_null() -> None:
    assert metrics(*FIRST_NULL) == [{"n": 1.0}, {"a": 1.0, "n": 1.0}, {"n": 1.0}]


def test_null_is_nan_under_any_other_key() -> None:
    found = metrics(*FIRST_NUMBER)
    assert math.isnan(found[1]["a"])
    assert found[2]["a"] == 2.0


def test_null_can_always_be_nan() -> None:
    assert math.isnan(metrics(*FIRST_NULL, nulls="nan")[0]["a"])


def test_null_can_always_be_missing() -> None:
    assert [row.get("a") for row in metrics(*FIRST_NUMBER, nulls="missing")] == [1.0, None, 2.0]


def test_null_in_the_place_of_an_object_is_missing() -> None:
    assert metrics('{"val": {"loss": 1}}', '{"val": null}') == [{"val/loss": 1.0}, {}]


def test_null_goes_by_the_flattened_name() -> None:
    found = metrics('{"val/loss": 1}', '{"val": {"loss": null}}', '{"val.loss": null}')
    assert math.isnan(found[1]["val/loss"])
    assert math.isnan(found[2]["val/loss"])


# --- options ---


def test_numbers_written_as_strings_are_read_when_the_source_says_so() -> None:
    line = '{"loss": "1.23457e+06", "ppl": "nan", "lr": " 5e-4 ", "name": "fairseq", "odd": "1_000"}'
    found = metrics(line, strings="numbers")[0]
    assert (found["loss"], found["lr"]) == (1234570.0, 5e-4)
    assert math.isnan(found["ppl"])
    assert found.keys() == {"loss", "ppl", "lr"}


def test_renaming_takes_any_spelling_of_the_old_name() -> None:
    renamed = metrics('{"a": {"b": 1}, "c": 2}', rename={"a.b": "loss", "c": "val.acc"})
    assert renamed == [{"loss": 1.0, "val/acc": 2.0}]


def test_a_key_may_be_renamed_to_a_step_key() -> None:
    record = Decoder(source(rename={"tick": "step"})).decode(b'{"tick": 7, "loss": 1}', 1, 0)
    assert isinstance(record, Record)
    assert (record.step, record.metrics) == (7.0, {"loss": 1.0})


def test_below_a_root_lie_the_metrics_and_beside_it_step_and_time() -> None:
    line = b'{"step": 3, "timestamp": 1.7e9, "rank": 0, "data": {"loss": 1, "a": {"b": 2}}}'
    record = Decoder(source(root="data")).decode(line, 1, 0)
    assert isinstance(record, Record)
    assert (record.step, record.time, record.metrics) == (3.0, 1.7e9, {"loss": 1.0, "a/b": 2.0})


def test_a_line_without_its_root_is_deliberately_no_record() -> None:
    assert Decoder(source(root="data")).decode(b'{"step": 3, "event": "config"}', 1, 0) is None


def test_a_pivot_reads_one_name_and_value_a_line() -> None:
    decoder = Decoder(source(pivot=("event_name", "value")))
    lines = [b'{"event_name": "train.loss", "value": 2, "step": 5, "rank": 3}', b'{"event_name": "hello", "step": 5}']
    record, other = (decoder.decode(line, 1, 0) for line in lines)
    assert isinstance(record, Record)
    assert (record.step, record.metrics) == (5.0, {"train/loss": 2.0})
    assert other is None


def test_null_under_a_pivot_goes_by_the_name_beside_it() -> None:
    decoder = Decoder(source(pivot=("k", "v")))
    lines = [b'{"k": "a", "v": 1}', b'{"k": "b", "v": null}', b'{"k": "a", "v": null}', b'{"k": "b", "v": null}']
    first, missing, nan, still = (decoder.decode(line, 1, 0) for line in lines)
    assert isinstance(first, Record)
    assert isinstance(nan, Record)
    assert math.isnan(nan.metrics["a"])
    assert missing is None
    assert still is None


# --- bounds ---


def test_metrics_beyond_ten_thousand_are_counted_and_ignored() -> None:
    decoder = Decoder(source())
    for number in range(3):
        line = "{" + ", ".join(f'"m{number}_{key}": 1' for key in range(4_000)) + "}"
        record = decoder.decode(line.encode(), number, 0)
    assert isinstance(record, Record)
    assert len(record.metrics) == 2_000
    assert decoder.ignored == 2_000
    assert len(decoder.state()["names"]) == 10_000


def test_objects_nested_too_deeply_are_counted_and_ignored() -> None:
    decoder = Decoder(source())
    record = decoder.decode(b'{"a":' * 40 + b"1" + b"}" * 40, 1, 0)
    assert isinstance(record, Record)
    assert (record.metrics, decoder.ignored) == ({}, 1)


def test_a_name_longer_than_any_name_is_counted_and_ignored() -> None:
    decoder = Decoder(source())
    record = decoder.decode(b'{"' + b"x" * 600 + b'": 1, "loss": 2}', 1, 0)
    assert isinstance(record, Record)
    assert (record.metrics, decoder.ignored) == ({"loss": 2.0}, 1)


def test_a_file_of_ever_new_keys_is_read_to_its_end() -> None:
    decoder = Decoder(source())
    for number in range(600):
        line = f'{{"step": {number}, "a{number % 300}": 1, "b": 2}}'.encode()
        record = decoder.decode(line, number, 0)
        assert isinstance(record, Record)
        assert (record.step, record.metrics[f"a{number % 300}"]) == (number, 1.0)
