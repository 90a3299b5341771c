"""What waits for delivery or is dead, with the reason; `retry ID` tries again at once, `drop ID` gives it up.

  walert outbox
  walert outbox retry all                   # at once, whatever waits or is dead
  walert outbox retry --receiver ml-team    # those of one receiver
  walert outbox drop 17 18
  walert outbox drop --run "resnet-*" --state waiting

`walert explain m17` shows what message 17 tells, and each try of its delivery.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import time

from walert.cli.common import age, print_rows, print_table, reader, state_configuration
from walert.cli.exits import FINE, NOT_RUNNING, PROBLEMS, ExitCode
from walert.config import Config
from walert.levels import AlertLevel
from walert.store.outbox import SqliteOutbox
from walert.store.values import MessageRow

_STATES = ("waiting", "dead", "delivered", "dropped")
_FILTERS = ("receiver", "run", "title", "level", "state")
_ALL = 0  # stands for `all` among the numbers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert outbox`."""
    parser.add_argument("action", nargs="?", choices=("list", "retry", "drop"), default="list")
    parser.add_argument("ids", nargs="*", type=_message_id, metavar="ID", help="the number of a message, or `all`")
    parser.add_argument("--receiver", metavar="GLOB", help="only messages for these receivers")
    parser.add_argument("--run", metavar="GLOB", help="only messages about runs of this name")
    parser.add_argument("--title", metavar="GLOB", help="only messages of this title")
    parser.add_argument("--level", metavar="LEVEL", help="only messages of this level")
    parser.add_argument("--state", choices=_STATES, help="only messages in this state")
    parser.add_argument("--all", action="store_true", help="list delivered and dropped messages too")
    parser.add_argument("--json", action="store_true", help="one JSON object a message")


def main(args: argparse.Namespace) -> int:
    """List, retry or drop. Exit code 0; 1 when an ID is unknown or no longer open; 3 without a state file."""
    if args.level is not None and args.level.upper() not in AlertLevel.__members__:
        raise ExitCode(2, f"walert: {args.level!r} is no level: write INFO, WARN or ERROR.")
    config = state_configuration(args.config)
    if args.action == "list":
        return _list(args, config)
    if not os.path.exists(config.state):
        raise ExitCode(NOT_RUNNING, f"walert: there is no state file {config.state} yet.")
    if not args.ids and not any(getattr(args, name) for name in _FILTERS):
        raise ExitCode(
            2,
            f"walert: outbox {args.action} takes the ID of a message, `all`, or a filter such as --receiver: see `walert outbox`.",
        )
    code = FINE
    with SqliteOutbox(config.state) as outbox:
        for number in _chosen(args, outbox):
            done = (outbox.retry if args.action == "retry" else outbox.drop)(number, time.time())
            print(f"{number}: {_done(args.action, done)}")
            code = code if done else PROBLEMS
    return code


def _chosen(args: argparse.Namespace, outbox: SqliteOutbox) -> list[int]:
    """The messages that are meant: those named, or all that are open and pass the filters."""
    named = [number for number in args.ids if number != _ALL]
    if named and len(named) < len(args.ids):
        raise ExitCode(2, "walert: give either numbers or `all`.")
    if named and not any(getattr(args, name) for name in _FILTERS):
        return named
    states = (args.state,) if args.state else ("waiting", "dead")
    found = [row.id for row in outbox.list(states) if _passes(row, args) and (not named or row.id in named)]
    if not found:
        print("no such message is open")
    return found


def _passes(row: MessageRow, args: argparse.Namespace) -> bool:
    wanted = ((args.receiver, row.receiver), (args.run, row.run), (args.title, row.title))
    return all(glob is None or glob == name or fnmatch.fnmatchcase(name, glob) for glob, name in wanted) and (
        args.level is None or row.level == args.level.upper()
    )


def _message_id(text: str) -> int:
    """A message's number, as the state file can hold it and as messages show it (m17); 0 for `all`."""
    if text == "all":
        return _ALL
    digits = text.removeprefix("m")
    if not digits.isdecimal() or not 0 < int(digits[:20]) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is no message's number: see `walert outbox`")
    return int(digits)


def _done(action: str, done: bool) -> str:
    if not done:
        return "no such message is open"
    return "due now" if action == "retry" else "dropped"


def _list(args: argparse.Namespace, config: Config) -> int:
    states = (args.state,) if args.state else _STATES if args.all else ("waiting", "dead")
    with reader(config) as state:
        rows = [row for row in state.outbox(states) if _passes(row, args) and (not args.ids or row.id in args.ids)]
    if args.json:
        print_rows(rows)
    elif not rows:
        print("nothing waits, nothing is dead")
    else:
        header = ("id", "receiver", "state", "level", "title", "run", "tries", "born", "reason")
        print_table(header, [_shown(row, config) for row in rows])
    return FINE


def _shown(row: MessageRow, config: Config) -> tuple[object, ...]:
    title = row.title if row.alerts == 1 else f"{row.title} and {row.alerts - 1} more"
    why = row.reason or (_waits_for(row, config) if row.state == "waiting" else "")
    return row.id, row.receiver, row.state, row.level, title, row.run, row.tries, age(row.born), why


def _waits_for(row: MessageRow, config: Config) -> str:
    """What holds a message that was never tried."""
    receiver = config.receivers.get(row.receiver)
    quiet = receiver.quiet if receiver is not None else None
    if quiet is not None and AlertLevel(row.level).severity < quiet.terms(time.time()).least:
        return "held: quiet hours"
    return f"collected: {row.collect}" if row.collect else ""
