"""walertd: follows the metric logs of runs, judges them by rules, and delivers alerts."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from walert.cli import guarded
from walert.cli.exits import ALREADY_RUNNING, ExitCode

if TYPE_CHECKING:
    from walert.config import ReceiverConfig
    from walert.daemon.log import Log
    from walert.daemon.signals import Signals
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
    code = guarded(lambda: serve(args.config, once=args.once, log_format=args.log_format))
    if any(thread.name.startswith("walert-send-") for thread in threading.enumerate()):
        # One that hangs in a write to a full pipe holds a lock that the interpreter would wait for at its end.
        os._exit(code)
    return code


def serve(config: str | None, *, once: bool, log_format: str) -> int:
    """Run a daemon in this process until it is done."""
    import faulthandler

    from walert.clock import SystemClock
    from walert.daemon.limits import raise_files, search_seldom
    from walert.daemon.log import Log
    from walert.daemon.signals import Signals

    _hold_descriptors()
    faulthandler.enable(2)  # systemd's watchdog ends what hangs by SIGABRT: then it is seen where it hung
    raise_files()
    search_seldom()
    with Signals() as signals:
        log = Log(log_format, SystemClock().now)
        try:
            return _serve(config, once, log, signals)
        finally:
            log.close()


def _serve(config: str | None, once: bool, log: Log, signals: Signals) -> int:
    from walert.clock import SystemClock
    from walert.config import find_config
    from walert.daemon.reload import Reloader
    from walert.daemon.service import Daemon
    from walert.errors import AlreadyRunning

    log.hear("walert.deliver")
    reloader = Reloader(find_config(os.environ, config), os.environ)
    log.problems(reloader.problems())
    daemon = Daemon(reloader, log, SystemClock(), once=once, make_receiver=lambda receiver: _made(receiver, log))
    signals.tell(daemon.stop, daemon.reload)
    try:
        return daemon.run()
    except AlreadyRunning as error:
        raise ExitCode(ALREADY_RUNNING, f"walertd: {error}") from None


def _made(receiver: ReceiverConfig, log: Log) -> Receiver:
    """A receiver; one whose URL is unusable takes its messages and says why they are dead."""
    from walert.deliver.receiver import build_receiver, validate

    wrong = validate(receiver.url)
    if wrong is not None:
        log.again("receiver", f"{receiver.name}: {wrong}")
    pace = None if receiver.rate is None else receiver.rate / 60
    return build_receiver(receiver.name, receiver.url, per_second=pace, quiet=receiver.quiet)


def _hold_descriptors() -> None:
    """Started with stdin, stdout or stderr closed, the next file opened would take their number, and output would go into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    sys.exit(main())
