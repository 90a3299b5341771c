"""SIGKILL at any moment leaves a state file in which every pass is whole or absent, and what was told committed is there."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress

import pytest
from store_values import one_pass, output_of, spawn

from walert.store import schema
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.store import Store

COMMIT_FOREVER = """
import itertools, sys
from store_values import one_pass
from walert.store.store import Store
store = Store.open(sys.argv[1], now=1_000.0)
first = len(store.checkpoints()) and store.checkpoints()[0].line + 1
for n in itertools.count(max(first, 1)):
    store.commit(one_pass(n, size=31_000))
    print(n, flush=True)
"""

DELIVER_FOREVER = """
import sys
from walert.model import Delivered
from walert.store.outbox import SqliteOutbox
outbox = SqliteOutbox(sys.argv[1])
print("ready", flush=True)
while messages := outbox.lease("ml-team", float(sys.argv[2]), "w", 60.0, 3):
    for message in messages:
        print(message.alert.id, flush=True)
        outbox.settle(message.id, Delivered(), None, float(sys.argv[2]))
"""

OPEN = """
import sys
from walert.store.store import Store
print("ready", flush=True)
Store.open(sys.argv[1], now=1_000.0)
"""

MIGRATE = """
import os, signal, sys
from pathlib import Path
from walert.store import connect, schema

def add_a_column_and_fill_it(connection):
    connection.execute("ALTER TABLE counter ADD COLUMN unit TEXT")
    connection.execute("UPDATE counter SET unit = 'lines'")
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    connection.execute("CREATE TABLE web (id INTEGER PRIMARY KEY)")

connection = connect.open_existing(Path(sys.argv[1]))
print(schema.migrate(connection, (*schema.MIGRATIONS, add_a_column_and_fill_it)))
connection.close()
"""


def kill_after(process: subprocess.Popen[str], lines: int, seconds: float) -> list[str]:
    """Everything the process printed until it was killed, some time after it printed that many lines."""
    told = [process.stdout.readline() for _ in range(lines)]
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    with process:  # not communicate(): it forgets what was read ahead
        rest = process.stdout.readlines()
    return [line for line in [*told, *rest] if line.endswith("\n")]


def numbers_in_every_table(path) -> set[int]:
    """The number of the newest pass, as each table has it."""
    with Store.open(path, now=1_000.0) as store, Reader(path) as reader:
        assert store.notices == []
        (checkpoint,) = store.checkpoints()
        state = store.load_stream("s")
        alerts = [row.alert.id for row in reader.alerts(limit=10_000)]
        assert alerts == [f"alert-{n}" for n in range(1, len(alerts) + 1)]
        assert [row.payload["n"] for row in reader.happenings(limit=10_000)] == list(range(1, len(alerts) + 1))
        told = {checkpoint.line, checkpoint.offset // 100, state.fold["n"], state.decoder["n"], len(alerts)}
        return told | {store.cooldowns("run-1")["Low accuracy"]["n"], store.counters()["passes"], len(reader.outbox())}


def test_thirty_kills_of_a_committing_daemon_leave_every_pass_whole(tmp_path):
    path, rng = tmp_path / "walert.db", random.Random(20)
    for _ in range(30):
        told = kill_after(spawn(COMMIT_FOREVER, path), rng.randint(1, 12), rng.uniform(0, 0.01))
        numbers = numbers_in_every_table(path)
        assert len(numbers) == 1
        assert int(told[-1]) <= numbers.pop() <= int(told[-1]) + 1
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []


def test_kills_of_a_delivering_process_lose_no_message_and_double_at_most_those_in_flight(tmp_path):
    path, rng, now, sent, kills = tmp_path / "walert.db", random.Random(4), 10_000.0, [], 0
    with Store.open(path, now=1_000.0) as store:
        for n in range(120):
            store.commit(one_pass(n))
    with SqliteOutbox(path) as outbox:
        while outbox.waiting():
            lines = kill_after(spawn(DELIVER_FOREVER, path, now), rng.randint(1, 25), rng.uniform(0, 0.003))
            sent += [line.strip() for line in lines[1:] if line.strip()]
            now, kills = now + 61.0, kills + 1
    assert set(sent) == {f"alert-{n}" for n in range(120)}
    assert kills <= 120
    assert len(sent) - 120 <= kills


@pytest.mark.parametrize("seed", range(8))
def test_a_kill_while_the_file_is_made_leaves_one_that_opens(tmp_path, seed):
    path = tmp_path / "walert.db"
    kill_after(spawn(OPEN, path), 1, random.Random(seed).uniform(0, 0.012))
    with Store.open(path, now=1_000.0) as store:
        # Killed between two versions of a new file, it is brought up to the newest: that is said, and nothing else.
        assert [n for n in store.notices if "was brought from version" not in n] == []
        store.commit(one_pass(1))
    with closing(sqlite3.connect(path)) as raw:
        settings = [
            raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("auto_vacuum", "journal_mode", "user_version")
        ]
    assert settings == [2, "wal", schema.VERSION]


def test_a_migration_killed_midway_is_repeated_whole(tmp_path):
    path = tmp_path / "walert.db"
    with Store.open(path, now=1_000.0) as store:
        store.commit(one_pass(1))
    with spawn(MIGRATE, path, "die") as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert numbers_in_every_table(path) == {1}
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION
        assert len(raw.execute("PRAGMA table_info(counter)").fetchall()) == 2
    assert output_of(MIGRATE, path, "live").strip() == str(schema.VERSION)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION + 1
        assert raw.execute("SELECT name, value, unit FROM counter").fetchall() == [("passes", 1, "lines")]
        assert raw.execute("SELECT count(*) FROM web").fetchone() == (0,)
