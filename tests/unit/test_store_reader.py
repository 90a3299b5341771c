"""People read one consistent moment, with field names that stay, and are told plainly when there is nothing to read."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace

import pytest
from store_values import RUN, alert, checkpoint, one_pass

from walert.errors import StoreError
from walert.model import Permanent, Run
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.silences import Silences
from walert.store.store import Changes, Firing, RunState, Store, StreamState


class GivenUp:
    reason = "the token was refused"


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "walert.db", now=1_000.0) as opened:
        yield opened


@pytest.fixture
def reader(store):
    with Reader(store.path) as opened:
        yield opened


def test_the_status_of_an_empty_store_is_empty(reader):
    status = reader.status()
    assert (status.streams, status.gone, status.runs, status.firing, status.updated) == (0, 0, {}, (), None)
    assert (status.receivers, status.silences, status.counters, status.facts) == ((), (), {}, {})


def test_status_tells_what_is_followed_what_fires_and_what_waits(store, reader):
    firing = Firing("s", "a.yaml:3", RUN.id, "Low accuracy", "WARN", 990.0, {"acc": 0.5}, "acc < 0.8")
    store.commit(replace(one_pass(1, ("me", "ml-team")), firing=[firing], facts={"sweep_only": True}))
    store.commit(Changes(run_states={RUN.id: RunState("running", 900.0)}))
    with SqliteOutbox(store.path) as outbox:
        (message,) = outbox.lease("me", 1_100.0, "w", 60.0, 1)
        outbox.settle(message.id, Permanent("401"), GivenUp(), 1_101.0)
    status = reader.status()
    assert (status.streams, status.runs, status.firing) == (1, {"running": 1}, (firing,))
    assert (status.counters, status.facts, status.updated) == ({"passes": 1}, {"sweep_only": True}, 1_101.0)
    told = [(one.receiver, one.waiting, one.dead, one.delivered, one.reason) for one in status.receivers]
    assert told == [("me", 0, 1, 0, "the token was refused"), ("ml-team", 1, 0, 0, None)]


def test_a_fact_of_none_is_gone_from_the_status(store, reader):
    store.commit(Changes(facts={"sweep_only": True, "blind": ["Low"]}))
    store.commit(Changes(facts={"sweep_only": None}))
    assert reader.status().facts == {"blind": ["Low"]}


def test_runs_come_most_recently_seen_first_with_their_present_state(store, reader):
    store.commit(one_pass(1))
    state = StreamState(Run("run-2", "second"), None, None, "c", 1.0)
    store.commit(Changes(at=5_000.0, checkpoint=checkpoint(1, "t"), stream_state=state))
    store.commit(Changes(run_states={"run-2": RunState("failed", 4_000.0)}))
    second, first = reader.runs()
    assert (second.id, second.name, second.state, second.since, second.last_seen) == (
        "run-2",
        "second",
        "failed",
        4_000.0,
        5_000.0,
    )
    assert (first.id, first.tags, first.host, first.attempt, first.streams) == (RUN.id, RUN.tags, RUN.host, 2, 1)


def test_streams_tell_how_far_each_log_was_read(store, reader):
    store.commit(one_pass(3))
    (stream,) = reader.streams()
    assert (stream.path, stream.run, stream.offset, stream.line, stream.seen) == (
        "/runs/s.jsonl",
        RUN.id,
        300,
        3,
        1_003.0,
    )


def test_alerts_since_a_time_come_oldest_first_with_their_messages(store, reader):
    for n in range(1, 6):
        store.commit(one_pass(n))
    assert [row.alert.id for row in reader.alerts(1_003.0)] == ["alert-3", "alert-4", "alert-5"]
    assert [row.alert.id for row in reader.alerts(limit=2)] == ["alert-4", "alert-5"]
    assert [message.state for message in reader.alerts(1_005.0)[0].messages] == ["waiting"]
    assert reader.alerts(run_id="nobody") == []
    assert reader.alert("alert-2").alert.step == 2.0
    assert reader.alert("nobody") is None


def test_one_damaged_alert_does_not_hide_the_others(store, reader):
    store.commit(one_pass(1))
    store.commit(one_pass(2))
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("UPDATE alert SET body = x'80' WHERE id = 'alert-1'")
        raw.commit()
    assert [row.alert.id for row in reader.alerts()] == ["alert-2"]
    assert [row.alert for row in reader.outbox()] == ["alert-1", "alert-2"]


def test_happenings_are_followed_by_their_sequence(store, reader):
    for n in range(1, 4):
        store.commit(one_pass(n))
    assert reader.last_seq() == 3
    assert [row.payload for row in reader.happenings(1)] == [{"n": 2}, {"n": 3}]
    assert [row.seq for row in reader.happenings(limit=2)] == [1, 2]
    store.commit(Changes(happenings=[("reload", 2_000.0, "", {"files": 3})]))
    assert [(row.seq, row.kind, row.at) for row in reader.happenings(3)] == [(4, "reload", 2_000.0)]
    assert [row.seq for row in reader.happenings(run_id=RUN.id, kinds=["firing", "closed"])] == [1, 2, 3]
    assert reader.happenings(run_id=RUN.id, kinds=["reload"]) == []


def test_numbers_that_json_cannot_spell_are_strings_in_happenings(store, reader):
    values = {"a": float("nan"), "b": [float("inf")], "c": {"d": float("-inf")}, "e": 0.5}
    store.commit(Changes(happenings=[("firing", 1.0, "run-1", {"values": values})]))
    assert reader.happenings()[0].payload == {
        "values": {"a": "NaN", "b": ["Infinity"], "c": {"d": "-Infinity"}, "e": 0.5}
    }


def test_every_row_becomes_json(store, reader):
    store.commit(one_pass(1))
    rows = [
        *reader.runs(),
        *reader.streams(),
        *reader.alerts(),
        *reader.outbox(),
        *reader.happenings(),
        reader.status(),
    ]
    assert all(json.loads(json.dumps(asdict(row))) for row in rows)


def test_evidence_is_read_by_alert(store, reader):
    store.commit(Changes(alerts=[(alert(1), ())], evidence={"alert-1": {"acc": [0.5]}}))
    assert reader.evidence("alert-1") == {"acc": [0.5]}
    assert reader.evidence("alert-2") is None


def test_a_missing_file_is_told_with_what_to_do(tmp_path):
    with pytest.raises(StoreError, match=r"There is no state file .*none.db. Start walertd"):
        Reader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_silence_is_in_force_between_its_times(store, reader):
    with Silences(store.path) as silences:
        now = silences.add(ends=2_000.0, now=1_000.0, title="Low*", level="WARN", comment="maintenance")
        later = silences.add(starts=1_500.0, ends=2_500.0, now=1_000.0, run="resnet-*")
    assert store.silences(1_200.0) == [now]
    assert store.silences(1_700.0) == [now, later]
    assert store.silences(2_000.0) == [later]
    assert reader.silences(2_100.0) == [later]
    assert reader.status(2_100.0).silences == (later,)


def test_a_silence_is_extended_and_expired(store):
    with Silences(store.path) as silences:
        made = silences.add(ends=2_000.0, now=1_000.0, project="vision")
        assert silences.extend(made.id, 3_000.0, 1_500.0) == replace(made, ends=3_000.0)
        assert silences.expire(made.id, 1_600.0) == replace(made, ends=1_600.0)
        assert silences.expire(made.id, 1_700.0).ends == 1_600.0
        assert silences.list(1_650.0) == []
        assert [one.id for one in silences.list()] == [made.id]


@pytest.mark.parametrize("ends", [900.0, 1_000.0, float("inf"), float("nan")])
def test_a_silence_that_never_ends_or_never_holds_is_refused(store, ends):
    with Silences(store.path) as silences, pytest.raises(ValueError):
        silences.add(ends=ends, now=1_000.0)


def test_an_unknown_silence_is_told(store):
    with Silences(store.path) as silences, pytest.raises(StoreError, match="no silence 7"):
        silences.expire(7, 1_000.0)


def test_what_is_done_to_silences_is_recorded(store, reader):
    with Silences(store.path) as silences:
        silences.extend(silences.add(ends=2_000.0, now=1_000.0).id, 3_000.0, 1_100.0)
    told = [(row.kind, row.at, row.payload["change"], row.payload["ends"]) for row in reader.happenings()]
    assert told == [("silence", 1_000.0, "add", 2_000.0), ("silence", 1_100.0, "extend", 3_000.0)]
