"""YAML text to data and places: what is read, what is refused, where everything stands."""

from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path

import pytest

from walert.documents import MAX_BYTES, Document, load_document, read_bounded


def load(text: str | bytes) -> Document:
    return load_document(text, "f.yaml", None)


def codes(text: str | bytes) -> list[tuple[int, int, str]]:
    return [(p.line, p.column, p.code) for p in load(text).problems]


# --- scalars


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("12", 12),
        ("-12", -12),
        ("012", 12),
        ("0o17", 15),
        ("0xFF", 255),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("0b1", "0b1"),
        ("5m", "5m"),
        ("+", "+"),
        ("1e", "1e"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("<", "<"),
    ],
)
def test_plain_scalars_follow_yaml_1_2(written: str, value: object) -> None:
    data = load(f"a: {written}\n").data["a"]
    assert data == value
    assert type(data) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(load("a: .nan").data["a"])


def test_a_number_of_thousands_of_digits_does_no_harm() -> None:
    document = load(f"a: {'9' * 5000}\nb: 0x{'f' * 5000}\nc: 0o{'7' * 5000}\nd: {'1' * 5000}e5\n")
    assert document.data["a"] == math.inf
    assert isinstance(document.data["b"], str)
    assert document.problems == ()


def test_keys_are_texts_whatever_they_look_like() -> None:
    assert load("on: 1\n1: 2\ntrue: 3\n'': 4\n").data == {"on": 1, "1": 2, "true": 3, "": 4}


def test_an_empty_file_is_nothing() -> None:
    assert load("").data is None
    assert load("# only a comment\n").problems == ()


def test_a_byte_order_mark_and_carriage_returns_are_fine() -> None:
    document = load("\ufeffa: 1\r\nb: 2\r\n".encode())
    assert document.data == {"a": 1, "b": 2}
    assert document.key_position(("b",)) == (2, 1)


# --- refused


def test_aliases_anchors_and_tags_are_refused_where_they_stand() -> None:
    text = "a: &x [1]\nb: *x\nc: !!str 3\nd: !!python/object/apply:os.system [ls]\n"
    assert codes(text) == [(1, 4, "anchor"), (2, 4, "alias"), (3, 4, "tag"), (4, 4, "tag")]


def test_a_duplicate_key_names_the_first() -> None:
    document = load("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert [(p.line, p.column, p.code) for p in document.problems] == [
        (2, 11, "duplicate-key"),
        (3, 1, "duplicate-key"),
    ]
    assert "line 1" in document.problems[1].what
    assert document.data == {"a": 1, "b": {"c": 1}}


def test_a_second_document_is_refused() -> None:
    assert codes("a: 1\n---\nb: 2\n") == [(2, 1, "many-documents")]


def test_one_document_may_be_marked_as_such() -> None:
    assert load("%YAML 1.2\n---\na: 1\n...\n").data == {"a": 1}


def test_twenty_levels_are_read_and_more_are_refused() -> None:
    assert codes("[" * 20 + "]" * 20) == []
    assert codes("[" * 22 + "]" * 22)[0][2] == "too-deep"
    assert codes("\n".join(" " * i + "a:" for i in range(30)))[0][2] == "too-deep"


def test_a_complex_key_is_refused_and_the_rest_read() -> None:
    document = load("? [a]\n: 1\nb: 2\n")
    assert [p.code for p in document.problems] == ["bad-key"]
    assert document.data == {"b": 2}


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\x07", "\x85", "\u2028", "\ufffe", "\ud800", "\x0c"])
def test_characters_that_are_no_text_are_refused_with_their_place(char: str) -> None:
    assert codes(f"a: 1\nb: x{char}y\n") == [(2, 5, "bad-character")]


def test_bytes_that_are_no_utf_8_are_refused_with_their_line() -> None:
    document = load(b"a: 1\nb: caf\xe9\n")
    assert [(p.code, p.what) for p in document.problems] == [("encoding", "line 2 is not UTF-8.")]


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("title: Loss: high", (1, 12), "`: `"),
        ("name: *", (1, 8), "alias"),
        ("a: @x", (1, 4), "cannot begin"),
        ("a:\n\t- b", (2, 1), "cannot begin"),
        ("a: [1, 2", (1, 9), "missing"),
        ("a: 'x", (1, 6), "never closed"),
        ('a: "\\q"', (1, 6), "escape"),
        ("a: {b} > 3", (1, 8), "does not belong"),
        ("a: {b} c", (1, 8), "expected"),
        ("a: 1\n  b: 2", (2, 4), "`: `"),
        ("a: 1\n- b", (2, 1), "expected"),
    ],
)
def test_a_syntax_error_says_where_and_in_plain_words(text: str, place: tuple[int, int], word: str) -> None:
    (problem,) = load(text).problems
    assert problem.code == "syntax"
    assert word in problem.what
    assert problem.line == place[0]
    assert abs(problem.column - place[1]) <= 2
    assert load(text).data is None


# --- hostile


@pytest.mark.parametrize(
    "text",
    [
        "[" * 400_000,
        "{" * 400_000,
        "[{" * 200_000,
        "- " * 400_000,
        "? " * 400_000,
        "[\n" * 300_000,
        "-\n" * 300_000,
        "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a, *a, *a, *a]\n" for i in range(9)),
        "a: b\n" * 100_000,
        "&a " * 100_000,
        "!!x " * 100_000,
        "*a\n" * 100_000,
        "[" + "a," * 400_000 + "]",
        "a: '" + "''" * 400_000 + "'",
        'a: "' + "\\x41" * 200_000 + '"',
        "%TAG ! a\n" * 80_000,
        "#" * 1_000_000,
        "\n" * 1_000_000,
        "a" * (1 << 21),
        "x" * (1 << 28),
        "a: >\n" + " \n" * 400_000,
    ],
    ids=range(21),
)
def test_hostile_text_is_answered_within_a_second(text: str) -> None:
    started = time.process_time()
    document = load_document(text, "f.yaml", {"type": "object", "additionalProperties": False})
    document.locate(("a",), 10**9)
    assert time.process_time() - started < 1.0
    assert len(document.problems) < 60_000


def test_a_file_over_a_mebibyte_is_refused_unread() -> None:
    assert codes(b"a: 1\n" * 250_000) == [(0, 0, "too-large")]


# --- places


def test_keys_and_values_know_their_places() -> None:
    document = load("version: 1\nrules:\n  - title: é日本 x\n    when: {a: [1, 2]}\n  - {title: b}\n")
    assert document.key_position(("version",)) == (1, 1)
    assert document.position(("version",)) == (1, 10)
    assert document.position(("rules",)) == (3, 3)
    assert document.position(("rules", 0)) == (3, 5)
    assert document.position(("rules", 0, "title")) == (3, 12)
    assert document.position(("rules", 0, "when", "a", 1)) == (4, 19)
    assert document.key_position(("rules", 1, "title")) == (5, 6)


def test_what_is_not_there_is_where_its_surroundings_are() -> None:
    document = load("a:\n  b: 1\n")
    assert document.position(("a", "c", "d")) == (2, 3)
    assert document.position(("x",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "value", "places"),
    [
        ("a: loss > 1", "loss > 1", [(1, 4), (1, 11), (1, 12)]),
        ("a: 'it''s x'", "it's x", [(1, 5), (1, 11), (1, 12)]),
        ('a: "\\x41\\u00e9\\n\\"x"', 'Aé\n"x', [(1, 5), (1, 19), (1, 20)]),
        ('a: "日本 x"', "日本 x", [(1, 5), (1, 8), (1, 9)]),
        ("a: |\n  x\n   y\n", "x\n y\n", [(2, 3), (3, 4), (3, 5)]),
        ("a: >\n  x and\n  y\n", "x and y\n", [(2, 3), (3, 3), (3, 4)]),
        ("a: >-\n  x\n\n  y", "x\ny", [(2, 3), (4, 3), (4, 4)]),
        ("a: |2-\n    x\n  y", "  x\ny", [(2, 3), (3, 3), (3, 4)]),
        ("a: x\n  b\n", "x b", [(1, 4), (2, 3), (2, 4)]),
        ("a: 'x\n\n  b'\n", "x\nb", [(1, 5), (3, 3), (3, 4)]),
        ('a: "x\\\n   b"\n', "xb", [(1, 5), (2, 4), (2, 5)]),
    ],
)
def test_a_character_of_a_value_is_found_in_the_file(text: str, value: str, places: list[tuple[int, int]]) -> None:
    document = load(text)
    assert document.data == {"a": value}
    body = value.rstrip("\n")
    last = len(body) - 1
    assert [document.locate(("a",), at) for at in (0, last, last + 1)] == places


def test_a_problem_in_a_duplicate_is_told_too() -> None:
    assert [code for _, _, code in codes("a: 1\na: [*x]\n")] == ["duplicate-key", "alias"]


def test_a_pipe_into_which_nobody_writes_is_empty_and_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rules.yaml")
    assert read_bounded(tmp_path / "rules.yaml") == b""


def test_a_pipe_that_is_written_slowly_is_read_to_its_end() -> None:
    out, into = os.pipe()
    pieces = iter((b"version: 1\n", b"rules: []\n"))

    def write() -> None:
        for piece in pieces:
            os.write(into, piece)
        os.close(into)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_bounded(f"/dev/fd/{out}") == b"version: 1\nrules: []\n"
    writer.join()
    os.close(out)


def test_of_a_device_without_end_no_more_is_read_than_is_needed_to_refuse_it(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").symlink_to("/dev/zero")
    assert len(read_bounded(tmp_path / "rules.yaml")) == MAX_BYTES + 1
