"""Whatever lies where the state file should be: it is opened, set aside or refused, and the user is told which."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from store_values import alert, checkpoint, one_pass, output_of

from walert.errors import StoreError
from walert.store import schema
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.store import Changes, Store

NOW = 1_700_000_000.0

AS_SOMEBODY_ELSE = """
import os, sys
import urllib.parse  # somebody else may not be able to read the standard library: load what is lazy in it now
import store_values
from walert.errors import StoreError
from walert.store.reader import Reader
from walert.store.store import Changes, Store
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    if sys.argv[1] == "read":
        with Reader(sys.argv[2]) as reader:
            print([row.alert.id for row in reader.alerts()])
    else:
        Store.open(sys.argv[2], now=1.0).close()
        print("opened")
except StoreError as error:
    print(error)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "walert.db"


@pytest.fixture
def shared():
    """A folder that another user can reach."""
    with tempfile.TemporaryDirectory(prefix="walert-store-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        Path(name).chmod(0o755)


def filled(path):
    with Store.open(path, now=NOW) as store:
        store.commit(one_pass(1))


def set_aside(path):
    return sorted(one.name for one in path.parent.glob("*.corrupt-*"))


def test_a_new_file_gets_its_settings_before_its_first_table(path):
    filled(path)
    with closing(sqlite3.connect(path)) as raw:
        names = ("auto_vacuum", "journal_mode", "application_id", "user_version")
        settings = [raw.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert settings == [2, "wal", schema.APPLICATION_ID, schema.VERSION]


def test_missing_folders_are_made_and_only_the_owner_may_look(tmp_path):
    path = tmp_path / "a" / "b" / "walert.db"
    with Store.open(path, now=NOW):
        modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, *path.parent.glob("walert.db-*"), path.parent)]
    assert modes == [0o600, 0o600, 0o600, 0o700]


def test_a_name_with_odd_characters_is_a_name(tmp_path):
    path = tmp_path / "run #1?mode=ro&x=%41.db"
    filled(path)
    with Reader(path) as reader:
        assert len(reader.alerts()) == 1
    assert all(one.name.startswith(path.name) for one in tmp_path.iterdir())


def test_a_file_of_zero_length_is_a_new_one(path):
    path.touch()
    with Store.open(path, now=NOW) as store:
        assert store.notices == []
        store.commit(one_pass(1))
    assert set_aside(path) == []


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path):
    filled(path)
    damaged = b"SQLite format 3\0" + os.urandom(8_000)
    path.write_bytes(damaged)
    with Store.open(path, now=NOW) as store:
        assert store.checkpoints() == []
        (notice,) = store.notices
        store.commit(one_pass(1))
    assert set_aside(path) == ["walert.db.corrupt-20231114T221320Z"]
    assert "is damaged: it was set aside as walert.db.corrupt-20231114T221320Z" in notice
    assert path.with_name(set_aside(path)[0]).read_bytes() == damaged


def test_a_file_with_a_damaged_page_inside_is_set_aside(path):
    with Store.open(path, now=NOW) as store:
        for n in range(50):
            store.commit(one_pass(n))
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(content)
    with Store.open(path, now=NOW) as store:
        assert len(store.notices) == 1
        assert store.checkpoints() == []


def test_a_truncated_file_is_set_aside(path):
    filled(path)
    os.truncate(path, os.stat(path).st_size // 2)
    with Store.open(path, now=NOW) as store:
        assert len(store.notices) == 1


@pytest.mark.parametrize("content", [b"{}", b"loss,acc\n" * 1_000, b"\0" * 5_000], ids=["json", "csv", "zeros"])
def test_a_file_that_is_no_database_is_set_aside(path, content):
    path.write_bytes(content)
    with Store.open(path, now=NOW) as store:
        assert len(store.notices) == 1
    assert path.with_name(set_aside(path)[0]).read_bytes() == content


def test_another_programs_database_is_set_aside_with_its_content(path):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE mine (x)")
        raw.execute("INSERT INTO mine VALUES (42)")
        raw.commit()
    with Store.open(path, now=NOW) as store:
        (notice,) = store.notices
    assert "is no state file of walert" in notice
    with closing(sqlite3.connect(path.with_name(set_aside(path)[0]))) as raw:
        assert raw.execute("SELECT x FROM mine").fetchall() == [(42,)]


def test_a_stale_log_of_the_damaged_file_does_not_reach_the_new_one(path):
    store = Store.open(path, now=NOW)
    store.commit(one_pass(1))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    store.commit(Changes(counters={"passes": 1}))
    log = path.with_name("walert.db-wal").read_bytes()
    store.close()
    path.write_bytes(b"no database at all" * 100)
    path.with_name("walert.db-wal").write_bytes(log)
    with Store.open(path, now=NOW) as store:
        assert store.checkpoints() == []
    assert [name for name in set_aside(path) if name.endswith("-wal")]


def test_two_damaged_files_in_one_second_are_both_kept(path):
    for content in (b"first", b"second"):
        path.write_bytes(content)
        Store.open(path, now=NOW).close()
    assert [path.with_name(name).read_bytes() for name in set_aside(path)] == [b"first", b"second"]


def test_a_file_of_a_newer_walert_is_refused_and_left_alone(path):
    filled(path)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA user_version = {schema.VERSION + 5}")
    before = path.read_bytes()
    for opening in (lambda: Store.open(path, now=NOW), lambda: Reader(path), lambda: SqliteOutbox(path).waiting()):
        with pytest.raises(StoreError, match=rf"has version {schema.VERSION + 5}.*Upgrade walert"):
            opening()
    assert path.read_bytes() == before
    assert set_aside(path) == []


def test_only_the_daemon_makes_moves_or_migrates(path):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    for opening in (
        lambda: Reader(path),
        lambda: SqliteOutbox(path).waiting(),
        lambda: Store.open(path, now=NOW, read_only=True),
    ):
        with pytest.raises(StoreError, match="of an older walert"):
            opening()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="no state file of walert"):
        Reader(path)
    assert set_aside(path) == []


def test_a_half_made_file_is_finished(path):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
        raw.execute("PRAGMA journal_mode = WAL").fetchall()
        raw.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    filled(path)
    assert set_aside(path) == []


def test_a_folder_in_its_place_is_told(tmp_path):
    with pytest.raises(StoreError, match="cannot be written: Is a directory"):
        Store.open(tmp_path, now=NOW)


def test_a_file_where_a_folder_should_be_is_told(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(StoreError, match=r"cannot be written: .* name another file under `state:`"):
        Store.open(tmp_path / "runs" / "walert.db", now=NOW)


def test_a_store_opened_for_reading_reads_and_refuses_to_write(path):
    filled(path)
    with Store.open(path, now=NOW, read_only=True) as store:
        assert store.checkpoints() == [checkpoint(1)]
        for writing in (lambda: store.commit(Changes(alerts=[(alert(2), ())])), lambda: store.expire(NOW)):
            with pytest.raises(StoreError, match="opened for reading only"):
                writing()


def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(shared):
    told = output_of(AS_SOMEBODY_ELSE, "open", shared / "walert.db") if os.geteuid() == 0 else _as_me(shared, "open")
    assert "cannot be written: Permission denied. Make its folder writable" in told


def test_a_stopped_daemons_file_is_read_from_a_folder_that_cannot_be_written(shared):
    filled(shared / "walert.db")
    (shared / "walert.db").chmod(0o644)
    told = output_of(AS_SOMEBODY_ELSE, "read", shared / "walert.db") if os.geteuid() == 0 else _as_me(shared, "read")
    assert told.strip() == "['alert-1']"


def test_a_file_that_may_not_be_read_is_told(shared):
    filled(shared / "walert.db")
    (shared / "walert.db").chmod(0o000)
    told = output_of(AS_SOMEBODY_ELSE, "read", shared / "walert.db")
    assert "SQLITE_CANTOPEN" in told
    assert "writable" in told


def _as_me(shared, what):
    shared.chmod(0o555)
    return output_of(AS_SOMEBODY_ELSE, what, shared / "walert.db")


def test_a_read_only_file_system_is_told_by_the_daemon_and_read_by_people(shared):
    filled(shared / "walert.db")
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", shared, shared], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only a privileged user can mount")
    try:
        if os.access(shared, os.W_OK):
            pytest.skip("this system's bind mounts are not read-only")
        with pytest.raises(StoreError, match="cannot be written: Read-only file system"):
            Store.open(shared / "walert.db", now=NOW)
        with Reader(shared / "walert.db") as reader:
            assert len(reader.alerts()) == 1
    finally:
        subprocess.run(["umount", shared], check=True)


def test_a_pipe_in_the_state_files_place_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "walert.db")
    with pytest.raises(StoreError, match=r"walert\.db is no plain file\. Name another file under `state:`"):
        Store.open(tmp_path / "walert.db", now=NOW)
