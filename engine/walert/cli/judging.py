"""What `replay` and `explain` share: which rules, and which logs with which options."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from walert.cli.common import configuration, safe, warn
from walert.cli.exits import USAGE, ExitCode
from walert.cli.sources import source_of
from walert.errors import ConfigError
from walert.model import BadLine
from walert.pipeline.carried import RunRules
from walert.pipeline.logs import LogFile
from walert.pipeline.rulebook import RuleBook
from walert.rules.plan import RuleSet
from walert.tail import discover_logs


def rule_patterns(paths: list[str] | None, config: str | None) -> Sequence[str]:
    """Where the rules are: as given, else as the configuration says."""
    return paths if paths is not None else configuration(config).rule_paths


def load(patterns: Sequence[str]) -> RuleSet:
    """The rules to judge by, compiled; warnings are printed. Raises `ConfigError` with every problem."""
    book = RuleBook(patterns)
    book.refresh()
    for problem in book.problems:
        if problem.severity == "warning":
            print(problem, file=sys.stderr)
    if book.errors:
        raise ConfigError("the rules cannot be used.", book.errors)
    return book.compiled()


def run_rules(rules: RuleSet, paths: list[str] | None) -> RunRules | None:
    """Where the rules that runs carry are found; None when `--rules` names others outright."""
    return RunRules(rules, tell_run_rules) if paths is None else None


def tell_run_rules(text: str) -> None:
    """A copy of a run that is not used, on stderr."""
    warn(safe(text))


def all_log_files(logs: Sequence[str], options: list[str]) -> list[LogFile]:
    """The files of all LOG arguments by path, each once however often it is named."""
    found: dict[str, LogFile] = {}
    for log in logs:
        for file in log_files(log, options):
            found.setdefault(os.path.realpath(file.path), file)
    return sorted(found.values(), key=lambda file: file.shown)


def log_files(log: str, options: list[str]) -> list[LogFile]:
    """The files of one LOG argument. Raises `ExitCode` for one that is not there or cannot be read."""
    if not os.path.exists(log):
        raise ExitCode(USAGE, f"walert: {log}: there is no such file or folder.")
    if not os.path.isdir(log) and not os.path.isfile(log):
        raise ExitCode(USAGE, f"walert: {log}: is neither a file nor a folder.")
    source = source_of(log, options)
    try:
        paths = [path for path in discover_logs(log) if os.path.isfile(path)]
    except OSError as error:
        raise ExitCode(USAGE, f"walert: {error.filename or log}: {error.strerror}.") from None
    for path in paths:
        if not os.access(path, os.R_OK):
            raise ExitCode(USAGE, f"walert: {path}: cannot be read.")
    if not paths:
        warn(f"{log}: there are no logs in it.")
    return [LogFile(path, path, log, source) for path in paths]


def size_of(files: Sequence[LogFile]) -> int:
    """The bytes of all files together, as far as that can be told."""
    return sum(_size(file.path) for file in files)


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def tell_bad_line(file: LogFile, bad: BadLine) -> None:
    """A line that is no record, on stderr."""
    print(f"{file.shown}:{bad.line}: {bad.reason}", file=sys.stderr)
