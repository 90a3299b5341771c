"""What the daemon follows and how, what fires, what waits for delivery, and everything that was counted."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping

from walert.cli.common import age, print_rows, print_table, reader, state_configuration, warn
from walert.cli.exits import FINE, NOT_RUNNING
from walert.cli.silence_text import HEADER, shown
from walert.cli.status_text import Seen, head, unmet
from walert.daemon.lock import holder, touched
from walert.daemon.presence import others
from walert.pipeline.blindness import FACT
from walert.store.values import Status
from walert.template import number

MOST_VALUES = 2  # judged values of a firing rule that are shown
MOST_BLIND = 40  # lines of blind rules that are shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert status`."""
    parser.add_argument("--json", action="store_true", help="one JSON object")


def main(args: argparse.Namespace) -> int:
    """Show the state. Exit code 0 while a walertd runs, 3 when none does."""
    config = state_configuration(args.config)
    lock = f"{config.state}.lock"
    pid = holder(lock)
    seen = Seen(pid, touched(lock) if pid else None, others(config.state))
    if not os.path.exists(config.state):
        for line in seen.elsewhere():
            warn(line)
    with reader(config) as state:
        status = state.status(time.time())
        names = {run.id: run.name for run in state.runs()} if status.firing and not args.json else {}
    if args.json:
        row = {
            "pid": pid,
            "running": pid is not None,
            "passed": seen.passed,
            "others": [{**about, "pid": other} for other, about in seen.others],
        }
        print_rows([{**row, "status": status}])
    else:
        _show(status, seen, names)
    return FINE if pid is not None else NOT_RUNNING


def _values(values: Mapping[str, float]) -> str:
    """The judged values; of many, the first few: `walert explain` has all."""
    shown = [f"{name} = {number(value)}" for name, value in values.items()]
    more = len(shown) - MOST_VALUES
    return ", ".join(shown) if more <= 0 else f"{', '.join(shown[:MOST_VALUES])} and {more} more"


def _show_blind(status: Status) -> None:
    """The rules that nothing can decide, with what they lack; the newest runs first."""
    runs = sorted(
        (fact for name, fact in status.facts.items() if name.startswith(FACT)),
        key=lambda fact: fact["at"],
        reverse=True,
    )
    rows = [(fact["run"], rule["title"], rule["why"]) for fact in runs for rule in fact["rules"]]
    if rows:
        print("\nblind rules:")
        print_table(("run", "title", "why"), rows[:MOST_BLIND])
    if len(rows) > MOST_BLIND:
        print(f"… and {len(rows) - MOST_BLIND} more (--json has all)")


def _show(status: Status, seen: Seen, names: Mapping[str, str]) -> None:
    for line in head(status, seen, time.time()):
        print(line)
    if lines := unmet(status):
        print("\nnot as configured:")
        for line in lines:
            print(f"  {line}")
    if status.firing:
        print("\nfiring:")
        rows = [
            (f.level, f.title, names.get(f.run_id, f.run_id), age(f.since), _values(f.values)) for f in status.firing
        ]
        print_table(("level", "title", "run", "since", "values"), rows)
    if status.receivers:
        print("\nreceivers:")
        print_table(
            ("receiver", "waiting", "dead", "delivered", "reason"),
            [(r.receiver, r.waiting, r.dead, r.delivered, r.reason or "") for r in status.receivers],
        )
    if status.silences:
        print("\nsilences:")
        print_table(HEADER, [shown(one, time.time()) for one in status.silences])
    _show_blind(status)
    counted = {name: value for name, value in sorted(status.counters.items()) if value}
    if counted:
        print("\ncounted: " + ", ".join(f"{name} {value}" for name, value in counted.items()))
