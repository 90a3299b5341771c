"""The outbox as a whole: what gives way, and where the messages of a receiver go that is no more."""

from __future__ import annotations

from dataclasses import replace

from store_values import NOW, alert

from walert.model import AlertLevel
from walert.store import mending
from walert.store.connect import writing
from walert.store.reader import Reader
from walert.store.store import Changes
from walert.store.values import Parcel


def put(store, n, level="WARN", receivers=("gone",)):
    return store.commit(Changes(at=NOW, alerts=[(replace(alert(n), level=AlertLevel(level)), receivers)]))


def rows(outbox, *states):
    return [(row.receiver, row.alert, row.state, row.reason) for row in outbox.list(states or ("waiting",))]


def test_what_is_too_much_gives_way_lowest_level_first_then_oldest(store, outbox):
    for n, level in enumerate(("ERROR", "INFO", "WARN", "INFO", "ERROR", "WARN")):
        put(store, n, level)
    with writing(store._connection, store.path) as connection:
        (gave,) = mending.give_way(connection, NOW, most=3)
    assert (gave.receiver, gave.levels, gave.number) == ("gone", {1: 2, 2: 1}, 3)
    assert [alert_id for _, alert_id, _, _ in rows(outbox)] == ["alert-0", "alert-4", "alert-5"]
    assert {reason for *_, reason in rows(outbox, "dropped")} == {
        "gave way: more than 3 messages waited for this receiver"
    }


def test_as_many_as_fit_stay(store):
    put(store, 1)
    assert store.give_way(NOW) == []


def test_messages_of_a_receiver_that_is_no_more_go_to_the_default_ones(store, outbox):
    store.commit(
        Changes(
            at=NOW,
            alerts=[(alert(1), ("gone",)), (alert(2), ("gone",))],
            parcels=[Parcel("gone", ("alert-1", "alert-2"))],
        )
    )
    (moved,) = store.readdress({"a": 1, "b": 1}, ("a", "b"), NOW + 5)
    assert (moved.receiver, moved.number) == ("gone", 1)
    assert [row[0] for row in rows(outbox)] == ["a", "b"]
    (message,) = outbox.lease("a", NOW + 5, "w", 60.0, 1)
    assert message.alerts == (alert(1), alert(2))
    assert rows(outbox, "dropped") == [
        ("gone", "alert-1", "dropped", "gone is no receiver any more: a, b get it instead")
    ]
    assert store.readdress({"a": 1, "b": 1}, ("a", "b"), NOW + 6) == []


def test_nobody_gets_a_message_twice_and_levels_count(store, outbox):
    put(store, 1, "INFO", ("gone", "a"))
    put(store, 2, "INFO")
    store.readdress({"a": 1, "b": 3}, ("a", "b"), NOW)
    assert [row[:2] for row in rows(outbox)] == [("a", "alert-1"), ("a", "alert-2")]
    put(store, 3, "INFO")
    store.readdress({"b": 3}, ("b",), NOW)
    assert ("b", "alert-3") in [row[:2] for row in rows(outbox)]  # rather than nobody


def test_without_a_default_receiver_they_are_dead_and_say_why(store, outbox):
    put(store, 1)
    store.readdress({"a": 1}, (), NOW)
    assert rows(outbox, "dead") == [("gone", "alert-1", "dead", "gone is no receiver any more")]


def test_how_a_receiver_stands(store, outbox):
    put(store, 1, receivers=("a",))
    put(store, 2, receivers=("a",))
    (standing,) = store.standings()
    assert (standing.receiver, standing.waiting, standing.dead, standing.failing) == ("a", 2, 0, 0)
    with Reader(store.path) as reader:
        assert reader.status().receivers[0].waiting == 2
