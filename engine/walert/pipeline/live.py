"""The live pass: batches of lines are judged, and all that follows from them is committed in one transaction, or nothing is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from walert.config.lifecycle import DEFAULTS
from walert.config.lifecycle import News as LifecycleNews
from walert.dispatch.desk import Said, Told
from walert.dispatch.route import Router
from walert.dispatch.sparkline import sparkline
from walert.errors import DamagedState, StoreError
from walert.model import Alert, BadLine, Batch, Curve, Happening, Record
from walert.pipeline.account import Account
from walert.pipeline.backlog import Backlog
from walert.pipeline.carried import carries_rules
from walert.pipeline.cut import A_PASS, Named, curves, named
from walert.pipeline.lifecycle import Keeper
from walert.pipeline.lifecycle.keeper import BLIND, Senses
from walert.pipeline.logs import numbered
from walert.pipeline.parcels import Parcels
from walert.pipeline.ports import Ledger, Listener
from walert.pipeline.renewal import Enough, come, gone
from walert.pipeline.session import Judged, Session
from walert.pipeline.sessions import Sessions
from walert.pipeline.silencing import Silencer
from walert.pipeline.standing import Standing
from walert.rules.fold import Fold
from walert.rules.plan import RulePlan, RuleSet
from walert.store.codec import curves_to_builtins
from walert.store.values import Changes, Firing, StreamState

RUN_TIMEOUT = 86_400.0  # a file without an end record that has not grown for so long has ended


class Pipeline:
    """Judges batches and commits what follows. One thread owns it."""

    def __init__(
        self,
        rules: RuleSet,
        router: Router,
        ledger: Ledger,
        listener: Listener,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        host: str,
        senses: Senses = BLIND,
        everything: bool = False,
        run_timeout: float = RUN_TIMEOUT,
        lifecycle: Mapping[str, LifecycleNews] = DEFAULTS,
        parcels: Parcels | None = None,
        down: float = 0.0,
    ) -> None:
        """`everything`: read from the start and deliver, however old; `down` is for how many seconds no daemon was there before this one."""
        self.router = router
        self.ledger = ledger
        self.listener = listener
        self.now = now
        self.monotonic = monotonic
        self.host = host
        self.keeper = Keeper(senses, ledger, run_timeout, lifecycle)
        self.silencer = Silencer(ledger)
        self.parcels = parcels or Parcels(digests=not everything)
        self.backlog = Backlog(0.0 if everything else down)
        self.sessions = Sessions(
            rules,
            ledger,
            listener,
            self.keeper,
            self._route,
            now=now,
            monotonic=monotonic,
            host=host,
            everything=everything,
        )
        self.standing = Standing(self.keeper, self.sessions, ledger, self.parcels, host, self._account, monotonic)
        self._judged: list[tuple[Batch, Account]] = []  # judged, not committed yet
        self._listing = False  # while history is judged: an alert goes to nobody, and so does the end of what it told
        self._behind: set[str] = set()  # streams of which the newest batch was not the end

    def _account(self, backlog: bool = False) -> Account:
        return Account(self.now(), self.listener, self.silencer, backlog)

    # --- one pass

    def process(self, batch: Batch) -> None:
        """Judge one batch; `commit` makes it count, in one transaction with all that was judged since the last one.

        When it raises (`StoreError`: nothing can be written), none of them counts: they must be read again, and what they changed here is
        dropped.
        """
        done = self._account(self.backlog.holds(batch.checkpoint.stream))
        self._judged.append((batch, done))
        try:
            self.silencer.look(done.now)
            session = self._run(batch, done)
            for name, count in self.sessions.counts.items():
                done.count(name, count)
            self.ledger.add(self._changes(batch, session, done))
            self.sessions.read_on(batch, session)
            self.sessions.renewals.follow(batch)
        except BaseException:
            self._abandon()
            raise
        self.sessions.counts.clear()

    def commit(self) -> set[str]:
        """Commit what was judged. Returns the receivers that have something to deliver. Raises `StoreError` as `process`."""
        try:
            self.ledger.settle()
        except BaseException:
            self._abandon()
            raise
        told = set[str]()
        done, self._judged = self._judged, []
        for batch, one in done:
            told |= one.told() | self._read_to_its_end(batch)
            (self._behind.discard if batch.caught_up or batch.ended else self._behind.add)(batch.checkpoint.stream)
            if batch.ended:
                self.sessions.end(batch.checkpoint.stream)
        return told

    def _read_to_its_end(self, batch: Batch) -> set[str]:
        """Of a backlog: what its log says of errors is now said to the end. The receivers of those that still fire."""
        stream = batch.checkpoint.stream
        if not self.backlog.is_on or not (batch.caught_up or batch.ended):
            return set()
        self.backlog.read(stream)
        session = self.sessions.held(stream)
        try:
            return self.ledger.let_errors_go(session.run.id) if session is not None else set()
        except StoreError:
            return set()  # the pass itself is committed; they go with the rest of the backlog

    def caught_up(self) -> set[str]:
        """All logs are read to their end: what was held as a backlog goes. Its receivers; raises `StoreError`."""
        freed = self.ledger.let_go()
        self.backlog.end()
        return freed

    def _abandon(self) -> None:
        self.ledger.abandon()
        done, self._judged = self._judged, []
        for batch, _ in done:
            self.sessions.drop(batch)

    def _run(self, batch: Batch, done: Account) -> Session | None:
        session = self.sessions.get(batch)
        if batch.replaces:
            self._replaced(batch, batch.replaces, done)
        for flaw in batch.flaws:
            done.count("bad_lines" if flaw.line else "lost_bytes", 1 if flaw.line else flaw.size)
        if session is None:
            begin = next((place for place in numbered(batch) if place[2].strip()), None)
            if begin is None:
                return None
            number, offset, data = begin
            session = self.sessions.open(batch, data, number, offset)
        self._part(session, done)
        before = session.counts["records"]
        self._listing = batch.checkpoint.stream in self.sessions.modes
        try:
            self._lines(session, batch, done)
        finally:
            self._listing = False
        records = session.counts["records"] - before
        done.count("records", records)
        if batch.lines:
            self.standing.heard(session, batch, records, done)
        if batch.ended:
            self._gone(session, batch, done)
        return session

    def _gone(self, session: Session, batch: Batch, done: Account) -> None:
        """The file is gone for good, and read to its end: what fires on it is over, for no line of it can say so any more."""
        last, history = session.fold.newest(), batch.checkpoint.stream in self.sessions.modes
        if last is None:
            return
        closed = session.fold.close("no end record", last)
        for transition in closed:
            done.happened(session.run, batch.path, transition)
        for said in session.desk.line(session.here(last, done.now), last, closed):
            done.say(session.run, said, history)

    def _replaced(self, batch: Batch, old: str, done: Account) -> None:
        """Another file took the path of `old`: what fired on that is over, and its state with it."""
        done.forget.append(old)
        try:
            session = self.sessions.former(batch, old)
        except DamagedState:
            return  # what fired there cannot be known any more
        if session is not None:
            last = Record(0, 0, session.fold.run[0] or 0.0, True, done.now, None, {}, None)
            place = replace(self.sessions.place(batch), stream=old, clock=done.now)
            for said in session.desk.line(place, last, session.fold.close("restarted", last)):
                done.say(session.run, said)
            self.sessions.part(session.run.id, old)
        self.sessions.end(old)

    def _lines(self, session: Session, batch: Batch, done: Account) -> None:
        for judged in session.lines(batch.lines, batch.first_line, batch.first_offset, done.now):
            if isinstance(judged, BadLine):
                done.bad_line(batch.path, judged)
            elif isinstance(judged, Judged):
                self._take(session, batch, judged, done)

    def _take(self, session: Session, batch: Batch, judged: Judged, done: Account) -> None:
        mode = self.sessions.modes.get(batch.checkpoint.stream)
        if mode != "skip":
            self._tell(session, batch, judged, mode == "history", done)
        if judged.record.event and judged.record.event.get("event") in ("start", "finish"):
            self.standing.said(session, batch, judged.record, done)

    def _tell(self, session: Session, batch: Batch, judged: Judged, history: bool, done: Account) -> None:
        for transition in judged.transitions:
            if transition.happening is not Happening.CONFIRMED:
                done.happened(session.run, batch.path, transition)
        for said in judged.said if history else _illustrated(session, batch, judged, done):
            done.say(session.run, said, history)

    def _part(self, session: Session, done: Account) -> None:
        """What was to be said when the file was taken up again."""
        for said in session.parting:
            done.say(session.run, said, session.place.stream in self.sessions.modes)
        session.parting = []

    def _route(self, alert: Alert, own: Sequence[str]) -> tuple[str, ...]:
        # Looked up at each message, so that a reload changes where the next one goes.
        if self._listing:
            return ()
        for name in self.router.unknown(own):
            text = f"{alert.title}: no receiver is called {name!r}; the default ones get it"
            self.listener.note("unknown-receiver", text)
        return self.silencer.route(alert, self.router.receivers(alert, own))

    def _changes(self, batch: Batch, session: Session | None, done: Account) -> Changes:
        changes = Changes(
            at=done.now, checkpoint=batch.checkpoint, alerts=done.alerts,
            parcels=self.parcels.of(done.alerts, done.now, backlog=done.backlog), happenings=done.happenings,
            counters=done.counters, forget=done.forget, silenced=done.silenced, evidence=done.evidence,
        )  # fmt: skip
        if session is None:
            return changes
        stream, run = batch.checkpoint.stream, session.run
        if batch.caught_up:
            self.sessions.modes.pop(stream, None)
        blind = self.sessions.blindness.judge(session, done.now)
        if blind.line is not None:
            done.note("blind", blind.line)
        return replace(
            changes,
            run=run,
            stream_state=self._state(session, stream, done.now, ended=batch.ended),
            firing=[_firing(stream, session, plan) for plan in session.fold.firing()],
            cooldowns={(run.id, title): kept for title, kept in session.desk.changed().items()},
            run_states=done.states,
            facts=blind.facts,
        )

    def _state(self, session: Session, stream: str, now: float, *, ended: bool) -> StreamState:
        newest = session.fold.newest()
        extra = session.dump() | {
            "blind": self.sessions.blindness.dump(session),
            "member": self.keeper.dump(session.run.id, stream, ended=ended),
            "mode": self.sessions.modes.get(stream),
            "step": newest.step if newest is not None else None,
            "read": now - (self.monotonic() - session.read_at),
        }
        fold, decoder = session.fold.dump(), session.decoder.state()
        return StreamState(session.run, fold, decoder, session.fold.rules.checksum, session.started, extra)

    # --- what time brings

    def tick(self) -> set[str]:
        """Judge what the passing of time alone changes, in files that are read to their end, and commit it file by file.

        Returns the receivers that have something to deliver; raises `StoreError`.
        """
        self.parcels.rest(self.now())
        told = self.end_silences()
        self.silencer.look(self.now())
        self.sessions.wake_some()
        for stream, batch in list(self.sessions.places.items()):
            session = self.sessions.held(stream)
            if session is not None and stream not in self.sessions.modes and self._may_change(session):
                told |= self._tick(batch, session)
        return told

    def _may_change(self, session: Session) -> bool:
        """Whether time has anything to change: asked of every file at every tick, so that most cost next to nothing."""
        if session.parting or session.fold.rules.timed:
            return True
        return self.monotonic() - session.read_at > self.keeper.timeout

    def end_silences(self) -> set[str]:
        """Tell what the silences that are over held back. Returns the receivers that have something to deliver; raises `StoreError`."""
        said = self.silencer.end(self.now(), self.router, self.host)
        for told in said:
            self.listener.said(told.alert.run, told)
        return {name for told in said for name in told.receivers}

    def _tick(self, batch: Batch, session: Session) -> set[str]:
        done = self._account()
        silent = self.monotonic() - session.read_at
        judged = session.silent(silent, self.keeper.timeout, done.now, alive=self.keeper.alive(session.run))
        if judged is None and not session.parting:
            return set()
        self._part(session, done)
        if judged is not None:
            self._take(session, batch, judged, done)
        return self._commit(batch, session, done)

    def _commit(self, batch: Batch, session: Session, done: Account) -> set[str]:
        """Commit what came of no new line; `batch` is the newest of the file."""
        try:
            self.ledger.commit(self._changes(batch, session, done))
        except BaseException:
            self.sessions.drop(batch)
            raise
        return done.told()

    def look(self) -> set[str]:
        """Judge how the runs stand, by their processes and their silence. As `tick`."""
        return self.standing.look(lambda stream: stream not in self._behind)

    def may_fall_due(self, path: str) -> bool:
        """Whether time alone may change anything for the file: by the host's rules, or by what its run may carry."""
        return bool(self.sessions.in_force.host.timed) or carries_rules(os.path.dirname(path))

    def rest(self, batch: Batch) -> None:
        """After a restart: a file that has nothing new is taken up at one of the next ticks. `batch` is an empty one."""
        self.sessions.rest(batch)

    def wake_up(self, batch: Batch) -> None:
        """Take up a file that has nothing new, so that its silence is noticed. `batch` is an empty one."""
        self.sessions.wake_up(batch)

    # --- reload

    def set_rules(self, rules: RuleSet) -> None:
        """Judge by other rules. What still means the same keeps its state; what is new is rebuilt from the file, see `renew`."""
        self.sessions.change(rules)

    @property
    def renewing(self) -> bool:
        """Whether files wait for what `renew` does."""
        return bool(self.sessions.renewals)

    def renew(self, enough: Enough) -> set[str]:
        """Go on with rebuilding, until it is `enough`. Returns the receivers that have something to deliver; raises `StoreError`."""
        told, renewals = set[str](), self.sessions.renewals
        while not enough() and (place := renewals.next()) is not None:
            try:
                if not self._rebuild(place, enough, told):
                    break
            except BaseException:
                renewals.forget(place.checkpoint.stream)  # its next line tries again
                raise
        return told

    def _rebuild(self, place: Batch, enough: Enough, told: set[str]) -> bool:
        """Go on with one file. False when it is enough for now."""
        session, renewals = self.sessions.get(place), self.sessions.renewals
        if session is not None and session.awaits is not None:
            try:
                rebuild = renewals.rebuild(session, place, session.awaits)
                if not rebuild.go_on(place.checkpoint.offset, enough):
                    return False
                fold = rebuild.joined(session.fold.dump())
            except OSError:
                fold = None
            told |= self._renewed(session, place, session.awaits, fold)
        renewals.forget(place.checkpoint.stream)
        return True

    def _renewed(self, session: Session, place: Batch, rules: RuleSet, fold: Fold | None) -> set[str]:
        """The new rules take over from the old ones; which instances thereby changed state is told."""
        old, done, stream = session.fold, self._account(), place.checkpoint.stream
        if fold is None:
            self.sessions.no_history(place)
            fold = Fold.load(rules, old.dump())
        self.sessions.replace_fold(session, fold)
        session.awaits = None
        over, last = gone(old, fold), fold.newest()
        if last is not None:
            session.parting += session.desk.line(replace(session.place, clock=done.now), last, over)
        session.desk.owe(stream, [(plan.key, plan.rule) for plan in fold.firing()])
        self._part(session, done)
        for transition in (*over, *come(old, fold)):
            done.happened(session.run, place.path, transition)
        return self._commit(place, session, done)


def _firing(stream: str, session: Session, plan: RulePlan) -> Firing:
    rule, fold = plan.rule, session.fold
    return Firing(
        stream, f"{plan.key}/{plan.rank}", session.run.id, rule.title, str(rule.level), fold.since(plan), fold.values_of(plan), rule.when
    )  # fmt: skip


def _illustrated(session: Session, batch: Batch, judged: Judged, done: Account) -> Sequence[Said]:
    """What was said, with the course of the metrics that it is about."""
    rules = {named(said.alert) for said in judged.said if isinstance(said, Told) and said.alert.origin}
    if not rules or done.cuts >= A_PASS:
        return judged.said
    done.cuts += 1
    cut = curves(session, batch, judged.record, rules)
    return [_with_course(said, cut, done) for said in judged.said]


def _with_course(said: Said, cut: Mapping[Named, tuple[Curve, ...]], done: Account) -> Said:
    """`said`, if it is told of a rule, with a sparkline; its curves become evidence."""
    found = cut.get(named(said.alert), ()) if isinstance(said, Told) else ()
    if not isinstance(said, Told) or not any(curve.values for curve in found):
        return said
    done.evidence[said.alert.id] = curves_to_builtins([curve for curve in found if curve.values])
    return replace(said, alert=replace(said.alert, sparkline=sparkline(found)))
