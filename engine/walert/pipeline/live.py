"""The live pass: one batch of one file is judged, and all that follows from it is committed in one transaction, or nothing is."""

from __future__ import annotations

import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from walert.config.lifecycle import DEFAULTS
from walert.config.lifecycle import News as LifecycleNews
from walert.dispatch.desk import Desk, HeldBack, Place, Said, Told
from walert.dispatch.route import Router
from walert.dispatch.sparkline import sparkline
from walert.errors import DamagedState, StoreError
from walert.model import Alert, BadLine, Batch, Checkpoint, Curve, Happening, Record, Run, Transition
from walert.pipeline.backlog import Backlog
from walert.pipeline.blindness import Blindness
from walert.pipeline.carried import RunRules, carries_rules, foreign_owner, owner_of
from walert.pipeline.cut import A_PASS, Named, curves, named
from walert.pipeline.lifecycle import Keeper, Member, News
from walert.pipeline.lifecycle.keeper import BLIND, Senses
from walert.pipeline.logs import first_event, first_line, numbered
from walert.pipeline.parcels import Parcels
from walert.pipeline.renewal import MOST_FORMERS, Enough, Renewals, come, gone, interim, is_small, rebuilt, refolded
from walert.pipeline.replay import plain, spelled
from walert.pipeline.runs import head_of, identify, is_start, is_supervisor, relative
from walert.pipeline.session import Judged, Kept, Session, open_session, reopen_session
from walert.pipeline.silencing import Silencer
from walert.rules.fold import Fold, lacks
from walert.rules.plan import RulePlan, RuleSet
from walert.rules.skim import Skimmer
from walert.store.codec import curves_to_builtins
from walert.store.values import Changes, Ended, Firing, RunState, Silence, StreamState

HISTORY_AFTER = 3600.0  # a file first seen with an older mtime is history: judged and listed, not delivered
LATE_AFTER = 900.0  # an alert told this long after its record is marked late
RUN_TIMEOUT = 86_400.0  # a file without an end record that has not grown for so long has ended
MAX_SESSIONS = 1_000  # files whose state is held in memory; others are read back from the state file
WAKE_SECONDS = 0.1  # that a tick spends on taking up files from the state file
WAKE_AT_LEAST = 50  # files that it takes up, if the seconds allow it, though others must make room
MAX_SAMPLES = 3  # bad lines of a pass that are shown in the log; all are counted


class Ledger(Protocol):
    """What a pass needs of the state file."""

    def load_stream(self, stream: str) -> StreamState | None:
        """The committed state of a file."""

    def cooldowns(self, run_id: str) -> Mapping[str, Any]:
        """The committed cooldowns of a run."""

    def run_state(self, run_id: str) -> RunState | None:
        """The committed state of a run, if it has one."""

    def living(self) -> Mapping[str, RunState]:
        """The runs that may go on."""

    def members(self, run_id: str) -> Sequence[Mapping[str, Any]]:
        """What was kept of the life of the run's logs."""

    def silences(self, now: float) -> Sequence[Silence]:
        """The silences in force."""

    def end_silences(self, now: float, tell: Callable[[Ended], Changes]) -> Sequence[int]:
        """Mark silences that are over, with what is told of them."""

    def commit(self, changes: Changes) -> Sequence[int]:
        """All or nothing."""

    def add(self, changes: Changes) -> Sequence[int]:
        """Write, to be committed by `settle` with all that was added since the last one; what is read meanwhile holds it."""

    def settle(self) -> None:
        """Commit what was added: all or nothing."""

    def abandon(self) -> None:
        """Take back what was added."""

    def let_errors_go(self, run_id: str) -> set[str]:
        """Of a backlog, let go what still fires as an ERROR in the run; its receivers."""

    def let_go(self) -> set[str]:
        """Let go all of a backlog; its receivers."""


class Listener(Protocol):
    """Who hears what a pass did: the daemon's log."""

    def judged(self, run: Run, path: str, transition: Transition) -> None:
        """A rule's state changed."""

    def said(self, run: Run, said: Said) -> None:
        """An alert was told or held back."""

    def bad_line(self, path: str, bad: BadLine) -> None:
        """A line that is no record."""

    def note(self, kind: str, text: str) -> None:
        """Anything else an operator should know once."""


@dataclass(slots=True)
class _Pass:
    """What one batch came to, before it is committed."""

    now: float
    alerts: list[tuple[Alert, tuple[str, ...]]] = field(default_factory=list)
    happenings: list[tuple[str, float, str, Mapping[str, Any]]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    heard: list[Callable[[], None]] = field(default_factory=list)
    forget: list[str] = field(default_factory=list)
    states: dict[str, RunState] = field(default_factory=dict)
    silenced: dict[str, tuple[int, str]] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)
    cuts: int = 0
    backlog: bool = False  # it was written while no daemon ran

    def count(self, name: str, by: int = 1) -> None:
        """Raise a counter; they commit with everything else."""
        if by:
            self.counters[name] = self.counters.get(name, 0) + by

    def told(self) -> set[str]:
        """It is committed: let it be heard. Returns the receivers that have something to deliver."""
        for tell in self.heard:
            tell()
        return {name for _, receivers in self.alerts for name in receivers}


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
        """`down` is for how many seconds no daemon was there before this one."""
        self.router = router
        self.ledger = ledger
        self.listener = listener
        self.run_rules = RunRules(rules, self._unusable)
        self.renewals = Renewals()
        self._formers: list[RuleSet] = []  # the host's rules before reloads, newest first
        self._interims: dict[tuple[int, ...], RuleSet] = {}
        self._counts = Counter[str]()  # what is counted outside of a batch, to be committed with the next
        self.now = now
        self.monotonic = monotonic
        self.keeper = Keeper(senses, ledger, run_timeout, lifecycle)
        self.host = host
        self.everything = everything  # --once: read from the start and deliver, however old
        self.sessions: OrderedDict[str, Session] = OrderedDict()
        self._of_run: dict[str, set[str]] = {}  # run -> its streams among the sessions
        self._judged: list[tuple[Batch, _Pass]] = []  # judged, not committed yet
        self.desks: dict[str, Desk] = {}
        self.blindness = Blindness()
        self.silencer = Silencer(ledger)
        self.parcels = parcels or Parcels(digests=not everything)
        self.backlog = Backlog(0.0 if everything else down)
        self._modes: dict[str, str] = {}  # stream -> history | skip, until it is caught up
        self._listing = False  # while history is judged: an alert goes to nobody, and so does the end of what it told
        self._behind: set[str] = set()  # streams of which the newest batch was not the end
        self._places: dict[str, Batch] = {}  # stream -> its newest batch, once it is read to its end
        self._resting: dict[str, Batch] = {}  # such whose state is not in memory, though time alone may change it

    # --- one pass

    def process(self, batch: Batch) -> None:
        """Judge one batch; `commit` makes it count, in one transaction with all that was judged since the last one.

        When it raises (`StoreError`: nothing can be written), none of them counts: they must be read again, and what they changed here is
        dropped.
        """
        done = _Pass(self.now(), backlog=self.backlog.holds(batch.checkpoint.stream))
        self._judged.append((batch, done))
        try:
            self.silencer.look(done.now)
            session = self._run(batch, done)
            for name, count in self._counts.items():
                done.count(name, count)
            self.ledger.add(self._changes(batch, session, done))
            self._read_on(batch, session)
            self.renewals.follow(batch)
        except BaseException:
            self._abandon()
            raise
        self._counts.clear()

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
                self._close_session(batch.checkpoint.stream)
                self.renewals.forget(batch.checkpoint.stream)
        return told

    def _read_to_its_end(self, batch: Batch) -> set[str]:
        """Of a backlog: what its log says of errors is now said to the end. The receivers of those that still fire."""
        stream = batch.checkpoint.stream
        if not self.backlog.is_on or not (batch.caught_up or batch.ended):
            return set()
        self.backlog.read(stream)
        session = self.sessions.get(stream)
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
            self._drop(batch)

    def _run(self, batch: Batch, done: _Pass) -> Session | None:
        session = self._session(batch)
        if batch.replaces:
            self._replaced(batch, done)
        for flaw in batch.flaws:
            done.count("bad_lines" if flaw.line else "lost_bytes", 1 if flaw.line else flaw.size)
        if session is None:
            begin = next((place for place in numbered(batch) if place[2].strip()), None)
            if begin is None:
                return None
            number, offset, data = begin
            session = self._open(batch, data, number, offset)
        self._part(session, done)
        before = session.counts["records"]
        self._listing = batch.checkpoint.stream in self._modes
        try:
            self._lines(session, batch, done)
        finally:
            self._listing = False
        records = session.counts["records"] - before
        done.count("records", records)
        if batch.lines:
            self.keeper.heard(
                session.run, batch.checkpoint.stream, records, session.fold.newest(), history=self._is_history(batch),
                now=done.now, moment=self.monotonic(),
            )  # fmt: skip
        return session

    def _is_history(self, batch: Batch) -> bool:
        return batch.checkpoint.stream in self._modes

    def _lines(self, session: Session, batch: Batch, done: _Pass) -> None:
        for judged in session.lines(batch.lines, batch.first_line, batch.first_offset, done.now):
            if isinstance(judged, BadLine):
                self._bad(batch, judged, done)
            elif isinstance(judged, Judged):
                self._take(session, batch, judged, done)

    def _bad(self, batch: Batch, bad: BadLine, done: _Pass) -> None:
        done.count("bad_lines")
        if done.counters["bad_lines"] <= MAX_SAMPLES:
            done.heard.append(lambda: self.listener.bad_line(batch.path, bad))

    def _take(self, session: Session, batch: Batch, judged: Judged, done: _Pass) -> None:
        mode = self._modes.get(batch.checkpoint.stream)
        kind = judged.record.event.get("event") if judged.record.event else None
        if mode != "skip":
            self._tell(session, batch, judged, mode == "history", done)
        if kind in ("start", "finish"):
            news = self._lifecycle(session, batch, str(kind), judged.record, done)
            here = session.here(judged.record, done.now)
            self._report(session.desk, here, judged.record, news, mode is not None, done)

    def _tell(self, session: Session, batch: Batch, judged: Judged, history: bool, done: _Pass) -> None:
        run = session.run
        for transition in judged.transitions:
            if transition.happening is not Happening.CONFIRMED:
                self._happened(run, batch, transition, done)
        told = judged.said if history else self._illustrated(session, batch, judged, done)
        for said in told:
            self._say(run, said, history, done)

    def _illustrated(self, session: Session, batch: Batch, judged: Judged, done: _Pass) -> Sequence[Said]:
        """What was said, with the course of the metrics that it is about."""
        rules = {named(said.alert) for said in judged.said if isinstance(said, Told) and said.alert.origin}
        if not rules or done.cuts >= A_PASS:
            return judged.said
        done.cuts += 1
        cut = curves(session, batch, judged.record, rules)
        return [_with_course(said, cut, done) for said in judged.said]

    def _happened(self, run: Run, batch: Batch, transition: Transition, done: _Pass) -> None:
        done.happenings.append((str(transition.happening), done.now, run.id, _transition(batch.path, transition)))
        done.heard.append(_later(self.listener.judged, run, batch.path, transition))

    def _lifecycle(self, session: Session, batch: Batch, kind: str, record: Record, done: _Pass) -> News:
        event, run = record.event or {}, session.run
        payload = {
            "state": event.get("state") or "running",
            "step": plain(record.step) if record.has_step else None,
            "time": record.time,
        }
        done.happenings.append((f"run_{kind}", done.now, run.id, payload))
        if kind == "start" and not is_supervisor(event):
            self._rename(run)
        take = self.keeper.start if kind == "start" else self.keeper.finish
        return take(
            run, batch.checkpoint.stream, batch.path, record, history=self._is_history(batch), now=done.now,
            moment=self.monotonic(),
        )  # fmt: skip

    def _rename(self, run: Run) -> None:
        """The process that trains says what its run is called; the log of `walert run` knew the command only."""
        for session in self.sessions.values():
            if session.run.id == run.id:
                session.run = run
        if run.id in self.desks:
            self.desks[run.id].run = run

    def _report(self, desk: Desk, place: Place, record: Record, news: News, history: bool, done: _Pass) -> None:
        """A run's new state, and what is told of it."""
        done.states[news.run.id] = news.state
        if not news.why:
            return
        done.happenings.append(("run_state", done.now, news.run.id, {"state": news.state.state, "why": news.why}))
        done.heard.append(_later(self.listener.note, "run", f"{news.run.name}: {news.state.state} ({news.why})"))
        if news.notice is not None:
            for said in desk.lifecycle(place, record, news.notice):
                self._say(news.run, said, history, done)

    def _say(self, run: Run, said: Said, history: bool, done: _Pass) -> None:
        if isinstance(said, HeldBack):
            done.count("suppressed")
            payload = {"title": said.title, "level": str(said.level), "suppressed": said.suppressed, "why": said.why}
            done.happenings.append(("suppressed", done.now, run.id, payload))
        else:
            silence = None
            if history:
                said = replace(said, receivers=())
            else:
                if done.backlog:
                    said = replace(said, alert=replace(said.alert, late=True))
                said, silence = self.silencer.hold(said)
            done.count("alerts")
            done.alerts.append((said.alert, said.receivers))
            if silence is not None:
                done.count("silenced")
                done.silenced[said.alert.id] = (silence.id, said.why)
            elif not said.receivers and not history and said.alert.kind not in ("resolved", "closed"):
                done.count("alerts_without_receiver")
        done.heard.append(_later(self.listener.said, run, said))

    # --- what falls due in silence

    def tick(self) -> set[str]:
        """Judge what the passing of time alone changes, in files that are read to their end. As `process`, for each of them."""
        self.parcels.rest(self.now())
        told = self.end_silences()
        self.silencer.look(self.now())
        self._wake_some()
        for stream, batch in list(self._places.items()):
            session = self.sessions.get(stream)
            if session is not None and stream not in self._modes:
                told |= self._tick(batch, session)
        return told

    def end_silences(self) -> set[str]:
        """Tell what the silences that are over held back. Returns the receivers that have something to deliver; raises `StoreError`."""
        said = self.silencer.end(self.now(), self.router, self.host)
        for told in said:
            self.listener.said(told.alert.run, told)
        return {name for told in said for name in told.receivers}

    def _tick(self, batch: Batch, session: Session) -> set[str]:
        done = _Pass(self.now())
        silent = self.monotonic() - session.read_at
        judged = session.silent(silent, self.keeper.timeout, done.now, alive=self.keeper.alive(session.run))
        if judged is None and not session.parting:
            return set()
        self._part(session, done)
        if judged is not None:
            self._take(session, batch, judged, done)
        return self._commit(batch, session, done)

    def _commit(self, batch: Batch, session: Session, done: _Pass) -> set[str]:
        """Commit what came of no new line; `batch` is the newest of the file."""
        try:
            self.ledger.commit(self._changes(batch, session, done))
        except BaseException:
            self._drop(batch)
            raise
        return done.told()

    def look(self) -> set[str]:
        """Judge how the runs stand, by their processes and their silence. As `process`, for each of them that changed."""
        told = set[str]()
        for news in self.keeper.look(self.now(), self.monotonic(), lambda stream: stream not in self._behind):
            told |= self._changed(news)
        return told

    def _changed(self, news: News) -> set[str]:
        """One run's state changed by itself."""
        done, member = _Pass(self.now()), news.member
        desk, session = self._desk(news.run), self.sessions.get(member.stream)
        newest = session.fold.newest() if session is not None else None
        record = (newest or _unseen(member))._replace(time=member.time_at(done.now))
        place = Place(member.stream, member.path, member.path, "", done.now, self.host, member.attempt + 1, member.rank)
        if session is not None:
            place = replace(session.here(record, done.now), late=False)
        try:
            self._report(desk, place, record, news, False, done)
            cooldowns = {(news.run.id, title): kept for title, kept in desk.changed().items()}
            self.ledger.commit(
                Changes(
                    at=done.now, alerts=done.alerts, parcels=self.parcels.of(done.alerts, done.now),
                    happenings=done.happenings, counters=done.counters, silenced=done.silenced,
                    run_states=done.states, cooldowns=cooldowns,
                )
            )  # fmt: skip
        except BaseException:
            self._forget(news.run.id)
            raise
        finally:
            if session is None:
                self.desks.pop(news.run.id, None)
        return done.told()

    def may_fall_due(self, path: str) -> bool:
        """Whether time alone may change anything for the file: by the host's rules, or by what its run may carry."""
        return bool(self.run_rules.host.timed) or carries_rules(os.path.dirname(path))

    def rest(self, batch: Batch) -> None:
        """After a restart: a file that has nothing new is taken up at one of the next ticks. `batch` is an empty one."""
        if batch.checkpoint.stream not in self._places:
            self._resting[batch.checkpoint.stream] = batch

    def _wake_some(self) -> None:
        """Take up files that rest. Of more than fit into memory each has its turn, and those that make room rest in its place."""
        began, room = self.monotonic(), MAX_SESSIONS - len(self.sessions)
        for count, (stream, batch) in enumerate(list(self._resting.items())):
            if count >= max(room, WAKE_AT_LEAST) or self.monotonic() - began > WAKE_SECONDS:
                return
            if stream in self._resting:
                self.wake_up(batch)
                self._resting.pop(stream, None)

    def wake_up(self, batch: Batch) -> None:
        """Take up a file that has nothing new, so that its silence is noticed. `batch` is an empty one."""
        if batch.checkpoint.stream not in self._places:
            self._read_on(batch, self._session(batch))

    def _read_on(self, batch: Batch, session: Session | None) -> None:
        """Note when a file was read to its end: its silence begins there."""
        stream = batch.checkpoint.stream
        self._resting.pop(stream, None)
        if batch.caught_up and session is not None and not batch.ended:
            self._places[stream] = replace(batch, lines=[], flaws=(), fresh=False, replaces=None)
        else:
            self._places.pop(stream, None)
        if session is not None and batch.lines:
            session.read_at = self.monotonic()

    def _changes(self, batch: Batch, session: Session | None, done: _Pass) -> Changes:
        changes = Changes(
            at=done.now,
            checkpoint=batch.checkpoint,
            alerts=done.alerts,
            parcels=self.parcels.of(done.alerts, done.now, backlog=done.backlog),
            happenings=done.happenings,
            counters=done.counters,
            forget=done.forget,
            silenced=done.silenced,
            evidence=done.evidence,
        )
        if session is None:
            return changes
        stream, run = batch.checkpoint.stream, session.run
        if batch.caught_up:
            self._modes.pop(stream, None)
        blind = self.blindness.judge(session, done.now)
        if blind.line is not None:
            done.heard.append(_later(self.listener.note, "blind", blind.line))
        extra = session.dump() | {
            "blind": self.blindness.dump(session),
            "member": self.keeper.dump(run.id, stream),
            "mode": self._modes.get(stream),
            "step": newest.step if (newest := session.fold.newest()) is not None else None,
            "read": done.now - (self.monotonic() - session.read_at),
        }
        state = StreamState(
            run, session.fold.dump(), session.decoder.state(), session.fold.rules.checksum, session.started, extra
        )
        return replace(
            changes,
            run=run,
            stream_state=state,
            firing=[_firing(stream, session, plan) for plan in session.fold.firing()],
            cooldowns={(run.id, title): kept for title, kept in session.desk.changed().items()},
            run_states=done.states,
            facts=blind.facts,
        )

    # --- sessions

    def _session(self, batch: Batch) -> Session | None:
        stream = batch.checkpoint.stream
        session = self.sessions.get(stream)
        if session is not None:
            self.sessions.move_to_end(stream)
            return session
        try:
            state = self.ledger.load_stream(stream)
            return None if state is None else self._reopen(batch, state)
        except (DamagedState, LookupError, TypeError, ValueError, AttributeError) as error:
            return self._made_again(batch, error)

    def _reopen(self, batch: Batch, state: StreamState) -> Session:
        stream, desk = batch.checkpoint.stream, self._desk(state.run)
        kept = Kept(state.fold, state.decoder, state.extra)
        rules, awaited = self._rules_for(batch, state.run, kept)
        session = reopen_session(batch.source, state.run, batch.path, rules, desk, self._place(batch), kept, LATE_AFTER)
        session.started, session.awaits = state.started, awaited
        # The clock of another process is not ours: how long ago it read is told by the wall clock, once.
        session.read_at = self.monotonic() - max(0.0, self.now() - state.extra.get("read", self.now()))
        if state.extra.get("mode"):
            self._modes[stream] = state.extra["mode"]
        self.blindness.watch(session, state.extra.get("blind"))
        self._catch_up(session, batch, kept)
        return self._keep(stream, session)

    def _made_again(self, batch: Batch, error: Exception) -> Session | None:
        """The committed state of a file cannot be understood: it is folded again from the file's bytes, silently.

        None, and the file's next line begins it anew, where they are gone.
        """
        stream = batch.checkpoint.stream
        begin = first_line(batch)
        if begin is None:
            return None
        number, offset, data = begin
        session = self._open(batch, data, number, offset)
        folded = refolded(session, batch) if is_small(batch) else None
        if folded is not None:
            session.decoder, session.place = folded.decoder, replace(session.place, rank=folded.place.rank)
            self._replace_fold(session, folded.fold)
        session.desk.owe(stream, [(plan.key, plan.rule) for plan in session.fold.firing()])
        how = "made again from its bytes" if folded is not None else "begun anew: its first part is gone, or too long"
        self._counts["damaged_states"] += 1
        self.listener.note(
            "damaged-state", f"{batch.path}: the state of its rules is damaged ({type(error).__name__}): it is {how}"
        )
        return session

    def _open(self, batch: Batch, data: bytes, number: int, offset: int) -> Session:
        event = first_event(batch.source, batch.path, data, number, offset)
        run = identify(batch.source, batch.root, batch.path, event, self.host, foreign_owner(batch.path))
        run = self.keeper.named(run) if is_supervisor(event) else run
        stream = batch.checkpoint.stream
        if not self.everything and batch.fresh:
            mode = self._mode(batch)
            if mode:
                self._modes[stream] = mode
        own = is_start(event)
        rules, place = self._rules(batch, own), self._place(batch, head_of(data))
        session = open_session(batch.source, run, batch.path, rules, self._desk(run), place, LATE_AFTER, own)
        session.started, session.read_at = self.now(), self.monotonic()
        self.blindness.watch(session, event=event)
        self.keeper.open(
            run, stream, batch.path, foreign=not own, history=stream in self._modes, now=session.started, moment=session.read_at,
            modified=batch.modified,
        )  # fmt: skip
        return self._keep(stream, session)

    def _unusable(self, text: str) -> None:
        """A rule file of a run cannot be used."""
        self._counts["run_rule_files_not_used"] += 1
        self.listener.note("run-rules", text)

    def _rules(self, batch: Batch, own: bool) -> RuleSet:
        if not own:
            return self.run_rules.host
        return self.run_rules.judging(os.path.dirname(batch.path), owner=owner_of(batch.path))

    def _mode(self, batch: Batch) -> str | None:
        match batch.source.read_from:
            case "end":
                return "skip"
            case "start":
                return None
        return "history" if self.now() - batch.modified > HISTORY_AFTER else None

    def _keep(self, stream: str, session: Session) -> Session:
        self.sessions[stream] = session
        self._of_run.setdefault(session.run.id, set()).add(stream)
        while len(self.sessions) > MAX_SESSIONS:
            self._make_room(*next(iter(self.sessions.items())))
        return session

    def _make_room(self, stream: str, session: Session) -> None:
        place = self._places.get(stream)
        self._close_session(stream)
        if place is not None and session.fold.rules.timed:
            self._resting[stream] = place

    def _close_session(self, stream: str) -> None:
        session = self.sessions.pop(stream, None)
        self._modes.pop(stream, None)
        self._places.pop(stream, None)
        if session is not None:
            session.desk.episodes.pop(stream, None)
            held = self._of_run[session.run.id]
            held.discard(stream)
            self.blindness.forget(session, bool(held))
            if not held:
                del self._of_run[session.run.id]
                self.desks.pop(session.run.id, None)

    def _drop(self, batch: Batch) -> None:
        """Nothing was committed: whatever was held in memory of this run is read back from the state file."""
        stream = batch.checkpoint.stream
        session = self.sessions.get(stream)
        run_id = session.run.id if session is not None else None
        self._close_session(stream)
        self._resting.pop(stream, None)
        self.renewals.forget(stream)
        if run_id is not None:
            self._forget(run_id)
        self._modes.pop(stream, None)

    def _forget(self, run_id: str) -> None:
        for other in self._of_run.get(run_id, set()).copy():
            self._close_session(other)
            self.renewals.forget(other)
        self.keeper.forget(run_id)

    def _desk(self, run: Run) -> Desk:
        if run.id not in self.desks:
            self.desks[run.id] = Desk(run, self._route, self._cooldowns(run), tells_end=False)
        return self.desks[run.id]

    def _cooldowns(self, run: Run) -> Mapping[str, Any]:
        try:
            return self.ledger.cooldowns(run.id)
        except DamagedState:
            self._counts["damaged_states"] += 1
            self.listener.note("damaged-state", f"{run.name}: its cooldowns are damaged: they begin anew")
            return {}

    def _route(self, alert: Alert, own: Sequence[str]) -> tuple[str, ...]:
        # Looked up at each message, so that a reload changes where the next one goes.
        if self._listing:
            return ()
        for name in self.router.unknown(own):
            self.listener.note(
                "unknown-receiver", f"{alert.title}: no receiver is called {name!r}; the default ones get it"
            )
        return self.silencer.route(alert, self.router.receivers(alert, own))

    def _place(self, batch: Batch, head: str = "") -> Place:
        checkpoint = batch.checkpoint
        return Place(
            stream=checkpoint.stream,
            log=batch.path,
            path=relative(batch.root, batch.path),
            head=head,
            clock=None,
            host=self.host,
        )

    def _replaced(self, batch: Batch, done: _Pass) -> None:
        """Another file took this path: what fired on the old one is over, and its state with it."""
        old = batch.replaces or ""
        try:
            state = self.ledger.load_stream(old)
        except DamagedState:
            done.forget.append(old)  # what fired there cannot be known any more
            return
        if state is None:
            return
        kept = Kept(state.fold, state.decoder, state.extra)
        place = replace(self._place(batch), stream=old)
        session = self.sessions.get(old) or reopen_session(
            batch.source,
            state.run,
            batch.path,
            self._rules(batch, kept.own),
            self._desk(state.run),
            place,
            kept,
            LATE_AFTER,
        )
        last = Record(0, 0, session.fold.run[0] or 0.0, True, done.now, None, {}, None)
        transitions = session.fold.close("restarted", last)
        for said in session.desk.line(replace(place, clock=done.now), last, transitions):
            self._say(session.run, said, False, done)
        self._close_session(old)
        self.renewals.forget(old)
        self._resting.pop(old, None)
        done.forget.append(old)

    # --- reload

    def set_rules(self, rules: RuleSet) -> None:
        """Judge by other rules. What still means the same keeps its state; what is new is rebuilt from the file, see `renew`."""
        self._formers = [self.run_rules.host, *self._formers][:MOST_FORMERS]
        self._interims.clear()
        self.run_rules.host = rules
        for stream in list(self.sessions):
            self._close_session(stream)
        self._resting.clear()  # all are taken up anew
        self.renewals.clear()

    def _rules_for(self, batch: Batch, run: Run, kept: Kept) -> tuple[RuleSet, RuleSet | None]:
        """By which rules a file is judged now, and by which once their state is rebuilt, if that takes time."""
        rules = self._rules(batch, kept.own).for_run(run)
        if not lacks(rules, kept.fold) or self.everything or (not self._formers and is_small(batch)):
            return rules, None
        until_then = interim(rules, kept.fold, self._formers)
        key = tuple(map(id, until_then))
        if key not in self._interims:
            self._interims[key] = RuleSet(until_then)
        return self._interims[key], rules

    def _catch_up(self, session: Session, batch: Batch, kept: Kept) -> None:
        """A rule that is new to this file gets the state it would have had, from the bytes still there, silently: at once, or in slices."""
        if session.awaits is not None:
            self.renewals.want(batch)
        elif lacks(session.fold.rules, kept.fold):
            fold = rebuilt(session, kept.fold, batch)
            if fold is None:
                self._no_history(batch)
            else:
                self._replace_fold(session, fold)
        self._close_former(session, kept)
        session.desk.owe(session.place.stream, [(plan.key, plan.rule) for plan in session.fold.firing()])

    def _no_history(self, batch: Batch) -> None:
        self.listener.note("no-history", f"{batch.path}: its first part is gone; new rules begin here")

    def _replace_fold(self, session: Session, fold: Fold) -> None:
        fold.sight, fold.company, fold.file = session.fold.sight, session.fold.company, session.fold.file
        session.fold, session.skimmer = fold, Skimmer()

    def _close_former(self, session: Session, kept: Kept) -> None:
        """What was told of by rules that are no more, or no longer fire, is over."""
        stream = session.place.stream
        told = any(episode.sent for episode in session.desk.episodes.get(stream, {}).values())
        for former in self._formers if told else ():
            rules = former.for_run(session.run)
            if lacks(rules, kept.fold):
                continue
            last, now = session.fold.newest(), self.now()
            transitions = gone(Fold.load(rules, kept.fold), session.fold)
            if last is not None and transitions:
                session.parting += session.desk.line(replace(session.place, clock=now), last, transitions)
            return

    def _part(self, session: Session, done: _Pass) -> None:
        for said in session.parting:
            self._say(session.run, said, session.place.stream in self._modes, done)
        session.parting = []

    def renew(self, enough: Enough) -> set[str]:
        """Go on with rebuilding, until it is `enough`. Returns the receivers that have something to deliver; raises `StoreError`."""
        told: set[str] = set()
        while not enough() and (place := self.renewals.next()) is not None:
            try:
                if not self._rebuild(place, enough, told):
                    break
            except BaseException:
                self.renewals.forget(place.checkpoint.stream)  # its next line tries again
                raise
        return told

    def _rebuild(self, place: Batch, enough: Enough, told: set[str]) -> bool:
        """Go on with one file. False when it is enough for now."""
        session = self._session(place)
        if session is not None and session.awaits is not None:
            try:
                rebuild = self.renewals.rebuild(session, place, session.awaits)
                if not rebuild.go_on(place.checkpoint.offset, enough):
                    return False
                fold = rebuild.joined(session.fold.dump())
            except OSError:
                fold = None
            told |= self._renewed(session, place, fold)
        self.renewals.forget(place.checkpoint.stream)
        return True

    def _renewed(self, session: Session, place: Batch, fold: Fold | None) -> set[str]:
        """The new rules take over from the old ones; which instances thereby changed state is told."""
        old, done, stream = session.fold, _Pass(self.now()), place.checkpoint.stream
        assert session.awaits is not None
        if fold is None:
            self._no_history(place)
            fold = Fold.load(session.awaits, old.dump())
        self._replace_fold(session, fold)
        session.awaits = None
        over, last = gone(old, fold), fold.newest()
        if last is not None:
            session.parting += session.desk.line(replace(session.place, clock=done.now), last, over)
        session.desk.owe(stream, [(plan.key, plan.rule) for plan in fold.firing()])
        self._part(session, done)
        for transition in (*over, *come(old, fold)):
            self._happened(session.run, place, transition, done)
        return self._commit(place, session, done)


def _unseen(member: Member) -> Record:
    return Record(member.line, 0, member.step or 0.0, member.step is not None, None, None, {}, None)


def _transition(path: str, transition: Transition) -> dict[str, Any]:
    rule = transition.rule
    return {
        "rule": rule.origin, "title": rule.title, "level": str(rule.level), "values": spelled(transition.values), "file": path,
        "step": plain(transition.step), "time": transition.time, "line": transition.line, "why": transition.why, "by": transition.by,
    }  # fmt: skip


def _firing(stream: str, session: Session, plan: RulePlan) -> Firing:
    rule, run = plan.rule, session.run
    return Firing(
        stream,
        f"{plan.key}/{plan.rank}",
        run.id,
        rule.title,
        str(rule.level),
        session.fold.since(plan),
        session.fold.values_of(plan),
        rule.when,
    )


def _with_course(said: Said, cut: Mapping[Named, tuple[Curve, ...]], done: _Pass) -> Said:
    """`said`, if it is told of a rule, with a sparkline; its curves become evidence."""
    found = cut.get(named(said.alert), ()) if isinstance(said, Told) else ()
    if not isinstance(said, Told) or not any(curve.values for curve in found):
        return said
    done.evidence[said.alert.id] = curves_to_builtins([curve for curve in found if curve.values])
    return replace(said, alert=replace(said.alert, sparkline=sparkline(found)))


def _later(call: Callable[..., None], *args: Any) -> Callable[[], None]:
    """What is told only once it is committed."""
    return lambda: call(*args)


__all__ = ["Checkpoint", "Ledger", "Listener", "Pipeline", "Told", "numbered"]
