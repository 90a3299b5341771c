"""walertd as a container runs it: process 1, no home, a user without a name, a root that cannot be written, closed streams."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemons import WALERTD, Home, eventually

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro / && shift && exec "$@"'


def namespaces(*options: str) -> list[str]:
    """A command in namespaces of its own, or a skip."""
    command = ["unshare", *options]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("namespaces of one's own are not permitted here")
    return command


@dataclass
class Ended:
    """What a contained walertd said, once it has ended."""

    code: int = -1
    out: str = ""
    err: str = ""


@contextmanager
def contained(home: Home, *command: str) -> Iterator[Ended]:
    """walertd with hardly an environment, ended by SIGTERM to process 1."""
    line = [*command, *WALERTD, "--config", str(home.config)]
    environ = {"PATH": os.environ["PATH"]}
    ended = Ended()
    with subprocess.Popen(
        line, cwd="/", env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as outer:
        try:
            yield ended
        finally:
            terminate(outer.pid)
            ended.out, ended.err = outer.communicate(timeout=30)
    ended.code = outer.returncode


def terminate(outer: int) -> None:
    """SIGTERM for the process that unshare forked."""
    children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
    os.kill(int(children[0]) if children else outer, signal.SIGTERM)


def alerted(home: Home, count: int = 1) -> bool:
    return len(home.rows("alerts")) == count


def test_process_1_on_a_read_only_root_without_a_home_does_its_work_and_ends_on_sigterm(tmp_path: Path) -> None:
    command = namespaces("-Urpfm", "--mount-proc", "--kill-child")
    home = Home(tmp_path, RULES)
    (tmp_path / "kept").mkdir()
    home.config.write_text("watch: [runs/]\nrules: [rules.yaml]\nstate: kept/walert.db\n")
    with contained(home, *command, "sh", "-c", READ_ONLY, "sh", str(tmp_path / "kept")) as ended:
        home.log("a.jsonl", {"loss": 3})
        eventually(lambda: alerted(home))
    assert ended.code == 0 and "walertd 1 follows" in ended.err and "WARN  High" in ended.out
    assert home.walert("status").returncode == 3


def test_a_user_without_a_name_or_a_home_can_run_it(tmp_path: Path) -> None:
    command = namespaces("-U", "--map-user=54321", "--map-group=54321", "-pf", "--mount-proc", "--kill-child")
    home = Home(tmp_path, RULES)
    with contained(home, *command) as ended:
        home.log("a.jsonl", {"loss": 3})
        eventually(lambda: alerted(home))
    assert ended.code == 0 and "WARN  High" in ended.out and "Traceback" not in ended.err


def test_without_a_home_a_path_below_it_is_an_error_that_says_so(tmp_path: Path) -> None:
    command = namespaces("-U", "--map-user=54321", "--map-group=54321")
    home = Home(tmp_path, RULES)
    home.config.write_text("state: ~/walert.db\n")
    line = [*command, *WALERTD, "--config", str(home.config)]
    done = subprocess.run(line, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "walert.yaml:1:8: error[no-home]" in done.stderr


def test_process_1_without_any_stream_still_judges(tmp_path: Path) -> None:
    command = namespaces("-Urpf", "--mount-proc", "--kill-child")
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", {"loss": 3})
    line = " ".join([*command, *WALERTD, "--config", str(home.config), "<&-", ">&-", "2>&-"])
    with subprocess.Popen(["sh", "-c", f"exec {line}"], cwd="/", env={"PATH": os.environ["PATH"]}) as outer:
        eventually(lambda: alerted(home))
        terminate(outer.pid)
    assert outer.returncode == 0


def test_process_1_leaves_no_zombie_of_what_others_left_behind(tmp_path: Path) -> None:
    command = namespaces("-Urpf", "--mount-proc", "--kill-child")
    script = """
import os, subprocess, sys, threading
from walert.daemon.orphans import Orphans
os.waitpid(os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", "sleep 0.1 & exit 0"), 0)
kept = subprocess.Popen(["true"])
orphans, waited = Orphans(), 0
while not waited:
    threading.Event().wait(0.3)
    waited = orphans.reap()
    kept.poll()
left = [p for p in os.listdir("/proc") if p.isdigit() and " Z " in open(f"/proc/{p}/stat").read()]
print(os.getpid(), waited, left, kept.returncode)
"""
    done = subprocess.run([*command, sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "1 1 [] 0\n", done.stderr


def test_any_other_process_waits_for_nobody(tmp_path: Path) -> None:
    from walert.daemon.orphans import Orphans

    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        orphans = Orphans()
        assert [orphans.reap(), orphans.reap()] == [0, 0]
        assert child.wait() == 0
