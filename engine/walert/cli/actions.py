"""Verbs that have actions, as `walert silence add`: each with arguments of its own, `--config` and `--json` before or after the action."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Actions = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Actions = Any


def actions(parser: argparse.ArgumentParser, default: str | None = None) -> Actions:
    """Room for actions; without a `default` one must be named. `args.action` tells which it is."""
    group: Actions = parser.add_subparsers(dest="action", metavar="ACTION", required=default is None)
    parser.set_defaults(action=default)
    return group


def action(group: Actions, name: str, what: str, json: str | None = None) -> argparse.ArgumentParser:
    """One action. `json` describes its `--json`."""
    parser: argparse.ArgumentParser = group.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    # Suppressed: a default would overwrite what was written before the action.
    parser.add_argument("--config", metavar="F", default=argparse.SUPPRESS, help="the configuration file")
    if json is not None:
        parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=json)
    return parser
