"""CSV and TSV: a header, then a record a row."""

from __future__ import annotations

import math
from typing import Any

import pytest

from walert.errors import WalertError
from walert.model import BadLine, Record, Source
from walert.records import Decoder


def decode(lines: list[str], name: str = "metrics.csv", **options: Any) -> list[Record | BadLine | None]:
    decoder = Decoder(Source(path="/logs", **options), name)
    return [decoder.decode(line.encode(), number, 0) for number, line in enumerate(lines, 1)]


def metrics(lines: list[str], name: str = "metrics.csv", **options: Any) -> list[dict[str, float] | None]:
    return [found.metrics if isinstance(found, Record) else None for found in decode(lines, name, **options)]


def test_a_lightning_file_reads_without_options() -> None:
    lines = ["epoch,step,train_loss,val_acc,val_loss", "0,0,2.3,,", "0,39,,0.5,1.9\r"]
    header, train, val = decode(lines)
    assert header is None
    assert isinstance(train, Record)
    assert isinstance(val, Record)
    assert (train.step, train.epoch, train.metrics) == (0.0, 0.0, {"train_loss": 2.3})
    assert (val.step, val.metrics) == (39.0, {"val_acc": 0.5, "val_loss": 1.9})


def test_padded_headers_and_cells_are_trimmed() -> None:
    lines = ["      epoch,      train/box_loss,  metrics/mAP50(B)", "          1,             0.5,        0.25"]
    assert metrics(lines) == [None, {"train/box_loss": 0.5, "metrics/mAP50(B)": 0.25}]


def test_tabs_separate_the_cells_of_a_tsv() -> None:
    assert metrics(["step\tloss, mean", "1\t2.5"], "log.tsv") == [None, {"loss, mean": 2.5}]


def test_the_source_may_say_that_a_file_is_a_table() -> None:
    assert metrics(["step,loss", "1,2"], "training.log", format="csv") == [None, {"loss": 2.0}]


def test_a_rotated_table_is_still_a_table() -> None:
    assert metrics(["step,loss", "1,2"], "metrics.csv.3") == [None, {"loss": 2.0}]


def test_quoted_cells_may_hold_the_separator() -> None:
    assert metrics(['step,"loss, mean"', '1,"2"']) == [None, {"loss, mean": 2.0}]


@pytest.mark.parametrize(
    ("cell", "value"), [("inf", math.inf), ("-Infinity", -math.inf), ("1e999", math.inf), (" 5 ", 5.0)]
)
def test_cells_are_read_as_numbers(cell: str, value: float) -> None:
    assert metrics(["step,loss", f"1,{cell}"])[1] == {"loss": value}


@pytest.mark.parametrize("cell", ["nan", "NaN", "null"])
def test_a_cell_may_say_nan(cell: str) -> None:
    found = metrics(["step,loss", f"1,{cell}"])[1]
    assert found is not None
    assert math.isnan(found["loss"])


@pytest.mark.parametrize("nulls", ["auto", "nan", "missing"])
def test_an_empty_cell_is_missing_whatever_null_means(nulls: str) -> None:
    assert metrics(["step,loss,acc", "1,2,3", "2,,4"], nulls=nulls)[2] == {"acc": 4.0}


@pytest.mark.parametrize("cell", ["None", "1_000", "Infinite", "０", "tensor(1.)", "true"])
def test_other_cells_are_text(cell: str) -> None:
    assert metrics(["step,loss", f"1,{cell}"])[1] == {}


def test_a_time_column_may_hold_dates() -> None:
    found = decode(["timestamp,loss", "2026-11-23T12:00:00Z,1"])[1]
    assert isinstance(found, Record)
    assert found.time == 1795435200.0


def test_a_torn_or_glued_row_is_a_bad_line() -> None:
    _, short, long = decode(["step,loss,acc", "1,2", "1,2,33,4,5"])
    assert isinstance(short, BadLine)
    assert isinstance(long, BadLine)
    assert short.reason == "a row of 2 cells under a header of 3"
    assert long.reason == "a row of 5 cells under a header of 3"


def test_a_repeated_header_is_no_record() -> None:
    assert metrics(["step,loss", "1,2", "step,loss", "2,3"]) == [None, {"loss": 2.0}, None, {"loss": 3.0}]


def test_a_new_header_inside_the_file_switches_the_columns() -> None:
    lines = ["step,loss", "1,2", "step,acc,loss", "2,0.5,3"]
    assert metrics(lines) == [None, {"loss": 2.0}, None, {"acc": 0.5, "loss": 3.0}]


def test_a_row_before_any_header_is_a_bad_line() -> None:
    first, header, row = decode(["1,2", "step,loss", "1,2"])
    assert isinstance(first, BadLine)
    assert first.reason == "a row before the header with the column names"
    assert header is None
    assert isinstance(row, Record)


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b'1,"2', "not a row: unexpected end of data"), (b"1,\xff", "not UTF-8: byte 0xff at offset 2")],
)
def test_a_row_that_cannot_be_read_says_why(line: bytes, reason: str) -> None:
    decoder = Decoder(Source(path="/logs"), "metrics.csv")
    decoder.decode(b"step,loss", 1, 0)
    found = decoder.decode(line, 2, 10)
    assert isinstance(found, BadLine)
    assert found.reason == reason


def test_a_long_table_with_a_pivot_reads_one_metric_a_row() -> None:
    assert metrics(["step,metric,value", "1,loss,2.5"], pivot=("metric", "value")) == [None, {"loss": 2.5}]


def test_the_columns_survive_a_restart() -> None:
    first = Decoder(Source(path="/logs"), "metrics.csv")
    first.decode(b"step,loss", 1, 0)
    found = Decoder(Source(path="/logs"), "metrics.csv", first.state()).decode(b"1,2", 2, 10)
    assert isinstance(found, Record)
    assert found.metrics == {"loss": 2.0}


# --- text before the JSON ---


def test_a_prefix_is_dropped_and_the_log_beside_it_is_no_record() -> None:
    decoder = Decoder(Source(path="/logs", prefix=r"^.*? \| ", strings="numbers"), "train.log")
    lines = [
        b"2026-11-23 12:00:00 | INFO | loading",
        b'2026-11-23 12:00:00 | {"num_updates": "5", "loss": "1.5"}',
        b'{"num_updates": "6", "loss": "2.5"}',
        b'2026-11-23 12:00:00 | {"num_updates": ',
    ]
    text, record, bare, torn = (decoder.decode(line, 1, 0) for line in lines)
    assert text is None
    assert isinstance(record, Record)
    assert (record.step, record.metrics) == (5.0, {"loss": 1.5})
    assert isinstance(bare, Record)
    assert isinstance(torn, BadLine)


@pytest.mark.parametrize(
    "pattern", [r"(a+)+b", r"(?:x|xx)*y", r"((a*))*", r"([ab]{2,})+", "(", r"(.+)\1{3,}(b|c)+", r".*.*.+b"]
)
def test_a_prefix_that_is_invalid_or_could_hang_is_refused(pattern: str) -> None:
    with pytest.raises(WalertError, match="prefix"):
        Decoder(Source(path="/logs", prefix=pattern))


@pytest.mark.parametrize(
    "pattern", [r"^\[[^\]]+\] ", r"(?:ab)+ ", r"(INFO|WARN): ", r"(?P<date>\d+)[*+)]", r"\(+\)* ", r"^.*? - .*?: \.+"]
)
def test_an_ordinary_prefix_is_taken(pattern: str) -> None:
    Decoder(Source(path="/logs", prefix=pattern))


@pytest.mark.timeout(5)
def test_a_slow_prefix_meets_only_the_beginning_of_a_line() -> None:
    decoder = Decoder(Source(path="/logs", prefix=r".*a.*b$"), "train.log")
    assert decoder.decode(b"a" * 1_000_000, 1, 0) is None
