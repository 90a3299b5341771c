"""What following costs: looks at 10,000 files, an idle walertd, the time from an append to its batch, a backlog, a start.

python tests/bench/follow.py [looks] [latency] [delivered] [backlog] [idle] [living] [start]
"""

from __future__ import annotations

import http.server
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from walert.client.identity import process_facts
from walert.clock import SystemClock
from walert.model import Checkpoint, Source
from walert.tail import Follower, open_waker

FILES = 10_000
OWN = 200
FIRING = 400  # lines of which the way to the receiver is timed
BACKLOG = 1 << 30
LINE = b'{"step": %d, "loss": 0.123456789, "lr": 0.0003, "grad_norm": 1.234567, "tokens_per_second": 123456.7}\n'


def make(root: Path, count: int) -> list[Path]:
    """That many runs, each in a folder of its own, fifty projects."""
    paths = []
    for n in range(count):
        path = root / f"project-{n % 50}" / f"run-{n}" / "metrics.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(LINE % n)
        paths.append(path)
    # Folders that are older than two seconds, as nearly all are in life, need not be listed again.
    for folder, _, _ in os.walk(root):
        os.utime(folder, (time.time() - 60, time.time() - 60))
    return paths


def timed(what: Callable[[], object], times: int = 1) -> float:
    """Milliseconds, the median of some goes."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        what()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


def drain(follower: Follower, saved: dict[str, Checkpoint] | None = None) -> int:
    """Read all that is pending; how many lines."""
    count = 0
    while follower.pending():
        for batch in follower.read():
            count += len(batch.lines)
            if saved is not None:
                saved[batch.checkpoint.stream] = batch.checkpoint
    return count


def looks(folder: Path) -> None:
    """Scan and sweep."""
    make(folder, FILES)
    follower, saved = Follower([Source(path=str(folder))], clock=SystemClock()), dict[str, Checkpoint]()
    print(f"first scan of {FILES} files    {timed(follower.scan):8.0f} ms")
    print(f"first read                    {timed(lambda: drain(follower, saved)):8.0f} ms")
    print(f"sweep                         {timed(follower.sweep, 9):8.1f} ms")
    print(f"scan                          {timed(follower.scan, 9):8.1f} ms")
    follower.close()
    again = Follower([Source(path=str(folder))], saved.values(), clock=SystemClock())
    print(f"scan after a restart          {timed(again.scan):8.0f} ms, {drain(again)} lines read again")
    again.close()


def home(folder: Path, url: str = "console://") -> list[str]:
    """A configuration over `runs`; the command of its walertd."""
    (folder / "rules.yaml").write_text("version: 1\nrules:\n  - {title: High, when: loss > 2}\n")
    (folder / "walert.yaml").write_text(
        f'watch: [runs/]\nrules: [rules.yaml]\nreceivers: {{it: {{url: "{url}", rate: 6000}}}}\nstate: walert.db\n'
    )
    return [sys.executable, "-m", "walert.cli.walertd", "--config", str(folder / "walert.yaml")]


def cpu(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """MiB that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) >> 10


def idle(folder: Path) -> None:
    """A walertd that has read everything."""
    make(folder / "runs", FILES)
    command = home(folder)
    began = time.perf_counter()
    subprocess.run([*command, "--once"], check=True, capture_output=True, cwd=folder)
    print(f"--once over {FILES} files     {time.perf_counter() - began:8.1f} s")
    print(f"idle walertd, {FILES} files   {settled(folder, command)}")


def living(folder: Path) -> None:
    """The same, of a walertd that has read them itself: each is a run that lives; and one of 200 runs of walert's own writer."""
    make(folder / "foreign" / "runs", FILES)
    print(f"{FILES} foreign runs living    {settled(folder / 'foreign', home(folder / 'foreign'))}")
    facts = {name: value for name, value in process_facts().items() if value is not None}
    for n in range(OWN):
        path = folder / "own" / "runs" / f"run-{n}" / "metrics.jsonl"
        path.parent.mkdir(parents=True)
        event = {"event": "start", "schema": 1, "id": f"run-{n}", "name": f"run-{n}", "heartbeat": 30, **facts}
        path.write_bytes(json.dumps({"_walert": event, "time": time.time()}).encode() + b"\n" + LINE % n)
    print(f"{OWN} own runs living          {settled(folder / 'own', home(folder / 'own'))}")


def settled(folder: Path, command: list[str]) -> str:
    """What a walertd costs for a minute, once it has read everything."""
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    pause, before = threading.Event(), -1.0
    while cpu(process.pid) - before > 0.3:
        before = cpu(process.pid)
        pause.wait(5.0)
    before = cpu(process.pid)
    pause.wait(60.0)
    used, memory = (cpu(process.pid) - before) / 60.0, resident(process.pid)
    process.send_signal(signal.SIGTERM)
    process.wait()
    return f"{used:8.1%} of one CPU, {memory} MiB resident"


def latency(folder: Path) -> None:
    """From the append to the batch, 2,000 files, 200 lines a second."""
    paths = make(folder, 2000)
    sources = [Source(path=str(folder))]
    follower, waker, stop = Follower(sources, clock=SystemClock()), open_waker(sources), threading.Event()
    follower.scan()
    drain(follower)

    def write() -> None:
        for n in range(2000):
            with open(paths[n * 7 % 2000], "ab", buffering=0) as file:
                file.write(b'{"sent": %.6f}\n' % time.perf_counter())
            stop.wait(0.005)
        stop.set()

    writer, took = threading.Thread(target=write), []
    writer.start()
    while not stop.is_set():
        follower.mark_dirty(waker.wait(0.5) or ())
        for batch in follower.read():
            now = time.perf_counter()
            took += [(now - float(line.split()[1][:-1])) * 1e3 for line in batch.lines]
    writer.join()
    waker.close()
    follower.close()
    took.sort()
    median, late = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"append to batch, 2000 files   {median:8.1f} ms median, {late:.1f} ms p99, {len(took)} of 2000")


def delivered(folder: Path) -> None:
    """From the write to the receiver, through a real walertd and Apprise: 2,000 files, 200 lines a second, every tenth of which fires."""
    paths, took, arrived = make(folder / "runs", 2000), list[float](), threading.Event()

    class Receiver(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            now, body = time.monotonic(), self.rfile.read(int(self.headers["Content-Length"]))
            sent = re.search(rb"sent ([0-9.]+)", body)
            if sent is not None:
                took.append((now - float(sent[1])) * 1e3)
                arrived.set()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = home(folder, f"json://127.0.0.1:{server.server_port}/")
    (folder / "rules.yaml").write_text(
        'version: 1\nrules:\n  - {title: High, when: loss > 2, wait_duration: 0, repeat: always, text: "sent {sent}"}\n'
    )
    subprocess.run([*command, "--once"], check=True, capture_output=True, cwd=folder)
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as process:
        pause = threading.Event()
        while not arrived.wait(0.5):
            append(paths[0], 9)
        took.clear()
        for n in range(FIRING * 10):
            append(paths[n * 7 % 2000], 9 if n % 10 == 0 else 1)
            pause.wait(0.005)
        while len(took) < FIRING:
            pause.wait(0.2)
        process.send_signal(signal.SIGTERM)
    server.shutdown()
    took.sort()
    print(
        f"write to receiver, 2000 files {took[len(took) // 2]:7.1f} ms median, {took[len(took) * 99 // 100]:.1f} ms p99, {len(took)}"
    )


def append(path: Path, loss: int) -> None:
    """A line that says when it was written."""
    with open(path, "ab", buffering=0) as file:
        file.write(b'{"sent": %.6f, "loss": %d}\n' % (time.monotonic(), loss))


def backlog(folder: Path) -> None:
    """A loud file of a gibibyte that a walertd finds, and a quiet one beside it."""
    with open(folder / "loud.jsonl", "wb") as file:
        block = b"".join(LINE % n for n in range(10_000))
        while file.tell() < BACKLOG:
            file.write(block)
    (folder / "quiet.jsonl").write_bytes(LINE % 1)
    follower = Follower([Source(path=str(folder))], clock=SystemClock())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    follower.scan()
    began, count = time.perf_counter(), 0
    longest = last = began
    longest = 0.0
    while follower.pending():
        for batch in follower.read():
            count += len(batch.lines)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    took, grown = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        f"backlog of {BACKLOG >> 20} MiB            {took:8.2f} s, {count / took:,.0f} lines/s, {grown >> 10} MiB more"
    )
    print(f"longest round                 {longest * 1e3:8.1f} ms: what a quiet file waits, judging apart")
    follower.close()
    served(folder)


def served(folder: Path) -> None:
    """The same by a real walertd: when a line that fires in the quiet file is printed."""
    whole = folder / "home"
    (whole / "runs").mkdir(parents=True)
    os.rename(folder / "loud.jsonl", whole / "runs" / "loud.jsonl")
    process = subprocess.Popen(
        home(whole), cwd=whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert process.stdout is not None
    threading.Event().wait(3.0)
    waited = []
    for n in range(5):
        (whole / "runs" / f"quiet-{n}.jsonl").write_bytes(b'{"step": 1, "loss": 9}\n')
        began = time.perf_counter()
        for line in process.stdout:
            if f"quiet-{n}" in line:
                break
        else:
            raise AssertionError("walertd has ended")
        waited.append(time.perf_counter() - began)
    assert process.poll() is None, "walertd has ended"
    print(f"quiet file behind a backlog   {max(waited):8.2f} s at most, {resident(process.pid)} MiB resident")
    process.kill()
    process.communicate()


def start(folder: Path) -> None:
    """The start of a walertd over 10,000 saved checkpoints: from exec to the first batch of a new line."""
    paths = make(folder / "runs", FILES)
    command = home(folder)
    subprocess.run([*command, "--once"], check=True, capture_output=True, cwd=folder)
    with open(paths[5000], "ab") as file:
        file.write(b'{"step": 99999, "loss": 9}\n')
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    next(line for line in process.stdout if "High" in line)
    print(f"start over {FILES} checkpoints {time.perf_counter() - began:7.2f} s to the first new alert")
    process.kill()
    process.communicate()


def main() -> None:
    """Run what is named, or all."""
    known = {each.__name__: each for each in (looks, latency, delivered, backlog, idle, living, start)}
    for name in sys.argv[1:] or known:
        folder = Path(tempfile.mkdtemp(prefix="walert-bench-"))
        try:
            known[name](folder)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
