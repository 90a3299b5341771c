"""The alerts that were decided, oldest first: what was sent, to whom, and how that went.

  walert alerts --since 2h --level ERROR
  walert alerts --follow --json             # a feed: each new alert
  walert alerts --follow --json --after ID  # goes on after the last one seen

--follow prints what comes until it is interrupted, through restarts of walertd; with --since or --after, what was before, too. Its messages are
as they stand when an alert is decided: waiting.
"""

from __future__ import annotations

import argparse
import fnmatch
import time
from collections.abc import Iterable, Iterator, Sequence

from walert.cli.common import age, print_rows, print_table, reader, safe, state_configuration
from walert.cli.exits import FINE, USAGE, ExitCode
from walert.cli.follow import new_alerts
from walert.dispatch.wording import moment
from walert.levels import AlertLevel
from walert.store.reader import Reader
from walert.store.values import AlertRow
from walert.units import parse_duration

NEWEST = 1_000  # alerts that are listed where nothing says since when


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert alerts`."""
    parser.add_argument(
        "--since", metavar="AGE", help="only alerts of the last AGE, such as 2h (default: the newest thousand)"
    )
    parser.add_argument("--after", metavar="ID", help="only alerts decided after that one")
    parser.add_argument("--run", metavar="GLOB", help="only of runs of this name or id")
    parser.add_argument("--title", metavar="GLOB", help="only of this title")
    parser.add_argument("--level", metavar="LEVEL", help="only of this level and above")
    parser.add_argument("--follow", action="store_true", help="go on with what comes, until interrupted")
    parser.add_argument("--json", action="store_true", help="one JSON object an alert")


def main(args: argparse.Namespace) -> int:
    """List. Exit code 0; 2 for an AGE, ID or LEVEL that is none; 3 without a state file."""
    since = _since(args.since)
    level = _level(args.level)
    config = state_configuration(args.config)
    with reader(config) as state:
        row, before = _before(state, args, since)
        shown = [one for one in before if _wanted(one, args, level)]
    _show(shown, args)
    if not args.follow:
        return FINE
    try:
        for new in new_alerts(config.state, row, [one.alert.id for one in shown]):
            _show([one for one in new if _wanted(one, args, level)], args)
    except KeyboardInterrupt:
        pass  # the way to end it
    return FINE


def _before(state: Reader, args: argparse.Namespace, since: float) -> tuple[int, Iterable[AlertRow]]:
    """What was decided until now, and the row of the newest alert."""
    last = state.last_alert()
    if args.after is not None:
        after = state.row_of(args.after)
        if after is None:
            raise ExitCode(USAGE, safe(f"walert: there is no alert {args.after!r}: `walert alerts` lists them."))
        return last, _between(state, after, last, since)
    if args.since is not None:
        return last, _between(state, 0, last, since)
    return last, () if args.follow else state.alerts(limit=NEWEST)


def _between(state: Reader, after: int, last: int, since: float) -> Iterator[AlertRow]:
    while after < last:
        found = state.alerts_after(after, since, last)
        if not found:
            return
        after = found[-1][0]
        yield from (row for _, row in found)


def _wanted(row: AlertRow, args: argparse.Namespace, level: AlertLevel | None) -> bool:
    alert = row.alert
    return (
        (args.run is None or any(_is_meant(args.run, name) for name in (alert.run.name, alert.run.id)))
        and (args.title is None or _is_meant(args.title, alert.title))
        and (level is None or alert.level.severity >= level.severity)
    )


def _is_meant(glob: str, name: str) -> bool:
    return glob == name or fnmatch.fnmatchcase(name, glob)


def _since(text: str | None) -> float:
    if text is None:
        return 0.0
    try:
        return time.time() - parse_duration(text)
    except ValueError as error:
        raise ExitCode(USAGE, f"walert: --since {text}: {error}") from None


def _level(text: str | None) -> AlertLevel | None:
    if text is not None and text.upper() not in AlertLevel.__members__:
        raise ExitCode(USAGE, f"walert: {text!r} is no level: write INFO, WARN or ERROR.")
    return None if text is None else AlertLevel(text.upper())


# --- showing


def _show(rows: Sequence[AlertRow], args: argparse.Namespace) -> None:
    if args.json:
        print_rows(rows)
    elif args.follow:
        for row in rows:
            alert = row.alert
            print(
                safe(f"{moment(alert.at)}  {alert.level}  {alert.title}  {alert.run.name}  {_to(row)}  {alert.id}"),
                flush=True,
            )
    elif not rows:
        print("no alerts")
    else:
        table = [
            (row.alert.id, age(row.alert.at), row.alert.level, row.alert.title, row.alert.run.name, _to(row))
            for row in rows
        ]
        print_table(("id", "when", "level", "title", "run", "to"), table)


def _to(row: AlertRow) -> str:
    if row.verdict == "silenced":
        return f"nobody ({row.why})"
    return ", ".join(f"{m.receiver} ({m.state})" for m in row.messages) or "listed only"
