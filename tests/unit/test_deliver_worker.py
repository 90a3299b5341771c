"""Workers over an outbox in memory and receivers made for the test: order, retries, hangs, reload, drain, stop."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from loopback import HandClock, MemoryOutbox, SystemClock, message

from walert.deliver import Delivery, Limits
from walert.model import Delivered, Message, Outcome, Permanent, Temporary

QUICK = Limits(answer=20.0, sweep=0.05, mend=0.02)


@dataclass
class Plan:
    """A receiver that answers by a plan, one outcome a try, and then delivers."""

    name: str
    outcomes: list[Outcome | BaseException] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    def send(self, message: Message) -> Outcome:
        self.seen.append(message.id)
        self.titles.append(message.alert.title)
        outcome = self.outcomes.pop(0) if self.outcomes else Delivered()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@dataclass
class Gate:
    """A receiver that does not answer until it is opened."""

    name: str
    opened: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    entries: int = 0

    def send(self, message: Message) -> Outcome:
        self.entries += 1
        self.entered.release()
        assert self.opened.wait(30)
        return Delivered()


@contextmanager
def delivering(
    outbox: MemoryOutbox, *receivers, clock=None, limits: Limits = QUICK, random: Callable[[], float] = lambda: 0.0
) -> Iterator[Delivery]:
    delivery = Delivery(
        {each.name: each for each in receivers}, lambda: outbox, clock or SystemClock(), limits=limits, random=random
    )
    delivery.start()
    try:
        yield delivery
    finally:
        for each in receivers:
            if isinstance(each, Gate):
                each.opened.set()
        assert delivery.stop(grace=20.0)


def outbox_of(*messages: Message) -> MemoryOutbox:
    outbox = MemoryOutbox()
    outbox.add(*messages)
    return outbox


def test_messages_arrive_in_the_order_of_the_outbox():
    outbox, receiver = outbox_of(*(message(i) for i in range(1, 6))), Plan("ml-team")
    with delivering(outbox, receiver):
        outbox.until(5, "delivered")
    assert receiver.seen == [1, 2, 3, 4, 5]


def test_a_temporary_failure_is_tried_again_until_it_goes_through():
    outbox, receiver = outbox_of(message()), Plan("ml-team", [Temporary("down"), Temporary("down")])
    with delivering(outbox, receiver):
        row = outbox.until(1, "delivered")
    assert (row.tries, row.reasons) == (3, ["down", "down"])


def test_a_permanent_failure_is_dead_at_once_and_the_queue_behind_it_moves(caplog):
    outbox, receiver = outbox_of(message(1), message(2)), Plan("ml-team", [Permanent("slack:// answered no_service")])
    with delivering(outbox, receiver):
        outbox.until(2, "delivered")
    assert outbox.rows[1].reasons == ["slack:// answered no_service"]
    assert outbox.state(1) == "dead"
    assert "message 1 (alert a1b2c3d4), try 1: dead: slack:// answered no_service" in caplog.text


def test_a_failing_message_does_not_hold_up_the_ones_behind_it():
    outbox = outbox_of(message(1), message(2))
    with delivering(outbox, Plan("ml-team", [Temporary("bad body")]), random=lambda: 0.99, clock=HandClock()):
        outbox.until(2, "delivered")
        assert outbox.state(1) == "waiting"


def test_no_request_goes_out_before_retry_after_is_over():
    clock, receiver = HandClock(), Plan("ml-team", [Temporary("429", retry_after=120.0)])
    outbox = outbox_of(message(1), message(2))
    with delivering(outbox, receiver, clock=clock) as delivery:
        outbox.until(1, "waiting", tries=1)
        assert delivery.drain(clock.monotonic() + 5.0)  # nothing is due: the receiver said when
        clock.turn(119.0)
        delivery.wake()
        assert delivery.drain(clock.monotonic() + 5.0)  # nothing is due: the receiver said when
        assert receiver.seen == [1]
        clock.turn(2.0)
        outbox.until(2, "delivered")
        outbox.until(1, "delivered")


def test_a_hanging_receiver_delays_no_other():
    hanging, healthy = Gate("stuck"), Plan("ml-team")
    outbox = outbox_of(message(1, "stuck"), *(message(i, "ml-team") for i in range(2, 12)))
    with delivering(outbox, hanging, healthy):
        assert hanging.entered.acquire(timeout=20)
        outbox.until(11, "delivered")
        assert outbox.state(1) == "waiting"


def test_a_send_without_an_answer_is_left_behind_and_its_queue_moves():
    hanging = Gate("stuck")
    outbox = outbox_of(message(1, "stuck"), message(2, "stuck"))
    with delivering(outbox, hanging, limits=Limits(answer=0.1, sweep=0.02, mend=0.02)):
        outbox.until(1, "waiting", tries=1)
        hanging.opened.set()
        outbox.until(2, "delivered")
        row = outbox.until(1, "delivered")
    assert row.reasons[0] == "no answer in 0.1 s"


def test_only_so_many_threads_are_left_behind():
    hanging = Gate("stuck")
    outbox = outbox_of(*(message(i, "stuck") for i in range(1, 9)))
    limits = Limits(answer=0.05, abandoned=2, sweep=0.02, mend=0.02)
    with delivering(outbox, hanging, limits=limits) as delivery:
        outbox.until(1, "waiting", tries=2)
        assert not delivery.drain(SystemClock().monotonic() + 0.3)
        assert hanging.entries == 2
        hanging.opened.set()
        outbox.until(8, "delivered")


@pytest.mark.parametrize("error", [ValueError("https://hooks/SECRET"), SystemExit(1), RecursionError()])
def test_a_receiver_that_raises_has_failed_and_its_words_are_not_repeated(error, caplog):
    caplog.set_level(logging.DEBUG)
    outbox = outbox_of(message(1), message(2))
    with delivering(outbox, Plan("ml-team", [error])):
        outbox.until(2, "delivered")
        row = outbox.until(1, "delivered")
    assert row.reasons == [f"walert could not send it ({type(error).__name__})"]
    assert "SECRET" not in caplog.text


def test_a_message_that_takes_the_sender_down_every_time_is_dead_in_the_end():
    outbox = outbox_of(message(1))
    with delivering(outbox, Plan("ml-team", [KeyError("x")] * 9)) as delivery:
        assert delivery.drain(SystemClock().monotonic() + 20)
        row = outbox.until(1, "dead")
    assert row.tries == 5


def test_an_outbox_that_fails_is_asked_again_and_nothing_is_sent_twice(caplog):
    gate, outbox = Gate("ml-team"), outbox_of(message(1), message(2))
    with delivering(outbox, gate):
        assert gate.entered.acquire(timeout=20)
        outbox.broken = OSError("database is locked")
        gate.opened.set()
        outbox.until_refused(3)
        outbox.broken = None
        outbox.until(1, "delivered")
        outbox.until(2, "delivered")
    assert gate.entries == 2
    assert "the outbox cannot be used (OSError: database is locked)" in caplog.text


def test_a_worker_whose_outbox_fails_does_not_count_as_moving():
    clock, outbox = HandClock(), outbox_of()
    outbox.broken = OSError("file is not a database")
    with delivering(outbox, Plan("ml-team"), clock=clock) as delivery:
        outbox.until_refused(1)
        before = delivery.moved()["ml-team"]
        clock.turn(500.0)
        outbox.until_refused(3)
        assert delivery.moved()["ml-team"] == before
        outbox.broken = None
        outbox.add(message(1))
        delivery.wake()
        outbox.until(1, "delivered")
    assert delivery.moved()["ml-team"] == clock.ticks


def test_a_new_url_applies_to_the_next_message():
    old, new = Gate("ml-team"), Plan("ml-team")
    outbox = outbox_of(message(1), message(2))
    with delivering(outbox, old) as delivery:
        assert old.entered.acquire(timeout=20)
        delivery.set_receivers({"ml-team": new})
        old.opened.set()
        outbox.until(2, "delivered")
    assert (old.entries, new.seen) == (1, [2])


def test_a_receiver_that_is_new_starts_and_one_that_is_gone_stops():
    outbox = outbox_of(message(1, "old"))
    with delivering(outbox, Plan("old")) as delivery:
        outbox.until(1, "delivered")
        delivery.set_receivers({"new": Plan("new")})
        outbox.add(message(2, "new"), message(3, "old"))
        delivery.wake(["new", "old", "unheard of"])
        outbox.until(2, "delivered")
        assert delivery.drain(SystemClock().monotonic() + 20)
        assert outbox.state(3) == "waiting"
        assert set(delivery.moved()) == {"new"}


def test_drain_ends_when_everything_due_was_tried():
    outbox = outbox_of(message(1, "a"), message(2, "b"), message(3, "b"))
    failing = Plan("a", [Temporary("down")])
    with delivering(outbox, failing, Plan("b"), random=lambda: 0.99, clock=HandClock()) as delivery:
        assert delivery.drain(HandClock().monotonic() + 20)
        assert [outbox.state(i) for i in (1, 2, 3)] == ["waiting", "delivered", "delivered"]
        assert failing.seen == [1]


def test_drain_tries_a_whole_queue_of_a_dead_receiver_without_rests():
    outbox = outbox_of(*(message(i) for i in range(1, 13)))
    receiver = Plan("ml-team", [Temporary("down")] * 12)
    with delivering(outbox, receiver, random=lambda: 0.99, clock=HandClock()) as delivery:
        assert delivery.drain(HandClock().monotonic() + 20)
    assert sorted(set(receiver.seen)) == list(range(1, 13))


def test_drain_gives_up_at_its_deadline():
    gate, outbox = Gate("ml-team"), outbox_of(message(1))
    with delivering(outbox, gate) as delivery:
        assert not delivery.drain(SystemClock().monotonic() + 0.1)


def test_stop_waits_for_the_message_under_way_and_no_longer_than_its_grace():
    gate, outbox = Gate("ml-team"), outbox_of(message(1), message(2))
    with delivering(outbox, gate) as delivery:
        assert gate.entered.acquire(timeout=20)
        assert not delivery.stop(grace=0.05)
        gate.opened.set()
        assert delivery.stop(grace=20.0)
        assert (outbox.state(1), outbox.state(2)) == ("delivered", "waiting")


def test_a_woken_worker_looks_at_once():
    outbox = MemoryOutbox()
    with delivering(outbox, Plan("ml-team"), limits=Limits(sweep=3600.0)) as delivery:
        assert delivery.drain(SystemClock().monotonic() + 20)
        outbox.add(message(1))
        delivery.wake(["ml-team"])
        outbox.until(1, "delivered")


def test_a_receiver_that_asks_for_a_pace_gets_it():
    clock, receiver = HandClock(), Plan("ml-team")
    receiver.per_second = 1.0
    outbox = outbox_of(*(message(i) for i in range(1, 14)))
    with delivering(outbox, receiver, clock=clock) as delivery:
        outbox.until(10, "delivered")
        assert not delivery.drain(clock.monotonic() + 0.2)
        assert len(receiver.seen) == 10
        clock.turn(5.0)
        outbox.until(13, "delivered")


def test_a_receiver_must_call_itself_what_the_configuration_calls_it():
    with pytest.raises(ValueError, match="the receiver of a calls itself b"):
        Delivery({"a": Plan("b")}, MemoryOutbox, SystemClock())
