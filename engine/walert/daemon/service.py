"""The daemon's loop: look, read, judge, commit, deliver, and look again; until SIGTERM, or, with `--once`, until all is read.

A wake-up is only a hint. Every pass reads from the committed place, a sweep every two seconds and a scan every ten cover what the watcher lost.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from walert.clock import Clock
from walert.config import Config, ReceiverConfig
from walert.daemon.away import Away
from walert.daemon.log import Log
from walert.daemon.notify import Notifier
from walert.daemon.orphans import Orphans
from walert.daemon.passes import Passes
from walert.daemon.postmaster import Postmaster
from walert.daemon.presence import Presence
from walert.daemon.processes import Processes
from walert.daemon.reload import Change, Reloader, floods, pagers
from walert.daemon.saying import farewell, greeting
from walert.daemon.vitals import Vitals
from walert.daemon.watch import Watch, missing
from walert.deliver.delivery import Delivery
from walert.deliver.receiver import Receiver
from walert.errors import StoreError
from walert.pipeline.live import Pipeline
from walert.pipeline.parcels import Parcels
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.store import Store
from walert.store.values import Changes
from walert.tail import Follower, Notice

T_SWEEP = 2.0
T_SCAN = 10.0
T_SLICE = 0.05  # of rebuilding, between two rounds
T_RETRY = 1.0  # after a commit that failed
T_EXPIRE = 3600.0
FAILED_ONCE = 30.0  # seconds that --once goes on trying to commit
DRAIN_ONCE = 120.0  # seconds that --once gives its receivers
ONE_REQUEST = (
    0.5  # seconds within which two signals are one: `timeout` and job schedulers tell the process and its group
)
GRACE = 10.0  # seconds that SIGTERM gives the messages under way


class Daemon:
    """One walertd: everything it owns, opened in `run` and closed on the way out."""

    def __init__(
        self,
        reloader: Reloader,
        log: Log,
        clock: Clock,
        *,
        once: bool = False,
        make_receiver: Callable[[ReceiverConfig], Receiver],
    ) -> None:
        self.reloader = reloader
        self.log = log
        self.clock = clock
        self.once = once
        self.make_receiver = make_receiver
        self.stopping = threading.Event()
        self.watch = Watch(self._notice, reloader.config.state + ".canary")
        self.notifier = Notifier(reloader.environ)
        self.presence = Presence(reloader.config.state, reloader.environ)
        self.orphans = Orphans()
        self._reload = False
        self._asked = 0.0
        self._made: dict[str, tuple[ReceiverConfig, Receiver]] = {}
        self._dead_before: frozenset[int] = frozenset()

    # --- the whole life

    def run(self) -> int:
        """Follow until stopped. Returns 0, or 1 when `--once` could not deliver everything.

        Raises `AlreadyRunning` when another holds the state file, `StoreError` when it cannot be used.
        """
        self.presence.enter(self.reloader.config)
        try:
            return self._locked()
        finally:
            self.presence.leave()

    def _locked(self) -> int:
        config = self.reloader.config
        with Store.open(config.state, now=self.clock.now()) as store:
            for notice in store.notices:
                self.log.note("state", notice)
            self._open(store, config)
            self.delivery.start()
            self.log.again("start", greeting(config, len(self.reloader.rules.rules)))
            try:
                self._loop()
            finally:
                code = self._close(config)
        return code

    def _open(self, store: Store, config: Config) -> None:
        self.store = store
        self.postmaster = Postmaster(store, self.log, self.clock, socket.gethostname())
        self.away = Away(store, self.log, self.clock, once=self.once)
        self.pipeline = Pipeline(
            self.reloader.rules,
            self.reloader.router,
            store,
            self.log,
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            senses=Processes(),
            run_timeout=config.run_timeout,
            lifecycle=config.lifecycle,
            host=socket.gethostname(),
            everything=self.once,
            down=self.away.down,
            parcels=Parcels(floods(config), pagers(config), digests=not self.once),
        )
        saved = store.checkpoints()
        self.vitals = Vitals(store, self.log, self.clock, self.notifier, following=not self.once)
        self.follower = Follower(self.vitals.sources(config), saved, clock=self.clock, notice=self._notice)
        self.passes = Passes(self.follower, self.pipeline, saved, self.log, self.clock, own=self.vitals.canary.hear)
        if self.once:
            store.let_go_singly()
        self._open_outbox(config)
        self._missing = self._say_unmet(config)
        self.vitals.in_force(self.reloader)
        self.delivery = Delivery(
            self._receivers(config), lambda: SqliteOutbox(config.state), self.clock, digests=not self.once
        )

    def _open_outbox(self, config: Config) -> None:
        with SqliteOutbox(config.state) as outbox:
            in_flight = outbox.take_back()
            self._dead_before = frozenset(row.id for row in outbox.list(("dead",)))
        if in_flight:
            text = f"{in_flight} messages were in flight when the last walertd died: they are sent again"
            self.log.again("outbox", text)
        self.postmaster.readdress(config, self.reloader.router)

    def _say_unmet(self, config: Config) -> list[str]:
        """Say what the configuration asks for and does not get now; the watched folders that are not there."""
        gone = missing(config.sources)
        for root in gone:
            self.log.again("watch", f"{root}: there is no such folder: it is followed when it appears")
        return gone if config.file is not None else []

    def _receivers(self, config: Config) -> dict[str, Receiver]:
        """The receivers; one whose configuration did not change stays the one it is, with what it learned of its pace."""
        for name, receiver in config.receivers.items():
            known = self._made.get(name)
            if known is None or known[0] != receiver:
                self._made[name] = (receiver, self.make_receiver(receiver))
        return {name: self._made[name][1] for name in config.receivers}

    def _close(self, config: Config) -> int:
        self.notifier.stopping()
        self.vitals.close()
        self.away.close()
        self.watch.close()
        self.follower.close()
        drained = self.delivery.drain(self.clock.monotonic() + (DRAIN_ONCE if self.once else GRACE))
        # What has not answered until now had its time.
        self.delivery.stop(GRACE if drained else 1.0)
        undelivered = self._undelivered(config)
        self.vitals.farewell(undelivered)
        self.log.again("stop", farewell(undelivered))
        if self.once and (self.reloader.book.errors or self._missing):
            return 2  # what could be judged was; a broken rule file or a missing folder must not look like success
        return 1 if self.once and (undelivered or self.passes.failing is not None) else 0

    def _undelivered(self, config: Config) -> dict[str, int]:
        """How many messages wait, and how many died while this process ran."""
        try:
            with Reader(config.state) as reader:
                states = [row.state for row in reader.outbox(("waiting", "dead")) if row.id not in self._dead_before]
        except StoreError as error:
            self.log.again("state", str(error))
            return {"waiting": 1}
        return {state: states.count(state) for state in ("waiting", "dead") if state in states}

    # --- for other threads

    def stop(self, number: int) -> None:
        """Drain, commit and return from `run`; asked a second time, end the process at once with 128 + `number`."""
        now = self.clock.monotonic()
        if self.stopping.is_set():
            if now - self._asked < ONE_REQUEST:
                return
            os._exit(128 + number)  # the second time is meant: all that counts is committed
        self._asked = now
        self.stopping.set()
        self.log.again(
            "stopping", f"{signal.Signals(number).name}: what is under way is finished; once more to end at once"
        )
        self.watch.wake()

    def reload(self, number: int) -> None:
        """Read configuration and rules again, now."""
        self._reload = True
        self.watch.wake()

    # --- the loop

    def _loop(self) -> None:
        if not self.once:
            self.watch.refresh(self.reloader.config.sources)
        self.follower.scan()
        self.vitals.ready()
        self.delivery.wake(self.passes.end_silences())
        swept = scanned = expired = self.clock.monotonic()
        while not self.stopping.is_set():
            read = self._read()
            self._turned()
            if self.once and not read and self._is_done():
                self._look_once()
                return
            self.delivery.wake(self.away.note(self.passes))
            self.delivery.wake(self._renew())
            self._rest(read or self.passes.renewing)
            now = self.clock.monotonic()
            if now - scanned >= T_SCAN:
                self.orphans.reap()
                self.follower.scan()
                scanned = swept = now
            elif now - swept >= T_SWEEP:
                self._sweep()
                swept = now
            if now - expired >= T_EXPIRE:
                expired = now - (T_EXPIRE - T_SWEEP if self._expire() else 0.0)
            self._refresh()

    def _read(self) -> bool:
        """One round over what is unread. True when something was read."""
        read = False
        for told in self.passes.read(self.stopping.is_set):
            self.vitals.committed()
            self.delivery.wake(told)
            read = True
        return read

    def _renew(self) -> set[str]:
        """A slice of what a change of rules asks for."""
        end = self.clock.monotonic() + T_SLICE
        return self.passes.renew(lambda: self.clock.monotonic() >= end or self.stopping.is_set())

    def _turned(self) -> None:
        """A round is over: what lives is told to whoever asks."""
        self.vitals.turned(self.passes.failing, self.delivery.moved())
        self.presence.touch(self.clock.monotonic())
        if self.vitals.due():
            self.vitals.tell(self.watch.status(), self.follower.status())

    def _look_once(self) -> None:
        """How the runs stand, for `--once`: processes that are gone get their last words read before they are judged."""
        for _ in range(2):
            self.delivery.wake(self.passes.look())
            while self._read():
                pass

    def _is_done(self) -> bool:
        """Whether `--once` has read all there is, or can commit nothing."""
        if self.passes.failing is not None:
            return self.clock.monotonic() - self.passes.failing > FAILED_ONCE
        return not self.follower.holding()

    def _rest(self, read: bool) -> None:
        """Until there is something to do."""
        if self.passes.failing is not None:
            self.stopping.wait(T_RETRY)
            return
        dirty = self.watch.wait(0.0 if read else T_SWEEP)
        if dirty is None:
            self.follower.scan()
        elif dirty:
            self.follower.mark_dirty(dirty)

    def _sweep(self) -> None:
        if not self.once and self.watch.refresh(self.reloader.config.sources):
            self.presence.announce(self.reloader.config)
            self.follower.scan()
        else:
            self.follower.sweep()
        self.delivery.wake(self.passes.look())
        self.delivery.wake(self.passes.tick())
        self.delivery.wake(self.postmaster.look(self.reloader.config, self.reloader.router))
        self.delivery.wake()  # `walert outbox retry` writes the state file, and has no other way to this process

    def _expire(self) -> bool:
        """Delete what is past its time. Whether more is."""
        self.passes.expire()
        try:
            return self.store.expire(self.clock.now(), self.follower.streams()).more
        except StoreError as error:
            self.log.again("state", str(error))
        return False

    def _notice(self, notice: Notice) -> None:
        # How files are watched changes now and then, and is told by who changed it; anything else may be found again and again.
        tell = self.log.again if notice.kind == "watch" else self.log.note
        tell(notice.kind, f"{notice.path}: {notice.text}" if notice.path else notice.text)

    # --- reload

    def _refresh(self) -> None:
        forced, self._reload = self._reload, False
        if not forced and not self.reloader.due(self.clock.monotonic()):
            return
        self.notifier.reloading(self.clock.monotonic())
        change = self.reloader.refresh()
        self.log.problems(change.problems)
        if forced or change.any:
            self._take(change)
        self.vitals.in_force(self.reloader)
        self.notifier.ready()

    def _take(self, change: Change) -> None:
        config = self.reloader.config
        self.pipeline.router = self.reloader.router
        if change.rules:
            self.pipeline.set_rules(self.reloader.rules)
            self.passes.rules_changed()
        if change.config:
            self.pipeline.keeper.judge_by(config.run_timeout, config.lifecycle)
            self.pipeline.parcels.limits, self.pipeline.parcels.singly = floods(config), pagers(config)
            self.watch.refresh(config.sources)
            self.follower.set_sources(self.vitals.sources(config))
            self._missing = self._say_unmet(config)
            self.delivery.set_receivers(self._receivers(config))
            self._readdress(config)
            self.presence.announce(config)
        if Path(config.state) != self.store.path:
            self.log.note("reload", "`state:` has changed: that takes a restart")
        self.log.again("reload", f"{change.what}; {len(self.reloader.rules.rules)} rules in force")
        now = self.clock.now()
        self._commit(Changes(at=now, happenings=[("reload", now, "", {"what": change.what})]))

    def _readdress(self, config: Config) -> None:
        try:
            self.postmaster.readdress(config, self.reloader.router)
        except StoreError as error:
            self.log.again("state", str(error))

    def _commit(self, changes: Changes) -> None:
        try:
            self.store.commit(replace(changes, at=self.clock.now()))
        except StoreError as error:
            self.log.again("state", str(error))
