"""A test's result as people and machines read it: a diff in lines, a JSON object, JUnit's XML. Pure: values in, text out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from walert.documents import printable
from walert.errors import Problem
from walert.pipeline.replay import plain, spelled
from walert.pipeline.ruletest.compare import Result, Row
from walert.pipeline.ruletest.values import Case, Expectation, Happened
from walert.template import number

MAX_ROWS = 60  # of a diff that people read; the first ones tell what is wrong
AROUND = 2  # rows in agreement shown beside a difference
_TEXT = 200


@dataclass(slots=True)
class FileReport:
    """What a test file came to: the results of its tests, or the problems that keep it from being used."""

    file: str
    results: list[Result] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many tests failed."""
        return sum(not result.passed for result in self.results)


# --- a diff for people


def diff_lines(result: Result) -> list[str]:
    """The differences of a failed test with what is around them, in columns: sign, record, step, what happens, to which title."""
    rows = list(_near_differences(result.rows))
    cells = [("…",) if row is None else _cells(result.case, row) for row in rows[:MAX_ROWS]]
    full = [c for c in (_HEADER, *cells) if len(c) > 1]
    widths = [max(len(c[i]) for c in full) for i in range(4)]
    lines = [_aligned(c, widths) for c in (_HEADER, *cells)]
    if len(rows) > MAX_ROWS:
        lines.append(f"… and {len(rows) - MAX_ROWS} more")
    return [printable(line) for line in [*lines, *result.notes]]


_HEADER = ("", "record", "step", "happening", "")


def _near_differences(rows: Sequence[Row]) -> Iterator[Row | None]:
    """The rows at and around differences, None where others are left out."""
    differing = [i for i, row in enumerate(rows) if row.sign != " "]
    last = -1
    for i in differing:
        first = max(i - AROUND, last + 1)
        if first > last + 1:
            yield None
        yield from rows[first : i + 1]
        following = next((j for j in range(i + 1, min(i + 1 + AROUND, len(rows))) if rows[j].sign != " "), None)
        last = min(i + AROUND, len(rows) - 1) if following is None else i
        yield from rows[i + 1 : last + 1]
    if last + 1 < len(rows):
        yield None


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    if len(cells) == 1:
        return cells[0]
    sign, record, step, happening, rest = cells
    columns = (sign.ljust(widths[0]), record.rjust(widths[1]), step.rjust(widths[2]), happening.ljust(widths[3]), rest)
    return "  ".join(columns).rstrip()


def _cells(case: Case, row: Row) -> tuple[str, ...]:
    of = row.of
    record, step = ("end", "") if of.at > case.records else (str(of.at), number(case.steps[of.at - 1]))
    if isinstance(of, Expectation):
        detail = _expected(of)
    else:
        detail = _seen(of, row.sign == "+")
    return row.sign, record, step, str(of.happening), f"{of.title}{detail}"


def _expected(e: Expectation) -> str:
    exact = f"text {_cut(e.text)}" if e.text is not None else ""
    part = f"text with {_cut(e.text_contains)}" if e.text_contains is not None else ""
    return _detail(str(e.level or ""), e.values, e.suppressed, (exact, part))


def _seen(h: Happened, with_text: bool) -> str:
    return _detail(str(h.level), h.values, h.suppressed or None, (f"text {_cut(h.text)}",) if with_text else ())


def _detail(level: str, values: Mapping[str, float], suppressed: int | None, texts: Iterable[str]) -> str:
    shown = ", ".join(f"{name} = {number(value)}" for name, value in values.items())
    count = "" if suppressed is None else f"{suppressed} suppressed"
    parts = [part for part in (shown, count, *texts) if part]
    return (f" [{level}]" if level else "") + (f": {'; '.join(parts)}" if parts else "")


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return f'"{text}"' if len(text) <= _TEXT else f'"{text[: _TEXT - 1]}…"'


# --- JSON


def json_rows(report: FileReport) -> Iterator[dict[str, Any]]:
    """One object a test, or one a problem of an unusable file."""
    for p in report.errors:
        yield {
            "result": "unusable", "file": p.file, "line": p.line, "column": p.column, "code": p.code, "what": p.what, "hint": p.hint,
        }  # fmt: skip
    for result in report.results:
        case = result.case
        yield {
            "result": "passed" if result.passed else "failed", "file": report.file, "line": case.line, "test": case.name,
            "records": case.records, "missing": [_expectation_row(case, e) for e in result.missing],
            "unexpected": [_happened_row(case, h) for h in result.unexpected], "notes": list(result.notes),
        }  # fmt: skip


def summary_row(reports: Sequence[FileReport]) -> dict[str, Any]:
    """The object that closes the JSON output."""
    tests, failed = sum(len(r.results) for r in reports), sum(r.failed for r in reports)
    unusable = sum(bool(r.errors) for r in reports)
    return {
        "result": "summary", "files": len(reports), "tests": tests, "passed": tests - failed, "failed": failed, "unusable": unusable,
    }  # fmt: skip


def _place(case: Case, of: Expectation | Happened) -> dict[str, Any]:
    ended = of.at > case.records
    return {
        "at": "end" if ended else of.at,
        "step": None if ended else plain(case.steps[of.at - 1]),
        "title": of.title,
        "happening": str(of.happening),
    }


def _happened_row(case: Case, h: Happened) -> dict[str, Any]:
    more = {"level": str(h.level), "values": spelled(h.values), "text": h.text, "suppressed": h.suppressed}
    return _place(case, h) | more


def _expectation_row(case: Case, e: Expectation) -> dict[str, Any]:
    asked = {
        "level": e.level and str(e.level), "values": spelled(e.values) or None, "text": e.text,
        "text_contains": e.text_contains, "suppressed": e.suppressed,
    }  # fmt: skip
    return _place(case, e) | {key: value for key, value in asked.items() if value is not None}


# --- JUnit


def junit(reports: Sequence[FileReport]) -> str:
    """JUnit's XML, as build servers read it: a suite a file, an unusable file as an error."""
    total = summary_row(reports)
    head = f'<testsuites name="walert test" tests="{total["tests"]}" failures="{total["failed"]}" errors="{total["unusable"]}">'
    suites = itertools.chain.from_iterable(_junit_suite(report) for report in reports)
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>", ""])


def _junit_suite(report: FileReport) -> Iterator[str]:
    name = _attribute(report.file)
    tests = len(report.results) + bool(report.errors)
    yield f'  <testsuite name={name} tests="{tests}" failures="{report.failed}" errors="{int(bool(report.errors))}">'
    if report.errors:
        yield f'    <testcase classname={name} name="the file can be used">'
        yield _element("error", str(report.errors[0]), [str(problem) for problem in report.errors])
        yield "    </testcase>"
    for result in report.results:
        case = f"    <testcase classname={name} name={_attribute(result.case.name)}"
        if result.passed:
            yield f"{case}/>"
            continue
        yield f"{case}>"
        yield _element("failure", difference(result), diff_lines(result))
        yield "    </testcase>"
    yield "  </testsuite>"


def difference(result: Result) -> str:
    """How far a failed test is off, in a sentence."""
    return f"{len(result.missing)} missing, {len(result.unexpected)} unexpected"


def _element(tag: str, message: str, lines: Sequence[str]) -> str:
    body = escape("\n".join(printable(line) for line in lines))
    return f"      <{tag} message={_attribute(message)}>{body}</{tag}>"


def _attribute(text: str) -> str:
    return quoteattr(printable(text))
