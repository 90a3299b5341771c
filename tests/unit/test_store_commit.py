"""One commit changes everything it says or nothing at all, and what it changed is there after a restart."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from store_values import RUN, alert, checkpoint, one_pass

from walert.errors import StoreError
from walert.model import Run
from walert.store.reader import Reader
from walert.store.store import Changes, Firing, RunState, Store, StreamState


@pytest.fixture
def path(tmp_path):
    return tmp_path / "walert.db"


@pytest.fixture
def store(path):
    with Store.open(path, now=1_000.0) as opened:
        yield opened


def reopened(store):
    store.close()
    return Store.open(store.path, now=2_000.0)


def test_a_new_store_is_empty(store):
    assert store.notices == []
    assert store.checkpoints() == []
    assert store.load_stream("s") is None
    assert store.cooldowns("run-1") == {}


def test_what_was_committed_is_there_after_a_restart(store):
    changes = one_pass(7)
    assert store.commit(changes) == [1]
    with reopened(store) as again:
        assert again.checkpoints() == [changes.checkpoint]
        assert again.load_stream("s") == changes.stream_state
        assert again.cooldowns(RUN.id) == {"Low accuracy": {"n": 7}}
        assert again.counters() == {"passes": 1}


def test_a_later_pass_replaces_the_state_of_its_stream_only(store):
    other = StreamState(Run("run-2", "other"), {"n": 1}, None, "rules-1", 900.0, {"bindings": {"loss": "train/loss"}})
    store.commit(Changes(at=1.0, checkpoint=checkpoint(1, "t"), stream_state=other))
    for n in range(1, 4):
        store.commit(one_pass(n))
    assert [(one.stream, one.line) for one in store.checkpoints()] == [("s", 3), ("t", 1)]
    assert store.load_stream("t") == other
    assert store.load_stream("s").fold["n"] == 3


def test_a_checkpoint_survives_in_every_bit(store):
    name = b"/runs/\xff\xfe.jsonl".decode("utf-8", "surrogateescape")
    odd = replace(checkpoint(1), path=name, device=2**64 - 1, inode=2**63, birth=None, discarding=True)
    store.commit(Changes(checkpoint=odd))
    assert store.checkpoints() == [odd]


def test_the_same_alert_decided_again_adds_nothing(store):
    assert store.commit(Changes(alerts=[(alert(1), ("ml-team", "me"))])) == [1, 2]
    again = Changes(alerts=[(replace(alert(1), text="said otherwise"), ("ml-team", "me", "boss"))])
    assert store.commit(again) == []
    with Reader(store.path) as reader:
        (row,) = reader.alerts()
    assert row.alert == alert(1)
    assert [message.receiver for message in row.messages] == ["ml-team", "me"]


def test_a_receiver_named_twice_gets_one_message(store):
    assert len(store.commit(Changes(alerts=[(alert(1), ("me", "me"))]))) == 1


def test_an_alert_without_receivers_is_listed_with_its_verdict(store):
    assert store.commit(Changes(alerts=[(alert(1), ())], verdicts={"alert-1": ("history", "over an hour old")})) == []
    with Reader(store.path) as reader:
        (row,) = reader.alerts()
    assert (row.verdict, row.why, row.messages) == ("history", "over an hour old", ())


def test_a_verdict_may_come_after_its_alert(store):
    store.commit(Changes(alerts=[(alert(1), ("me",))]))
    store.commit(Changes(verdicts={"alert-1": ("granted", "no message within 5m")}))
    with Reader(store.path) as reader:
        assert reader.alerts()[0].verdict == "granted"


def test_a_cooldown_of_none_deletes_the_key(store):
    store.commit(Changes(cooldowns={("run-1", "A"): {"at": 1.0}, ("run-1", "B"): {"at": 2.0}}))
    store.commit(Changes(cooldowns={("run-1", "A"): None}))
    assert store.cooldowns("run-1") == {"B": {"at": 2.0}}


def test_a_title_that_is_not_unicode_is_a_key_like_any_other(store):
    store.commit(Changes(cooldowns={("run-\udcff", "half \ud83d"): {"at": 1.0}}))
    assert store.cooldowns("run-\udcff") == {"half \ud83d": {"at": 1.0}}


def test_counters_add_up(store):
    store.commit(Changes(counters={"bad_lines": 2, "lost_bytes": 10}))
    store.commit(Changes(counters={"bad_lines": 3}))
    assert store.counters() == {"bad_lines": 5, "lost_bytes": 10}


def test_what_fires_is_kept_per_file_and_asked_per_run(store):
    first = Firing("s", "a.yaml:3", "run-1", "Low", "WARN", 5.0, {"acc": 0.5}, "acc < 0.8")
    second = replace(first, stream="t", since=None)
    store.commit(Changes(checkpoint=checkpoint(1, "s"), firing=[first]))
    store.commit(Changes(checkpoint=checkpoint(1, "t"), firing=[second]))
    assert store.firing("run-1") == [first, second]
    store.commit(Changes(checkpoint=checkpoint(2, "s"), firing=[]))
    assert store.firing("run-1") == [second]
    store.commit(Changes(checkpoint=checkpoint(2, "t"), firing=None))
    assert store.firing("run-1") == [second]


def test_forgetting_a_stream_takes_all_that_hangs_on_it(store):
    store.commit(one_pass(1))
    firing = [Firing("s", "r", RUN.id, "Low", "WARN", None)]
    store.commit(Changes(checkpoint=checkpoint(1), firing=firing, landmarks=[("s", 1, 0)]))
    store.commit(Changes(forget=["s", "never known"]))
    assert store.checkpoints() == []
    assert store.load_stream("s") is None
    assert store.firing(RUN.id) == []
    assert store.landmark("s", 10) is None
    assert store.cooldowns(RUN.id) == {"Low accuracy": {"n": 1}}


def test_the_nearest_landmark_at_or_before_a_line_is_found(store):
    store.commit(Changes(checkpoint=checkpoint(1), landmarks=[("s", 1, 0), ("s", 5_000, 2**20), ("s", 9_000, 2**21)]))
    assert store.landmark("s", 8_999) == (5_000, 2**20)
    assert store.landmark("s", 9_000) == (9_000, 2**21)
    assert store.landmark("s", 0) is None


def test_run_states_survive_and_later_passes_leave_them_alone(store):
    state = RunState("stalled", 950.0, {"pid": 12, "gap": float("inf")})
    store.commit(Changes(run=RUN, run_states={RUN.id: state}))
    store.commit(one_pass(1))
    assert store.run_states() == {RUN.id: state}


def test_rule_snapshots_are_kept_by_content(store):
    store.commit(Changes(rulesets={"c1": [{"title": "A"}]}))
    assert store.ruleset("c1") == [{"title": "A"}]
    assert store.ruleset("c2") is None


@pytest.mark.parametrize(
    "contradiction",
    [
        Changes(stream_state=StreamState(RUN, None, None, "c", 1.0), counters={"n": 1}),
        Changes(checkpoint=checkpoint(9), firing=[Firing("t", "r", "run-1", "A", "WARN", None)], counters={"n": 1}),
        Changes(checkpoint=checkpoint(9), run_states={"nobody": RunState("running", 1.0)}, counters={"n": 1}),
    ],
    ids=["a state without a checkpoint", "a firing of another stream", "a state of an unknown run"],
)
def test_changes_that_contradict_each_other_change_nothing(store, contradiction):
    store.commit(one_pass(1))
    with pytest.raises(ValueError):
        store.commit(contradiction)
    assert store.checkpoints() == [checkpoint(1)]
    assert store.counters() == {"passes": 1}


def test_a_value_that_cannot_be_stored_changes_nothing(store):
    store.commit(one_pass(1))
    bad = replace(one_pass(2), cooldowns={(RUN.id, "Low accuracy"): {"n": object()}})
    with pytest.raises(TypeError, match="only builtins"):
        store.commit(bad)
    assert store.checkpoints() == [checkpoint(1)]
    assert store.load_stream("s").fold["n"] == 1
    assert store.commit(one_pass(2)) == [2]


def test_evidence_of_an_unknown_alert_is_refused_and_changes_nothing(store):
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.commit(Changes(checkpoint=checkpoint(1), evidence={"nobody": [1]}))
    assert store.checkpoints() == []


def test_a_damaged_state_is_a_store_error_and_other_streams_load(store, path):
    store.commit(one_pass(1))
    store.commit(replace(one_pass(2), checkpoint=checkpoint(2, "t")))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE instance SET fold = x'c1' WHERE stream = 's'")
        raw.commit()
    with pytest.raises(StoreError, match="damaged"):
        store.load_stream("s")
    assert store.load_stream("t").fold["n"] == 2


def test_an_older_pass_after_the_clock_went_back_is_committed_like_any_other(store):
    store.commit(one_pass(1))
    store.commit(replace(one_pass(2), at=-5e8))
    assert store.checkpoints() == [checkpoint(2)]


def test_hostile_text_is_text(store):
    title = "'); DROP TABLE alert; --\x00\n<@U1>"
    store.commit(
        Changes(alerts=[(replace(alert(1), title=title, text=title), (title,))], cooldowns={(title, title): 1})
    )
    assert store.cooldowns(title) == {title: 1}
    with Reader(store.path) as reader:
        (row,) = reader.alerts()
    assert (row.alert.title, row.messages[0].receiver, row.messages[0].title) == (title, title, title)


def test_what_is_added_counts_for_others_only_when_it_is_settled(store):
    for n in range(1, 4):
        store.add(one_pass(n))
    assert store.load_stream("s").fold["n"] == 3
    with Reader(store.path) as reader:
        assert reader.status().streams == 0
    store.settle()
    with Reader(store.path) as reader:
        assert reader.status().streams == 1
    assert store.counters() == {"passes": 3}


def test_what_is_abandoned_never_was(store):
    store.commit(one_pass(1))
    store.add(one_pass(2))
    store.abandon()
    store.settle()
    assert store.load_stream("s").fold["n"] == 1
    store.commit(one_pass(3))
    assert store.load_stream("s").fold["n"] == 3


def test_one_bad_change_takes_back_all_that_was_added_with_it(store):
    store.add(one_pass(1))
    with pytest.raises(TypeError):
        store.add(replace(one_pass(2), cooldowns={("run-1", "x"): object()}))
    store.settle()
    assert store.checkpoints() == [] and store.counters() == {}
