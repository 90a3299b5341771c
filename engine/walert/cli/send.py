"""Send a test message through one receiver of the configuration, now, and say how it went."""

from __future__ import annotations

import argparse
import sys

from walert.cli.common import configuration
from walert.cli.exits import FINE, UNDELIVERED, USAGE, ExitCode
from walert.cli.trying import attempt, known, sentence
from walert.model import AlertLevel, Delivered


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert send`."""
    parser.add_argument("title", metavar="TITLE")
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument("--to", required=True, metavar="R", help="the name of a receiver in the configuration")
    parser.add_argument("--level", default="INFO", help="INFO, WARN or ERROR (default: INFO)")


def main(args: argparse.Namespace) -> int:
    """Send. Exit code 0; 2 for an unknown receiver or level; 5 with the reason when it was not delivered."""
    config = configuration(args.config)
    known([args.to], config.receivers)
    level = args.level.upper()
    if level not in AlertLevel.__members__:
        raise ExitCode(USAGE, f"walert: {args.level!r} is no level: write INFO, WARN or ERROR.")
    outcome = attempt(config.receivers[args.to], args.title, args.text, AlertLevel(level))
    print(sentence(args.to, outcome), file=sys.stderr)
    return FINE if isinstance(outcome, Delivered) else UNDELIVERED
