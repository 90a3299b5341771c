"""A message is leased by one, settled by an outcome, and never lost between."""

from __future__ import annotations

import math
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import pytest
from store_values import NOW, Again, GivenUp, alert

from walert.errors import StoreError
from walert.model import Delivered, Permanent, Run, Temporary
from walert.store.outbox import LONGEST_LEASE, LONGEST_WAIT, SqliteOutbox
from walert.store.reader import Reader
from walert.store.store import Changes


def put(store, *numbers, receivers=("me",)):
    return [id_ for n in numbers for id_ in store.commit(Changes(at=NOW, alerts=[(alert(n), receivers)]))]


def leased(outbox, now=NOW, owner="w1", receiver="me", limit=10, seconds=60.0):
    return [message.id for message in outbox.lease(receiver, now, owner, seconds, limit)]


def test_a_leased_message_carries_its_whole_alert(store, outbox):
    (id_,) = put(store, 1)
    (message,) = outbox.lease("me", NOW, "w1", 60.0, 10)
    assert message.alert == alert(1)
    assert (message.id, message.receiver, message.tries, message.born) == (id_, "me", 1, NOW)


def test_messages_come_oldest_first_and_no_more_than_asked_for(store, outbox):
    late = store.commit(Changes(alerts=[(replace(alert(1), at=NOW + 5), ("me",))]))
    early = store.commit(Changes(alerts=[(replace(alert(2), at=NOW - 5), ("me",))]))
    same = put(store, 3, 4)
    assert leased(outbox, limit=3) == early + same
    assert leased(outbox, limit=3) == late


def test_receivers_do_not_share_messages(store, outbox):
    first, second = put(store, 1, receivers=("me", "ml-team"))
    assert leased(outbox, receiver="ml-team") == [second]
    assert leased(outbox, receiver="me") == [first]
    assert leased(outbox, receiver="nobody") == []


def test_what_one_holds_another_does_not_get(store, outbox):
    put(store, 1)
    with SqliteOutbox(store.path) as other:
        assert len(leased(outbox)) == 1
        assert leased(other, owner="w2") == []


def test_a_lease_that_ran_out_is_taken_again_and_counts_another_try(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox, seconds=60.0)
    assert leased(outbox, now=NOW + 59.9, owner="w2") == []
    (message,) = outbox.lease("me", NOW + 60.0, "w2", 60.0, 10)
    assert (message.id, message.tries) == (id_, 2)


def test_a_delivered_message_is_over_and_keeps_the_receivers_reference(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.settle(id_, Delivered("1700.42"), None, NOW + 1)
    assert leased(outbox, now=NOW + 10_000) == []
    (row,) = outbox.list(["delivered"])
    assert (row.id, row.reference, row.due) == (id_, "1700.42", None)


def test_the_next_message_of_a_run_brings_the_receivers_thread_back(store, outbox):
    put(store, 1)
    (first,) = outbox.lease("me", NOW, "w", 60.0, 1)
    outbox.settle(first.id, Delivered("1700.42"), None, NOW + 1)
    store.commit(
        Changes(alerts=[(alert(2, title="Other"), ("me", "you")), (replace(alert(3), run=Run("else", "e")), ("me",))])
    )
    threads = {
        message.alert.title + message.alert.run.id: message.thread
        for message in outbox.lease("me", NOW + 9, "w", 60.0, 10)
    }
    assert first.thread is None and threads == {"Otherrun-1": "1700.42", "Low accuracyelse": None}
    assert [message.thread for message in outbox.lease("you", NOW + 9, "w", 60.0, 10)] == [None]


def test_a_failed_message_and_one_without_a_reference_leave_the_thread_as_it_is(store, outbox):
    put(store, 1)
    (first,) = outbox.lease("me", NOW, "w", 60.0, 1)
    outbox.settle(first.id, Delivered("1700.42"), None, NOW + 1)
    store.commit(Changes(alerts=[(alert(n), ("me",)) for n in (2, 3, 4)]))
    for outcome, verdict in ((Delivered(), None), (Permanent("no"), GivenUp("no"))):
        outbox.settle(outbox.lease("me", NOW + 9, "w", 60.0, 1)[0].id, outcome, verdict, NOW + 9)
    assert outbox.lease("me", NOW + 9, "w", 60.0, 1)[0].thread == "1700.42"


def test_what_a_delivered_message_went_without_is_kept(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.settle(id_, Delivered(note="without its plot: " + "x" * 900), None, NOW + 1)
    (row,) = outbox.list(["delivered"])
    assert row.reason is not None and row.reason.startswith("without its plot: x") and len(row.reason) == 500


def test_a_failed_message_waits_until_its_time(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.settle(id_, Temporary("connection refused"), Again(NOW + 30), NOW + 1)
    assert outbox.next_due("me") == NOW + 30
    assert leased(outbox, now=NOW + 29) == []
    assert leased(outbox, now=NOW + 30) == [id_]


def test_a_message_given_up_is_dead_with_its_reason_and_the_queue_moves(store, outbox):
    dead, behind = put(store, 1, 2)
    leased(outbox, limit=1)
    outbox.settle(dead, Permanent("401"), GivenUp("the token was refused (401)"), NOW + 1)
    assert (outbox.dead(), outbox.waiting()) == (1, 1)
    assert [row.reason for row in outbox.list(["dead"])] == ["the token was refused (401)"]
    assert leased(outbox) == [behind]


def test_a_failure_without_a_verdict_is_refused(store, outbox):
    (id_,) = put(store, 1)
    with pytest.raises(ValueError, match="needs a verdict"):
        outbox.settle(id_, Temporary("timeout"), None, NOW)
    assert outbox.waiting() == 1


def test_an_unknown_message_cannot_be_settled(outbox):
    with pytest.raises(StoreError, match="no message 99"):
        outbox.settle(99, Delivered(), None, NOW)


def test_each_try_is_recorded_with_what_came_of_it(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.settle(id_, Temporary("timeout"), Again(NOW + 5), NOW + 2)
    leased(outbox, now=NOW + 5)
    outbox.settle(id_, Delivered(), None, NOW + 6, seconds=0.25)
    with Reader(store.path) as reader:
        tries = [row.payload for row in reader.happenings(kinds=["try"])]
    told = [(one["status"], one["reason"], one["seconds"], one["tries"], one["state"]) for one in tries]
    assert told == [("temporary", "timeout", 2.0, 1, "waiting"), ("delivered", None, 0.25, 2, "delivered")]
    assert {(one["message"], one["alert"], one["receiver"]) for one in tries} == {(id_, "alert-1", "me")}


def test_a_reason_is_cut_to_a_bounded_length(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.settle(id_, Temporary("x" * 100_000), Again(NOW), NOW)
    assert len(outbox.list()[0].reason) == 500


def test_a_failure_told_by_one_who_lost_the_lease_changes_nothing(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox, owner="w1")
    leased(outbox, owner="w2", now=NOW + 60)
    outbox.settle(id_, Permanent("gone"), GivenUp("gone"), NOW + 61, owner="w1")
    assert (outbox.dead(), outbox.waiting()) == (0, 1)
    outbox.settle(id_, Delivered(), None, NOW + 62, owner="w1")
    assert outbox.waiting() == 0


def test_a_lease_given_back_counts_no_try(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.release([id_], "w2")
    assert leased(outbox) == []
    outbox.release([id_], "w1")
    (message,) = outbox.lease("me", NOW, "w1", 60.0, 1)
    assert message.tries == 1


@pytest.mark.parametrize("at", [NOW + 10 * 365 * 86_400, math.inf, math.nan])
def test_no_message_waits_longer_than_the_longest_wait(store, outbox, at):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.settle(id_, Temporary("later"), Again(at), NOW)
    assert outbox.next_due("me") == NOW + LONGEST_WAIT
    assert leased(outbox, now=NOW + LONGEST_WAIT) == [id_]


@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_that_jumped_years_keeps_no_message_waiting(store, outbox, years):
    waits, held = put(store, 1, 2)
    leased(outbox)
    outbox.settle(waits, Temporary("timeout"), Again(NOW + 30), NOW)
    then = NOW + years * 365 * 86_400
    assert outbox.next_due("me", then) == then
    assert leased(outbox, now=then, owner="w2") == [waits, held]


def test_a_clock_set_back_by_minutes_does_not_delay_a_retry_by_minutes(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.settle(id_, Temporary("timeout"), Again(NOW + 30), NOW)
    assert leased(outbox, now=NOW - 1_200) == [id_]


def test_no_lease_is_longer_than_the_longest(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox, seconds=1e9)
    assert leased(outbox, now=NOW + LONGEST_LEASE, owner="w2") == [id_]


def test_nothing_is_due_for_a_receiver_without_messages(outbox):
    assert outbox.next_due("me") is None
    assert outbox.receivers_waiting() == []


def test_a_held_message_is_due_when_its_lease_ends(store, outbox):
    put(store, 1)
    assert outbox.next_due("me") == 0.0
    leased(outbox, seconds=60.0)
    assert outbox.next_due("me") == NOW + 60
    assert outbox.next_due("me", NOW) == NOW + 60


def test_receivers_that_wait_are_named(store, outbox):
    first, _ = put(store, 1, receivers=("me", "ml-team"))
    assert outbox.receivers_waiting() == ["me", "ml-team"]
    leased(outbox)
    outbox.settle(first, Delivered(), None, NOW)
    assert outbox.receivers_waiting() == ["ml-team"]
    assert (outbox.waiting("me"), outbox.waiting("ml-team"), outbox.waiting()) == (0, 1, 1)


def test_retry_makes_a_dead_message_due_with_its_tries_counted_anew(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    outbox.settle(id_, Permanent("404"), GivenUp("404"), NOW)
    assert outbox.retry(id_, NOW + 5)
    (message,) = outbox.lease("me", NOW + 5, "w1", 60.0, 1)
    assert message.tries == 1
    assert not outbox.retry(99)


def test_retry_leaves_a_delivered_message_and_a_held_lease_alone(store, outbox):
    delivered, held = put(store, 1, 2)
    leased(outbox)
    outbox.settle(delivered, Delivered(), None, NOW)
    assert not outbox.retry(delivered)
    assert outbox.retry(held)
    assert leased(outbox, owner="w2") == []


def test_a_dropped_message_is_never_sent_and_a_failure_does_not_bring_it_back(store, outbox):
    (id_,) = put(store, 1)
    leased(outbox)
    assert outbox.drop(id_, NOW)
    outbox.settle(id_, Temporary("timeout"), Again(NOW), NOW)
    assert leased(outbox, now=NOW + 10_000) == []
    assert [row.id for row in outbox.list(["dropped"])] == [id_]
    assert not outbox.drop(id_)


def test_mending_by_hand_is_recorded(store, outbox):
    (id_,) = put(store, 1)
    outbox.drop(id_, NOW + 1)
    outbox.retry(id_, NOW + 2)
    with Reader(store.path) as reader:
        told = [(row.kind, row.at, row.payload["message"], row.payload["receiver"]) for row in reader.happenings()]
    assert told == [("drop", NOW + 1, id_, "me"), ("retry", NOW + 2, id_, "me")]


def test_a_message_that_cannot_be_read_is_dead_and_the_queue_behind_it_moves(store, outbox):
    poison, behind = put(store, 1, 2)
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("UPDATE alert SET body = x'c1' WHERE id = 'alert-1'")
        raw.commit()
    assert leased(outbox) == [behind]
    assert outbox.dead() == 1
    assert [row.id for row in outbox.list(["dead"])] == [poison]


def test_evidence_is_handed_out_by_alert(store, outbox):
    store.commit(Changes(alerts=[(alert(1), ("me",))], evidence={"alert-1": {"acc": [[1, 0.5]]}}))
    assert outbox.evidence("alert-1") == {"acc": [[1, 0.5]]}
    assert outbox.evidence("alert-2") is None


def test_each_thread_works_on_its_own_and_close_ends_them_all(store):
    put(store, *range(40))
    outbox, taken, lock = SqliteOutbox(store.path), [], threading.Lock()

    def work(name):
        while ids := leased(outbox, owner=name, limit=3):
            with lock:
                taken.extend(ids)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.close()
    assert sorted(taken) == list(range(1, 41))
    with pytest.raises(StoreError, match="closed"):
        outbox.waiting()


def test_an_outbox_never_makes_a_state_file(tmp_path):
    with SqliteOutbox(tmp_path / "none.db") as outbox, pytest.raises(StoreError, match="There is no state file"):
        outbox.waiting()
    assert list(tmp_path.iterdir()) == []
