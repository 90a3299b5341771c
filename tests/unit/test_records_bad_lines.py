"""Lines that are no records: told with a reason, and never more than that."""

from __future__ import annotations

import pytest

from walert.model import BadLine, Record, Source
from walert.records import Decoder

MIB = 1 << 20


def decoder() -> Decoder:
    return Decoder(Source(path="/logs"), "metrics.jsonl")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"hello", "not JSON: Expecting value at character 1"),
        (b'{"a":1,"b{"a":2}', "not JSON: Expecting ':' delimiter at character 12"),
        (b'{"a":1}{"a":2}', "not JSON: Extra data at character 8"),
        (b'{"a":1}\r{"a":2}', "not JSON: Extra data at character 9"),
        (b'{"a": 01}', "not JSON: Expecting ',' delimiter at character 8"),
        (b'{"a": nan}', "not JSON: Expecting value at character 7"),
        (b'{"a": "x\ty"}', "not JSON: Invalid control character at character 9"),
        (b"{'a': 1}", "not JSON: Expecting property name enclosed in double quotes at character 2"),
        (b'{"a\xff": 1}', "not UTF-8: byte 0xff at offset 3"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8: byte 0xed at offset 7"),
        (b"null", "null, not an object"),
        (b"[1, 2]", "an array, not an object"),
        (b"12", "a single value, not an object"),
        (b"NaN", "a single value, not an object"),
        (b'"text"', "a single value, not an object"),
        (b"true", "a single value, not an object"),
        (b"\0\0\0\0", "nothing but NUL bytes"),
        (b"[" * 2000 + b"]" * 2000, "nested deeper than 100 levels"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "nested deeper than 100 levels"),
        (b'{"a": ' + b"[" * 150 + b"]" * 150 + b"}", "nested deeper than 100 levels"),
    ],
)
def test_a_line_that_is_no_record_says_why(line: bytes, reason: str) -> None:
    outcome = decoder().decode(line, 7, 70)
    assert isinstance(outcome, BadLine)
    assert (outcome.line, outcome.offset, outcome.reason) == (7, 70, reason)


@pytest.mark.parametrize("line", [b"", b" ", b"\r", b"\t \r", b"\xef\xbb\xbf"])
def test_a_blank_line_is_no_error(line: bytes) -> None:
    assert decoder().decode(line, 1, 0) is None


@pytest.mark.parametrize("line", [b'{"a": 1}\r', b' {"a": 1} ', b'\xef\xbb\xbf{"a": 1}', b'\0\0\0\0{"a": 1}'])
def test_line_ends_byte_order_marks_and_holes_are_dropped(line: bytes) -> None:
    outcome = decoder().decode(line, 1, 0)
    assert isinstance(outcome, Record)
    assert outcome.metrics == {"a": 1.0}


def test_brackets_inside_strings_are_no_nesting() -> None:
    outcome = decoder().decode(b'{"a": 1, "note": "' + b"[" * 500 + rb"\"" + b"{" * 500 + b'"}', 1, 0)
    assert isinstance(outcome, Record)


def test_a_line_with_many_objects_side_by_side_is_not_deep() -> None:
    outcome = decoder().decode(b'{"a": 1, "list": [' + b"{}," * 500 + b"{}]}", 1, 0)
    assert isinstance(outcome, Record)


def test_a_line_of_one_mebibyte_is_read_and_a_longer_one_is_not() -> None:
    line = b'{"a": 1, "pad": "' + b"x" * (MIB - 19) + b'"}'
    assert len(line) == MIB
    lines = decoder()
    for _ in range(5):
        assert isinstance(lines.decode(line, 1, 0), Record)
    outcome = lines.decode(line + b" ", 1, 0)
    assert isinstance(outcome, BadLine)
    assert outcome.reason == "longer than 1 MiB"


def test_the_lines_after_a_bad_one_are_read() -> None:
    lines = decoder()
    outcomes = [lines.decode(line, 1, 0) for line in [b'{"a": 1}', b'{"a": 2}', b'{"a":', b'{"a": 4}']]
    assert [type(outcome) for outcome in outcomes] == [Record, Record, BadLine, Record]


def test_a_sample_shows_two_hundred_characters_and_nothing_dangerous() -> None:
    outcome = decoder().decode(b"\x1b[2J\xff\xe2\x80\xae" + "é".encode() * 300, 1, 0)
    assert isinstance(outcome, BadLine)
    assert outcome.sample == "\\x1b[2J\ufffd\\u202e" + "é" * 194


@pytest.mark.parametrize(
    "line",
    [
        b'"' + rb"\"" * 500_000,
        b"[" * MIB,
        b"{" * MIB,
        b'{"a":' * 200_000,
        b'{"a": [' + b"[]," * 300_000 + b"[]]}",
        b'{"a": "' + b"\\" * (MIB - 20) + b'"}',
        b'{"a": ' + b"1" * (MIB - 20) + b"}",
        b"{" + b",".join(b'"k%d": 1' % key for key in range(70_000)) + b"}",
    ],
    ids=["quotes", "brackets", "braces", "keys", "lists", "backslashes", "digits", "names"],
)
@pytest.mark.timeout(5)
def test_a_hostile_line_costs_bounded_time(line: bytes) -> None:
    assert len(line) <= MIB
    assert decoder().decode(line, 1, 0) is not None
