"""What a leased message tells: the alerts that its row, or the rows it is sent with, carry. It opens and commits nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from walert.errors import StoreError
from walert.model import MAX_SHOWN, MAX_TALLIES, Alert, AlertLevel, Collected, Digest, Tally
from walert.store.codec import from_column, read_alert

_OVER = ("resolved", "closed")
_CARRIED = """
SELECT alert.id, alert.kind, alert.title, alert.level, alert.at, alert.run_id, coalesce(run.name, alert.run_id)
FROM (SELECT alert_id AS id FROM message WHERE id = :id OR bundle = :id
    UNION SELECT carried.alert_id FROM carried JOIN message ON message.id = message_id WHERE message.id = :id OR bundle = :id) AS told
JOIN alert ON alert.id = told.id LEFT JOIN run ON run.id = alert.run_id ORDER BY alert.at, alert.rowid
"""
_BODY = "SELECT alert.body, evidence.body FROM alert LEFT JOIN evidence ON alert_id = alert.id WHERE alert.id = ?"
# The alerts that told of an episode, newest first; and the messages by which one receiver was told of one alert.
_FIRED = """
SELECT id, kind FROM alert WHERE run_id = ? AND title = ? AND kind IN ('firing', 'repeat') AND at <= ? ORDER BY at DESC, rowid DESC LIMIT 20
"""
_BY = """
SELECT state, next_at, id = :id OR coalesce(bundle = :id, 0) FROM message WHERE receiver = :receiver AND alert_id = :alert
UNION ALL SELECT state, next_at, message.id = :id OR coalesce(bundle = :id, 0) FROM carried JOIN message ON message.id = message_id
WHERE receiver = :receiver AND carried.alert_id = :alert
"""


class _Told(NamedTuple):
    id: str
    kind: str
    title: str | bytes
    level: str
    at: float
    run_id: str | bytes
    run: str | bytes

    @property
    def rank(self) -> tuple[bool, int]:
        """The worst first; what is over comes last."""
        return self.kind in _OVER, -AlertLevel(self.level).severity


@dataclass(frozen=True, slots=True)
class Load:
    """The alerts of a message, the worst first and at most `MAX_SHOWN`, and the digest that counts them when there are more."""

    alerts: tuple[Alert, ...]
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing can be told: `state` is what becomes of the message for `reason`, or it waits until `until`, Unix seconds."""

    state: str
    reason: str
    until: float = 0.0


def load(connection: sqlite3.Connection, message_id: int, receiver: str | bytes, why: Collected) -> Load | Empty:
    """What the row of that number, and those that are sent with it, tell."""
    found = [_Told(*row) for row in connection.execute(_CARRIED, {"id": message_id})]
    due = {one.id: _announced(connection, one, message_id, receiver) if one.kind in _OVER else 0.0 for one in found}
    told = [one for one in found if due[one.id] is not None]
    if not told:
        return Empty("dropped", "its firing message was not delivered")
    # Beside other news the end of an episode waits for nothing: it must not be lost, nor hold the others up.
    if (until := min(wait for wait in due.values() if wait is not None)) > 0.0:
        return Empty("waiting", "waits for its firing message", until)
    return _loaded(connection, sorted(told, key=lambda one: one.rank), why)


def _loaded(connection: sqlite3.Connection, told: Sequence[_Told], why: Collected) -> Load | Empty:
    alerts: list[Alert] = []
    for one in told:
        if len(alerts) == MAX_SHOWN:
            break
        # One damaged row must not cost the others their message; alone it is dead.
        with contextlib.suppress(StoreError):
            alerts.append(_body(connection, one.id))
    if not alerts:
        try:
            _body(connection, told[0].id)
        except StoreError as error:
            return Empty("dead", f"its stored alert cannot be read: {error}")
    is_digest = len(told) > MAX_SHOWN or (why != "moment" and len(told) > 1)
    return Load(tuple(alerts), _digest(told, why) if is_digest else None)


def _body(connection: sqlite3.Connection, alert_id: str) -> Alert:
    return read_alert(*connection.execute(_BODY, (alert_id,)).fetchone())


def _digest(told: Sequence[_Told], why: Collected) -> Digest:
    counts = Counter((one.title, one.run) for one in told)
    worst: dict[tuple[str | bytes, str | bytes], _Told] = {}
    for one in told:  # the worst come first
        worst.setdefault((one.title, one.run), one)
    order = sorted(counts, key=lambda key: (worst[key].rank, -counts[key]))
    tallies = [
        Tally(from_column(title), from_column(run), AlertLevel(worst[title, run].level), counts[title, run])
        for title, run in order[:MAX_TALLIES]
    ]
    times = [one.at for one in told]
    return Digest(why, len(told), tuple(tallies), len(order) - len(tallies), min(times), max(times))


def _announced(connection: sqlite3.Connection, over: _Told, message_id: int, receiver: str | bytes) -> float | None:
    """Whether the receiver heard of the episode that is over: 0 if so, until when its message waits, or None if it never arrived.

    An episode whose messages are not known any more counts as heard of.
    """
    told = [
        row
        for alert_id in _episode(connection, over)
        for row in connection.execute(_BY, {"id": message_id, "receiver": receiver, "alert": alert_id})
    ]
    if not told or any(together or state == "delivered" for state, _, together in told):
        return 0.0
    return max((max(due, 1.0) for state, due, _ in told if state == "waiting"), default=None)


def _episode(connection: sqlite3.Connection, over: _Told) -> list[str]:
    """The ids of the alerts that told of the episode: its firing, and what repeated it."""
    told = []
    for alert_id, kind in connection.execute(_FIRED, (over.run_id, over.title, over.at)):
        told.append(alert_id)
        if kind == "firing":
            break
    return told


def why_collected(collect: str | bytes | None, number: int) -> Collected:
    """What a digest says of itself, from the word that its rows were collected under."""
    if collect is None or number == 1:
        return "moment"
    return cast("Collected", from_column(collect).partition(" ")[0])
