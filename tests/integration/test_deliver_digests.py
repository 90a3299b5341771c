"""Floods and quiet hours from the parcel to the reader, by a clock that the test turns."""

import io
from dataclasses import replace

from loopback import HandClock, alert

from walert.config.quiet import Quiet
from walert.deliver import Delivery, build_receiver
from walert.model import AlertLevel, Run
from walert.pipeline.parcels import Parcels
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.store import Changes, Store

NIGHT = Quiet(22 * 60, 7 * 60, "UTC", AlertLevel.ERROR)
EVENING = 1_740_866_400.0 - 60  # 2025-03-01, a minute before 22:00 UTC


class Desk:
    """A state file, a receiver on it, and a clock."""

    def __init__(self, folder, at, quiet=None):
        self.clock = HandClock(at=at)
        self.store = Store.open(folder / "walert.db", now=at)
        self.stream = io.StringIO()
        self.parcels = Parcels()
        self.delivery = Delivery(
            {"me": build_receiver("me", "console://", stream=self.stream, quiet=quiet)},
            lambda: SqliteOutbox(self.store.path),
            self.clock,
        )
        self.delivery.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.delivery.stop(20.0)
        self.store.close()

    def tell(self, *alerts):
        now = self.clock.now()
        told = [(replace(each, at=now), ("me",)) for each in alerts]
        self.store.commit(Changes(at=now, alerts=told, parcels=self.parcels.of(told, now)))

    def heard(self):
        """The first lines of the messages that came since the last question, with all that is due delivered."""
        assert self.delivery.drain(self.clock.monotonic() + 60)
        text = self.stream.getvalue()
        self.stream.truncate(0)
        self.stream.seek(0)
        return [line for line in text.split("\n") if line and not line.startswith(" ")]


def one(n, level="INFO", run="r", line=None):
    return alert(
        id=f"{level}{run}{n}",
        title=f"T{n}",
        level=AlertLevel(level),
        run=Run(run, run),
        time=None,
        log=f"{run}.jsonl:{line or n}",
    )


def test_a_thousand_titles_in_a_minute_are_twenty_messages_and_a_digest_and_none_is_lost(tmp_path):
    with Desk(tmp_path, EVENING) as desk:
        for n in range(1_000):
            desk.tell(one(n))
        desk.tell(one(1, "ERROR"))
        assert len(desk.heard()) == 21
        desk.clock.turn(61)
        (digest,) = desk.heard()
        assert digest == "🔵 INFO  980 alerts in a flood"
        desk.tell(one(2_000))
        assert len(desk.heard()) == 1
        with Reader(desk.store.path) as reader:
            rows = reader.alerts(limit=5_000)
    assert len(rows) == 1_002
    assert {message.state for row in rows for message in row.messages} == {"delivered"}


def test_what_waits_goes_by_level(tmp_path):
    with Desk(tmp_path, EVENING) as desk:
        desk.delivery.set_receivers({})
        desk.tell(one(1), one(2, line=2))
        desk.tell(one(3, "ERROR"))
        desk.delivery.set_receivers({"me": build_receiver("me", "console://", stream=desk.stream)})
        assert [line.split("  ")[1] for line in desk.heard()] == ["T3", "T1", "T2"]


def test_the_flood_of_one_run_holds_up_no_other(tmp_path):
    with Desk(tmp_path, EVENING) as desk:
        for n in range(100):
            desk.tell(one(n))
        desk.tell(one(1, run="other"))
        assert len(desk.heard()) == 21


def test_quiet_hours_hold_what_does_not_pass_and_end_with_one_digest(tmp_path):
    with Desk(tmp_path, EVENING, NIGHT) as desk:
        desk.tell(one(1, "WARN"))
        assert desk.heard() == ["🟡 WARN  T1"]
        desk.clock.turn(120)
        desk.tell(one(2, "WARN"))
        desk.tell(one(3, "ERROR"))
        assert desk.heard() == ["🔴 ERROR  T3"]
        desk.clock.turn(4 * 3600)
        desk.tell(one(4))
        assert desk.heard() == []
        desk.clock.turn(5 * 3600)
        assert desk.heard() == ["🟡 WARN  2 alerts held in quiet hours"]
        desk.tell(one(5))
        assert desk.heard() == ["🔵 INFO  T5"]
