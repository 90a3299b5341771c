"""What waits for delivery or is dead, with the reason; `retry ID` tries again at once, `drop ID` gives it up."""

from __future__ import annotations

import argparse
import os
import time

from walert.cli.common import age, print_rows, print_table, reader, state_configuration
from walert.cli.exits import FINE, NOT_RUNNING, PROBLEMS, ExitCode
from walert.config import Config
from walert.store.outbox import SqliteOutbox


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert outbox`."""
    parser.add_argument("action", nargs="?", choices=("list", "retry", "drop"), default="list")
    parser.add_argument("ids", nargs="*", type=_message_id, metavar="ID")
    parser.add_argument("--all", action="store_true", help="list delivered and dropped messages too")
    parser.add_argument("--json", action="store_true", help="one JSON object a message")


def main(args: argparse.Namespace) -> int:
    """List, retry or drop. Exit code 0; 1 when an ID is unknown or no longer open; 3 without a state file."""
    config = state_configuration(args.config)
    if args.action == "list":
        return _list(args, config)
    if not os.path.exists(config.state):
        raise ExitCode(NOT_RUNNING, f"walert: there is no state file {config.state} yet.")
    if not args.ids:
        raise ExitCode(2, f"walert: outbox {args.action} takes the ID of a message: see `walert outbox`.")
    code = FINE
    with SqliteOutbox(config.state) as outbox:
        for number in args.ids:
            done = (outbox.retry if args.action == "retry" else outbox.drop)(number, time.time())
            print(f"{number}: {_done(args.action, done)}")
            code = code if done else PROBLEMS
    return code


def _message_id(text: str) -> int:
    """A message's number, as the state file can hold it."""
    if not text.isdecimal() or not 0 < int(text[:20]) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is no message's number: see `walert outbox`")
    return int(text)


def _done(action: str, done: bool) -> str:
    if not done:
        return "no such message is open"
    return "due now" if action == "retry" else "dropped"


def _list(args: argparse.Namespace, config: Config) -> int:
    states = ("waiting", "dead", "delivered", "dropped") if args.all else ("waiting", "dead")
    with reader(config) as state:
        rows = state.outbox(states)
    if args.json:
        print_rows(rows)
    elif not rows:
        print("nothing waits, nothing is dead")
    else:
        header = ("id", "receiver", "state", "level", "title", "run", "tries", "born", "reason")
        print_table(
            header,
            [(r.id, r.receiver, r.state, r.level, r.title, r.run, r.tries, age(r.born), r.reason or "") for r in rows],
        )
    return FINE
