"""What a silence holds back is counted with the alert, and its end is told in one transaction with its mark."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from store_values import alert, one_pass

from walert.errors import StoreError
from walert.store import schema
from walert.store.reader import Reader
from walert.store.silences import Silences
from walert.store.store import Changes, Store

DAY = 86_400.0


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "walert.db", now=1_000.0) as opened:
        yield opened


@pytest.fixture
def silences(store):
    with Silences(store.path) as opened:
        yield opened


def hold(store, silence, *numbers, title="Low accuracy"):
    """Commit alerts that the silence holds back."""
    alerts = [(alert(n, title=title), ()) for n in numbers]
    store.commit(Changes(at=1_100.0, alerts=alerts, silenced={a.id: (silence.id, "silence 1") for a, _ in alerts}))


class Teller:
    """Tells of an end by one alert for `me`, and remembers of what."""

    def __init__(self):
        self.titles = []

    def __call__(self, ended):
        self.titles.append((ended.silence.id, ended.titles))
        return Changes(alerts=[(alert(900 + ended.silence.id), ("me",))])


def test_what_is_held_back_is_listed_with_its_verdict_and_counted_by_title(store, silences):
    silence = silences.add(ends=2_000.0, now=1_000.0, title="*")
    hold(store, silence, 1, 2)
    hold(store, silence, 3, title="Other")
    with Reader(store.path) as reader:
        assert [(row.verdict, row.why, row.messages) for row in reader.alerts()] == [("silenced", "silence 1", ())] * 3
        assert reader.silences()[0].held == 3
    tell = Teller()
    store.end_silences(2_000.0, tell)
    assert tell.titles == [(1, (("Low accuracy", 2), ("Other", 1)))]


def test_an_alert_that_is_known_is_not_counted_again(store, silences):
    silence = silences.add(ends=2_000.0, now=1_000.0, title="*")
    store.commit(one_pass(1))
    hold(store, silence, 1)
    hold(store, silence, 2)
    hold(store, silence, 2)
    assert silences.list()[0].held == 1
    with Reader(store.path) as reader:
        assert {row.alert.id: row.verdict for row in reader.alerts()} == {"alert-1": None, "alert-2": "silenced"}


def test_an_end_is_told_once_and_not_before_it_comes(store, silences):
    hold(store, silences.add(ends=2_000.0, now=1_000.0, title="*"), 1)
    tell = Teller()
    assert store.end_silences(1_999.9, tell) == []
    (message,) = store.end_silences(2_000.0, tell)
    assert store.end_silences(2_000.0, tell) == []
    assert len(tell.titles) == 1
    with Reader(store.path) as reader:
        assert [(row.id, row.receiver) for row in reader.outbox()] == [(message, "me")]
        assert reader.silences()[0].told == 2_000.0


def test_what_held_nothing_back_is_marked_and_told_to_nobody(store, silences):
    silences.add(ends=2_000.0, now=1_000.0, title="*")
    tell = Teller()
    assert store.end_silences(2_000.0, tell) == []
    assert (tell.titles, silences.list()[0].told) == ([], 2_000.0)


def test_an_end_that_cannot_be_told_is_not_marked(store, silences):
    hold(store, silences.add(ends=2_000.0, now=1_000.0, title="*"), 1)

    def broken(ended):
        raise StoreError("no")

    with pytest.raises(StoreError):
        store.end_silences(2_000.0, broken)
    assert silences.list()[0].told is None
    assert len(store.end_silences(2_000.0, Teller())) == 1


def test_a_silence_that_was_told_is_over_even_if_the_clock_goes_back_and_begins_anew_when_extended(store, silences):
    silence = silences.add(ends=2_000.0, now=1_000.0, title="*")
    hold(store, silence, 1)
    store.end_silences(2_000.0, Teller())
    assert store.silences(1_500.0) == []
    again = silences.extend(silence.id, 3_000.0, 2_100.0)
    assert (again.held, again.told, store.silences(2_500.0)) == (0, None, [again])
    hold(store, silence, 2, 3)
    tell = Teller()
    store.end_silences(3_000.0, tell)
    assert tell.titles == [(1, (("Low accuracy", 2),))]


def test_extending_one_that_is_in_force_keeps_its_count(store, silences):
    silence = silences.add(ends=2_000.0, now=1_000.0, title="*")
    hold(store, silence, 1)
    assert silences.extend(silence.id, 3_000.0, 1_100.0).held == 1


def test_the_daemon_sees_a_change_of_another_process_at_its_next_look(store, silences):
    assert store.silences(1_500.0) == []
    made = silences.add(ends=2_000.0, now=1_000.0, title="*")
    assert store.silences(1_500.0) == [made]
    silences.expire(made.id, 1_400.0)
    assert store.silences(1_500.0) == []


def test_a_silence_goes_after_a_month_but_not_before_it_told_what_it_held(store, silences):
    hold(store, silences.add(ends=2_000.0, now=1_000.0, title="*"), 1)
    store.expire(40 * DAY)
    assert len(silences.list()) == 1
    store.end_silences(40 * DAY, Teller())
    store.expire(40 * DAY)
    assert silences.list() == []


def test_a_state_file_of_the_first_version_keeps_its_silences(tmp_path):
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.migrate(connection, schema.MIGRATIONS[:1])
        connection.execute("INSERT INTO silence (title, comment, starts, ends, made) VALUES ('Low*', '', 1, 2000, 1)")
    with Store.open(path, now=1_000.0) as store:
        assert store.notices == [f"The state file was brought from version 1 to {schema.VERSION}."]
        (silence,) = store.silences(1_500.0)
    assert (silence.title, silence.held, silence.told) == ("Low*", 0, None)
