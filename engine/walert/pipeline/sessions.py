"""The files whose state is in memory: opened, taken up again from the state file, made again where that is damaged, and let go."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from walert.dispatch.desk import Desk, Place
from walert.errors import DamagedState
from walert.model import Alert, Batch, Run
from walert.pipeline.blindness import Blindness
from walert.pipeline.carried import foreign_owner
from walert.pipeline.in_force import InForce
from walert.pipeline.lifecycle import Keeper
from walert.pipeline.logs import first_event, first_line
from walert.pipeline.ports import Ledger, Listener
from walert.pipeline.renewal import Renewals, gone, is_small, rebuilt, refolded
from walert.pipeline.runs import head_of, identify, is_start, is_supervisor, relative
from walert.pipeline.session import Kept, Session, open_session, reopen_session
from walert.rules.fold import Fold
from walert.rules.fold_state import lacks
from walert.rules.plan import RuleSet
from walert.rules.skim import Skimmer
from walert.store.values import StreamState

HISTORY_AFTER = 3600.0  # a file first seen with an older mtime is history: judged and listed, not delivered
LATE_AFTER = 900.0  # an alert told this long after its record is marked late
MAX_SESSIONS = 1_000  # files whose state is held in memory; others are read back from the state file
WAKE_SECONDS = 0.1  # that a tick spends on taking up files from the state file
WAKE_AT_LEAST = 50  # files that it takes up, if the seconds allow it, though others must make room

Routing = Callable[[Alert, Sequence[str]], tuple[str, ...]]


class Sessions:
    """One for the daemon; its thread is the pipeline's. What is counted here commits with the next batch: see `counts`."""

    def __init__(
        self,
        rules: RuleSet,
        ledger: Ledger,
        listener: Listener,
        keeper: Keeper,
        routing: Routing,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        host: str,
        everything: bool,
    ) -> None:
        self.ledger = ledger
        self.listener = listener
        self.keeper = keeper
        self.routing = routing
        self.now = now
        self.monotonic = monotonic
        self.host = host
        self.everything = everything
        self.in_force = InForce(rules, self._unusable, at_once=everything)
        self.renewals = Renewals()
        self.blindness = Blindness()
        self.counts = Counter[str]()
        self.modes: dict[str, str] = {}  # stream -> history | skip, until it is caught up
        self.places: dict[str, Batch] = {}  # stream -> its newest batch, once it is read to its end
        self.desks: dict[str, Desk] = {}
        self._held: OrderedDict[str, Session] = OrderedDict()
        self._of_run: dict[str, set[str]] = {}  # run -> its streams among those held
        self._resting: dict[str, Batch] = {}  # such whose state is not in memory, though time alone may change it

    # --- one file

    def held(self, stream: str) -> Session | None:
        """The session of a file, if it is in memory."""
        return self._held.get(stream)

    def get(self, batch: Batch) -> Session | None:
        """The session of a file that was judged before; None for a new one."""
        stream = batch.checkpoint.stream
        session = self._held.get(stream)
        if session is not None:
            self._held.move_to_end(stream)
            return session
        try:
            state = self.ledger.load_stream(stream)
            return None if state is None else self._reopen(batch, state)
        except (DamagedState, LookupError, TypeError, ValueError, AttributeError) as error:
            return self._made_again(batch, error)

    def open(self, batch: Batch, data: bytes, number: int, offset: int) -> Session:
        """The session of a new file, which begins with the line `data`."""
        event = first_event(batch.source, batch.path, data, number, offset)
        run = identify(batch.source, batch.root, batch.path, event, self.host, foreign_owner(batch.path))
        run = self.keeper.named(run) if is_supervisor(event) else run
        stream = batch.checkpoint.stream
        mode = self._mode(batch) if batch.fresh and not self.everything else None
        if mode is not None:
            self.modes[stream] = mode
        own = is_start(event)
        rules, place = self.in_force.of(batch, own), self.place(batch, head_of(data))
        session = open_session(batch.source, run, batch.path, rules, self.desk(run), place, LATE_AFTER, own)
        session.started, session.read_at = self.now(), self.monotonic()
        self.blindness.watch(session, event=event)
        self.keeper.open(
            run, stream, batch.path, foreign=not own, history=stream in self.modes, now=session.started, moment=session.read_at,
            modified=batch.modified,
        )  # fmt: skip
        return self._keep(stream, session)

    def former(self, batch: Batch, stream: str) -> Session | None:
        """The session of the file that was at the batch's path before; None if it had none. Raises `DamagedState`."""
        state = self.ledger.load_stream(stream)
        if state is None:
            return None
        kept = Kept(state.fold, state.decoder, state.extra)
        place = replace(self.place(batch), stream=stream)
        return self._held.get(stream) or reopen_session(
            batch.source, state.run, batch.path, self.in_force.of(batch, kept.own), self.desk(state.run), place, kept, LATE_AFTER
        )  # fmt: skip

    def replace_fold(self, session: Session, fold: Fold) -> None:
        """A fold made again takes the place of a session's."""
        fold.sight, fold.company, fold.file = session.fold.sight, session.fold.company, session.fold.file
        session.fold, session.skimmer = fold, Skimmer()

    def no_history(self, batch: Batch) -> None:
        """Tell that new rules cannot see what came before them."""
        self.listener.note("no-history", f"{batch.path}: its first part is gone; new rules begin here")

    def place(self, batch: Batch, head: str = "") -> Place:
        """Where a batch's alerts come from."""
        path = relative(batch.root, batch.path)
        return Place(batch.checkpoint.stream, log=batch.path, path=path, head=head, clock=None, host=self.host)

    def _mode(self, batch: Batch) -> str | None:
        match batch.source.read_from:
            case "end":
                return "skip"
            case "start":
                return None
        return "history" if self.now() - batch.modified > HISTORY_AFTER else None

    def _unusable(self, text: str) -> None:
        """A rule file of a run cannot be used."""
        self.counts["run_rule_files_not_used"] += 1
        self.listener.note("run-rules", text)

    # --- taken up again

    def _reopen(self, batch: Batch, state: StreamState) -> Session:
        stream, desk = batch.checkpoint.stream, self.desk(state.run)
        kept = Kept(state.fold, state.decoder, state.extra)
        rules, awaited = self.in_force.for_kept(batch, state.run, kept.own, kept.fold)
        session = reopen_session(batch.source, state.run, batch.path, rules, desk, self.place(batch), kept, LATE_AFTER)
        session.started, session.awaits = state.started, awaited
        # The clock of another process is not ours: how long ago it read is told by the wall clock, once.
        session.read_at = self.monotonic() - max(0.0, self.now() - state.extra.get("read", self.now()))
        if state.extra.get("mode"):
            self.modes[stream] = state.extra["mode"]
        self.blindness.watch(session, state.extra.get("blind"))
        self._catch_up(session, batch, kept)
        return self._keep(stream, session)

    def _catch_up(self, session: Session, batch: Batch, kept: Kept) -> None:
        """A rule that is new to this file gets the state it would have had, from the bytes still there, silently: at once, or in slices."""
        if session.awaits is not None:
            self.renewals.want(batch)
        elif lacks(session.fold.rules, kept.fold):
            fold = rebuilt(session, kept.fold, batch)
            if fold is None:
                self.no_history(batch)
            else:
                self.replace_fold(session, fold)
        self._close_former(session, kept)
        session.desk.owe(session.place.stream, [(plan.key, plan.rule) for plan in session.fold.firing()])

    def _close_former(self, session: Session, kept: Kept) -> None:
        """What was told of by rules that are no more, or no longer fire, is over."""
        episodes = session.desk.episodes.get(session.place.stream, {})
        if not any(episode.sent for episode in episodes.values()):
            return
        former, last = self.in_force.former(session.run, kept.fold), session.fold.newest()
        transitions = gone(former, session.fold) if former is not None else []
        if last is not None and transitions:
            session.parting += session.desk.line(replace(session.place, clock=self.now()), last, transitions)

    def _made_again(self, batch: Batch, error: Exception) -> Session | None:
        """The committed state of a file cannot be understood: it is folded again from the file's bytes, silently.

        None, and the file's next line begins it anew, where they are gone.
        """
        begin = first_line(batch)
        if begin is None:
            return None
        number, offset, data = begin
        session = self.open(batch, data, number, offset)
        folded = refolded(session, batch) if is_small(batch) else None
        if folded is not None:
            session.decoder, session.place = folded.decoder, replace(session.place, rank=folded.place.rank)
            self.replace_fold(session, folded.fold)
        session.desk.owe(session.place.stream, [(plan.key, plan.rule) for plan in session.fold.firing()])
        how = "made again from its bytes" if folded is not None else "begun anew: its first part is gone, or too long"
        self.counts["damaged_states"] += 1
        self.listener.note(
            "damaged-state", f"{batch.path}: the state of its rules is damaged ({type(error).__name__}): it is {how}"
        )
        return session

    # --- read to the end, and at rest

    def read_on(self, batch: Batch, session: Session | None) -> None:
        """Note when a file was read to its end: its silence begins there."""
        stream = batch.checkpoint.stream
        self._resting.pop(stream, None)
        if batch.caught_up and session is not None and not batch.ended:
            self.places[stream] = replace(batch, lines=[], flaws=(), fresh=False, replaces=None)
        else:
            self.places.pop(stream, None)
        if session is not None and batch.lines:
            session.read_at = self.monotonic()

    def rest(self, batch: Batch) -> None:
        """After a restart: a file that has nothing new is taken up at one of the next ticks. `batch` is an empty one."""
        if batch.checkpoint.stream not in self.places:
            self._resting[batch.checkpoint.stream] = batch

    def wake_up(self, batch: Batch) -> None:
        """Take up a file that has nothing new, so that its silence is noticed. `batch` is an empty one."""
        if batch.checkpoint.stream not in self.places:
            self.read_on(batch, self.get(batch))

    def wake_some(self) -> None:
        """Take up files that rest. Of more than fit into memory each has its turn, and those that make room rest in its place."""
        began, room = self.monotonic(), MAX_SESSIONS - len(self._held)
        for count, (stream, batch) in enumerate(list(self._resting.items())):
            if count >= max(room, WAKE_AT_LEAST) or self.monotonic() - began > WAKE_SECONDS:
                return
            if stream in self._resting:
                self.wake_up(batch)
                self._resting.pop(stream, None)

    # --- let go

    def _keep(self, stream: str, session: Session) -> Session:
        self._held[stream] = session
        self._of_run.setdefault(session.run.id, set()).add(stream)
        while len(self._held) > MAX_SESSIONS:
            self._make_room(*next(iter(self._held.items())))
        return session

    def _make_room(self, stream: str, session: Session) -> None:
        place = self.places.get(stream)
        self.close(stream)
        if place is not None and session.fold.rules.timed:
            self._resting[stream] = place

    def close(self, stream: str) -> None:
        """Let a file's state go from memory."""
        session = self._held.pop(stream, None)
        self.modes.pop(stream, None)
        self.places.pop(stream, None)
        if session is not None:
            session.desk.episodes.pop(stream, None)
            held = self._of_run[session.run.id]
            held.discard(stream)
            self.blindness.forget(session, bool(held))
            if not held:
                del self._of_run[session.run.id]
                self.desks.pop(session.run.id, None)

    def end(self, stream: str) -> None:
        """The file is no more."""
        session = self._held.get(stream)
        if session is not None:
            self.part(session.run.id, stream)
        self._let_go(stream)

    def _let_go(self, stream: str) -> None:
        self.close(stream)
        self.renewals.forget(stream)
        self._resting.pop(stream, None)

    def part(self, run_id: str, stream: str) -> None:
        """The file of a run is no more: its run goes on without it."""
        self.keeper.gone(run_id, stream, self.monotonic())
        self.blindness.part(run_id, stream)

    def drop(self, batch: Batch) -> None:
        """Nothing was committed: whatever was held in memory of this run is read back from the state file."""
        stream = batch.checkpoint.stream
        session = self._held.get(stream)
        self._let_go(stream)
        if session is not None:
            self.forget(session.run.id)

    def forget(self, run_id: str) -> None:
        """As `drop`, for all files of a run."""
        for other in self._of_run.get(run_id, set()).copy():
            self.close(other)
            self.renewals.forget(other)
        self.keeper.forget(run_id)

    def change(self, rules: RuleSet) -> None:
        """Judge by other rules. What still means the same keeps its state; what is new is rebuilt from the file."""
        self.in_force.change(rules)
        for stream in list(self._held):
            self.close(stream)
        self._resting.clear()  # all are taken up anew
        self.renewals.clear()

    # --- of runs

    def desk(self, run: Run) -> Desk:
        """The desk of a run, with its committed cooldowns."""
        if run.id not in self.desks:
            self.desks[run.id] = Desk(run, self.routing, self._cooldowns(run), tells_end=False)
        return self.desks[run.id]

    def rename(self, run: Run) -> None:
        """The process that trains says what its run is called; the log of `walert run` knew the command only."""
        for stream in self._of_run.get(run.id, ()):
            self._held[stream].run = run
        if run.id in self.desks:
            self.desks[run.id].run = run

    def _cooldowns(self, run: Run) -> Mapping[str, Any]:
        try:
            return self.ledger.cooldowns(run.id)
        except DamagedState:
            self.counts["damaged_states"] += 1
            self.listener.note("damaged-state", f"{run.name}: its cooldowns are damaged: they begin anew")
            return {}
