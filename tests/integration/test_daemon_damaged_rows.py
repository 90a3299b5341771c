"""A row of the state file that cannot be understood costs nothing but a look at its log's bytes, and no other log anything."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from daemons import Home

RULES = "version: 1\nrules:\n  - {title: Mean, when: 'mean(loss, 4) > 2', wait_duration: 0, repeat: always}\n"


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path, RULES)
    for name in ("a.jsonl", "b.jsonl"):
        home.log(name, *({"step": n, "loss": 9.0} for n in range(1, 4)))
    assert home.once().returncode == 0
    return home


def damage(home, statement, *values):
    with contextlib.closing(sqlite3.connect(home.folder / "walert.db")) as raw, raw:
        assert raw.execute(statement, values).rowcount > 0


def go_on(home):
    """One more line of each log, and what comes of it."""
    for name in ("a.jsonl", "b.jsonl"):
        home.log(name, {"step": 4, "loss": 9.0})
    done = home.once()
    assert done.returncode == 0, done.stderr
    return done.stderr, sorted((row["alert"]["run"]["name"], row["alert"]["step"]) for row in home.rows("alerts"))


OF_A = "WHERE stream = (SELECT stream FROM checkpoint WHERE path LIKE '%/a.jsonl')"


@pytest.mark.parametrize("column", ["fold", "decoder", "extra"])
@pytest.mark.parametrize("blob", [b"\xc1", b"\x80", b""])
def test_a_log_whose_state_is_damaged_is_folded_again_from_its_bytes(home, column, blob):
    damage(home, f"UPDATE instance SET {column} = ? {OF_A}", blob)
    said, alerts = go_on(home)
    # The window of four is full at the fourth line only if the first three were folded again.
    assert [step for _, step in alerts] == [4, 4]
    if (column, blob) not in (("decoder", b"\x80"), ("extra", b"\x80")):
        assert said.count("is damaged") == 1 and "made again from its bytes" in said
        assert home.counters()["damaged_states"] == 1


def test_a_run_that_is_damaged_is_known_again_by_its_log(home):
    damage(home, "UPDATE run SET body = x'c1' WHERE name = 'a.jsonl'")
    said, alerts = go_on(home)
    assert [step for _, step in alerts] == [4, 4] and "made again" in said


def test_a_damaged_state_of_a_log_that_is_gone_is_told_and_the_new_log_judged(home):
    damage(home, f"UPDATE instance SET fold = x'c1' {OF_A}")
    (home.runs / "a.jsonl").write_bytes(b"")
    home.log("a.jsonl", *({"step": n, "loss": 9.0} for n in range(1, 5)))
    said, alerts = go_on(home)
    assert sum("a.jsonl" in str(run) for run, _ in alerts) >= 1, said


def test_damaged_cooldowns_begin_anew(home):
    home.rules.write_text(RULES.replace("wait_duration: 0, repeat: always", "wait_duration: 1h"))
    go_on(home)
    damage(home, "UPDATE cooldown SET body = x'c1'")
    said, alerts = go_on(home)
    assert "cooldowns are damaged" in said
    assert len(alerts) >= 2
