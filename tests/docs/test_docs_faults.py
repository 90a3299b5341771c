"""The table of faults in tests/README.md: every case has a row, and every test that a row names exists."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
CASES = 108
_ROW = re.compile(r"\| (\d+) \| ([^|]+) \| (.+) \|")


def rows():
    return [
        match.groups() for line in (TESTS / "README.md").read_text().splitlines() if (match := _ROW.fullmatch(line))
    ]


def test_every_case_of_the_catalogue_has_one_row():
    assert [int(number) for number, _, _ in rows()] == list(range(1, CASES + 1))


def test_every_row_names_a_test_or_says_why_there_is_none():
    for number, _, held in rows():
        assert re.search(r"`\w+\.py`|`bench/|as \d+ \(", held), number


def test_every_test_that_a_row_names_exists():
    known = {path.name: set(re.findall(r"def test_(\w+)", path.read_text())) for path in TESTS.rglob("test_*.py")}
    for number, _, held in rows():
        file = ""
        for name in re.findall(r"`([^`]+)`", held):
            if name.endswith(".py"):
                file = name.rpartition("/")[2]
                assert file in known or (TESTS / name).is_file(), f"case {number}: there is no {name}"
            elif re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){3,}", name):
                assert name in known[file], f"case {number}: {file} has no {name}"
