"""Learn rules from the logs of past healthy runs, and write them as a rule file to review.

Thresholds lie beyond the worst of all runs; the comments say what was measured, over how many. Before it is written, the file is replayed
against the same logs: it is silent there. Logs that cannot be read, and runs that failed, are errors: all are told, and nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from walert.cli.common import plural, print_rows, safe, warn
from walert.cli.exits import FINE, PROBLEMS, USAGE, ExitCode
from walert.cli.judging import log_files, size_of
from walert.cli.progress import Bar

if TYPE_CHECKING:
    from walert.pipeline.logs import LogFile
    from walert.pipeline.suggest import Outcome, Surveyed

_FEW = 5  # runs: with fewer, thresholds are guesses, and somebody should know


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert suggest`."""
    parser.add_argument("logs", nargs="+", metavar="LOG", help="a log file of a healthy run, or a folder with logs")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write the rules there; overwrites nothing (default: print them)"
    )
    parser.add_argument(
        "--leave-out", action="store_true", help="leave out logs that are broken and runs that failed, and go on with the others"
    )  # fmt: skip
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of a `watch` entry, such as step=iteration; may be repeated",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a rule, then a summary; the file itself only with -o"
    )


def main(args: argparse.Namespace) -> int:
    """0 when a rule file was made; 1 when logs are broken or teach nothing; 2 when FILE cannot be written."""
    from walert.pipeline.suggest import suggest

    if args.output and os.path.lexists(args.output):
        raise ExitCode(
            USAGE, f"walert suggest: {args.output} is there already; nothing is overwritten. Give another name."
        )
    files, missing = _files(args)
    with Bar("learning", 3 * size_of(files)) as bar:
        surveyed = _surveyed(files, missing, args, bar)
        try:
            outcome = suggest([*surveyed.logs], args.output or "suggested.yaml", bar.add)
        except OSError as error:
            raise ExitCode(PROBLEMS, f"walert suggest: {error.filename}: {error.strerror}.") from None
    if not outcome.suggestions:
        raise ExitCode(
            PROBLEMS,
            "walert suggest: no rule can be learned from these logs: no metric changes in them, or the runs differ too much.",
        )
    if outcome.basis.runs < _FEW:
        warn(
            f"learned from {plural(outcome.basis.runs, 'run')} only: the more healthy runs, the closer the thresholds."
        )
    _hand_over(outcome, args)
    return FINE


def _files(args: argparse.Namespace) -> tuple[list[LogFile], list[str]]:
    """The logs by path, each once; a sentence for each argument that is none."""
    found: dict[str, LogFile] = {}
    missing: list[str] = []
    for log in args.logs:
        try:
            for file in log_files(log, args.source):
                found.setdefault(os.path.realpath(file.path), file)
        except ExitCode as stop:
            missing.append(stop.text)
    return sorted(found.values(), key=lambda file: file.shown), missing


def _surveyed(files: Sequence[LogFile], missing: Sequence[str], args: argparse.Namespace, bar: Bar) -> Surveyed:
    """What the logs hold; ends here, with all that is wrong, where that must not be."""
    from walert.pipeline.suggest import look

    surveyed = look(files, bar.add)
    bar.clear()
    for text in missing:
        print(text, file=sys.stderr)
    for problem in sorted(surveyed.problems):
        print(safe(str(problem)), file=sys.stderr)
    errors = len(missing) + sum(p.severity == "error" for p in surveyed.problems)
    if errors and not args.leave_out:
        raise ExitCode(
            PROBLEMS,
            f"walert suggest: {plural(errors, 'log')} cannot be learned from; nothing was written. --leave-out goes on without.",
        )
    if not surveyed.logs:
        raise ExitCode(PROBLEMS, "walert suggest: there is no log to learn from.")
    return surveyed


def _hand_over(outcome: Outcome, args: argparse.Namespace) -> None:
    """The file to its place or to stdout, the proof beside it."""
    if args.output:
        _write(args.output, outcome.text)
    if args.json:
        print_rows([*map(_row, outcome.suggestions), _summary(outcome)])
        return
    if not args.output:
        sys.stdout.write(outcome.text)
        sys.stdout.flush()
    _prove(outcome, sys.stdout if args.output else sys.stderr)
    if args.output:
        print(f"wrote {args.output}. Review it, then name it under `rules:` in walert.yaml.")


def _prove(outcome: Outcome, out: TextIO) -> None:
    proof = outcome.proof
    print(
        f"replayed {plural(proof.rules, 'rule')} against the same {plural(proof.logs, 'log')}, {plural(proof.records, 'record')}: no rule fires",
        file=out,
    )


def _row(each: Any) -> dict[str, Any]:
    from walert.pipeline.suggest import why

    rule = each.learned
    return {
        "title": rule.title, "metric": rule.subject or None, "when": each.when, "for": rule.for_, "level": str(rule.level),
        "threshold": each.threshold, "extremes": sorted(rule.extremes), "left_out": each.left_out, "widened": each.widened, "why": why(each),
    }  # fmt: skip


def _summary(outcome: Outcome) -> dict[str, Any]:
    basis, proof = outcome.basis, outcome.proof
    return {
        "happening": "summary", "rules": proof.rules, "runs": basis.runs, "logs": len(basis.logs), "records": proof.records,
        "firing": sum(proof.fired.values()), "set_aside": basis.set_aside,
    }  # fmt: skip


def _write(path: str, text: str) -> None:
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ExitCode(USAGE, f"walert suggest: {path} cannot be written: {error.strerror}.") from None
