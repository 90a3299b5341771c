"""walertd: follows the metric logs of runs, judges them by rules, and delivers alerts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from typing import TYPE_CHECKING

from walert.cli import guarded
from walert.cli.exits import ALREADY_RUNNING, ExitCode

if TYPE_CHECKING:
    from walert.config import ReceiverConfig
    from walert.deliver.receiver import Receiver


def main(argv: Sequence[str] | None = None) -> int:
    """The command `walertd`. Exit code 0; 1 when `--once` could not deliver; 2 configuration; 3 another one runs."""
    parser = argparse.ArgumentParser(
        prog="walertd",
        description=__doc__,
        epilog="One walertd runs a state file. SIGHUP reloads, SIGTERM drains and stops.",
    )
    parser.add_argument(
        "--config", metavar="F", help="the configuration file (default: $WALERT_CONFIG, ./walert.yaml, …)"
    )
    parser.add_argument(
        "--once", action="store_true", help="read all there is, deliver, and exit: for cron, tests and CI"
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="how the log on stderr is written (default: text)",
    )
    args = parser.parse_args(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: serve(args.config, once=args.once, log_format=args.log_format))


def serve(config: str | None, *, once: bool, log_format: str) -> int:
    """Run a daemon in this process until it is done."""
    from walert.clock import SystemClock

    from walert.config import find_config
    from walert.daemon.log import Log
    from walert.daemon.reload import Reloader
    from walert.daemon.service import Daemon
    from walert.deliver.receiver import build_receiver, validate
    from walert.errors import AlreadyRunning

    clock = SystemClock()
    log = Log(log_format, clock.now)
    reloader = Reloader(find_config(os.environ, config), os.environ)
    log.problems(reloader.problems())

    def made(receiver: ReceiverConfig) -> Receiver:
        wrong = validate(receiver.url)
        if wrong is not None:
            log.note("receiver", f"{receiver.name}: {wrong}")
        return build_receiver(receiver.name, receiver.url, per_second=None if receiver.rate is None else receiver.rate / 60)

    try:
        return Daemon(reloader, log, clock, once=once, make_receiver=made).run()
    except AlreadyRunning as error:
        raise ExitCode(ALREADY_RUNNING, f"walertd: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
