"""A real walertd as a process: start it, watch its log, kill it. What the tests of the whole way are written in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from walert.errors import StoreError
from walert.store.reader import Reader
from walert.store.values import MessageRow

REACHED = 30.0  # seconds that anything may take on a slow machine
WALERT = [sys.executable, "-c", "import sys; from walert.cli import main; sys.exit(main())"]
WALERTD = [sys.executable, "-m", "walert.cli.walertd"]
CONSOLE = '{console: {url: "console://"}}'


class Home:
    """A folder with a configuration, rules and logs, and the daemons that run on it. `environ` is that of its processes."""

    def __init__(self, folder: Path, rules: str, receivers: str = CONSOLE, more: str = "") -> None:
        self.folder = folder
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("WALERT_")}
        self.environ |= {"WALERT_HOME": str(folder), "TZ": "UTC"}
        self.runs = folder / "runs"
        self.runs.mkdir(parents=True, exist_ok=True)
        self.rules = folder / "rules.yaml"
        self.rules.write_text(rules, encoding="utf-8")
        self.config = folder / "walert.yaml"
        self.configure(receivers, more)

    def configure(
        self, receivers: str = CONSOLE, more: str = "", *, watch: str = "[runs/]", rules: str = "[rules.yaml]"
    ) -> None:
        """Write walert.yaml anew, as an editor does: another file takes the place of the old one."""
        new = self.config.with_suffix(".new")
        text = f"watch: {watch}\nrules: {rules}\nreceivers: {receivers}\nstate: walert.db\n{more}"
        new.write_text(text, encoding="utf-8")
        new.replace(self.config)

    def run(self, command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Any command in the folder, run to its end."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environ | environ, capture_output=True, text=True, timeout=60, encoding="utf-8"
        )  # fmt: skip

    def walert(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """A `walert` command, run to its end."""
        return self.run([*WALERT, *arguments], **environ)

    def rows(self, *arguments: str, **environ: str) -> list[dict[str, Any]]:
        """What a listing prints with `--json`, line by line."""
        return [json.loads(line) for line in self.walert(*arguments, "--json", **environ).stdout.splitlines()]

    def once(self, **environ: str) -> subprocess.CompletedProcess[str]:
        """`walertd --once`, run to its end."""
        return self.run([*WALERTD, "--config", str(self.config), "--once"], **environ)

    def daemon(self, *, under: Sequence[str] = (), **environ: str) -> Daemon:
        """A walertd that follows; `under` is a command that becomes it, as `unshare` does."""
        return Daemon(self, environ, under)

    def log(self, name: str, *records: dict[str, object]) -> Path:
        """Append records to a log, each by one write."""
        path = self.runs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab", buffering=0) as file:
            for record in records:
                file.write(json.dumps(record).encode() + b"\n")
        return path

    def counters(self) -> dict[str, int]:
        """What was counted so far; nothing before there is a state file."""
        try:
            with Reader(self.folder / "walert.db") as reader:
                return dict(reader.status().counters)
        except StoreError:
            return {}

    def outbox(self, *states: str) -> list[MessageRow]:
        """The messages that are in one of these states, or that wait or are dead."""
        with Reader(self.folder / "walert.db") as reader:
            return reader.outbox(states or ("waiting", "dead"))

    def predicted(self) -> list[dict[str, Any]]:
        """What `walert replay` says of the logs."""
        return self.rows("replay", "--rules", str(self.rules), str(self.runs))


class Daemon:
    """A running walertd. As a context it is stopped by SIGTERM at the end."""

    def __init__(self, home: Home, environ: dict[str, str], under: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*under, *WALERTD, "--config", str(home.config), "--log-format", "json"],
            cwd=home.folder, env=home.environ | environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        self.events: list[dict[str, Any]] = []
        self.printed: list[str] = []
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._read_log, daemon=True),
            threading.Thread(target=self._read_out, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Daemon:
        try:
            self.until(lambda: any(e["kind"] == "start" for e in self.events))
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                try:
                    self.events.append(json.loads(line))
                except ValueError:
                    self.events.append({"kind": "stderr", "text": line})
                self._changed.notify_all()
        self.process.wait()
        with self._changed:
            self._changed.notify_all()

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.printed.append(line)
                self._changed.notify_all()

    @property
    def said(self) -> str:
        """All of the log."""
        return "\n".join(str(event["text"]) for event in self.events)

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        """The log's lines of one kind."""
        return [e for e in self.events if e["kind"] == kind]

    def titles(self) -> list[str]:
        """The titles of the alerts that were told."""
        return [e["title"] for e in self.kinds("alert")]

    def until(self, reached: Callable[[], object], timeout: float = REACHED) -> None:
        """Wait until the log or the console shows it."""
        with self._changed:
            self._changed.wait_for(lambda: bool(reached()) or self.process.poll() is not None, timeout)
            if not reached():
                raise AssertionError(f"not reached; the log says: {self.events[-5:]}, exit {self.process.poll()}")

    def send(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and wait for its end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; its exit code."""
        code = self.process.wait(REACHED)
        for thread in self._threads:
            thread.join(REACHED)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code

    def kill(self) -> None:
        """SIGKILL: no warning, no way to tidy up."""
        self.stop(signal.SIGKILL)


def eventually(reached: Callable[[], object], timeout: float = REACHED) -> None:
    """Wait for what no log tells, looking often."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not reached():
        assert time.monotonic() < deadline, "not reached"
        pause.wait(0.02)
