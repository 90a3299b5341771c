"""Several alerts in one message, and several messages that go as one: nothing in them is lost, whoever dies."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace

from store_values import NOW, Again, GivenUp, alert, checkpoint

from walert.model import MAX_SHOWN, AlertLevel, Delivered, Permanent, Temporary, Terms
from walert.store import schema
from walert.store.codec import alert_to_builtins, pack
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.store import Changes, Store
from walert.store.values import Firing, Parcel


def one(n, level="ERROR", **changes):
    return replace(alert(n), level=AlertLevel(level), **changes)


def put(store, *alerts, parcels=None, **changes):
    told = [(each, ("me",)) for each in alerts]
    return store.commit(Changes(at=NOW, alerts=told, parcels=parcels, **changes))


def collected(store, *alerts, collect="backlog", hold=0.0):
    return put(store, *alerts, parcels=[Parcel("me", (each.id,), collect, hold) for each in alerts])


def lease(outbox, now=NOW, terms=None, limit=1):
    return outbox.lease("me", now, "w1", 60.0, limit, terms or Terms())


def messages_of(store, alert_id):
    with Reader(store.path) as reader:
        row = reader.alert(alert_id)
        assert row is not None
        return [(message.id, message.state, message.alerts, message.bundle) for message in row.messages]


def test_a_row_carries_several_alerts_and_each_knows_its_message(store, outbox):
    worst, other = one(1), one(2, "INFO", title="Other")
    (id_,) = put(store, worst, other, parcels=[Parcel("me", ("alert-1", "alert-2"))])
    (message,) = lease(outbox)
    assert (message.id, message.alerts, message.digest) == (id_, (worst, other), None)
    assert messages_of(store, "alert-1") == messages_of(store, "alert-2") == [(id_, "waiting", 2, None)]
    outbox.settle(id_, Delivered(), None, NOW)
    assert messages_of(store, "alert-2") == [(id_, "delivered", 2, None)]


def test_an_alert_that_is_known_is_not_carried_again(store, outbox):
    put(store, one(1), parcels=[Parcel("me", ("alert-1",))])
    (id_,) = put(store, one(1), one(2), parcels=[Parcel("me", ("alert-1", "alert-2"))])
    assert [row.id for row in outbox.list()] == [1, id_]
    assert [m.alerts for m in lease(outbox, limit=5)] == [(one(1),), (one(2),)]


def test_more_than_can_be_shown_are_counted_by_title(store, outbox):
    alerts = [one(n, "INFO" if n else "ERROR", title=f"T{n % 3}") for n in range(MAX_SHOWN + 10)]
    put(store, *alerts, parcels=[Parcel("me", tuple(each.id for each in alerts))])
    (message,) = lease(outbox)
    assert len(message.alerts) == MAX_SHOWN
    assert message.alert == alerts[0]
    assert message.digest.why == "moment" and message.digest.total == 30
    assert [(t.title, t.level, t.count) for t in message.digest.tallies] == [
        ("T0", "ERROR", 10), ("T1", "INFO", 10), ("T2", "INFO", 10)
    ]  # fmt: skip


def test_the_highest_level_goes_first_and_of_one_level_the_oldest(store, outbox):
    for n, level in enumerate(("INFO", "WARN", "ERROR", "INFO", "ERROR")):
        put(store, one(n, level))
    assert [message.alert.id for message in lease(outbox, limit=9)] == [f"alert-{n}" for n in (2, 4, 1, 0, 3)]


def test_collected_rows_go_as_one_digest_and_are_settled_together(store, outbox):
    ids = collected(store, one(1), one(2, "INFO"), one(3, title="Other"))
    (message,) = lease(outbox)
    assert (message.id, message.digest.why, message.digest.total, message.tries) == (ids[0], "backlog", 3, 1)
    assert lease(outbox) == []
    outbox.settle(message.id, Temporary("timeout"), Again(NOW + 30), NOW)
    assert outbox.next_due("me") == NOW + 30
    (again,) = lease(outbox, NOW + 30)
    assert (again.digest.total, again.tries) == (3, 2)
    outbox.settle(again.id, Delivered(), None, NOW + 31)
    assert [row.state for row in outbox.list(("delivered",))] == ["delivered"] * 3
    assert messages_of(store, "alert-3") == [(ids[2], "delivered", 1, ids[0])]


def test_a_digest_that_was_in_flight_when_its_holder_died_is_sent_again_whole(store, outbox):
    collected(store, one(1), one(2))
    lease(outbox)
    assert outbox.take_back() == 2
    collected(store, one(3))
    (message,) = lease(outbox, NOW + 1)
    assert message.digest.total == 3


def test_a_digest_that_is_refused_is_dead_with_all_that_it_tells(store, outbox):
    ids = collected(store, one(1), one(2))
    (message,) = lease(outbox)
    outbox.settle(message.id, Permanent("404"), GivenUp("404"), NOW)
    assert [(row.id, row.reason) for row in outbox.list(("dead",))] == [(id_, "404") for id_ in ids]


def test_a_row_that_goes_alone_after_a_digest_failed_settles_no_other(store, outbox):
    ids = collected(store, one(1), one(2))
    (message,) = lease(outbox)
    outbox.settle(message.id, Temporary("timeout"), Again(NOW), NOW)
    (alone,) = lease(outbox, terms=Terms(digests=False))
    assert (alone.id, alone.alerts) == (ids[0], (one(1),))
    outbox.settle(alone.id, Delivered(), None, NOW)
    assert [row.id for row in outbox.list(("waiting",))] == [ids[1]]


def test_floods_of_two_runs_are_two_digests(store, outbox):
    for run, first in (("a", 10), ("b", 20)):
        collected(store, *(one(first + n) for n in range(3)), collect=f"flood {run}", hold=NOW + 60)
    assert lease(outbox, NOW + 59) == []
    assert [message.digest.total for message in lease(outbox, NOW + 60, limit=5)] == [3, 3]


def test_a_flood_does_not_wait_for_the_minute_when_the_daemon_ends(store, outbox):
    collected(store, one(1), one(2), collect="flood a", hold=NOW + 60)
    collected(store, one(3), hold=NOW + 60)
    assert store.let_floods_go() == {"me"}
    (message,) = lease(outbox, NOW + 1, limit=5)
    assert (message.digest.why, message.digest.total) == ("flood", 2)


def test_the_end_of_an_episode_goes_with_the_flood_behind_which_it_was_put_off(store, outbox):
    collected(store, one(1, title="T", at=NOW), collect="flood a", hold=NOW + 60)
    put(store, one(2, title="T", kind="resolved", at=NOW + 1))
    assert lease(outbox, NOW + 2, limit=5) == []
    assert store.let_floods_go() == {"me"}
    (firing,) = lease(outbox, NOW + 3)
    outbox.settle(firing.id, Delivered(), None, NOW + 3)
    (over,) = lease(outbox, NOW + 4)
    assert (firing.alert.kind, over.alert.kind) == ("firing", "resolved")


def test_one_collected_alone_is_a_plain_message(store, outbox):
    collected(store, one(1))
    (message,) = lease(outbox)
    assert (message.alerts, message.digest) == ((one(1),), None)


def test_of_a_backlog_an_error_that_still_fires_goes_alone_and_the_rest_as_one(store, outbox):
    still = [Firing("s", "r", alert(1).run.id, "Still", "ERROR", None)]
    store.commit(replace(Changes(at=NOW), checkpoint=checkpoint(1), firing=still))
    alerts = [
        one(1, title="Still"),
        one(2, title="Still", kind="repeat", at=NOW + 1),
        one(3, title="Over"),
        one(4, "WARN"),
    ]
    collected(store, *alerts, hold=NOW + 3_000)
    assert lease(outbox, NOW + 5) == []
    assert store.let_errors_go(alert(1).run.id) == {"me"}
    (first,) = lease(outbox, NOW + 5, limit=5)
    assert (first.alert.id, first.digest) == ("alert-2", None)
    assert store.let_go() == {"me"}
    (rest,) = lease(outbox, NOW + 5)
    assert {each.id for each in rest.alerts} == {"alert-1", "alert-3", "alert-4"}


def test_without_digests_everything_collected_goes_by_itself_at_once(store, outbox):
    collected(store, one(1), one(2), hold=NOW + 3_000)
    store.let_go_singly()
    assert [m.alert.id for m in lease(outbox, terms=Terms(digests=False), limit=5)] == ["alert-1", "alert-2"]


# --- quiet hours


def test_in_quiet_hours_only_what_passes_is_due(store, outbox):
    put(store, one(1, "WARN"))
    put(store, one(2))
    assert [m.alert.id for m in lease(outbox, terms=Terms(least=3), limit=5)] == ["alert-2"]
    assert outbox.next_due("me", None, 99) is None


def test_after_quiet_hours_what_was_held_goes_as_one_and_what_passes_alone(store, outbox):
    put(store, one(1, "WARN"))
    put(store, one(2))
    put(store, one(3, "INFO"))
    put(store, one(4, "WARN", at=NOW + 50))
    messages = lease(outbox, NOW + 60, Terms(held=(NOW - 10, NOW + 10), passing=3), limit=5)
    assert [(m.alert.id, m.digest.why if m.digest else None) for m in messages] == [
        ("alert-2", None), ("alert-1", "quiet"), ("alert-4", None)
    ]  # fmt: skip
    assert messages[1].digest.total == 2


# --- the end of an episode


def over(n, kind="resolved", at=NOW + 5, **changes):
    return one(n, kind=kind, at=at, **changes)


def test_a_resolved_message_waits_behind_its_firing_one(store, outbox):
    (fired,) = put(store, one(1))
    put(store, over(2))
    lease(outbox)
    outbox.settle(fired, Temporary("timeout"), Again(NOW + 100), NOW + 10)
    assert lease(outbox, NOW + 20) == []
    assert [m.alert.id for m in lease(outbox, NOW + 100, limit=5)] == ["alert-1"]
    outbox.settle(fired, Delivered(), None, NOW + 101)
    assert [m.alert.kind for m in lease(outbox, NOW + 101, limit=5)] == ["resolved"]


def test_a_resolved_message_goes_nowhere_when_its_firing_one_did_not_arrive(store, outbox):
    (fired,) = put(store, one(1))
    (ended,) = put(store, over(2))
    put(store, one(3, "INFO", title="Behind", at=NOW + 6))
    lease(outbox)
    outbox.settle(fired, Permanent("404"), GivenUp("404"), NOW + 10)
    assert [m.alert.id for m in lease(outbox, NOW + 20)] == ["alert-3"]
    (row,) = outbox.list(("dropped",))
    assert (row.id, row.reason) == (ended, "its firing message was not delivered")


def test_a_repeat_that_arrived_makes_its_resolved_message_welcome(store, outbox):
    (fired,) = put(store, one(1))
    put(store, one(2, kind="repeat", at=NOW + 1))
    lease(outbox)
    outbox.settle(fired, Permanent("404"), GivenUp("404"), NOW)
    (again,) = lease(outbox)
    outbox.settle(again.id, Delivered(), None, NOW + 1)
    put(store, over(3))
    assert [m.alert.kind for m in lease(outbox, NOW + 20)] == ["resolved"]


def test_the_end_of_an_episode_told_long_ago_is_told(store, outbox):
    put(store, over(2))
    assert [m.alert.kind for m in lease(outbox, NOW + 20)] == ["resolved"]


def test_in_one_digest_firing_and_resolved_do_not_wait_for_each_other(store, outbox):
    collected(store, one(1), over(2))
    (message,) = lease(outbox)
    assert {each.kind for each in message.alerts} == {"firing", "resolved"}


def test_an_end_whose_firing_is_queued_behind_it_comes_after_it(store, outbox):
    put(store, one(1, "INFO"))
    put(store, over(2))  # a higher level: it would overtake
    assert [m.alert.kind for m in lease(outbox, NOW + 20)] == ["firing"]
    assert lease(outbox, NOW + 20) == []
    outbox.settle(1, Delivered(), None, NOW + 20)
    assert [m.alert.kind for m in lease(outbox, NOW + 22)] == ["resolved"]


def test_a_state_file_of_before_keeps_its_messages_with_the_level_of_their_alerts(tmp_path):
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as old:
        schema.migrate(old, schema.MIGRATIONS[:2])
        for n, level in enumerate(("INFO", "ERROR")):
            row = (f"alert-{n}", "run-1", "firing", "T", level, NOW, pack(alert_to_builtins(one(n, level))))
            old.execute(
                "INSERT INTO alert (id, run_id, kind, title, level, at, body) VALUES (?, ?, ?, ?, ?, ?, ?)", row
            )
            message = (f"alert-{n}", "me", "firing", NOW, NOW)
            old.execute("INSERT INTO message (alert_id, receiver, kind, born, touched) VALUES (?, ?, ?, ?, ?)", message)
    with Store.open(path, now=NOW) as store, SqliteOutbox(path) as outbox:
        assert [m.alerts for m in lease(outbox, limit=5)] == [(one(1),), (one(0, "INFO"),)]
        assert messages_of(store, "alert-1") == [(2, "waiting", 1, None)]
