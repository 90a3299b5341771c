"""Who can be told: `list` names the receivers of the configuration, `test` sends a real message through all of them, or those named.

  walert receivers [list] [NAME...]
  walert receivers test [NAME...]   # exit code 5 and the reasons if any fails

A URL is a secret and is shown by its service alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO

from walert.cli.actions import action, actions
from walert.cli.common import print_rows, print_table, safe, state_configuration
from walert.cli.exits import FINE, UNDELIVERED
from walert.cli.trying import STRAIGHT, attempt, known, sentence
from walert.config import Config, ReceiverConfig, find_config
from walert.model import AlertLevel, Delivered, Outcome

MOST_AT_ONCE = 32
TITLE = "walert receivers test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert receivers`."""
    parser.add_argument("--json", action="store_true", help="one JSON object a receiver")
    parser.set_defaults(names=[])
    group = actions(parser, "list")
    for name, what in (("list", "list the receivers"), ("test", "send a test message through each, all at once")):
        one = action(group, name, what, "one JSON object a receiver")
        one.add_argument("names", nargs="*", metavar="NAME", help="these receivers only")


def main(args: argparse.Namespace) -> int:
    """List or test. Exit code 0; 2 for an unknown name or a configuration that cannot be used; 5 when a test message was not delivered."""
    return _list(args) if args.action == "list" else _test(args)


def _list(args: argparse.Namespace) -> int:
    config = state_configuration(args.config)
    rows = [_row(receiver, config) for receiver in _chosen(args.names, config)]
    if args.json:
        print_rows(rows)
    else:
        cells = [(r["name"], r["url"], r["min_level"], "yes" if r["default"] else "") for r in rows]
        print_table(("receiver", "url", "min level", "default"), cells)
    return FINE


def _row(receiver: ReceiverConfig, config: Config) -> dict[str, object]:
    return {
        "name": receiver.name,
        "url": _shown(receiver.url),
        "min_level": str(receiver.min_level),
        "default": receiver.name in config.default_receivers,
    }


def _shown(url: str) -> str | None:
    from walert.deliver.redact import HIDDEN, shown

    if not url:
        return "not set in this shell"
    return url if url.startswith("console:") else f"{shown(url)}{HIDDEN}"


def _chosen(names: Sequence[str], config: Config) -> list[ReceiverConfig]:
    return [config.receivers[name] for name in known(names, config.receivers) or config.receivers]


# --- test


def _test(args: argparse.Namespace) -> int:
    from walert.daemon.reload import usable_config

    config, _ = usable_config(find_config(os.environ, args.config), os.environ)
    failed = False
    for receiver, outcome in _outcomes(_chosen(args.names, config), sys.stderr if args.json else sys.stdout):
        delivered = isinstance(outcome, Delivered)
        failed = failed or not delivered
        if args.json:
            reason = outcome.note if isinstance(outcome, Delivered) else outcome.reason
            print_rows([{"name": receiver.name, "delivered": delivered, "reason": reason}])
        else:
            print(safe(sentence(receiver.name, outcome)), flush=True)
    return UNDELIVERED if failed else FINE


def _outcomes(receivers: Sequence[ReceiverConfig], console: TextIO) -> Iterator[tuple[ReceiverConfig, Outcome]]:
    """Each receiver with how its try went, in the order of the configuration; all are tried at once."""
    with ThreadPoolExecutor(min(len(receivers), MOST_AT_ONCE)) as pool:
        yield from zip(receivers, pool.map(lambda receiver: _try(receiver, console), receivers), strict=True)


def _try(receiver: ReceiverConfig, console: TextIO) -> Outcome:
    text = f"If you can read this, the receiver {receiver.name} works. One that takes plots shows a straight line."
    return attempt(receiver, TITLE, text, AlertLevel.INFO, console, (STRAIGHT,))
