"""One walertd a state file; how it ends, at once or in order; what a restart finds."""

import json
import signal
import subprocess
import threading
from contextlib import contextmanager

from daemons import WALERTD, Home, eventually
from slackside import Side, url

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"


def messages(server):
    """The alert ids that arrived, in order, and the steps they tell of."""
    found = []
    for request in server.requests():
        lines = dict(line.split(": ", 1) for line in request.json["message"].split("\n") if ": " in line)
        found.append((lines["alert"], int(lines["step"])))
    return found


class Writer:
    """A training that goes on, whoever is stopped and started; `steps` were written."""

    def __init__(self, home):
        self.home, self.steps = home, 0
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._enough.set()
        self._thread.join()

    def _run(self):
        while not self._enough.wait(0.1):
            self.steps += 1
            self.home.log("m.jsonl", {"step": self.steps, "loss": 3.0, "timestamp": 1.8e9 + 10 * self.steps})


def test_a_second_walertd_exits_with_3_and_names_the_pid_of_the_first(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        second = home.run([*WALERTD])
        once = home.once()
        assert second.returncode == once.returncode == 3
        assert f"pid {daemon.process.pid}" in second.stderr and "Traceback" not in second.stderr
        home.log("a.jsonl", {"loss": 3})
        daemon.until(lambda: daemon.titles() == ["High"])  # the first goes on


def test_the_lock_is_free_after_sigkill(tmp_path):
    home = Home(tmp_path, RULES)
    first = home.daemon()
    first.until(lambda: first.kinds("start"))
    first.kill()
    assert home.walert("status").returncode == 3
    with home.daemon() as second:
        assert second.kinds("start")


def test_sigterm_under_load_drains_and_a_restart_loses_and_doubles_nothing(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        home = Home(tmp_path, RULES, f"{{hook: {{url: '{url(server, '/')}', rate: 6000, flood: never}}}}")
        home.environ |= side.environ
        told = []
        with Writer(home) as writer:
            for number in (signal.SIGTERM, signal.SIGINT):
                daemon = home.daemon()
                daemon.until(lambda daemon=daemon: len(daemon.titles()) > 10)
                assert daemon.stop(number) == 0
                assert daemon.kinds("stop")[-1]["text"] == "all is delivered"
                told += messages(server)
                assert len(told) == len(home.outbox("delivered"))
        assert home.once().returncode == 0
        told += messages(server)
    assert [step for _, step in told] == list(range(1, writer.steps + 1))
    assert len({alert for alert, _ in told}) == writer.steps


@contextmanager
def stopping_with_a_message_under_way(tmp_path):
    """A daemon that was asked to end while its receiver hangs, and its home."""
    side = Side(tmp_path)
    with side.hooks() as server:
        server.by_path["/"] = server.reply.__class__(manner="hang")
        home = Home(tmp_path, RULES, f"{{hook: {{url: '{url(server, '/')}'}}}}")
        home.environ |= side.environ
        daemon = home.daemon()
        home.log("a.jsonl", {"loss": 3})
        eventually(lambda: server.told.qsize() == 1)
        daemon.send(signal.SIGTERM)
        daemon.until(lambda: daemon.kinds("stopping"))
        yield home, daemon


def test_a_second_sigterm_ends_it_at_once(tmp_path):
    with stopping_with_a_message_under_way(tmp_path) as (home, daemon):

        def ended():
            daemon.send(signal.SIGTERM)  # at one moment two are one
            return daemon.process.poll() is not None

        eventually(ended, 5.0)
        assert daemon.wait() == 128 + signal.SIGTERM
    assert home.outbox("waiting")


def test_a_signal_that_comes_twice_at_once_is_one(tmp_path):
    """As `timeout` sends it, to the process and to its group."""
    with stopping_with_a_message_under_way(tmp_path) as (_, daemon):
        daemon.send(signal.SIGTERM)
        assert daemon.wait() == 0
        assert daemon.kinds("stop")[-1]["text"] == "1 message waiting: see `walert outbox`"


def test_signals_without_a_meaning_and_many_reloads_lose_nothing(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        for step in range(1, 40):
            home.log("a.jsonl", {"step": step, "loss": 3.0})
            daemon.send(signal.SIGHUP)
        daemon.until(lambda: len(daemon.titles()) == 39)
        daemon.until(lambda: daemon.kinds("reload"))
        assert "no change; 1 rules in force" in daemon.kinds("reload")[0]["text"]
    assert daemon.process.returncode == 0
    shown = [json.loads(row) for row in home.walert("alerts", "--json").stdout.splitlines()]
    assert sorted(row["alert"]["step"] for row in shown) == list(range(1, 40))


def test_walertd_as_process_number_1_of_a_container_ends_on_sigterm(tmp_path):
    home = Home(tmp_path, RULES)
    command = ["unshare", "--pid", "--fork", "--kill-child", *WALERTD, "--log-format", "json"]
    daemon = subprocess.Popen(command, cwd=tmp_path, env=home.environ, stderr=subprocess.PIPE, text=True)
    assert daemon.stderr is not None
    first = daemon.stderr.readline()
    if "walertd 1 follows" not in first:
        daemon.communicate()
        import pytest

        pytest.skip("a PID namespace is not permitted here")
    child = home.run(["pgrep", "-P", str(daemon.pid)]).stdout.split()[0]
    home.run(["kill", "-TERM", child])
    daemon.communicate(timeout=30)
    assert daemon.returncode == 0


def test_a_link_that_somebody_laid_in_the_locks_place_leads_nowhere(tmp_path):
    home = Home(tmp_path, RULES)
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "walert.db.lock").symlink_to(tmp_path / "precious")
    done = home.once()
    assert (done.returncode, (tmp_path / "precious").read_text()) == (2, "kept")
    assert "walert.db.lock: Too many levels of symbolic links. Choose another place with `state:`" in done.stderr
