"""Several processes on one state file: leases exclude, snapshots are consistent, a lock or a full disk changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from store_values import checkpoint, one_pass, output_of, spawn

from walert.errors import StoreError
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.store import Store

TAKE_ALL = """
import sys
from walert.store.outbox import SqliteOutbox
outbox = SqliteOutbox(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while messages := outbox.lease("ml-team", 2_000.0, sys.argv[2], 60.0, 3):
    print(*(message.id for message in messages), flush=True)
outbox.close()
"""

COMMIT_MANY = """
import sys
from store_values import one_pass
from walert.store.store import Store
with Store.open(sys.argv[1], now=1_000.0) as store:
    for n in range(int(sys.argv[2]), int(sys.argv[2]) + 200):
        store.commit(one_pass(n))
        print(n, flush=True)
"""

FILL_THE_DISK = """
import os, resource, sys
from store_values import checkpoint, one_pass
from walert.errors import StoreError
from walert.store.store import Store
store = Store.open(sys.argv[1], now=1_000.0)
store.commit(one_pass(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(sys.argv[1] + "-wal") + 250_000, resource.RLIM_INFINITY))
n = 1
try:
    while n < 100:
        store.commit(one_pass(n + 1, size=31_000))
        n += 1
except StoreError as error:
    print(error)
assert 1 < n < 100
assert store.checkpoints() == [checkpoint(n)] and store.load_stream("s").fold["n"] == n
for _ in range(3):
    try:
        store.commit(one_pass(n + 1, size=31_000))
        raise SystemExit("the disk was not full")
    except StoreError:
        assert store.checkpoints() == [checkpoint(n)]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for more in range(n + 1, n + 6):
    assert store.commit(one_pass(more, size=31_000)) == [more]
store.close()
print(n + 5)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "walert.db"


def test_two_processes_that_lease_at_once_never_get_the_same_message(path):
    with Store.open(path, now=1_000.0) as store:
        for n in range(150):
            store.commit(one_pass(n))
    takers = [spawn(TAKE_ALL, path, name) for name in ("w1", "w2")]
    for taker in takers:
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        taker.stdin.write("go\n")
        taker.stdin.flush()
    taken = [[int(one) for one in taker.communicate(timeout=60)[0].split()] for taker in takers]
    assert sorted(taken[0] + taken[1]) == list(range(1, 151))


def test_a_reader_beside_a_writing_daemon_always_sees_whole_passes(path):
    Store.open(path, now=1_000.0).close()
    looks = 0
    with spawn(COMMIT_MANY, path, 1) as daemon, Reader(path) as reader:
        while daemon.stdout.readline():
            status = reader.status()
            (waiting,) = [one.waiting for one in status.receivers]
            assert status.counters["passes"] == waiting
            looks += 1
    assert looks == 200


def test_an_open_snapshot_keeps_no_pass_waiting(path):
    with Store.open(path, now=1_000.0, busy_seconds=0.0) as store, closing(sqlite3.connect(path)) as backup:
        store.commit(one_pass(1))
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM alert").fetchone()
        assert store.commit(one_pass(2)) == [2]


def test_a_lock_beyond_the_busy_time_changes_nothing_and_the_same_commit_succeeds_after_it(path):
    with Store.open(path, now=1_000.0, busy_seconds=0.02) as store, closing(sqlite3.connect(path)) as other:
        store.commit(one_pass(1))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"locked it.*try again"):
            store.commit(one_pass(2))
        assert store.checkpoints() == [checkpoint(1)]
        other.rollback()
        assert store.commit(one_pass(2)) == [2]


def test_a_store_locked_whole_is_told_at_the_start(path):
    Store.open(path, now=1_000.0).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        other.execute("BEGIN EXCLUSIVE")
        for opening in (lambda: Store.open(path, now=1.0, busy_seconds=0.02), lambda: Reader(path, busy_seconds=0.02)):
            with pytest.raises(StoreError, match="locked it"):
                opening()


def test_two_daemons_worth_of_writers_wait_for_each_other(path):
    with Store.open(path, now=1_000.0) as store, SqliteOutbox(path) as outbox:
        with spawn(COMMIT_MANY, path, 1_000) as other:
            for n in range(200):
                store.commit(one_pass(n))
            assert len(other.communicate(timeout=60)[0].split()) == 200
        assert (outbox.waiting(), store.counters()["passes"]) == (400, 400)


def test_a_full_disk_changes_nothing_and_the_store_goes_on_when_there_is_room(path):
    told = output_of(FILL_THE_DISK, path).splitlines()
    assert "SQLITE_" in told[0]
    assert "nothing was changed" in told[0].lower()
    with Store.open(path, now=1_000.0) as store, Reader(path) as reader:
        assert store.notices == []
        assert store.checkpoints()[0].line == len(reader.alerts()) == int(told[1])
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
