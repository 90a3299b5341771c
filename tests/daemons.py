"""A real walertd as a process: start it, watch its log, kill it. What the tests of the whole way are written in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

REACHED = 30.0  # seconds that anything may take on a slow machine


class Home:
    """A folder with a configuration, rules and logs, and the daemons that run on it."""

    def __init__(self, folder: Path, rules: str, receivers: str = '{console: {url: "console://"}}', more: str = "") -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.runs.mkdir(parents=True, exist_ok=True)
        self.rules = folder / "rules.yaml"
        self.rules.write_text(rules, encoding="utf-8")
        self.config = folder / "walert.yaml"
        self.config.write_text(
            f"watch: [runs/]\nrules: [rules.yaml]\nreceivers: {receivers}\nstate: walert.db\n{more}", encoding="utf-8"
        )

    def walert(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """A `walert` command, run to its end."""
        command = [sys.executable, "-c", "import sys; from walert.cli import main; sys.exit(main())", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=os.environ | environ, capture_output=True, text=True, timeout=60, encoding="utf-8"
        )

    def once(self, **environ: str) -> subprocess.CompletedProcess[str]:
        """`walertd --once`, run to its end."""
        command = [sys.executable, "-m", "walert.cli.walertd", "--config", str(self.config), "--once"]
        return subprocess.run(
            command, cwd=self.folder, env=os.environ | environ, capture_output=True, text=True, timeout=60, encoding="utf-8"
        )

    def daemon(self, **environ: str) -> Daemon:
        """A walertd that follows."""
        return Daemon(self, environ)

    def log(self, name: str, *records: dict[str, object]) -> Path:
        """Append records to a log, each by one write."""
        path = self.runs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab", buffering=0) as file:
            for record in records:
                file.write(json.dumps(record).encode() + b"\n")
        return path

    def predicted(self) -> list[dict[str, object]]:
        """What `walert replay` says of the logs."""
        done = self.walert("replay", "--rules", str(self.rules), "--json", str(self.runs))
        return [json.loads(line) for line in done.stdout.splitlines()]


class Daemon:
    """A running walertd. As a context it is stopped by SIGTERM at the end."""

    def __init__(self, home: Home, environ: dict[str, str]) -> None:
        command = [sys.executable, "-m", "walert.cli.walertd", "--config", str(home.config), "--log-format", "json"]
        self.process = subprocess.Popen(
            command, cwd=home.folder, env=os.environ | environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.events: list[dict[str, object]] = []
        self.printed: list[str] = []
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._read_log, daemon=True),
            threading.Thread(target=self._read_out, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Daemon:
        self.until(lambda: any(e["kind"] == "start" for e in self.events))
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

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.printed.append(line)
                self._changed.notify_all()

    def kinds(self, kind: str) -> list[dict[str, object]]:
        """The log's lines of one kind."""
        return [e for e in self.events if e["kind"] == kind]

    def until(self, reached: Callable[[], bool], timeout: float = REACHED) -> None:
        """Wait until the log or the console shows it."""
        with self._changed:
            if not self._changed.wait_for(lambda: reached() or self.process.poll() is not None, timeout) or not reached():
                raise AssertionError(f"not reached; the log says: {self.events[-5:]}, exit {self.process.poll()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and wait for its end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
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


def eventually(reached: Callable[[], bool], timeout: float = REACHED) -> None:
    """Wait for what no log tells, looking often."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not reached():
        assert time.monotonic() < deadline, "not reached"
        pause.wait(0.02)
