"""The state file under a living walertd: full, read-only, damaged, removed, of another version; and clocks that jump."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from daemons import WALERTD, Daemon, Home, eventually
from loopback import Reply, authority, https_server

from walert.config import ReceiverConfig
from walert.daemon.log import Log
from walert.daemon.reload import Reloader
from walert.daemon.rim import Rim
from walert.daemon.service import Daemon as Service
from walert.deliver.receiver import Receiver, build_receiver
from walert.errors import StoreError
from walert.store import schema
from walert.store.reader import Reader
from walert.store.values import MessageRow

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"
HOUR, DAY = 3_600.0, 86_400.0


def namespace(script: str, *arguments: str) -> list[str]:
    """A command with mounts of its own, or a skip. `script` mounts, then becomes what follows."""
    command = ["unshare", "-Urm", "sh", "-c", f'{script} && exec "$@"', "sh", *arguments]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("mounts of one's own are not permitted here")
    return command


def fired_at(daemon: Daemon) -> list[int]:
    """The steps at which rules began to fire."""
    return sorted(e["step"] for e in daemon.events if e["kind"] == "firing")


# --- the disk


def test_a_full_disk_of_its_own_stops_reading_and_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    under = namespace(f'mount -t tmpfs -o size=8m tmpfs "{disk}"')
    home = Home(tmp_path, RULES)
    home.config.write_text("rules: [rules.yaml]\nwatch: [runs/]\nstate: disk/walert.db\n")
    with home.daemon(under=under) as daemon:
        inside = Path(f"/proc/{daemon.process.pid}/root{disk}")
        home.log("a.jsonl", *({"step": n, "loss": 3.0} for n in range(1, 4)))
        daemon.until(lambda: len(daemon.titles()) == 3)
        fill(inside / "ballast")
        home.log("a.jsonl", *({"step": n, "loss": 3.0} for n in range(4, 200)))
        daemon.until(lambda: any("cannot commit" in e["text"] for e in daemon.kinds("state")))
        (inside / "ballast").unlink()
        daemon.until(lambda: any("committing again" in e["text"] for e in daemon.kinds("state")))
        daemon.until(lambda: len(daemon.titles()) == 199)
    assert daemon.process.returncode == 0
    assert len({e["id"] for e in daemon.kinds("alert")}) == 199 == len(daemon.titles())
    assert len([e for e in daemon.kinds("state") if "cannot commit" in e["text"]]) <= 3


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with pytest.raises(OSError) as full, open(path, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    assert full.value.errno == errno.ENOSPC


def test_a_read_only_disk_is_told_at_the_start_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    under = namespace(f'mount --bind "{tmp_path}/disk" "{tmp_path}/disk" && mount -o remount,bind,ro "{tmp_path}/disk"')
    home = Home(tmp_path, RULES)
    home.config.write_text("rules: [rules.yaml]\nwatch: [runs/]\nstate: disk/walert.db\n")
    done = home.run([*under, *WALERTD])
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "Read-only file system" in done.stderr and "`state:`" in done.stderr


# --- the file


@pytest.mark.parametrize("size", [0, 1], ids=["emptied", "overwritten"])
def test_a_file_that_is_damaged_under_it_is_told_and_set_aside_at_the_next_start(tmp_path: Path, size: int) -> None:
    home = Home(tmp_path, RULES)
    state = tmp_path / "walert.db"
    with home.daemon() as daemon:
        home.log("a.jsonl", {"step": 1, "loss": 3.0})
        daemon.until(lambda: len(fired_at(daemon)) == 1)
        length = state.stat().st_size
        with open(state, "r+b") as file:
            file.truncate(0)
            file.write(b"\xff" * length * size)
        (tmp_path / "walert.db-wal").write_bytes(b"")
        home.log("b.jsonl", {"step": 2, "loss": 3.0})
        told = ("cannot commit", "emptied: restart walertd", "the outbox cannot be used")
        daemon.until(lambda: any(text in daemon.said for text in told))
    assert "Traceback" not in daemon.said
    with home.daemon() as again:
        again.until(lambda: fired_at(again) == [1, 2])
    if size:
        assert "set aside as walert.db.corrupt-" in again.kinds("state")[0]["text"]


def test_a_file_that_is_removed_under_it_is_told_and_all_that_can_restart_it_hear_of_it(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        home.log("a.jsonl", {"step": 1, "loss": 3.0})
        daemon.until(lambda: len(fired_at(daemon)) == 1)
        (tmp_path / "walert.db").unlink()
        daemon.until(lambda: daemon.kinds("health"))
    (event,) = daemon.kinds("health")
    assert event["text"] == f"the state file {tmp_path}/walert.db was removed, replaced or emptied: restart walertd"


def test_a_file_of_a_newer_walert_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    assert home.once().returncode == 0
    with closing(sqlite3.connect(tmp_path / "walert.db")) as raw:
        raw.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = (tmp_path / "walert.db").read_bytes()
    done = home.run([*WALERTD])
    assert done.returncode == 2 and "Upgrade walert" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "walert.db").read_bytes() == before


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_file_of_any_older_walert_is_brought_up_and_read_on(tmp_path: Path, version: int) -> None:
    home = Home(tmp_path, RULES)
    with closing(sqlite3.connect(tmp_path / "walert.db", isolation_level=None)) as raw:
        schema.migrate(raw, schema.MIGRATIONS[:version])
        raw.execute("INSERT INTO counter VALUES ('records', 41)")
    with home.daemon() as daemon:
        home.log("a.jsonl", {"step": 1, "loss": 3.0})
        daemon.until(lambda: len(fired_at(daemon)) == 1)
        assert f"was brought from version {version} to {schema.VERSION}" in daemon.kinds("state")[0]["text"]
    assert home.counters()["records"] == 42


def test_one_that_is_killed_while_it_brings_a_file_up_finishes_it_at_the_next_start(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    with closing(sqlite3.connect(tmp_path / "walert.db", isolation_level=None)) as raw:
        schema.migrate(raw, schema.MIGRATIONS[:1])
        raw.execute("BEGIN")
        raw.executemany("INSERT INTO counter VALUES (?, 1)", ((f"c{n}",) for n in range(1_000)))
        raw.execute("COMMIT")
    for milliseconds in range(0, 400, 80):
        daemon = home.daemon()
        eventually(lambda: (tmp_path / "walert.db.lock").exists())  # it is about to open the file
        threading.Event().wait(milliseconds / 1000)
        daemon.kill()
        (tmp_path / "walert.db.lock").unlink()
    with home.daemon() as daemon:
        home.log("a.jsonl", {"step": 1, "loss": 3.0})
        daemon.until(lambda: len(fired_at(daemon)) == 1)
    with Reader(tmp_path / "walert.db") as reader:
        assert reader.status().version == schema.VERSION
        assert sum(name.startswith("c") for name in reader.status().counters) == 1_000


# --- clocks that jump


class Jumping:
    """The machine's clocks, the wall's off by as much as a test says."""

    def __init__(self) -> None:
        self.off = 0.0

    def now(self) -> float:
        return time.time() + self.off

    def monotonic(self) -> float:
        return time.monotonic()


@contextmanager
def living(home: Home, clock: Jumping, folder: Path) -> Iterator[Service]:
    """A whole walertd in this process, by that clock. Its log goes into a file."""
    fd = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    log = Log("text", clock.now, Rim(fd))
    log.hear("walert.deliver")
    service = Service(Reloader(str(home.config), home.environ), log, clock, make_receiver=_made)
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        yield service
    finally:
        service.stop(15)
        thread.join(60)
        log.close()
    assert not thread.is_alive()


def _made(config: ReceiverConfig) -> Receiver:
    return build_receiver(config.name, config.url)


@pytest.mark.parametrize("timed", [False, True], ids=["arrival", "event time"])
def test_clocks_that_jump_by_an_hour_or_a_day_lose_and_double_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timed: bool
) -> None:
    server_side = authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server_side.bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(server_side.bundle))
    with https_server(server_side.server) as server:
        url = server.url.replace("https", "jsons")
        home = Home(tmp_path / "home", RULES, f"{{hook: {{url: '{url}/', rate: 6000}}}}")
        clock, steps = Jumping(), iter(range(1, 1_000))
        with living(home, clock, tmp_path) as service:
            for jump in (0.0, HOUR, -HOUR, DAY, -2 * DAY, 2 * DAY, -HOUR):
                clock.off += jump
                for step in (next(steps), next(steps)):
                    more = {"timestamp": clock.now()} if timed else {}
                    home.log("a.jsonl", {"step": step, "loss": 3.0, **more})
                eventually(partial(is_told, home, step))
            eventually(lambda: not home.outbox())
            assert service.vitals.health.wrong(clock.monotonic()) is None
        assert server.requests()
    assert steps_told(home) == list(range(1, step + 1))
    assert "Traceback" not in (tmp_path / "log").read_text() and "internal" not in (tmp_path / "log").read_text()


def steps_told(home: Home) -> list[float | None]:
    """The steps of all alerts that were decided on."""
    try:
        with Reader(home.folder / "walert.db") as reader:
            return sorted(row.alert.step or 0 for row in reader.alerts())
    except StoreError:
        return []


def is_told(home: Home, step: int) -> bool:
    return step in steps_told(home)


@pytest.mark.parametrize("jump", [-DAY, -HOUR, HOUR, DAY])
def test_a_message_that_waits_is_tried_again_soon_whatever_the_clock_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    server_side = authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server_side.bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(server_side.bundle))
    with https_server(server_side.server) as server:
        server.reply = Reply(500)
        home = Home(tmp_path / "home", RULES, f"{{hook: {{url: '{server.url.replace('https', 'jsons')}/'}}}}")
        clock = Jumping()
        with living(home, clock, tmp_path):
            home.log("a.jsonl", {"step": 1, "loss": 3.0})
            eventually(lambda: any(row.tries for row in home_outbox(home)))
            server.reply = Reply()
            clock.off += jump
            eventually(lambda: home_outbox(home, "delivered"), 60.0)


def home_outbox(home: Home, *states: str) -> list[MessageRow]:
    try:
        return list(home.outbox(*states))
    except StoreError:
        return []
