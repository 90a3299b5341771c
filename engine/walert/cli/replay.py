"""Judge finished or live logs by rules and deliver nothing: what would have been sent, when, and how often suppressed.

LOG is a log file or a folder. Rules are files, folders or `pack:NAME`; without --rules those of the configuration are used.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from walert.cli.common import configuration, print_table, safe, warn
from walert.cli.exits import FINE, USAGE, ExitCode
from walert.config import read_config
from walert.errors import ConfigError
from walert.model import BadLine, Source
from walert.pipeline.replay import LogFile, Replay, dumps
from walert.pipeline.rulebook import RuleBook
from walert.rules.plan import RuleSet
from walert.tail import discover_logs

_LISTS = ("step", "time", "tags")
_PAIRS = ("pivot", "rename")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert replay`."""
    parser.add_argument("logs", nargs="+", metavar="LOG", help="a log file, or a folder with logs")
    parser.add_argument(
        "--rules", action="append", metavar="PATH", help="a rule file, a folder of them, or pack:NAME; may be repeated"
    )
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of a `watch` entry, such as step=iteration or nulls=nan; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a happening, then a summary")
    parser.add_argument("--quiet", action="store_true", help="the summary only")


def main(args: argparse.Namespace) -> int:
    """Replay. Exit code 0; 2 when rules, logs or options cannot be used."""
    rules = load(args.rules, args.config)
    files = [file for log in args.logs for file in log_files(log, args.source)]
    replay = Replay(rules, files, _tell_bad_line if not args.json and not args.quiet else None)
    firsts: dict[tuple[str, str], list[object]] = {}
    for row in replay.happenings():
        if args.json:
            if not args.quiet:
                print(dumps(row))
        else:
            _tally(firsts, row)
            if not args.quiet:
                print(_sentence(row))
    if args.json:
        print(dumps(replay.totals.row()))
    else:
        _summary(replay, firsts)
    return FINE


def load(paths: list[str] | None, config: str | None) -> RuleSet:
    """The rules to replay by, compiled. Raises `ConfigError` with every problem."""
    book = RuleBook(paths if paths is not None else configuration(config).rule_paths)
    book.refresh()
    for problem in book.problems:
        if problem.severity == "warning":
            print(problem, file=sys.stderr)
    if book.errors:
        raise ConfigError("the rules cannot be used.", book.errors)
    return book.compiled()


def log_files(log: str, options: list[str]) -> list[LogFile]:
    """The files of one LOG argument."""
    if not os.path.exists(log):
        raise ExitCode(USAGE, f"walert: {log}: there is no such file or folder.")
    source = _source(log, options)
    try:
        paths = discover_logs(log)
    except OSError as error:
        raise ExitCode(USAGE, f"walert: {log}: {error.strerror}.") from None
    for path in paths:
        if not os.access(path, os.R_OK):
            raise ExitCode(USAGE, f"walert: {path}: cannot be read.")
    if not paths:
        warn(f"{log}: there are no logs in it.")
    return [LogFile(path, path, log, source) for path in paths]


def _source(log: str, options: list[str]) -> Source:
    entry: dict[str, object] = {"path": os.path.abspath(log)}
    for option in options:
        key, separator, value = option.partition("=")
        if not separator:
            raise ExitCode(USAGE, f"walert: --source {option}: write KEY=VALUE, such as step=iteration.")
        entry[key] = _value(key, value)
    config, problems = read_config(json.dumps({"watch": [entry]}), "--source", {})
    if config is None:
        raise ConfigError("the --source options cannot be used.", problems)
    return config.sources[0]


def _value(key: str, value: str) -> object:
    if key in _LISTS:
        return value.split(",")
    if key in _PAIRS:
        first, _, second = value.partition(":")
        return {"name": first, "value": second} if key == "pivot" else {first: second}
    return {"true": True, "false": False}.get(value, value)


def _tell_bad_line(file: LogFile, bad: BadLine) -> None:
    print(f"{file.shown}:{bad.line}: {bad.reason}", file=sys.stderr)


def _sentence(row: dict[str, object]) -> str:
    values = row["values"]
    shown = ", ".join(f"{k} = {v}" for k, v in values.items()) if isinstance(values, dict) else ""
    count = f" (+{row['suppressed']} suppressed)" if row["suppressed"] else ""
    detail = row["text"] if row["happening"] == "message" else shown
    return safe(f"{row['file']}:{row['line']}: {row['happening']} [{row['level']}] {row['title']}{count}: {detail}")


def _tally(firsts: dict[tuple[str, str], list[object]], row: dict[str, object]) -> None:
    key = (str(row["run"]), str(row["title"]))
    kept = firsts.setdefault(key, [row["level"], "", 0, 0])
    if row["happening"] == "firing" and not kept[1]:
        kept[1] = f"line {row['line']}, step {row['step']}"
    kept[2] += row["happening"] == "message"  # type: ignore[operator]
    kept[3] += row["happening"] == "suppressed"  # type: ignore[operator]


def _summary(replay: Replay, firsts: dict[tuple[str, str], list[object]]) -> None:
    totals = replay.totals
    if firsts:
        print()
        print_table(
            ("run", "title", "level", "first firing", "messages", "suppressed"),
            [(run, title, *kept) for (run, title), kept in firsts.items()],
        )
        print()
    print(
        f"{len(totals.runs)} runs, {totals.records} records, {totals.bad_lines} bad lines: "
        f"{totals.messages} messages, {totals.suppressed} suppressed"
    )
    if totals.records_without_time:
        print(f"{totals.records_without_time} records carry no time: waits and time windows stand still there")
