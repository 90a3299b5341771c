"""The runs that walertd follows or followed: how each is, where it stands, and what fires in it; the most recently seen first."""

from __future__ import annotations

import argparse
from dataclasses import replace

from walert.cli.common import age, print_rows, print_table, reader, state_configuration
from walert.cli.exits import FINE
from walert.store.values import RunRow
from walert.template import number

MOST_TITLES = 3  # firing rules that are named in a line of the table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert runs`."""
    parser.add_argument("--json", action="store_true", help="one JSON object a run")


def main(args: argparse.Namespace) -> int:
    """List. Exit code 0; 3 without a state file."""
    with reader(state_configuration(args.config)) as state:
        rows = [replace(row, state=row.state or "running") for row in state.runs()]
    if args.json:
        print_rows(rows)
    elif not rows:
        print("no runs")
    else:
        print_table(("run", "id", "project", "state", "step", "last line", "fires"), [_cells(row) for row in rows])
    return FINE


def _cells(row: RunRow) -> tuple[object, ...]:
    step = "" if row.step is None else number(row.step)
    return (row.name, row.id, row.project or "", row.state, step, age(row.read), _fires(row))


def _fires(row: RunRow) -> str:
    more = len(row.fires) - MOST_TITLES
    named = ", ".join(row.fires[:MOST_TITLES])
    return f"{named} and {more} more" if more > 0 else named
