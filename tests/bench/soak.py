"""A walertd that runs on: writers, rotations, runs that come and go, alerts to a receiver on loopback; and whether anything grows.

python tests/bench/soak.py [--minutes N] [--logs N] [--rate N] [--keep]

Prints descriptors, watches, threads, memory, processor time, the state file and the way from a line to the receiver, a row at a time; then
whether each is flat: by the line of least squares through it, over what was measured after the first fifth. Exit code 0 when all is flat
and each spike that was written was told exactly once, else 1.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RULES = """version: 1
rules:
  - {title: Spike, when: spike > 0.5, wait_duration: 0, repeat: never, text: "spike {spike:.0f} sent {sent:.6f}", optional: true}
  - {title: High, when: "mean(loss, 100) > 9"}
  - {title: Rising, when: 'slope(loss, "500 steps") > 5', for: 3}
  - {title: Outlier, when: "mad_z(loss, 200) > 50"}
  - {title: Stuck, when: 'stalled("1h")', optional: true}
"""
WARM = 0.2  # of the time, which is not judged: caches fill, pools start
ROWS = 12
SETTLE = 20.0  # seconds for the last messages
PAUSE = threading.Event()


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is measured. It grows if the fitted line rises by more than `absolute`, than `relative` of its mean, and than noise explains."""

    name: str
    absolute: float
    relative: float = 0.0
    judged: bool = True


GAUGES = (
    Gauge("descriptors", 4),
    Gauge("watches", 4),
    Gauge("threads", 2),
    Gauge("RSS MiB", 1.0, 0.05),
    Gauge("CPU %", 1.0, 0.30),
    Gauge("lag ms", 50.0, 0.50),
    Gauge("state KiB", 0, judged=False),
)


@dataclass
class Receiver:
    """Takes messages by HTTP: when each spike arrived, and how long after it was written."""

    arrived: dict[int, int] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, message: str) -> None:
        now = time.time()
        words = message.split()
        if "sent" not in words:
            return
        at = words.index("sent")
        with self.lock:
            number = int(words[at - 1])
            self.arrived[number] = self.arrived.get(number, 0) + 1
            self.lags.append(now - float(words[at + 1]))

    def taken(self) -> list[float]:
        """The lags since the last question, seconds."""
        with self.lock:
            lags, self.lags = self.lags, []
        return lags


@contextmanager
def serving(receiver: Receiver) -> Iterator[int]:
    """The receiver behind a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.take(json.loads(body)["message"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class Writers:
    """Trainings: `logs` at a time, `rate` lines a second together; now and then a log is rotated, or a run gives way to a new one."""

    def __init__(self, runs: Path, logs: int, rate: float) -> None:
        self.spikes = self.lines = self.rotations = self.begun = 0
        self._runs, self._rate, self._chance = runs, rate, random.Random(7)
        self._logs = [self._begin() for _ in range(logs)]
        self._steps = dict.fromkeys(self._logs, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more lines; the last spikes are written."""
        self._over.set()
        self._thread.join()

    def _begin(self) -> Path:
        self.begun += 1
        path = self._runs / f"run-{self.begun}" / "metrics.jsonl"
        path.parent.mkdir(parents=True)
        return path

    def _run(self) -> None:
        began, turn = time.monotonic(), 0
        while not self._over.wait(max(0.0, began + turn / self._rate - time.monotonic())):
            log = self._logs[turn % len(self._logs)]
            self._write(log, spike=self._chance.random() < 0.01)
            turn += 1
            if turn % int(self._rate * 3) == 0:
                self._disturb(turn % len(self._logs))

    def _write(self, log: Path, *, spike: bool) -> None:
        self._steps[log] += 1
        record = {
            "step": self._steps[log],
            "loss": 2 + self._chance.random(),
            "lr": 3e-4,
            "grad_norm": self._chance.random(),
        }
        record |= {"sent": time.time(), "spike": 0}
        lines = [record]
        if spike:
            self.spikes += 1
            lines = [record | {"spike": self.spikes}, record | {"step": record["step"] + 0.5, "spike": 0}]
        with open(log, "ab", buffering=0) as file:
            for line in lines:
                file.write(json.dumps(line).encode() + b"\n")
        self.lines += len(lines)

    def _disturb(self, at: int) -> None:
        """Rename away, or end the run and begin another in its place."""
        log = self._logs[at]
        if self._chance.random() < 0.8:
            log.replace(log.with_name("metrics.jsonl.1"))
            self.rotations += 1
        else:
            old, self._logs[at] = log, self._begin()
            self._steps[self._logs[at]] = 0
            # Given time to be read: what is destroyed unread is nobody's to tell.
            threading.Timer(10.0, shutil.rmtree, (old.parent,), {"ignore_errors": True}).start()


class Watched:
    """A process as /proc shows it."""

    def __init__(self, pid: int, state: Path) -> None:
        self._proc, self._state = Path(f"/proc/{pid}"), state
        self._cpu, self._at = self._ticks(), time.monotonic()

    def look(self, lags: list[float]) -> dict[str, float]:
        """One row, by the names of the gauges."""
        cpu, now = self._ticks(), time.monotonic()
        share = (cpu - self._cpu) / os.sysconf("SC_CLK_TCK") / (now - self._at) * 100
        self._cpu, self._at = cpu, now
        return {
            "descriptors": len(os.listdir(self._proc / "fd")),
            "watches": self._watches(),
            "threads": self._field("Threads"),
            "RSS MiB": self._field("VmRSS") / 1024,
            "CPU %": share,
            "lag ms": statistics.median(lags) * 1e3 if lags else float("nan"),
            "state KiB": sum(p.stat().st_size for p in self._state.parent.glob(f"{self._state.name}*") if p.is_file())
            / 1024,
        }

    def _field(self, name: str) -> float:
        line = next(line for line in (self._proc / "status").read_text().splitlines() if line.startswith(f"{name}:"))
        return float(line.split()[1])

    def _ticks(self) -> int:
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def _watches(self) -> int:
        found = 0
        for info in (self._proc / "fdinfo").iterdir():
            try:
                found += info.read_text().count("inotify wd:")
            except OSError:
                continue
        return found


def fitted(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Least squares: by how much the line moves from the first point to the last, and the standard error of that."""
    xs, ys = zip(*points, strict=True)
    line = statistics.linear_regression(xs, ys)
    left = sum((y - line.slope * x - line.intercept) ** 2 for x, y in points) / max(1, len(points) - 2)
    spread = sum((x - statistics.fmean(xs)) ** 2 for x in xs)
    return line.slope * (xs[-1] - xs[0]), math.sqrt(left / spread) * (xs[-1] - xs[0])


def verdict(gauge: Gauge, rows: list[tuple[float, dict[str, float]]]) -> tuple[bool, str]:
    """Whether a gauge is flat, and the line that says so."""
    points = [(at, row[gauge.name]) for at, row in rows if row[gauge.name] == row[gauge.name]]
    if len(points) < 3:
        return True, f"{gauge.name:<12} too few points"
    values = [value for _, value in points]
    (moved, error), mean = fitted(points), statistics.fmean(values)
    flat = not gauge.judged or moved <= max(gauge.absolute, gauge.relative * abs(mean), 4 * error)
    per_hour = moved / (points[-1][0] - points[0][0]) * 3600
    word = "flat" if flat else "GROWS"
    if not gauge.judged:
        word = "kept: what was told stays for 30 days and more"
    seen = f"{min(values):9.1f} to {max(values):9.1f}, median {statistics.median(values):8.1f}"
    return flat, f"{gauge.name:<12} {seen}; {moved:+8.2f} ± {error:.2f} in all, {per_hour:+9.1f} an hour: {word}"


def soak(folder: Path, minutes: float, logs: int, rate: float) -> bool:
    """Run it all; True when all is well."""
    receiver = Receiver()
    with serving(receiver) as port:
        runs, state = folder / "runs", folder / "walert.db"
        (folder / "rules.yaml").write_text(RULES)
        (folder / "walert.yaml").write_text(
            f"watch: [runs/]\nrules: [rules.yaml]\nstate: walert.db\ndefault_receivers: [hook]\n"
            f"receivers: {{hook: {{url: 'json://127.0.0.1:{port}/', rate: 6000}}}}\n"
        )
        writers = Writers(runs, logs, rate)
        environ = {**os.environ, "WALERT_HOME": str(folder)}
        command = [sys.executable, "-m", "walert.cli.walertd", "--config", str(folder / "walert.yaml")]
        with open(folder / "log", "wb") as log:
            daemon = subprocess.Popen(command, env=environ, stderr=log, cwd=folder)
        try:
            rows = list(measured(daemon, state, receiver, minutes * 60))
            writers.stop()
            wait(lambda: len(receiver.arrived) == writers.spikes, SETTLE)
        finally:
            daemon.send_signal(signal.SIGTERM)
            code = daemon.wait(60)
    return told(rows, writers, receiver, code)


def measured(
    daemon: subprocess.Popen[bytes], state: Path, receiver: Receiver, seconds: float
) -> Iterator[tuple[float, dict[str, float]]]:
    """A row every so often, printed as it comes; those of the first fifth are printed only."""
    began, step = time.monotonic(), seconds / (ROWS * 5)
    watched = Watched(daemon.pid, state)
    print("minute  " + "  ".join(f"{gauge.name:>11}" for gauge in GAUGES), flush=True)
    count = 0
    while (now := time.monotonic() - began) < seconds:
        PAUSE.wait(min(step, seconds - now))
        at = time.monotonic() - began
        row = watched.look(receiver.taken())
        count += 1
        if count % 5 == 0:
            print(f"{at / 60:6.1f}  " + "  ".join(f"{row[gauge.name]:11.1f}" for gauge in GAUGES), flush=True)
        if at >= seconds * WARM:
            yield at, row


def told(rows: list[tuple[float, dict[str, float]]], writers: Writers, receiver: Receiver, code: int) -> bool:
    """Print what came of it; True when all is well."""
    verdicts = [verdict(gauge, rows) for gauge in GAUGES]
    print(f"\n{writers.lines} lines, {writers.begun} runs, {writers.rotations} rotations; walertd ended with {code}")
    for _, line in verdicts:
        print(line)
    lost = writers.spikes - len(receiver.arrived)
    doubled = sum(count - 1 for count in receiver.arrived.values())
    print(f"{writers.spikes} spikes written, {lost} not told, {doubled} told twice")
    return all(flat for flat, _ in verdicts) and not lost and not doubled and code == 0


def wait(reached: Callable[[], bool], seconds: float) -> None:
    """Until it is, or the time is over."""
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        PAUSE.wait(0.1)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--logs", type=int, default=50, help="logs that are written at a time")
    parser.add_argument("--rate", type=float, default=200.0, help="lines a second, together")
    parser.add_argument("--keep", action="store_true", help="leave the folder, and say where it is")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="walert-soak-"))
    try:
        return 0 if soak(folder, args.minutes, args.logs, args.rate) else 1
    finally:
        print(f"kept: {folder}") if args.keep else shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
