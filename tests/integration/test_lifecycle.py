"""How runs live and end, told by a real walertd beside real processes that end in every way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from daemons import Daemon, Home, eventually

RULES = "version: 1\nrules: [{title: High, when: loss > 1000}]\n"
BEGIN = """
import os, signal, sys, time, walert
run = walert.init(project="p", name="r")
walert.log({"loss": 1.0}, step=7)
"""
READY = "print('ready', flush=True)\n"
FOREVER = READY + "time.sleep(600)\n"
ELSEWHERE = {
    "event": "start", "id": "far", "name": "far", "host": "elsewhere", "pid": 1, "pid_start": 1, "boot_id": "another", "heartbeat": 1
}  # fmt: skip


class Script:
    """A training script as a process of its own, below the home's folder of runs."""

    def __init__(self, home: Home, text: str, **environ: str) -> None:
        place = home.folder / f"train{len(list(home.folder.glob('train*.py')))}.py"
        place.write_text(text, encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, str(place)], env=_clean(home.environ) | environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )  # fmt: skip
        assert self.process.stdout is not None
        self.out = self.process.stdout

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        self.out.close()

    def ready(self) -> None:
        """Wait until it says that it is."""
        assert self.out.readline() == b"ready\n"

    def end(self, number: int | None = None) -> int:
        """Its exit code, after a signal if one is given."""
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(60)


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    foreign = ("WANDB_", "SLURM_", "TORCHELASTIC_", "OMPI_", "PMI_", "KUBERNETES_", "RANK", "LOCAL_RANK", "WORLD_SIZE")
    return {name: value for name, value in environ.items() if not name.startswith(foreign)}


def state(home: Home, name: str = "r") -> str | None:
    """The state that `walert runs` shows."""
    return next((row["state"] for row in home.rows("runs") if row["name"] == name), None)


def told(home: Home) -> list[dict[str, Any]]:
    """The alerts about the life of runs."""
    return [row["alert"] for row in home.rows("alerts") if row["alert"]["kind"] == "lifecycle"]


def until_told(daemon: Daemon, title: str) -> None:
    daemon.until(lambda: title in daemon.titles())


@pytest.mark.parametrize(
    ("end", "code", "title", "level", "text"),
    [
        ("", 0, "Run finished", "INFO", "The last step was 7."),
        ("sys.exit(3)", 3, "Run failed", "ERROR", "exit code 3"),
        ("raise ValueError('boom <!here>')", 1, "Run failed", "ERROR", "ValueError: boom ‹!here›"),
        ("os._exit(0)", 0, "Run crashed", "ERROR", "gone without a word"),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, "Run crashed", "ERROR", "gone without a word"),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15, "Run crashed", "ERROR", "Its last step was 7."),
        ("os.abort()", -6, "Run crashed", "ERROR", "gone without a word"),
    ],
)
def test_each_end_of_a_process_is_told_once(
    tmp_path: Path, end: str, code: int, title: str, level: str, text: str
) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        with Script(home, BEGIN + end) as script:
            assert script.end() == code
        until_told(daemon, title)
        eventually(lambda: state(home) in ("finished", "failed", "crashed"))
    (alert,) = told(home)
    assert (alert["title"], alert["level"]) == (title, level)
    assert text in alert["text"]
    assert state(home) == title.removeprefix("Run ")


def test_a_process_that_ended_while_no_daemon_ran_is_told_at_the_next_start(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with Script(home, BEGIN + FOREVER) as script:
        with home.daemon() as daemon:
            script.ready()
            eventually(lambda: state(home) == "running")
        assert script.end(signal.SIGKILL) == -9
        with home.daemon() as daemon:
            until_told(daemon, "Run crashed")
    with home.daemon() as daemon:
        eventually(lambda: state(home) == "crashed")
        assert daemon.titles() == []


def test_each_end_is_told_once_however_often_the_daemon_is_killed(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    ends = ["os._exit(1)", "sys.exit(3)", ""]
    for n in range(6):
        with home.daemon() as daemon:
            with Script(home, BEGIN + ends[n % 3], WALERT_RUN_ID=f"r{n}") as script:
                script.end()
            if n % 2:
                eventually(lambda enough=n - 1: len(told(home)) >= enough)
            daemon.kill()
    with home.daemon():
        eventually(lambda: len(told(home)) == 6)
    titles = sorted(alert["title"] for alert in told(home))
    assert titles == ["Run crashed"] * 2 + ["Run failed"] * 2 + ["Run finished"] * 2


def test_once_tells_of_a_crash_too(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with Script(home, BEGIN + "os._exit(5)") as script:
        script.end()
    assert home.once().returncode == 0
    assert [alert["title"] for alert in told(home)] == ["Run crashed"]


def test_last_words_that_nobody_had_read_count(tmp_path: Path) -> None:
    """The process is gone when the daemon first sees its log, which says that it ended well."""
    home = Home(tmp_path, RULES)
    with Script(home, BEGIN) as script:
        script.end()
    with home.daemon() as daemon:
        until_told(daemon, "Run finished")
    assert [alert["title"] for alert in told(home)] == ["Run finished"]


def test_a_zombie_is_no_living_process(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon, Script(home, BEGIN + FOREVER) as script:
        script.ready()
        script.process.send_signal(signal.SIGKILL)  # and nobody waits for it
        until_told(daemon, "Run crashed")


def test_a_forked_child_that_ends_is_not_the_end_of_the_run(tmp_path: Path) -> None:
    script = BEGIN + "pid = os.fork()\nif not pid:\n    walert.log({'loss': 2.0}); os._exit(1)\nos.waitpid(pid, 0)\n"
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon, Script(home, script + FOREVER) as parent:
        parent.ready()
        daemon.until(lambda: home.counters().get("records", 0) >= 3)
        assert state(home) == "running"
        parent.end(signal.SIGKILL)
        until_told(daemon, "Run crashed")


def test_a_run_that_starts_again_lives_and_its_next_end_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES, more="lifecycle: {crashed: {wait_duration: 0}}\n")
    with home.daemon() as daemon:
        for attempt in (1, 2):
            with Script(home, BEGIN + FOREVER, WALERT_RUN_ID="same") as script:
                script.ready()
                eventually(lambda: state(home) == "running")
                script.end(signal.SIGKILL)
                daemon.until(lambda attempt=attempt: daemon.titles().count("Run crashed") == attempt)
    assert len(home.rows("runs")) == 1


def test_a_crash_that_a_launcher_makes_good_is_not_told(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    torchrun = {"WALERT_RUN_ID": "same", "TORCHELASTIC_MAX_RESTARTS": "1"}
    with home.daemon() as daemon:
        with Script(home, BEGIN + FOREVER, **torchrun, TORCHELASTIC_RESTART_COUNT="0") as script:
            script.ready()
            eventually(lambda: state(home) == "running")
            script.end(signal.SIGKILL)
            eventually(lambda: state(home) == "crashed")
        with Script(home, BEGIN, **torchrun, TORCHELASTIC_RESTART_COUNT="1") as script:
            script.end()
        until_told(daemon, "Run finished")
    assert [alert["title"] for alert in told(home)] == ["Run finished"]


# --- ranks


def test_ranks_are_one_run_that_is_finished_when_all_are(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon, Script(home, BEGIN + FOREVER, RANK="1", WORLD_SIZE="2", WALERT_RUN_ID="x") as other:
        other.ready()
        eventually(lambda: state(home) == "running")
        with Script(home, BEGIN, RANK="0", WORLD_SIZE="2", WALERT_RUN_ID="x") as first:
            first.end()
        daemon.until(lambda: home.counters().get("records", 0) >= 5)
        assert (state(home), daemon.titles()) == ("running", [])
        other.end(signal.SIGKILL)
        until_told(daemon, "Run crashed")
    (alert,) = told(home)
    assert "rank 1 of 2 is gone without a word" in alert["text"]


def test_a_run_has_failed_when_one_rank_has(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon, Script(home, BEGIN + FOREVER, RANK="0", WORLD_SIZE="2", WALERT_RUN_ID="x") as first:
        first.ready()
        eventually(lambda: state(home) == "running")
        with Script(
            home, BEGIN + "raise ValueError('bad batch')", RANK="1", WORLD_SIZE="2", WALERT_RUN_ID="x"
        ) as other:
            other.end()
        until_told(daemon, "Run failed")
    (alert,) = told(home)
    assert "rank 1: ValueError: bad batch" in alert["text"]


# --- silence and distance


def test_a_process_that_lives_and_says_nothing_has_stalled_and_may_go_on(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES, more="lifecycle: {stalled: {after: 2s, level: ERROR}}\n")
    script = BEGIN + "walert.log({'loss': 1.0})\n" + READY + "sys.stdin.readline()\nwalert.log({'loss': 1.0})\n"
    with home.daemon() as daemon, Script(home, script + FOREVER) as train:
        train.ready()
        until_told(daemon, "Run stalled")
        assert state(home) == "stalled"
    (alert,) = told(home)
    assert (alert["level"], "the process lives" in alert["text"]) == ("ERROR", True)


def test_a_stalled_run_that_logs_again_is_running(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES, more="lifecycle: {stalled: {after: 2s}}\n")
    start = {"event": "start", "id": "r", "name": "r"}
    with home.daemon() as daemon:
        home.log("r/metrics.jsonl", {"_walert": start}, {"_step": 1, "loss": 1.0}, {"_step": 2, "loss": 1.0})
        until_told(daemon, "Run stalled")
        home.log("r/metrics.jsonl", {"_step": 3, "loss": 1.0})
        eventually(lambda: state(home) == "running")


def test_a_silent_rank_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES, more="lifecycle: {stalled: {after: 3s}}\n")
    with home.daemon() as daemon:
        for rank in range(3):
            start = {"event": "start", "id": "r", "name": "r", "rank": rank, "world_size": 3}
            records = [{"_step": n, "_timestamp": 1.7e9 + n / 10, "loss": 1.0} for n in range(2)]
            home.log(f"r/metrics.rank{rank}.jsonl", {"_walert": start}, *(records if rank else []))

        def log_and_look() -> bool:
            home.log("r/metrics.rank1.jsonl", {"_step": 3, "loss": 1.0})
            return "Run stalled" in daemon.titles()

        eventually(log_and_look)
    (alert,) = told(home)
    assert "No line of rank 2 of 3 for" in alert["text"]


def test_a_run_of_another_host_is_lost_without_a_heartbeat_and_lives_with_one(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES, more="lifecycle: {lost: {after: 3s}}\n")
    log = home.log("far/metrics.jsonl", {"_walert": ELSEWHERE}, {"_step": 5, "loss": 1.0})
    with home.daemon() as daemon:
        eventually(lambda: state(home, "far") == "running")

        def beat_and_count(times: list[int]) -> bool:
            times.append(1)
            os.utime(log)
            return len(times) > 300

        seen: list[int] = []
        eventually(lambda: beat_and_count(seen))
        assert daemon.titles() == []
        until_told(daemon, "Run lost")
        os.utime(log)
        eventually(lambda: state(home, "far") == "running")
    (alert,) = told(home)
    assert (alert["title"], "(pid 1 on elsewhere)" in alert["text"]) == ("Run lost", True)


def test_a_pid_of_another_boot_counts_for_nothing(tmp_path: Path) -> None:
    """It is a pid of this host that is free, and yet no crash."""
    home = Home(tmp_path, RULES)
    home.log("far/metrics.jsonl", {"_walert": ELSEWHERE | {"pid": 4194303}}, {"_step": 5, "loss": 1.0})
    assert home.once().returncode == 0
    assert (state(home, "far"), told(home)) == ("running", [])


def test_old_runs_without_an_end_are_listed_and_not_told(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with Script(home, BEGIN + "os._exit(5)") as script:
        script.end()
    (log,) = home.runs.glob("**/*.jsonl")
    os.utime(log, (1.7e9, 1.7e9))
    with home.daemon() as daemon:
        eventually(lambda: state(home) == "crashed")
        assert daemon.titles() == []


def test_foreign_files_do_not_stall_unless_asked_for(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES, more="lifecycle: {stalled: {after: 1s}}\nrun_timeout: 14s\n")
    with home.daemon() as daemon:
        home.log("foreign.jsonl", {"loss": 1.0}, {"loss": 1.0})
        eventually(lambda: state(home, "foreign.jsonl") == "finished")
        assert daemon.titles() == []
    again = Home(tmp_path / "2", RULES, more="lifecycle: {stalled: {after: 1s, everywhere: true}}\n")
    with again.daemon() as daemon:
        again.log("foreign.jsonl", {"loss": 1.0}, {"loss": 1.0})
        until_told(daemon, "Run stalled")


def test_news_can_be_switched_off_and_sent_elsewhere(tmp_path: Path) -> None:
    receivers = '{console: {url: "console://"}, boss: {url: "console://"}}'
    more = "default_receivers: [console]\nlifecycle: {finished: false, failed: {receivers: [boss], level: WARN}}\n"
    home = Home(tmp_path, RULES, receivers, more)
    for end in ("", "sys.exit(1)"):
        with Script(home, BEGIN + end) as script:
            script.end()
    assert home.once().returncode == 0
    (alert,) = told(home)
    assert (alert["title"], alert["level"]) == ("Run failed", "WARN")
    assert [row.receiver for row in home.outbox("delivered")] == ["boss"]
    assert sorted(row["state"] for row in home.rows("runs")) == ["failed", "finished"]
