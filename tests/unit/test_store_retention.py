"""What is past its time goes, in bounded steps; what is open or not delivered stays."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from store_values import RUN, alert, checkpoint, one_pass

from walert.model import Delivered, Permanent
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.retention import BATCH, DAY, MOST_GONE
from walert.store.silences import Silences
from walert.store.store import Changes, Firing, RunState, Store

NOW = 200 * DAY


class GivenUp:
    reason = "404"


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "walert.db", now=NOW) as opened:
        yield opened


def old_alert(store, n, days, receivers=(), **changes):
    store.commit(Changes(at=NOW - days * DAY, alerts=[(alert(n, at=NOW - days * DAY), receivers)], **changes))


def alert_ids(store):
    with Reader(store.path) as reader:
        return [row.alert.id for row in reader.alerts()]


def test_happenings_go_after_thirty_days_and_their_numbers_are_not_used_again(store):
    store.commit(Changes(happenings=[("firing", NOW - days * DAY, "r", {}) for days in (31, 30.5, 29)]))
    assert store.expire(NOW).happenings == 2
    store.expire(NOW + 2 * DAY)
    store.commit(Changes(happenings=[("firing", NOW, "r", {})]))
    with Reader(store.path) as reader:
        assert [row.seq for row in reader.happenings()] == [4]


def test_alerts_go_after_ninety_days(store):
    old_alert(store, 1, 91)
    old_alert(store, 2, 89)
    assert store.expire(NOW).alerts == 1
    assert alert_ids(store) == ["alert-2"]


def test_an_alert_that_is_not_delivered_stays_whatever_its_age(store):
    old_alert(store, 1, 150, ("waits",))
    old_alert(store, 2, 150, ("is-dead",))
    old_alert(store, 3, 150, ("is-delivered",))
    old_alert(store, 4, 150, ("is-dropped",))
    with SqliteOutbox(store.path) as outbox:
        outbox.settle(2, Permanent("404"), GivenUp(), NOW)
        outbox.settle(3, Delivered(), None, NOW)
        outbox.drop(4)
    assert store.expire(NOW).alerts == 2
    assert alert_ids(store) == ["alert-1", "alert-2"]


def test_an_alert_whose_rule_still_fires_stays_until_it_does_not(store):
    firing = [Firing("s", "rule", RUN.id, "Low accuracy", "WARN", 1.0)]
    old_alert(store, 1, 150, checkpoint=checkpoint(1), firing=firing)
    assert store.expire(NOW).alerts == 0
    store.commit(Changes(at=NOW, checkpoint=checkpoint(2), firing=[]))
    assert store.expire(NOW).alerts == 1


def test_evidence_goes_after_thirty_days_and_its_alert_stays(store):
    old_alert(store, 1, 31, evidence={"alert-1": [1, 2]})
    old_alert(store, 2, 31, ("waits",), evidence={"alert-2": [1, 2]})
    assert store.expire(NOW).evidence == 1
    with Reader(store.path) as reader:
        assert (reader.evidence("alert-1"), reader.evidence("alert-2")) == (None, [1, 2])
    assert alert_ids(store) == ["alert-1", "alert-2"]


def test_a_stream_goes_thirty_days_after_its_file_was_first_missed(store):
    store.commit(one_pass(1))
    store.commit(replace(one_pass(1), checkpoint=checkpoint(1, "t")))
    assert store.expire(NOW, live=["t"]).streams == 0
    assert store.expire(NOW + 29 * DAY, live=["t"]).streams == 0
    assert store.expire(NOW + 31 * DAY, live=["t"]).streams == 1
    assert [one.stream for one in store.checkpoints()] == ["t"]


def test_a_stream_whose_file_came_back_is_not_counted_down(store):
    store.commit(one_pass(1))
    store.expire(NOW, live=[])
    store.expire(NOW + 20 * DAY, live=["s"])
    store.expire(NOW + 40 * DAY, live=[])
    assert store.expire(NOW + 60 * DAY, live=[]).streams == 0
    assert store.expire(NOW + 71 * DAY, live=[]).streams == 1


def test_a_stream_that_was_read_again_is_not_counted_down(store):
    store.commit(one_pass(1))
    store.expire(NOW, live=[])
    store.commit(one_pass(2))
    with Reader(store.path) as reader:
        assert reader.streams()[0].gone_since is None


def test_of_many_vanished_streams_those_gone_longest_go_first_and_early(store):
    store.commit(one_pass(1))
    with closing(sqlite3.connect(store.path)) as raw, raw:
        columns = "path, device, inode, birth, head, head_length, mark, offset, line, discarding, seen"
        raw.execute(
            f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_GONE + 50})
            INSERT INTO checkpoint (stream, {columns}, gone_since)
            SELECT 'gone-' || i, {columns}, {NOW} - i FROM checkpoint, n WHERE stream = 's'"""
        )
    rounds = [store.expire(NOW, live=["s"]), store.expire(NOW, live=["s"])]
    assert [one.streams for one in rounds] == [50, 0]
    left = {one.stream for one in store.checkpoints()}
    assert len(left) == MOST_GONE + 1 and {"s", "gone-1"} <= left and f"gone-{MOST_GONE + 1}" not in left


def test_many_files_that_vanish_at_once_are_noted_in_several_calls(store):
    for n in range(BATCH + 5):
        store.add(replace(one_pass(1), checkpoint=checkpoint(1, f"s{n}")))
    store.settle()
    assert [store.expire(NOW, live=[]).more for _ in range(2)] == [True, False]
    assert store.expire(NOW + 31 * DAY, live=[]).streams == BATCH


def test_without_knowing_the_live_ones_no_stream_goes(store):
    store.commit(one_pass(1))
    store.expire(NOW)
    store.expire(NOW + 1_000 * DAY)
    assert len(store.checkpoints()) == 1


def test_a_missing_file_noted_before_the_clock_went_back_is_noted_anew(store):
    store.commit(one_pass(1))
    store.expire(NOW + 3_650 * DAY, live=[])
    store.expire(NOW, live=[])
    assert store.expire(NOW + 29 * DAY, live=[]).streams == 0
    assert store.expire(NOW + 31 * DAY, live=[]).streams == 1


def test_what_no_stream_needs_any_more_goes_in_the_end(store):
    store.commit(
        replace(
            one_pass(1), rulesets={"rules-1": ["a"], "rules-2": ["b"]}, run_states={RUN.id: RunState("failed", 1.0)}
        )
    )
    with Silences(store.path) as silences:
        silences.add(ends=2_000.0, now=1_000.0)
    with SqliteOutbox(store.path) as outbox:
        outbox.drop(1)
    store.expire(NOW, live=["s"])
    assert (store.cooldowns(RUN.id) != {}, store.ruleset("rules-1"), store.ruleset("rules-2")) == (True, ["a"], None)
    store.commit(Changes(at=NOW, forget=["s"]))
    store.expire(NOW)
    assert (store.cooldowns(RUN.id), store.run_states(), store.ruleset("rules-1")) == ({}, {}, None)
    with Silences(store.path) as silences:
        assert silences.list() == []


def test_each_call_does_a_bounded_part_and_says_when_there_is_more(store):
    store.commit(Changes(happenings=[("firing", 1.0, "r", {})] * (2 * BATCH + 1)))
    rounds = [store.expire(NOW) for _ in range(3)]
    assert [(one.happenings, one.more) for one in rounds] == [(BATCH, True), (BATCH, True), (1, False)]


def test_space_is_given_back_to_the_file_system(store):
    payload = {"text": "x" * 4_000}
    store.commit(Changes(happenings=[("firing", 1.0, "r", payload)] * 1_500))
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        before = os.stat(store.path).st_size
    for _ in range(20):
        store.expire(NOW)
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert raw.execute("PRAGMA freelist_count").fetchone()[0] == 0
    assert os.stat(store.path).st_size < before / 10
