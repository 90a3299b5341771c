"""A real training run that learns and then diverges, followed and judged by a real walertd, its alerts on this screen and in a mailbox.

It takes some ten seconds, needs no network and no set-up, and leaves nothing behind but the folder that it names.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from walert.cli.exits import FINE, PROBLEMS, USAGE, ExitCode

CONFIG = """\
watch: [runs/]
rules: [rules/demo.yaml]
receivers:
  console: {{url: "console://"}}
  mailbox: {{url: "mailto://127.0.0.1:{port}/?from=walert@localhost.localdomain&to=you@localhost.localdomain", min_level: ERROR}}
default_receivers: [console, mailbox]
state: walert.db
"""

RULES = """\
version: 1
rules:
  - title: Loss is rising
    when: loss > 1
    for: 3
    text: "loss {loss:.3g} at step {step}, since {since}; the learning rate is {lr}"
  - title: Loss is not finite
    when: not isfinite(loss)
    level: ERROR
    wait_duration: 1s
    repeat: always
    text: "loss is {loss} at step {step} of {run}"
"""

START = 20.0  # seconds for the daemon to begin
FINISH = 60.0  # seconds for the training


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert demo`."""
    parser.add_argument(
        "--dir", metavar="DIR", help="an empty or new folder for everything the demo writes (default: a temporary one)"
    )


def main(args: argparse.Namespace) -> int:
    """Run the demo. Exit code 0 when the alert reached console and mailbox, else 1; 2 when `--dir` holds anything."""
    folder = _empty(args.dir) if args.dir else Path(tempfile.mkdtemp(prefix="walert-demo-"))
    from walert.demo.mailbox import Mailbox, read

    with Mailbox(folder / "mailbox") as mailbox:
        _prepare(folder, mailbox.port)
        _say(f"A walertd follows {folder / 'runs'} by two rules; a training run starts beside it.")
        _run(folder)
        mails = list(mailbox.mails)
    for path in mails[:1]:
        subject, text = read(path)
        _say(f"The first mail of {len(mails)}, kept as {path}:")
        print(f"Subject: {subject}\n\n{text}")
    if not mails:
        _say("No mail arrived: something is wrong.")
    _say(f"Everything is in {folder}. Judge the same log again, without a daemon:")
    print(f"  {_command()} replay --rules {folder / 'rules'} {folder / 'runs'}")
    return FINE if mails else PROBLEMS


def _empty(named: str) -> Path:
    """The folder to write into, made if need be. Raises `ExitCode`: what somebody keeps there would be overwritten."""
    folder = Path(named).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        raise ExitCode(USAGE, f"walert demo: {named}: {error.strerror}.") from None
    if not empty:
        raise ExitCode(USAGE, f"walert demo: {named} is not empty: name an empty or new folder.")
    return folder


def _prepare(folder: Path, port: int) -> None:
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "walert.yaml").write_text(CONFIG.format(port=port), encoding="utf-8")
    (folder / "rules" / "demo.yaml").write_text(RULES, encoding="utf-8")


def _run(folder: Path) -> None:
    environ = {**os.environ, "WALERT_HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    config = str(folder / "walert.yaml")
    daemon = _start([sys.executable, "-m", "walert.cli.walertd", "--config", config], folder, environ)
    started = threading.Event()
    watching = [_relay(daemon.stderr, "walertd", started), _relay(daemon.stdout, "", started)]
    if not started.wait(START) and daemon.poll() is not None:
        _say("walertd did not start.")
    training = _start([sys.executable, "-m", "walert.demo.train", str(folder / "runs")], folder, environ)
    watching += [_relay(training.stderr, "training", started), _relay(training.stdout, "training", started)]
    try:
        training.wait(FINISH)
        time.sleep(1.0)  # for the person watching: what follows comes at the daemon's pace
    finally:
        for process in (training, daemon):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(FINISH)
    for thread in watching:
        thread.join(5.0)


def _start(command: list[str], folder: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def _relay(stream: IO[str] | None, name: str, started: threading.Event) -> threading.Thread:
    """Show what a process says, as it says it; its first line tells that it runs."""

    def copy() -> None:
        assert stream is not None
        for line in stream:
            started.set()
            print(f"[{name}] {line}" if name else line, end="", flush=True)
        stream.close()

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def _command() -> str:
    """How this walert is called here: by its name where that is found, else by its path."""
    beside = Path(sys.executable).with_name("walert")
    return "walert" if shutil.which("walert") or not beside.exists() else os.path.relpath(beside)


def _say(text: str) -> None:
    bold = ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    print(f"\n{bold[0]}{text}{bold[1]}\n", flush=True)
