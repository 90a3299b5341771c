"""Run the tests of rules: series in, transitions and messages out, from *.test.yaml files (rules/README.md tells the format).

PATH is a test file, a folder, or pack:NAME; without one, the tests beside the rule files of the configuration, or in ./rules.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence

from walert.cli.common import safe
from walert.cli.excerpt import excerpt
from walert.cli.exits import FINE, PROBLEMS, USAGE, ExitCode
from walert.config import find_config, inspect_config
from walert.documents import mask_lines, printable, read_bounded
from walert.errors import Problem
from walert.pipeline.ruletest import OpenedSuite, Result, beside, find_suites, open_suite, run_suite
from walert.pipeline.ruletest.report import FileReport, diff_lines, json_rows, junit, summary_row

HELP = "run the tests of rules"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert test`."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="test files, folders with test files, pack:NAME")
    parser.add_argument("--junit", metavar="F", help="also write the results to F as JUnit XML")
    parser.add_argument("--json", action="store_true", help="one JSON object a test, then a summary")
    parser.add_argument("--quiet", action="store_true", help="failures and the summary only")


def main(args: argparse.Namespace) -> int:
    """0 when all tests pass, 1 when one fails, 2 when a file cannot be used or there are none."""
    files, problems = find_suites(args.paths or _default_paths(args.config))
    reports = [FileReport(p.file, errors=[p]) for p in problems]
    for problem in problems:
        _tell_problem(problem, "", args)
    reports += [_run_file(file, args) for file in files]
    _close(reports, args)
    if any(report.errors for report in reports):
        return USAGE
    return PROBLEMS if any(report.failed for report in reports) else FINE


def _default_paths(named: str | None) -> list[str]:
    file = find_config(os.environ, named)
    files = beside(_rule_paths(str(file))) if file is not None else []
    if not files and os.path.isdir("rules"):
        files = beside(["rules"])
    if not files:
        raise ExitCode(
            USAGE, "walert test: there are no *.test.yaml files beside the rules. Name a file, a folder or pack:NAME."
        )
    return files


def _rule_paths(file: str) -> Sequence[str]:
    """What the configuration says of rules; that a secret is not set where tests run is no mistake."""
    try:
        config, _ = inspect_config(read_bounded(file), file, os.environ)
    except OSError as error:
        raise ExitCode(USAGE, f"walert test: {file} cannot be read: {error.strerror}.") from None
    return config.rule_paths


def _run_file(file: str, args: argparse.Namespace) -> FileReport:
    try:
        opened = open_suite(file)
    except OSError as error:
        problem = Problem(file, 0, 0, "cannot-read", f"the file cannot be read: {error.strerror}.")
        _tell_problem(problem, "", args)
        return FileReport(file, errors=[problem])
    _tell_problems(opened, args)
    report = FileReport(file, errors=list(opened.errors))
    for result in run_suite(opened):
        report.results.append(result)
        _tell_result(file, result, args)
    if args.json:
        _print_json(report, args)
    return report


# --- told


def _tell_problems(opened: OpenedSuite, args: argparse.Namespace) -> None:
    for problem in opened.rule_problems:
        _tell_problem(problem, "", args)
    for problem in opened.problems:
        _tell_problem(problem, opened.suite.document.text, args)


def _tell_problem(problem: Problem, text: str, args: argparse.Namespace) -> None:
    print(printable(str(problem)), file=sys.stderr)
    if text and not args.json:
        for line in excerpt(mask_lines(re.split(r"\r\n|\r|\n", text)), problem.line, problem.column):
            print(line, file=sys.stderr)


def _tell_result(file: str, result: Result, args: argparse.Namespace) -> None:
    if args.json or (args.quiet and result.passed):
        return
    case = result.case
    print(safe(f"{'ok   ' if result.passed else 'FAIL '} {file}:{case.line}: {case.name}"))
    if not result.passed:
        print("      - expected, did not happen; + happened, was not expected")
        for line in diff_lines(result):
            print(f"      {line}".rstrip())


def _print_json(report: FileReport, args: argparse.Namespace) -> None:
    for row in json_rows(report):
        if not (args.quiet and row["result"] == "passed"):
            print(json.dumps(row, ensure_ascii=False, allow_nan=False))


def _close(reports: list[FileReport], args: argparse.Namespace) -> None:
    total = summary_row(reports)
    if args.json:
        print(json.dumps(total))
    else:
        unusable = f", {_count(total['unusable'], 'file')} cannot be used" if total["unusable"] else ""
        print(
            f"{_count(total['tests'], 'test')} in {_count(total['files'], 'file')}: "
            f"{total['passed']} passed, {total['failed']} failed{unusable}"
        )
    if args.junit:
        _write(args.junit, junit(reports))


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ExitCode(USAGE, f"walert test: {path} cannot be written: {error.strerror}.") from None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
