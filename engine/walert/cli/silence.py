"""Silences: what matches is judged, listed and counted as ever, but not sent; its end is told once, with what was held back.

  walert silence add --title "Low*" --run "resnet-*" --for 2h --comment "why"
  walert silence add --project "vision-*" --level WARN --for 1d  # and INFO
  walert silence [list [--all]]
  walert silence extend ID --for 1h
  walert silence expire ID

--title, --run and --project are globs, --level means that level and below; what is stated must match all together.
"""

from __future__ import annotations

import argparse
import os
import time

from walert.cli.actions import action, actions
from walert.cli.common import print_rows, print_table, reader, safe, state_configuration
from walert.cli.exits import FINE, NOT_RUNNING, PROBLEMS, USAGE, ExitCode
from walert.cli.silence_text import HEADER, ends, meant, shown
from walert.config import Config
from walert.model import AlertLevel
from walert.store.silences import Silences
from walert.store.values import Silence
from walert.units import parse_duration

_MATCHERS = ("title", "run", "project", "level")
_MAX_COMMENT = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert silence`."""
    parser.add_argument("--json", action="store_true", help="one JSON object a silence")
    parser.set_defaults(all=False)
    group = actions(parser, "list")
    add = action(group, "add", "begin a silence, now", "the silence as a JSON object")
    add.add_argument("--title", metavar="GLOB", help="of the title as written, before values are filled in")
    add.add_argument("--run", metavar="GLOB", help="of the run's name or id")
    add.add_argument("--project", metavar="GLOB", help="of the run's project")
    add.add_argument("--level", metavar="LEVEL", help="INFO, WARN or ERROR: that level and below")
    add.add_argument("--for", dest="duration", required=True, metavar="TIME", help="how long, such as 2h or 1d12h")
    add.add_argument("--comment", default="", metavar="TEXT", help="why; its end tells it again")
    show = action(group, "list", "list the silences that are not over", "one JSON object a silence")
    show.add_argument("--all", action="store_true", help="those of the last 30 days that are over, too")
    extend = action(group, "extend", "let a silence last longer", "the silence as a JSON object")
    extend.add_argument("id", type=_id, metavar="ID")
    extend.add_argument("--for", dest="duration", required=True, metavar="TIME", help="how much longer, such as 1h")
    action(group, "expire", "end a silence now", "the silence as a JSON object").add_argument(
        "id", type=_id, metavar="ID"
    )


def main(args: argparse.Namespace) -> int:
    """Add, list, extend or expire. Exit code 0; 1 for an unknown ID; 2 for wrong arguments; 3 without a state file."""
    config = state_configuration(args.config)
    if args.action == "list":
        return _list(args, config)
    wanted = _wanted(args) if args.action == "add" else {}
    seconds = _duration(args.duration) if args.action != "expire" else 0.0
    if not os.path.exists(config.state):
        raise ExitCode(NOT_RUNNING, f"walert: there is no state file {config.state} yet: start walertd first.")
    now = time.time()
    with Silences(config.state) as silences:
        if args.action == "add":
            title, run, project, level = (wanted.get(name) for name in _MATCHERS)
            changed = silences.add(
                ends=now + seconds, now=now, title=title, run=run, project=project, level=level, comment=args.comment
            )
        else:
            changed = _change(silences, args, seconds, now)
    _tell(args, changed, now)
    return FINE


def _change(silences: Silences, args: argparse.Namespace, seconds: float, now: float) -> Silence:
    known = next((one for one in silences.list() if one.id == args.id), None)
    if known is None:
        raise ExitCode(PROBLEMS, f"walert: there is no silence {args.id}: see `walert silence list --all`.")
    if args.action == "expire":
        return silences.expire(args.id, now)
    return silences.extend(args.id, max(known.ends, now) + seconds, now)


def _tell(args: argparse.Namespace, silence: Silence, now: float) -> None:
    if args.json:
        print_rows([silence])
    else:
        over = silence.ends <= now
        when = f"over ({ends(silence, now)})" if over else f"ends {ends(silence, now)}"
        print(safe(f"silence {silence.id}: {meant(silence)}: {when}"))


def _list(args: argparse.Namespace, config: Config) -> int:
    now = time.time()
    with reader(config) as state:
        rows = state.silences(None if args.all else now)
    if args.json:
        print_rows(rows)
    elif not rows:
        print("no silences")
    else:
        print_table(HEADER, [shown(one, now) for one in rows])
    return FINE


# --- what was asked for


def _wanted(args: argparse.Namespace) -> dict[str, str]:
    """The matchers of a new silence. Raises `ExitCode` when there are none, or one can match nothing."""
    wanted = {name: value for name in _MATCHERS if (value := getattr(args, name)) is not None}
    if not wanted:
        raise ExitCode(
            USAGE, "walert: a silence of everything is none: say what, by --title, --run, --project or --level."
        )
    for name, value in wanted.items():
        if not value.strip():
            raise ExitCode(USAGE, f"walert: --{name} is empty: write a glob, such as {name}-*.")
    if "level" in wanted:
        wanted["level"] = _level(wanted["level"])
    if len(args.comment) > _MAX_COMMENT:
        raise ExitCode(USAGE, f"walert: --comment takes at most {_MAX_COMMENT:,} characters.")
    return wanted


def _level(text: str) -> str:
    if text.upper() not in AlertLevel.__members__:
        raise ExitCode(USAGE, f"walert: {text!r} is no level: write INFO, WARN or ERROR.")
    return text.upper()


def _duration(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ExitCode(USAGE, f"walert: --for {text}: {error}") from None
    if seconds <= 0:
        raise ExitCode(USAGE, f"walert: --for {text}: a silence lasts longer than nothing. Write for example 2h.")
    return seconds


def _id(text: str) -> int:
    """A silence's number, as the state file can hold it."""
    if not text.isdecimal() or not 0 < int(text[:20]) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is no silence's number: see `walert silence list`")
    return int(text)
