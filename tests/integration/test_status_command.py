"""`walert status`: whether a walertd runs and lives, how it finds what changed, what it was asked for and does not get."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from daemons import WALERTD, Home, eventually

from walert.store.store import Changes, Store

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"


def shown(home: Home) -> str:
    done = home.walert("status")
    assert done.stderr == ""
    return done.stdout


def test_a_daemon_that_lives_says_how_long_and_what_it_follows_and_how(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES, more="heartbeat: {url: 'http://127.0.0.1:9/', every: 1h}\n")
    (tmp_path / "nfs").mkdir()
    home.configure(
        watch="[runs/, {path: nfs/, poll: true}, later/]", more="heartbeat: {url: 'http://127.0.0.1:9/', every: 1h}\n"
    )
    with home.daemon() as daemon:
        home.log("a.jsonl", {"loss": 1}, {"loss": 1})
        with open(home.runs / "a.jsonl", "ab") as log:
            log.write(b"no json\n")
        eventually(lambda: home.counters().get("bad_lines") == 1 and "1 of 1 calls failed" in shown(home))
        text = shown(home)
        assert home.walert("status").returncode == 0
    lines = text.splitlines()
    assert lines[0].startswith(f"walertd runs (pid {daemon.process.pid}), for ") and "; last pass " in lines[0]
    assert f"state    {tmp_path}/walert.db" in lines
    assert f"config   {tmp_path}/walert.yaml; 1 rule" in lines
    assert "follows  1 file; runs: 1 running" in lines
    assert "read     2 lines, 1 bad" in lines
    found = "finds    changes when they happen; all files are looked at every 2s, new ones every 10s; "
    assert f"{found}{tmp_path}/nfs by looks alone (poll: true)" in lines
    assert any(
        line.startswith("calls    the heartbeat every 1h: not answered yet, 1 of 1 calls failed; now: Conn")
        for line in lines
    )
    assert f"  {tmp_path}/later: there is no such folder; it is followed when it appears" in lines


def test_what_was_missing_and_is_there_is_no_longer_told(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    home.configure(watch="[runs/, later/]", rules="[rules.yaml, broken.yaml]")
    (tmp_path / "broken.yaml").write_text("rules: [")
    with home.daemon():
        eventually(lambda: "later: there is no such folder" in shown(home))
        assert "broken.yaml:" in shown(home)
        (tmp_path / "later").mkdir()
        (tmp_path / "broken.yaml").write_text("version: 1\nrules: []\n")
        eventually(lambda: "not as configured" not in shown(home))


def test_one_that_stopped_in_order_and_one_that_was_killed_are_told_apart(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon():
        pass
    done = home.walert("status")
    assert done.returncode == 3
    assert (
        done.stdout.splitlines()[0].startswith("walertd does not run; it stopped ") and "all delivered" in done.stdout
    )
    daemon = home.daemon()
    daemon.until(lambda: daemon.kinds("start"))
    eventually(lambda: home.rows("status")[0]["status"]["facts"]["daemon"]["pid"] == daemon.process.pid)
    daemon.kill()
    assert "walertd does not run; the last one was killed, or died: it was last there" in shown(home)


def test_one_that_hangs_is_told_from_one_that_works(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        eventually(lambda: "last pass" in shown(home))
        daemon.send(signal.SIGSTOP)
        lock = tmp_path / "walert.db.lock"
        then = lock.stat().st_mtime - 300
        os.utime(lock, (then, then))
        hanging = home.walert("status")
        daemon.send(signal.SIGCONT)
        eventually(lambda: "last pass" in shown(home))
    assert hanging.returncode == 0
    assert "but hangs: no pass has completed for 5m" in hanging.stdout.splitlines()[0]


def test_one_with_its_state_elsewhere_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        other = tmp_path / "other's"
        other.mkdir()
        (other / "walert.yaml").write_text("state: mine.db\n")
        done = home.walert("status", "--config", str(other / "walert.yaml"))
        assert done.returncode == 3 and done.stdout == ""
        told = f"another walertd runs (pid {daemon.process.pid}), with its state in {tmp_path}/walert.db"
        assert f"{told}: walert status --config {tmp_path}/walert.yaml\n" in done.stderr
        home.run([*WALERTD, "--once", "--config", str(other / "walert.yaml")])
        after = home.walert("status", "--config", str(other / "walert.yaml"))
        (row,) = home.rows("status", "--config", str(other / "walert.yaml"))
    assert after.returncode == 3 and told in after.stdout
    assert [one["pid"] for one in row["others"]] == [daemon.process.pid]


@pytest.mark.parametrize(
    ("watching", "said"),
    [
        (
            {
                "mode": "sweep",
                "why": "the kernel's limit of watched folders is reached (sysctl fs.inotify.max_user_watches)",
            },
            "changes by looks alone, every 2s, new ones every 10s: the kernel's limit of watched folders is reached (sysctl ",
        ),
        (
            {"mode": "sweep", "why": "the watcher has died 4 times", "rebuilt": 3},
            "the watcher died 3 times, and was started again",
        ),
        ({"overflows": 1}, "events were lost once: all was looked at anew"),
        ({"overflows": 2}, "events were lost 2 times"),
        (
            {"mode": "sweep", "polled": ["/nfs"]},
            "changes by looks alone, every 2s, new ones every 10s: as `poll: true` asks for",
        ),
    ],
)
def test_what_is_wrong_with_the_watcher_is_told(tmp_path: Path, watching: dict[str, object], said: str) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon():
        eventually(lambda: "finds " in shown(home))
        usual = home.rows("status")[0]["status"]["facts"]["watching"]
        with Store.open(tmp_path / "walert.db", now=1.0) as store:
            store.commit(Changes(at=1.0, facts={"watching": {**usual, **watching}}))
        assert said in shown(home)


LIMITED = 'sysctl -q -w user.max_inotify_watches=3 && exec "$@"'


def test_the_limit_of_watched_folders_is_seen_in_the_status_of_a_real_daemon(tmp_path: Path) -> None:
    command = ["unshare", "-Ur", "sh", "-c", LIMITED, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("user namespaces with a limit of watches of their own are not permitted here")
    home = Home(tmp_path, RULES)
    for n in range(6):
        (home.runs / str(n)).mkdir()
    with subprocess.Popen([*command, *WALERTD], cwd=tmp_path, env=home.environ, stderr=subprocess.DEVNULL) as daemon:
        try:
            eventually(lambda: "finds " in home.walert("status").stdout)
            assert "by looks alone" in shown(home) and "fs.inotify.max_user_watches" in shown(home)
            home.log("3/a.jsonl", {"loss": 3})
            eventually(lambda: home.rows("alerts"), 10.0)
        finally:
            daemon.terminate()
    assert daemon.returncode == 0
