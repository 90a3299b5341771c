"""Test files on disk: found, opened with the rules that they name, and run."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from walert.documents import read_bounded
from walert.errors import Problem
from walert.model import Happening
from walert.pipeline.rulebook import PACK, RuleBook, find
from walert.pipeline.ruletest.compare import Result, compare
from walert.pipeline.ruletest.happened import judge_case
from walert.pipeline.ruletest.read import Suite, read_suite, unknown_titles
from walert.rules.plan import RuleSet

SUFFIXES = (".test.yaml", ".test.yml")


@dataclass(frozen=True, slots=True)
class OpenedSuite:
    """A test file with its rules. `problems` are those of the test file, `rule_problems` those of the rule files that it names."""

    suite: Suite
    rules: RuleSet | None
    problems: tuple[Problem, ...]
    rule_problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps the tests from being run."""
        return tuple(p for p in (*self.problems, *self.rule_problems) if p.severity == "error")


# --- found


def find_suites(paths: Iterable[str]) -> tuple[list[str], list[Problem]]:
    """The test files at `paths`: a file, every `*.test.yaml` below a folder, or those of `pack:NAME`. What names none is a problem."""
    files: dict[str, str] = {}
    problems = []
    for path in paths:
        found = _below(path)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        for file in found:
            files.setdefault(os.path.realpath(file), file)
    return list(files.values()), problems


def beside(patterns: Iterable[str]) -> list[str]:
    """The test files in the folders of the rule files that `patterns` name, packs apart."""
    folders = {
        pattern if os.path.isdir(pattern) else os.path.dirname(pattern)
        for pattern in patterns
        if not pattern.startswith(PACK)
    }
    found = (
        file
        for folder in folders
        for suffix in SUFFIXES
        for file in glob.glob(os.path.join(folder, f"*{suffix}"), recursive=True)
    )
    return sorted({os.path.relpath(file) for file in found})


def _below(path: str) -> list[str] | Problem:
    if path.startswith(PACK):
        return _of_pack(path)
    if not os.path.exists(path):
        return Problem(path, 0, 0, "not-found", "there is no such file or folder.")
    if not os.path.isdir(path):
        return [path]
    found = (p for p in Path(path).rglob("*.test.y*ml") if p.name.endswith(SUFFIXES) and p.is_file())
    files = sorted(str(p) for p in found if not any(part.startswith(".") for part in p.relative_to(path).parts))
    return files or Problem(path, 0, 0, "no-tests", f"there is no *{SUFFIXES[0]} below this folder.")


def _of_pack(path: str) -> list[str] | Problem:
    files, problem = find([path])
    if problem:
        return problem[0]
    file = files[0].path.removesuffix(".yaml") + SUFFIXES[0]
    return [file] if os.path.exists(file) else Problem(path, 0, 0, "no-tests", "this pack has no tests.")


# --- opened


def open_suite(file: str, content: bytes | None = None) -> OpenedSuite:
    """The tests of `file` (or of its `content`), and their rules. Raises `OSError` when the file cannot be read."""
    suite = read_suite(read_bounded(file) if content is None else content, file)
    patterns, missing = _rule_files(suite)
    book = RuleBook(patterns)
    book.refresh()
    problems = [*suite.problems, *missing]
    usable = not (missing or book.errors)
    if usable:
        problems += unknown_titles(suite, frozenset(rule.title for rule in book.rules()))
    return OpenedSuite(suite, book.compiled() if usable else None, tuple(sorted(problems)), book.problems)


def _rule_files(suite: Suite) -> tuple[list[str], list[Problem]]:
    """(what to load, a problem for each pattern that names nothing); paths are relative to the test file."""
    folder = os.path.dirname(suite.file)
    found: list[str] = []
    problems: list[Problem] = []
    for index, pattern in enumerate(suite.patterns):
        place = pattern if pattern.startswith(PACK) else os.path.normpath(os.path.join(folder, pattern))
        files, wrong = find([place])
        if wrong or not files:
            what = wrong[0].what if wrong else "no rule file is there."
            hint = wrong[0].hint if pattern.startswith(PACK) else "Paths are relative to the test file."
            problems.append(suite.document.problem(("rules", index), "no-rule-files", f"`{pattern}`: {what}", hint))
        found += [file.shown for file in files]
    return found, problems


# --- run


def run_suite(opened: OpenedSuite) -> Iterator[Result]:
    """Each test of a suite without errors, judged."""
    if opened.rules is None or opened.errors:
        return
    for case in opened.suite.cases:
        result = compare(case, judge_case(case, opened.rules))
        yield result if result.passed else replace(result, notes=_notes(result, opened.rules))


def _notes(result: Result, rules: RuleSet) -> list[str]:
    """What may explain a failure, and does not show in the diff."""
    case = result.case
    applying = {rule.title for rule in rules.for_run(case.run).rules}
    written = {rule.title for rule in rules.rules}
    titles = dict.fromkeys(e.title for e in result.missing)
    notes = [f"`{t}` is not for this run: see `runs` of the rule." for t in titles if t in written - applying]
    held = any(row.of.happening is Happening.SUPPRESSED for row in result.rows if row.sign == "+")
    if case.times is None and held:
        notes.append("records carry no time, so that no wait ever ends: write for example every: 10s.")
    return notes
