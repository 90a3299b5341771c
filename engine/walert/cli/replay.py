"""Judge finished or live logs by rules and deliver nothing: what would have been sent, when, and how often suppressed.

LOG is a log file or a folder. Rules are files, folders or `pack:NAME`; without --rules those of the configuration are used, and a run
that carries rules of its own is judged by them, as walertd does.

--against REV judges by the rule files of git revision REV, too, and prints what the rules of today add (+) and remove (-).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from walert.cli.common import plural, print_table, safe, warn
from walert.cli.exits import FINE, USAGE, ExitCode
from walert.cli.judging import all_log_files, load, rule_patterns, run_rules, size_of, tell_bad_line, tell_run_rules
from walert.cli.progress import Bar
from walert.model import BadLine
from walert.pipeline.against import ADDED, REMOVED, Differences
from walert.pipeline.logs import LogFile
from walert.pipeline.replay import Replay, Totals, dumps
from walert.pipeline.tally import Tally
from walert.rules.blind import Blind

Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert replay`."""
    parser.add_argument("logs", nargs="+", metavar="LOG", help="a log file, or a folder with logs")
    parser.add_argument(
        "--rules", action="append", metavar="PATH", help="a rule file, a folder of them, or pack:NAME; may be repeated"
    )
    parser.add_argument(
        "--against", metavar="REV", help="compare with the rule files as they are in this git revision, such as HEAD~1"
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
    """Replay. Exit code 0, with --against whatever it shows; 2 when rules, logs or options cannot be used."""
    patterns = rule_patterns(args.rules, args.config)
    rules = load(patterns)
    files = all_log_files(args.logs, args.source)
    heard = tell_bad_line if not args.json and not args.quiet else None
    if args.against is not None:
        return _against(args, rules, patterns, files, heard)
    replay = Replay(rules, files, heard, carried=run_rules(rules, args.rules))
    tally = Tally()
    for row in _shown(args, replay.happenings, files):
        if args.json:
            _print(args, dumps(row))
        else:
            tally.add(row)
            _print(args, _sentence(row))
    if args.json:
        print(dumps(replay.totals.row()))
    else:
        _summary(replay, tally)
    return FINE


def _shown(
    args: argparse.Namespace, rows: Callable[[Callable[[int], None]], Iterator[Row]], files: Sequence[LogFile]
) -> Iterator[Row]:
    """The rows, with a bar on stderr for as long as they come; it makes room for what is printed of them."""
    with Bar("replay", size_of(files), on=not args.quiet) as bar:
        try:
            for row in rows(bar.add):
                bar.clear()
                yield row
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise ExitCode(USAGE, f"walert: {error.filename}: {error.strerror}.") from None


def _print(args: argparse.Namespace, line: str) -> None:
    if not args.quiet:
        print(line)


def _sentence(row: Row) -> str:
    values = row["values"]
    shown = ", ".join(f"{k} = {v}" for k, v in values.items()) if isinstance(values, dict) else ""
    count = f" (+{row['suppressed']} suppressed)" if row["suppressed"] else ""
    detail = row["text"] if row["happening"] == "message" else shown
    return safe(f"{row['file']}:{row['line']}: {row['happening']} [{row['level']}] {row['title']}{count}: {detail}")


# --- the summary


def _summary(replay: Replay, tally: Tally) -> None:
    rows = tally.table(replay.held)
    if rows:
        print()
        print_table(("run", "title", "level", "first firing", "messages", "suppressed"), rows)
    blind = replay.blind()
    _print_blind(blind)
    if rows or blind:
        print()
    print(_totals(replay.totals))
    _print_timeless(replay.totals)


def _totals(totals: Totals) -> str:
    counts = [plural(len(totals.runs), "run"), plural(totals.records, "record"), plural(totals.bad_lines, "bad line")]
    return f"{', '.join(counts)}: {plural(totals.messages, 'message')}, {totals.suppressed} suppressed"


def _print_timeless(totals: Totals) -> None:
    if totals.records_without_time:
        carry = "carries" if totals.records_without_time == 1 else "carry"
        what = plural(totals.records_without_time, "record")
        print(f"{what} {carry} no time: waits and time windows stand still there")


def _print_blind(found: Iterable[tuple[str, Blind]]) -> None:
    """The rules that could not be decided, once for all the runs in which they lack the same."""
    runs: dict[tuple[str, str], list[str]] = {}
    for run, each in found:
        runs.setdefault((each.rule.title, each.why), []).append(run)
    if runs:
        print("\nblind rules, with what they lack:")
        rows = [
            (title, names[0] if len(names) == 1 else plural(len(names), "run"), why)
            for (title, why), names in runs.items()
        ]
        print_table(("title", "run", "why"), rows)


# --- against a revision


def _against(
    args: argparse.Namespace,
    rules: Any,
    patterns: Sequence[str],
    files: Sequence[LogFile],
    heard: Callable[[LogFile, BadLine], None] | None,
) -> int:
    from walert.pipeline.revision import rules_at

    old = rules_at(args.against, patterns)
    for problem in old.problems:
        warn(f"at {args.against}: {problem}")
    for file in old.absent:
        warn(f"at {args.against}: {file} is not there yet; it counts as empty.")
    differences = Differences(old.rules, rules, files, heard, args.rules is None, tell_run_rules)
    for row in _shown(args, differences.changes, files):
        sign = "+" if row["change"] == ADDED else "-"
        _print(args, dumps(row) if args.json else f"{sign} {_sentence(row)}")
    if args.json:
        print(dumps(differences.row()))
    else:
        _print_differences(args, differences)
    return FINE


def _print_differences(args: argparse.Namespace, found: Differences) -> None:
    titles = dict.fromkeys((run, title) for run, title, _, _ in found.counts)
    if titles:
        print()
        cells = [
            (run, title, *(_signed(found, run, title, kind) for kind in ("firing", "message"))) for run, title in titles
        ]
        print_table(("run", "title", "firings", "messages"), cells)
        print()
    totals = found.after.totals
    print(
        f"{plural(len(totals.runs), 'run')}, {plural(totals.records, 'record')}, against {safe(args.against)}: {_told(found)}"
    )
    _print_timeless(totals)


def _signed(found: Differences, run: str, title: str, kind: str) -> str:
    counts = ((sign, found.counts[run, title, change, kind]) for sign, change in (("+", ADDED), ("-", REMOVED)))
    return " ".join(f"{sign}{count}" for sign, count in counts if count)


def _told(found: Differences) -> str:
    if not found.counts:
        return "no firing and no message differs"
    added, removed = (
        " and ".join(plural(found.total(change, kind), kind) for kind in ("firing", "message"))
        for change in (ADDED, REMOVED)
    )
    return f"the change adds {added}, and removes {removed}"
