"""Codes of `*.test.yaml` files."""

from __future__ import annotations

from walert.cli.explanations.values import Explanation


def _test(lines: str) -> str:
    return f'version: 1\nrules: ["pack:training"]\ntests:\n  - name: A healthy run is silent\n    series: {{loss: 1 1 1}}\n{lines}'


SILENT = _test("    expect: []\n")

ENTRIES = (
    Explanation(
        "ambiguous-step",
        "Several records have this step, because the run went back: say which by the record's number.",
        _test("    steps: 1 2 1\n    expect:\n      - {at: step 1, title: Loss is not finite, happening: firing}\n"),
        _test("    steps: 1 2 1\n    expect:\n      - {at: 3, title: Loss is not finite, happening: firing}\n"),
        "test",
    ),
    Explanation(
        "bad-series",
        "The series is not written as rules/README.md tells: values with blanks between them, `1x10`, `1..10`, "
        "`1..0/10`, `(1 2)x3`.",
        SILENT.replace("1 1 1", "1 one"),
        SILENT,
        "test",
    ),
    Explanation(
        "bad-step",
        "Each record has one step, a finite number, and there are as many as records.",
        _test("    steps: 1 2\n    expect: []\n"),
        _test("    steps: 1 2 3\n    expect: []\n"),
        "test",
    ),
    Explanation(
        "bad-time",
        "A time is no date, or a record's time leaves the years 2001 to 2100, outside of which a number in a log "
        "is no date.",
        _test("    every: 1m\n    start: yesterday\n    expect: []\n"),
        _test("    every: 1m\n    start: 2024-01-31T12:00:00Z\n    expect: []\n"),
        "test",
    ),
    Explanation(
        "duplicate-name",
        "Two tests of a file have the same name, so that nobody could tell which one failed.",
        SILENT + SILENT.partition("tests:\n")[2],
        SILENT,
        "test",
    ),
    Explanation(
        "no-such-record",
        "`at` is the number of a record, from 1 to the length of the longest series, `step N`, or `end` in a test "
        "that has one.",
        _test("    expect:\n      - {at: 9, title: Loss is not finite, happening: firing}\n"),
        _test("    expect:\n      - {at: 2, title: Loss is not finite, happening: firing}\n"),
        "test",
    ),
    Explanation("no-tests", "There are no *.test.yaml files where `walert test` was asked to look.", shown=""),
    Explanation(
        "no-time",
        "Without `every` the records of a test carry no time, so that neither a start nor a pause has a meaning.",
        _test("    start: 2024-01-31T12:00:00Z\n    expect: []\n"),
        _test("    every: 1m\n    start: 2024-01-31T12:00:00Z\n    expect: []\n"),
        "test",
    ),
    Explanation(
        "not-looked-at",
        "The test says `only` and expects something of a title that is not among those.",
        _test(
            "    only: [Loss is not finite]\n    expect:\n      - {at: 2, title: Validation loss is not finite, happening: firing}\n"
        ),
        _test("    only: [Loss is not finite]\n    expect: []\n"),
        "test",
    ),
    Explanation(
        "reserved-name",
        "Steps and times of a test have keys of their own, `steps` and `every`; they are no series.",
        SILENT.replace("{loss:", "{_step: 1 2 3, loss:"),
        SILENT,
        "test",
    ),
    Explanation(
        "unknown-title",
        "No rule that the test file names, and no `alerts` entry of the test, has this title.",
        _test("    expect:\n      - {at: 2, title: Loss is finite, happening: firing}\n"),
        _test("    expect:\n      - {at: 2, title: Loss is not finite, happening: firing}\n"),
        "test",
    ),
)
