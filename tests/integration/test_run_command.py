"""`walert run -- CMD`: the command's terminal, signals and exit code are its own; how it ends is told, with or without a daemon."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemons import REACHED, WALERT, Home, eventually

RULES = "version: 1\nrules: [{title: High, when: loss > 10}]\n"
PYTHON = [sys.executable, "-c"]


def home_of(tmp_path: Path) -> Home:
    home = Home(tmp_path, RULES)
    foreign = ("SLURM_", "KUBERNETES_", "TORCHELASTIC_", "RANK", "WANDB_")
    home.environ = {k: v for k, v in home.environ.items() if not k.startswith(foreign)}
    return home


def told(home: Home) -> list[dict[str, Any]]:
    return [row["alert"] for row in home.rows("alerts") if row["alert"]["kind"] == "lifecycle"]


def alone(home: Home, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command without a daemon, and without one of its own."""
    return home.walert("run", "--no-daemon", "--", *command, **environ)


def run_log(home: Home) -> list[dict[str, Any]]:
    (path,) = home.runs.glob("**/run.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("script", "code", "finish"),
    [
        ("pass", 0, {"state": "finished", "exit_code": 0}),
        ("raise SystemExit(3)", 3, {"state": "failed", "exit_code": 3}),
        ("import os; os._exit(7)", 7, {"state": "failed", "exit_code": 7}),
        ("import os; os.kill(os.getpid(), 9)", 137, {"state": "failed", "exit_code": 137, "signal": 9}),
        ("import os; os.kill(os.getpid(), 15)", 143, {"state": "failed", "exit_code": 143, "signal": 15}),
        ("import os; os.abort()", 134, {"state": "failed", "exit_code": 134, "signal": 6}),
    ],
)
def test_the_exit_code_is_the_commands_and_is_written_down(
    tmp_path: Path, script: str, code: int, finish: dict[str, Any]
) -> None:
    home = home_of(tmp_path)
    assert alone(home, *PYTHON, script).returncode == code
    event = run_log(home)[-1]["_walert"]
    assert {name: event[name] for name in finish} == finish


def test_a_command_that_cannot_be_started_is_no_run(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    missing, refused = alone(home, "no-such-command"), alone(home, str(home.config))
    assert (missing.returncode, refused.returncode) == (127, 126)
    assert "no-such-command: No such file" in missing.stderr
    assert list(home.runs.glob("**/*.jsonl")) == []
    assert home.walert("run").returncode == 2


def test_output_passes_through_and_the_last_lines_of_stderr_are_kept(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    script = """
import sys
print('to stdout')
sys.stderr.write('\\x1b[31mred\\x1b[0m <!channel>\\n' + '\\r'.join(f'{n}%' for n in range(101)) + '\\n' + 'x' * 100000 + '\\nlast')
sys.exit(1)
"""
    done = alone(home, *PYTHON, script)
    assert done.stdout == "to stdout\n"
    assert done.stderr.endswith("x" * 100000 + "\nlast")
    kept = run_log(home)[-1]["_walert"]["stderr"].splitlines()
    assert kept[-1] == "last" and len(kept[-2]) == 300
    home.once()
    assert "Last lines of stderr:" in told(home)[0]["text"]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_stay_without_effect(tmp_path: Path, closed: str) -> None:
    home = home_of(tmp_path)
    script = "import os\nfor fd in (1, 2):\n  try: os.write(fd, b'word')\n  except OSError: pass\nos._exit(3)"
    command = ["run", "--no-daemon", "--stdout-metrics", "--", *PYTHON, script]
    done = home.run(["bash", "-c", f'"$@" {closed}', "bash", *WALERT, *command])
    assert done.returncode == 3
    assert ("walert run" in done.stdout, "Traceback" in done.stderr) == (False, False)
    assert run_log(home)[-1]["_walert"]["exit_code"] == 3


def test_a_reader_that_goes_away_is_no_end_for_the_command(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    script = "import sys\nfor n in range(20000): print('line', n, file=sys.stderr)\nsys.exit(4)"
    pipe = '"$@" 2>&1 >/dev/null | head -1; echo "${PIPESTATUS[0]}"'
    done = home.run(["bash", "-c", pipe, "bash", *WALERT, "run", "--no-daemon", "--", *PYTHON, script])
    assert done.stdout.splitlines()[-1] == "4"


def test_a_process_that_stays_behind_does_not_hold_it_up(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    done = home.run(
        [
            "bash",
            "-c",
            '"$@" 2>/dev/null',
            "bash",
            *WALERT,
            "run",
            "--no-daemon",
            "--",
            "bash",
            "-c",
            "sleep 65 >/dev/null & exit 2",
        ]
    )
    assert done.returncode == 2
    assert run_log(home)[-1]["_walert"]["exit_code"] == 2


def test_what_stderr_holds_can_mention_nobody(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    alone(home, *PYTHON, "import sys; sys.exit('\\x1b[31mno data\\x1b[0m <!channel> \\x07')")
    home.once()
    (alert,) = told(home)
    assert (alert["title"], alert["level"]) == ("Run failed", "ERROR")
    assert "exit code 1\nLast lines of stderr:\nno data ‹!channel›" in alert["text"]
    assert alert["log"].endswith("/run.jsonl:2")  # the line that says it


def test_what_the_command_does_with_walert_joins_the_run(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    script = "import walert\nwalert.init(project='vision', name='resnet')\nwalert.log({'loss': 1.0}, step=41)\n1 / 0\n"
    with home.daemon() as daemon:
        done = home.walert("run", "--", *PYTHON, script)
        daemon.until(lambda: "Run failed" in daemon.titles())
        eventually(lambda: [row["state"] for row in home.rows("runs")] == ["failed"])
    assert (done.returncode, "no walertd follows" in done.stderr) == (1, False)
    (row,) = home.rows("runs")
    assert (row["name"], row["project"], row["streams"], row["step"]) == ("resnet", "vision", 2, 41)
    (alert,) = told(home)
    assert alert["run"]["name"] == "resnet"
    assert alert["text"].startswith(
        "ZeroDivisionError: division by zero\nexit code 1\nLast lines of stderr:\nTraceback"
    )


def test_without_a_daemon_one_is_started_delivers_and_ends(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    done = home.walert("run", "--name", "mine", "--", *PYTHON, "import os; os._exit(4)")
    assert done.returncode == 4
    assert "Run failed" in done.stderr  # the receiver console of its walertd
    assert home.walert("status").returncode == 3
    assert [row.state for row in home.outbox("waiting", "delivered", "dead")] == ["delivered"]


def test_the_hint_names_the_configuration_that_was_named(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    config = tmp_path / "walert.yaml"
    done = home.walert("run", "--config", str(config), "--no-daemon", "--", *PYTHON, "pass")
    assert done.stderr.endswith(f"Start one: walertd --config {config}\n"), done.stderr


def test_its_own_daemon_that_cannot_start_costs_the_command_nothing(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    home.config.write_text(home.config.read_text() + "default_receivers: [nobody]\n")
    done = home.walert("run", "--config", str(home.config), "--", *PYTHON, "pass")
    assert done.returncode == 2
    assert "unknown-receiver" in done.stderr


def test_printed_metrics_are_records_on_request(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    script = """
print("starting {0}")
print({'loss': 0.5, 'grad_norm': float('nan'), 'epoch': 1.0})
print('{"train": {"loss": 50}, "step": 7, "name": "x", "ok": true}')
print({'eval_loss': '0.25', 'inf': float('-inf')})
print("{'loss': __import__('os').getpid()}")
print("{" * 100000)
"""
    done = home.walert("run", "--no-daemon", "--stdout-metrics", "--", *PYTHON, script)
    assert done.stdout.startswith("starting {0}\n{'loss': 0.5")
    records = [{k: v for k, v in line.items() if k != "_timestamp"} for line in run_log(home)[1:-1]]
    assert records == [
        {"loss": 0.5, "grad_norm": "NaN", "epoch": 1.0},
        {"train/loss": 50, "step": 7},
        {"eval_loss": 0.25, "inf": "-Infinity"},
    ]
    home.once()
    assert {row["alert"]["title"] for row in home.rows("alerts")} >= {"Run finished"}


# --- signals


@contextlib.contextmanager
def running(home: Home, script: str, *options: str, **popen: Any) -> Iterator[subprocess.Popen[bytes]]:
    """`walert run` beside the test, once the command has printed `ready`."""
    command = [*WALERT, "run", "--no-daemon", *options, "--", *PYTHON, script]
    environ = home.environ | popen.pop("environ", {})
    with subprocess.Popen(command, cwd=home.folder, env=environ, stdout=subprocess.PIPE, **popen) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            if process.poll() is None:
                process.kill()


HANDLER = """
import os, signal, sys, time
def end(number, frame):
    print('got', number, flush=True)
    sys.exit(0 if number == 15 else 9)
for number in (1, 2, 15, 10): signal.signal(number, end)
print('ready', flush=True)
while True: time.sleep(0.05)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(tmp_path: Path, number: signal.Signals) -> None:
    home = home_of(tmp_path)
    with running(home, HANDLER) as process:
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stdout.read() == f"got {number.value}\n".encode()
        assert process.wait(REACHED) == (0 if number == signal.SIGTERM else 9)


def test_a_command_that_a_scheduler_ends_was_preempted(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with running(home, HANDLER, environ={"SLURM_JOB_ID": "77"}) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(REACHED) == 0
    home.once()
    (alert,) = told(home)
    assert (alert["title"], alert["level"]) == ("Run preempted", "INFO")
    assert [row["id"] for row in home.rows("runs")] == ["77"]


def test_the_command_outlives_a_walert_run_that_is_killed_and_its_own_log_tells_of_it(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    script = "import time, walert\nwalert.init(name='r')\nprint('ready', flush=True)\ntime.sleep(600)"
    pids: list[int] = []
    with home.daemon() as daemon:
        with running(home, script) as process:
            eventually(lambda: len(home.rows("runs")) == 1)
            (log,) = home.runs.glob("**/metrics.jsonl")
            pids.append(json.loads(log.read_text().splitlines()[0])["_walert"]["pid"])
            process.kill()
        eventually(lambda: daemon.said.count("walert run itself") or home.rows("runs")[0]["state"] == "running")
        os.kill(pids[0], signal.SIGKILL)
        daemon.until(lambda: "Run crashed" in daemon.titles())


def test_a_command_without_walert_whose_walert_run_is_killed_has_crashed(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with home.daemon() as daemon, running(home, "import time; print('ready', flush=True); time.sleep(600)") as process:
        eventually(lambda: len(home.rows("runs")) == 1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        daemon.until(lambda: "Run crashed" in daemon.titles())
        for pid in children:
            os.kill(int(pid), signal.SIGKILL)
    assert "walert run itself is gone without a word" in told(home)[0]["text"]


# --- terminals


class Terminal:
    """A terminal of its own with `walert run` in the foreground."""

    def __init__(self, home: Home, *command: str) -> None:
        self.own, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
        self.process = subprocess.Popen(
            [*WALERT, "run", "--no-daemon", *command], cwd=home.folder, env=home.environ, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)
        self.shown = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(REACHED)
        os.close(self.own)

    def until(self, text: bytes) -> None:
        """Read until the terminal shows it."""
        deadline = time.monotonic() + REACHED
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self.own], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.own, 65_536)

    def press(self, key: bytes) -> None:
        os.write(self.own, key)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.own, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


TTY = """
import os, signal, sys, time
seen = [os.isatty(fd) for fd in range(3)], [tuple(os.get_terminal_size(fd)) for fd in range(3)]
print('%s %s' % seen, flush=True)
got = []
def end(number, frame):
    got.append(number)
def size(number, frame):
    while tuple(os.get_terminal_size(2)) != (70, 25): time.sleep(0.01)
    print('resized', flush=True)
signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGWINCH, size)
print('asked:', input('name? '), flush=True)
for n in range(3): sys.stderr.write(f'\\r{n} of 3')
sys.stderr.write('\\nready\\n')
while not got: time.sleep(0.01)
time.sleep(0.3)
print('interrupted', len(got), flush=True)
sys.exit(5)
"""


@pytest.mark.parametrize("options", [(), ("--stdout-metrics",)])
def test_the_command_has_its_terminal(tmp_path: Path, options: tuple[str, ...]) -> None:
    home = home_of(tmp_path)
    with Terminal(home, *options, "--", *PYTHON, TTY) as terminal:
        terminal.until(b"[True, True, True] [(90, 30), (90, 30), (90, 30)]")
        terminal.until(b"name?")
        terminal.press(b"me\n")
        terminal.until(b"asked: me")
        terminal.until(b"\r0 of 3\r1 of 3\r2 of 3\r\nready\r\n")
        terminal.resize(25, 70)
        terminal.until(b"resized")
        terminal.press(b"\x03")  # Ctrl-C, once
        terminal.until(b"interrupted 1\r\n")
        assert terminal.process.wait(REACHED) == 5


def test_ctrl_z_stops_the_whole_job_and_it_goes_on(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    script = (
        "import signal, sys, time\nsignal.signal(signal.SIGCONT, lambda *a: (print('continued', flush=True), sys.exit(3)))\n"
        "print('ready', flush=True)\nwhile True: time.sleep(0.05)"
    )
    job = (
        "import os, signal, subprocess, sys\n"
        "command = subprocess.Popen(sys.argv[1:], process_group=0)\n"
        "signal.signal(signal.SIGTTOU, signal.SIG_IGN)\nos.tcsetpgrp(0, command.pid)\n"
        "_, status = os.waitpid(command.pid, os.WUNTRACED)\nprint('stopped', os.WIFSTOPPED(status), flush=True)\n"
        "os.killpg(command.pid, signal.SIGCONT)\n_, status = os.waitpid(command.pid, 0)\n"
        "os.tcsetpgrp(0, os.getpgrp())\nprint('code', os.waitstatus_to_exitcode(status), flush=True)\n"
    )
    inner = [*WALERT, "run", "--no-daemon", "--", *PYTHON, script]
    with Terminal(home, "--", *PYTHON, job, *inner) as terminal:
        terminal.until(b"ready")
        terminal.press(b"\x1a")
        terminal.until(b"stopped True")
        terminal.until(b"continued")
        terminal.until(b"code 3")
