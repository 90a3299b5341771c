"""A `*.test.yaml` file to its cases: every key checked, every problem told in one pass, each at its place. Pure: text in, values out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from walert.documents import Document, Path, load_document
from walert.errors import Problem
from walert.pipeline.ruletest.read_case import CaseReader
from walert.pipeline.ruletest.values import LIFECYCLE_TITLES, Case
from walert.resources import schema

MAX_SAMPLES = 1_000_000  # records times series, over all tests of a file: seconds of work


@dataclass(frozen=True, slots=True)
class Suite:
    """A file of tests: where its rules are, the cases without a problem, and everything wrong with it."""

    document: Document
    patterns: tuple[str, ...]
    cases: tuple[Case, ...]
    problems: tuple[Problem, ...]

    @property
    def file(self) -> str:
        """The file's name, as its user gave it."""
        return self.document.file


def read_suite(text: str | bytes, file: str) -> Suite:
    """Read the text of the test file `file`. Never raises for what is in the text."""
    document = load_document(text, file, schema("rule-tests"))
    data = document.data if isinstance(document.data, dict) else {}
    problems = list(document.problems)
    cases: list[Case] = []
    names: dict[str, int] = {}
    left = MAX_SAMPLES
    lines = re.split(r"\r\n|\r|\n", document.text)
    for index, entry in enumerate(_entries(data, "tests")):
        if not isinstance(entry, dict):
            continue
        reader = CaseReader(document, lines, index, left)
        case = reader.case()
        problems += reader.problems
        left = reader.left
        if case is not None:
            problems += _second_of_its_name(document, case, names)
            cases.append(case)
    patterns = tuple(p for p in _entries(data, "rules") if isinstance(p, str))
    return Suite(document, patterns, tuple(cases), tuple(sorted({*problems})))


def unknown_titles(suite: Suite, titles: frozenset[str]) -> list[Problem]:
    """Titles that a test names and that neither a rule in `titles`, nor an `alert()` of the test, nor walert itself has."""
    problems = []
    for case in suite.cases:
        known = {*titles, *(call.title for call in case.calls), *LIFECYCLE_TITLES}
        named: list[tuple[Path, str]] = [(("expect", e.index, "title"), e.title) for e in case.expect]
        named += [(("only", i), title) for i, title in enumerate(_only(suite, case))]
        for path, title in dict.fromkeys(named):
            if title not in known:
                what = f"no rule and no alert() of this test is titled `{title}`."
                hint = _near(title, known)
                problems.append(suite.document.problem(("tests", case.index, *path), "unknown-title", what, hint))
    return problems


def _only(suite: Suite, case: Case) -> list[str]:
    return _entries(suite.document.data["tests"][case.index], "only")


def _near(title: str, known: set[str]) -> str:
    import difflib

    near = difflib.get_close_matches(title, sorted(known), 1)
    return f"Did you mean `{near[0]}`?" if near else ""


def _second_of_its_name(document: Document, case: Case, names: dict[str, int]) -> list[Problem]:
    first = names.setdefault(case.name, case.line)
    if first == case.line:
        return []
    what = f"the test in line {first} has this name, too."
    return [
        document.problem(("tests", case.index, "name"), "duplicate-name", what, "Give each test a name of its own.")
    ]


def _entries(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key)
    return found if isinstance(found, list) else []
