"""The outbox of a real state file, delivered to a real server: what is stored, and what is not."""

from contextlib import contextmanager

import pytest
from apprise.plugins.slack import NotifySlack
from loopback import Reply, SystemClock, alert, authority, https_server

from walert.deliver import Delivery, Limits, build_receiver
from walert.store.outbox import SqliteOutbox
from walert.store.store import Store
from walert.store.values import Changes

TOKENS = ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7")


@pytest.fixture
def slack(tmp_path, monkeypatch):
    ca = authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca.bundle))
    with https_server(ca.server) as server:
        monkeypatch.setattr(NotifySlack, "webhook_url", server.url + "/services")
        yield server


@contextmanager
def delivering(path):
    receivers = {"ml-team": build_receiver("ml-team", f"slack://{'/'.join(TOKENS)}")}
    delivery = Delivery(
        receivers, lambda: SqliteOutbox(path), SystemClock(), random=lambda: 0.999, limits=Limits(sweep=0.05)
    )
    delivery.start()
    try:
        yield delivery
    finally:
        assert delivery.stop(20.0)


def fill(path, *ids: str) -> None:
    now = SystemClock().now()
    with Store.open(path, now=now) as store:
        store.commit(Changes(at=now, run=alert().run, alerts=[(alert(id=id_, at=now), ("ml-team",)) for id_ in ids]))


def rows(path) -> list[tuple[str, int, str | None]]:
    with SqliteOutbox(path) as outbox:
        return [(row.state, row.tries, row.reason) for row in outbox.list(("waiting", "dead", "delivered"))]


def test_what_the_state_file_holds_is_delivered_and_settled(slack, tmp_path):
    path = tmp_path / "walert.db"
    fill(path, "one", "two")
    with delivering(path) as delivery:
        assert delivery.drain(SystemClock().monotonic() + 20)
    assert rows(path) == [("delivered", 1, None), ("delivered", 1, None)]
    assert len(slack.requests()) == 2


def test_what_is_dead_or_waits_says_why_and_no_token_is_stored(slack, tmp_path):
    path = tmp_path / "walert.db"
    fill(path, "one", "two")
    slack.script = [Reply(404, b"no_service"), Reply(500)]
    with delivering(path) as delivery:
        assert delivery.drain(SystemClock().monotonic() + 20)
    assert rows(path) == [
        ("dead", 1, "slack:// answered 404 Not Found: no_service"),
        ("waiting", 1, "slack:// answered 500 Internal Server Error"),
    ]
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("walert.db*"))
    assert not [token for token in TOKENS if token.encode() in stored]
