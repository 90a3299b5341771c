"""The alerts that were decided, newest last: what was sent, to whom, and how that went."""

from __future__ import annotations

import argparse
import time

from walert.cli.common import age, print_rows, print_table, reader, state_configuration
from walert.cli.exits import FINE, USAGE, ExitCode
from walert.units import parse_duration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert alerts`."""
    parser.add_argument(
        "--since", metavar="AGE", help="only alerts of the last AGE, such as 2h (default: the newest thousand)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object an alert")


def main(args: argparse.Namespace) -> int:
    """List. Exit code 0; 2 for an AGE that is none; 3 without a state file."""
    since = 0.0
    if args.since is not None:
        try:
            since = time.time() - parse_duration(args.since)
        except ValueError as error:
            raise ExitCode(USAGE, f"walert: --since {args.since}: {error}") from None
    with reader(state_configuration(args.config)) as state:
        rows = state.alerts(since)
    if args.json:
        print_rows(rows)
        return FINE
    if not rows:
        print("no alerts")
        return FINE
    table = []
    for row in rows:
        to = ", ".join(f"{m.receiver} ({m.state})" for m in row.messages) or "listed only"
        table.append((row.alert.id, age(row.alert.at), row.alert.level, row.alert.title, row.alert.run.name, to))
    print_table(("id", "when", "level", "title", "run", "to"), table)
    return FINE
