"""Send a test message through one receiver of the configuration, now, and say how it went."""

from __future__ import annotations

import argparse
import difflib
import os
import socket
import sys
import time

from walert.cli.common import configuration
from walert.cli.exits import FINE, UNDELIVERED, USAGE, ExitCode
from walert.model import Alert, AlertLevel, Delivered, Message, Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert send`."""
    parser.add_argument("title", metavar="TITLE")
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument("--to", required=True, metavar="R", help="the name of a receiver in the configuration")
    parser.add_argument("--level", default="INFO", help="INFO, WARN or ERROR (default: INFO)")


def main(args: argparse.Namespace) -> int:
    """Send. Exit code 0; 2 for an unknown receiver or level; 5 with the reason when it was not delivered."""
    from walert.deliver.receiver import build_receiver

    config = configuration(args.config)
    if args.to not in config.receivers:
        near = difflib.get_close_matches(args.to, config.receivers, 1)
        hint = f"Did you mean {near[0]}?" if near else f"Receivers are: {', '.join(config.receivers)}."
        raise ExitCode(USAGE, f"walert: there is no receiver {args.to!r}. {hint}")
    level = args.level.upper()
    if level not in AlertLevel.__members__:
        raise ExitCode(USAGE, f"walert: {args.level!r} is no level: write INFO, WARN or ERROR.")
    receiver = build_receiver(args.to, config.receivers[args.to].url)
    outcome = receiver.send(_message(args.to, args.title, args.text, AlertLevel(level)))
    if isinstance(outcome, Delivered):
        print(f"{args.to}: delivered", file=sys.stderr)
        return FINE
    print(f"{args.to}: not delivered: {outcome.reason}", file=sys.stderr)
    return UNDELIVERED


def _message(receiver: str, title: str, text: str, level: AlertLevel) -> Message:
    now, host = time.time(), socket.gethostname()
    alert = Alert(
        id=f"test-{os.getpid()}-{int(now)}", kind="test", run=Run("test", "test", host=host), title=title, level=level, text=text, values={},
        step=None, time=now, log="", origin=None, host=host, at=now,
    )  # fmt: skip
    return Message(0, receiver, alert, 1, now)
