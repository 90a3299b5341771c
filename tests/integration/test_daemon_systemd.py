"""walertd under a service manager: what a real daemon tells over a real socket, and when it does not."""

from __future__ import annotations

import os
import queue
import signal
import socket
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemons import Home

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"
SOON = 20.0


class Manager:
    """systemd's end: `told` holds what was said, line by line."""

    def __init__(self, listening: socket.socket) -> None:
        self.told: queue.Queue[str] = queue.Queue()
        self._listening = listening
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while data := self._listening.recv(4096):
            for line in data.decode().split("\n"):
                self.told.put(line)

    def until(self, wanted: str) -> list[str]:
        """All lines up to the first that begins so."""
        lines = [self.told.get(timeout=SOON)]
        while not lines[-1].startswith(wanted):
            lines.append(self.told.get(timeout=SOON))
        return lines


@contextmanager
def manager() -> Iterator[tuple[Manager, str]]:
    with tempfile.TemporaryDirectory() as folder:
        address = os.path.join(folder, "n")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(address)
            yield Manager(listening), address
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", address)


def test_it_is_ready_when_it_follows_reloads_on_sighup_and_stops_on_sigterm(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", {"loss": 1})
    with manager() as (systemd, address), home.daemon(NOTIFY_SOCKET=address) as daemon:
        assert systemd.until("READY=1") == ["READY=1"]
        assert systemd.until("STATUS=follows")[-1] == "STATUS=follows 1 file"
        daemon.send(signal.SIGHUP)
        lines = [line for line in systemd.until("READY=1") if not line.startswith("STATUS")]
        assert lines[0] == "RELOADING=1" and lines[1].startswith("MONOTONIC_USEC=") and lines[2:] == ["READY=1"]
        assert daemon.stop() == 0
        lines = systemd.until("STOPPING=1")
    assert "WATCHDOG=1" not in lines


def test_the_watchdog_hears_of_it_while_it_idles(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with manager() as (systemd, address), home.daemon(NOTIFY_SOCKET=address, WATCHDOG_USEC="1000000"):
        for _ in range(3):
            systemd.until("WATCHDOG=1")


def test_one_that_the_watchdog_ends_shows_where_each_thread_stood(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    daemon = home.daemon()
    daemon.until(lambda: daemon.kinds("start"))
    daemon.send(signal.SIGABRT)
    assert daemon.wait() == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in daemon.said and "in _loop" in daemon.said


def test_the_watchdog_hears_nothing_while_nothing_can_be_committed(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with manager() as (systemd, address), home.daemon(NOTIFY_SOCKET=address, WATCHDOG_USEC="100000") as daemon:
        systemd.until("WATCHDOG=1")
        with sqlite3.connect(tmp_path / "walert.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            home.log("a.jsonl", {"loss": 3})
            daemon.until(lambda: "cannot commit" in daemon.said)
            systemd.until("STATUS=nothing can be committed")  # and nothing else, until it can
            other.execute("ROLLBACK")
        other.close()
        assert systemd.until("STATUS=") == ["STATUS=all moves again"]
        systemd.until("WATCHDOG=1")
        daemon.until(lambda: daemon.titles() == ["High"])
