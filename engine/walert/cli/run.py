"""Runs a command as a run: its exit code or signal and its last lines of stderr are told, its standard output can be read for metrics.

The command keeps its terminal, its input, its signals and its exit code (128 + n after signal n). What it does with `import walert` joins this
run. Where no walertd follows the run, one is started for it and stopped when the last message is out.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING

from walert.cli.exits import USAGE

if TYPE_CHECKING:
    from walert.config import Config
    from walert.supervise.child import Signals
    from walert.supervise.own import OwnDaemon
    from walert.supervise.record import Record

NOT_FOUND, NOT_RUNNABLE = 127, 126  # as shells have them
_MAGIC = frozenset("*?[")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert run`."""
    parser.usage = "walert run [OPTION...] -- CMD [ARG...]"
    parser.add_argument("--name", help="the run's name (default: $WALERT_NAME, or the name of the script)")
    parser.add_argument("--project", help="the project it belongs to (default: $WALERT_PROJECT)")
    parser.add_argument(
        "--dir", metavar="DIR", help="the folder of runs (default: $WALERT_DIR, or one that is followed)"
    )
    parser.add_argument(
        "--stdout-metrics",
        action="store_true",
        help="take lines of stdout that are JSON objects or printed dicts of numbers as records",
    )
    parser.add_argument("--no-daemon", action="store_true", help="start no walertd where none follows")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help="the command with its arguments")


def main(args: argparse.Namespace) -> int:
    """Run it. The exit code is the command's; 126 and 127 as in a shell when it cannot be started."""
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        print("walert run: which command? For example: walert run -- python train.py", file=sys.stderr)
        return USAGE
    from walert.cli.common import state_configuration

    config = state_configuration(args.config)
    record = _record(args, config, command)
    return _run(args, config, record, command)


def _record(args: argparse.Namespace, config: Config, command: list[str]) -> Record:
    from walert.client import identity
    from walert.supervise.record import Record

    environ = os.environ
    runs = args.dir or identity.setting(environ, "DIR") or _followed(config)
    name = args.name or identity.setting(environ, "NAME") or _name(command)
    who = identity.identify(None, environ)
    return Record(os.path.abspath(runs), args.project or identity.setting(environ, "PROJECT"), name, who, command)


def _run(args: argparse.Namespace, config: Config, record: Record, command: list[str]) -> int:
    from walert.supervise import child
    from walert.supervise.last_lines import LastLines
    from walert.supervise.memory import oom_kills
    from walert.supervise.printed import Printed
    from walert.supervise.stream import Passing, hold_closed

    there = hold_closed()
    tail, printed, kills = LastLines(), Printed(), oom_kills()
    needed = _needs_daemon(args, config, record)

    def read(data: bytes) -> None:
        for found in printed.take(data):
            record.metrics(found)

    with child.Signals() as signals:
        streams = {2: Passing(2, tail.take)} if 2 in there else {}
        if args.stdout_metrics and 1 in there:
            streams[1] = Passing(1, read)
        own: list[OwnDaemon] = []

        def began(pid: int) -> None:
            record.begin()
            own.extend(_own_daemon(args, config, record) if needed else [])

        try:
            outcome = child.run(command, _environ(args, record), signals, streams, began)
        except OSError as error:
            _say(f"{command[0]}: {error.strerror}")
            return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUNNABLE
        oom = outcome.exit_code == 137 and (kills is not None and (oom_kills() or 0) > kills)
        record.end(outcome, tail.text, oom=oom)
        for daemon in own:
            _finish(daemon, record, signals)
    return outcome.exit_code


def _environ(args: argparse.Namespace, record: Record) -> dict[str, str]:
    """That of the command: what it does with walert belongs to this run, and so do all its ranks."""
    from walert.client.following import SEEN_TO

    environ = {**os.environ, "WALERT_RUN_ID": record.who.id, "WALERT_DIR": record.runs, SEEN_TO: "1"}
    if args.name:
        environ["WALERT_NAME"] = args.name
    if record.project:
        environ["WALERT_PROJECT"] = record.project
    return environ


def _name(command: list[str]) -> str:
    """The script's name where there is one, else the command's."""
    script = next((word for word in command[:8] if word.endswith(".py")), command[0])
    return os.path.basename(script).removesuffix(".py") or "run"


# --- who follows


def _followed(config: Config) -> str:
    """The folder of runs that a walertd follows or, started now, will follow; the usual one if it is among them."""
    from walert.paths import runs_dir

    roots = _roots(config)
    usual = runs_dir()
    if any(_is_below(usual, root) for root in roots):
        return usual
    return next((root for root in roots if not _MAGIC & set(root)), usual)


def _roots(config: Config) -> list[str]:
    """What the running walertd says that it follows; without one what the configuration names."""
    from walert.daemon.lock import held

    found = held(f"{config.state}.lock")
    return (
        [source.path for source in config.sources] if found is None else [root[0] for root in found[1].get("roots", ())]
    )


def _is_below(path: str, root: str) -> bool:
    path, root = os.path.realpath(path), os.path.realpath(root)
    return path == root or path.startswith(root.rstrip("/") + "/")


def _needs_daemon(args: argparse.Namespace, config: Config, record: Record) -> bool:
    """Whether a walertd is to be started for this run. Where none follows and none can be, it is said."""
    from walert.client.following import is_followed
    from walert.daemon.lock import holder

    if is_followed(record.runs):
        return False
    covered = any(_is_below(record.runs, root) for root in _roots(config))
    if holder(f"{config.state}.lock") is not None:
        if not covered:
            _say(f"walertd runs, but does not follow {record.runs}. Add it to `watch:` in its walert.yaml")
        return False
    if args.no_daemon or not covered:
        named = f" --config {shlex.quote(args.config)}" if args.config else ""
        more = named if covered else f"{named}, with {record.runs} under `watch:` in its walert.yaml"
        _say(f"no walertd follows {record.runs}; what happens is told when one does. Start one: walertd{more}")
        return False
    return True


def _own_daemon(args: argparse.Namespace, config: Config, record: Record) -> list[OwnDaemon]:
    """A walertd for this run, unless it cannot be started: the command runs all the same."""
    from walert.supervise.own import OwnDaemon

    try:
        return [OwnDaemon(args.config, config.state, os.path.join(record.folder, "walertd.log"))]
    except OSError as error:
        _say(f"walertd cannot be started: {error}")
        return []


def _finish(daemon: OwnDaemon, record: Record, signals: Signals) -> None:
    if daemon.ended is not None:
        _say(f"its walertd ended with {daemon.ended}: see {daemon.log}")
        return
    daemon.finish(record.who.id, lambda seconds: signals.wait(seconds) in (signal.SIGINT, signal.SIGTERM))
    waiting = daemon.waiting()
    if waiting:
        _say(
            f"{waiting} {'message waits' if waiting == 1 else 'messages wait'}: see `walert outbox`; the next walertd delivers"
        )


def _say(text: str) -> None:
    if sys.stderr is not None:  # closed by whoever started this
        print(f"walert run: {text}", file=sys.stderr)
