"""Blobs are exact for every value; the outbox holds its promises under every order of events and every clock."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from store_values import alert, checkpoint

from walert.errors import StoreError
from walert.model import Delivered, Permanent, Temporary
from walert.store.codec import from_column, pack, to_column, unpack
from walert.store.outbox import LONGEST_LEASE, LONGEST_WAIT, SqliteOutbox
from walert.store.store import Changes, Store

TEXT = st.text(st.characters(), max_size=8)  # lone surrogates included
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary(max_size=8)
KEYS = TEXT | st.integers() | st.floats(allow_nan=False)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


def same(left, right) -> bool:
    """Equal in value, type and the sign of zero; NaN equals NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return left == right


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_every_value_survives_a_blob(value):
    assert same(unpack(pack(value)), value)


@given(TEXT)
@settings(max_examples=200, deadline=None)
def test_every_text_survives_a_column(text):
    assert from_column(to_column(text)) == text


@given(st.binary(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_value_or_a_store_error(blob):
    try:
        unpack(blob)
    except StoreError as error:
        assert "damaged" in str(error)


@dataclass(frozen=True)
class Again:
    at: float


@dataclass(frozen=True)
class GivenUp:
    reason: str


@dataclass
class Known:
    """What must be true of one message: its state and who may believe to hold it, until when, by a clock that never jumped."""

    state: str = "waiting"
    owner: str | None = None
    until: float = 0.0


class OutboxMachine(RuleBasedStateMachine):
    """Alerts come, are decided again, are leased, tried, dropped, retried; holders die; time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "walert.db"
        self.now, self.known, self.decided = 1_000.0, {}, 0

    @initialize()
    def open(self):
        self.store = Store.open(self.path, now=self.now)
        self.outbox = SqliteOutbox(self.path)

    def teardown(self):
        self.outbox.close()
        self.store.close()
        self.folder.cleanup()

    @rule()
    def decide(self):
        self.decided += 1
        (id_,) = self.store.commit(Changes(checkpoint=checkpoint(self.decided), alerts=[self._alert(self.decided)]))
        self.known[id_] = Known()

    @rule(data=st.data())
    def decide_again(self, data):
        if self.decided:
            n = data.draw(st.integers(1, self.decided))
            assert self.store.commit(Changes(alerts=[self._alert(n)])) == []

    def _alert(self, n):
        return replace(alert(n), at=1_000.0 + n), ("ml-team",)

    @rule(owner=st.sampled_from(["w1", "w2"]), seconds=st.sampled_from([5.0, 60.0, 1e9]), limit=st.integers(1, 3))
    def lease(self, owner, seconds, limit):
        for message in self.outbox.lease("ml-team", self.now, owner, seconds, limit):
            known = self.known[message.id]
            assert known.state == "waiting"
            assert known.owner is None or known.until <= self.now, "two hold one message"
            known.owner, known.until = owner, self.now + min(seconds, LONGEST_LEASE)

    @rule(data=st.data(), how=st.sampled_from(["delivered", "again", "dead"]), wait=st.floats(0, 1e9))
    def settle(self, data, how, wait):
        held = sorted(id_ for id_, known in self.known.items() if known.owner)
        if not held:
            return
        known = self.known[id_ := data.draw(st.sampled_from(held))]
        outcome = Delivered() if how == "delivered" else Permanent("no") if how == "dead" else Temporary("later")
        verdict = GivenUp("no") if how == "dead" else Again(self.now + wait) if how == "again" else None
        self.outbox.settle(id_, outcome, verdict, self.now)
        if known.state == "waiting" or how == "delivered":
            known.state = {"again": "waiting"}.get(how, how)
        known.owner = None

    @rule(data=st.data())
    def drop_or_retry(self, data):
        if self.known:
            known = self.known[id_ := data.draw(st.sampled_from(sorted(self.known)))]
            if data.draw(st.booleans()):
                if self.outbox.drop(id_):
                    known.state, known.owner = "dropped", None
            elif self.outbox.retry(id_) and known.state != "waiting":
                known.state, known.owner = "waiting", None

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def restart(self):
        self.teardown_connections()
        self.open()

    def teardown_connections(self):
        self.outbox.close()
        self.store.close()

    @invariant()
    def every_message_is_in_the_state_it_must_be_in(self):
        if self.known:
            rows = self.outbox.list(["waiting", "delivered", "dead", "dropped"])
            assert {row.id: row.state for row in rows} == {id_: known.state for id_, known in self.known.items()}

    @invariant()
    def whatever_waits_is_due_within_the_longest_wait(self):
        if self.known:
            due = self.outbox.next_due("ml-team", self.now)
            assert (due is None) == (self.outbox.waiting() == 0)
            assert due is None or due <= self.now + LONGEST_WAIT


OutboxMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestOutbox = OutboxMachine.TestCase


@given(st.lists(st.floats(-1e11, 1e11), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_whatever_the_clock_does_a_waiting_message_is_leased_once_the_clock_has_run_an_hour(clocks):
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "walert.db", now=clocks[0]) as store:
        store.commit(Changes(at=clocks[0], alerts=[(replace(alert(1), at=clocks[0]), ("me",))]))
        with SqliteOutbox(store.path) as outbox:
            for now in clocks:
                for message in outbox.lease("me", now, "w", 1e9, 1):
                    outbox.settle(message.id, Temporary("later"), Again(now + 1e9), now)
            assert len(outbox.lease("me", clocks[-1] + LONGEST_WAIT, "w", 60.0, 1)) == 1
