"""The background thread: a heartbeat at its interval, alerts brought to disk, an end within bounded time."""

from __future__ import annotations

import threading
from pathlib import Path

from training import events, only_log, train

from walert.client.worker import HEARTBEAT, Worker


def test_a_worker_beats_until_it_is_stopped() -> None:
    beats = threading.Semaphore(0)
    worker = Worker(lambda: None, beats.release, interval=0.01)
    assert worker.start()
    assert all(beats.acquire(timeout=10) for _ in range(3))
    worker.stop()
    assert worker.settle(10)


def test_many_requests_cost_few_syncs_and_none_is_left_when_it_has_settled() -> None:
    gate, syncs = threading.Event(), []

    def sync() -> None:
        gate.wait(10)
        syncs.append(1)

    worker = Worker(sync)
    for _ in range(1000):
        worker.ask()
    assert not worker.settle(0.01)
    gate.set()
    assert worker.settle(10)
    assert 1 <= len(syncs) <= 3
    worker.stop()


def test_a_worker_outlives_what_it_does() -> None:
    def broken() -> None:
        raise OSError("no such disk")

    worker = Worker(broken)
    worker.ask()
    assert worker.settle(10)
    assert worker.settle(10)
    worker.stop()


def test_a_disk_that_hangs_holds_up_the_end_of_the_script_for_a_moment_only(tmp_path: Path) -> None:
    script = """
import os, threading, walert
hang = os.fsync = lambda fd: threading.Event().wait()
walert.alert("T", "x")
"""
    train(script, tmp_path)
    assert len(events(only_log(tmp_path), "finish")) == 1


def test_a_heartbeat_touches_the_log_and_adds_nothing_to_it(tmp_path: Path) -> None:
    script = """
import os, walert
begun = walert.init(project="p")
size = os.stat(begun.path).st_size
os.utime(begun.path, (1, 1))
begun._worker._beat()
assert os.stat(begun.path).st_size == size and os.stat(begun.path).st_mtime > 1e9
os.remove(begun.path)
begun._worker._beat()
assert not os.path.exists(begun.path)
"""
    assert HEARTBEAT == 30.0
    train(script + "begun.alert('T', 'x')\nbegun._worker._beat()\n", tmp_path)
    found = only_log(tmp_path)
    assert [r["_walert"]["event"] for r in found] == ["start", "alert", "finish"]
    assert events(found, "start")[0]["heartbeat"] == 30.0


def test_a_run_that_only_alerts_promises_no_heartbeat(tmp_path: Path) -> None:
    train("import walert; walert.alert('T', 'x')", tmp_path)
    assert events(only_log(tmp_path), "start")[0]["heartbeat"] is None
