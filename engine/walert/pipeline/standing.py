"""How the runs stand: what their logs say of their beginning and end, and what is seen of their processes, told and committed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from walert.dispatch.desk import Desk, Place
from walert.model import Batch, Record
from walert.pipeline.account import Account
from walert.pipeline.lifecycle import Keeper, Member, News
from walert.pipeline.parcels import Parcels
from walert.pipeline.ports import Ledger
from walert.pipeline.replay import plain
from walert.pipeline.runs import is_supervisor
from walert.pipeline.session import Session
from walert.pipeline.sessions import Sessions
from walert.store.values import Changes


@dataclass(slots=True)
class Standing:
    """One for the daemon. `account` opens the account of what comes of no line."""

    keeper: Keeper
    sessions: Sessions
    ledger: Ledger
    parcels: Parcels
    host: str
    account: Callable[[], Account]
    monotonic: Callable[[], float]

    def heard(self, session: Session, batch: Batch, records: int, done: Account) -> None:
        """Lines were read of a log."""
        stream = batch.checkpoint.stream
        self.keeper.heard(
            session.run, stream, records, session.fold.newest(), history=stream in self.sessions.modes, now=done.now,
            moment=self.monotonic(),
        )  # fmt: skip

    def said(self, session: Session, batch: Batch, record: Record, done: Account) -> None:
        """A start or finish record of a log."""
        event, run, stream = record.event or {}, session.run, batch.checkpoint.stream
        kind, past = str(event.get("event")), stream in self.sessions.modes
        payload: dict[str, Any] = {
            "state": event.get("state") or "running",
            "step": plain(record.step) if record.has_step else None,
            "time": record.time,
        }
        done.happenings.append((f"run_{kind}", done.now, run.id, payload))
        if kind == "start" and not is_supervisor(event):
            self.sessions.rename(run)
        take = self.keeper.start if kind == "start" else self.keeper.finish
        news = take(run, stream, batch.path, record, history=past, now=done.now, moment=self.monotonic())
        _report(session.desk, session.here(record, done.now), record, news, past, done)

    def look(self, is_read: Callable[[str], bool]) -> set[str]:
        """Judge how the runs stand, by their processes and their silence, and commit each that changed.

        `is_read(stream)`: nothing of the log is left to read. Returns the receivers that have something to deliver; raises `StoreError`.
        """
        told = set[str]()
        for news in self.keeper.look(self.account().now, self.monotonic(), is_read):
            told |= self._changed(news)
        return told

    def _changed(self, news: News) -> set[str]:
        """One run's state changed by itself."""
        done, member = self.account(), news.member
        desk, session = self.sessions.desk(news.run), self.sessions.held(member.stream)
        newest = session.fold.newest() if session is not None else None
        record = (newest or _unseen(member))._replace(time=member.time_at(done.now))
        place = Place(member.stream, member.path, member.path, "", done.now, self.host, member.attempt + 1, member.rank)
        if session is not None:
            place = replace(session.here(record, done.now), late=False)
        try:
            _report(desk, place, record, news, False, done)
            self.ledger.commit(self._changes(news, desk, done))
        except BaseException:
            self.sessions.forget(news.run.id)
            raise
        finally:
            if session is None:
                self.sessions.desks.pop(news.run.id, None)
        return done.told()

    def _changes(self, news: News, desk: Desk, done: Account) -> Changes:
        cooldowns = {(news.run.id, title): kept for title, kept in desk.changed().items()}
        return Changes(
            at=done.now, alerts=done.alerts, parcels=self.parcels.of(done.alerts, done.now), happenings=done.happenings,
            counters=done.counters, silenced=done.silenced, run_states=done.states, cooldowns=cooldowns,
        )  # fmt: skip


def _report(desk: Desk, place: Place, record: Record, news: News, history: bool, done: Account) -> None:
    """A run's new state, and what is told of it."""
    done.states[news.run.id] = news.state
    if not news.why:
        return
    done.happenings.append(("run_state", done.now, news.run.id, {"state": news.state.state, "why": news.why}))
    done.note("run", f"{news.run.name}: {news.state.state} ({news.why})")
    if news.notice is not None:
        for said in desk.lifecycle(place, record, news.notice):
            done.say(news.run, said, history)


def _unseen(member: Member) -> Record:
    return Record(member.line, 0, member.step or 0.0, member.step is not None, None, None, {}, None)
