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
from types import FrameType

from walert.clock import Clock
from walert.config import Config, ReceiverConfig
from walert.daemon.lock import Lock
from walert.daemon.log import Log
from walert.daemon.reload import Reloader
from walert.deliver.delivery import Delivery
from walert.deliver.receiver import Receiver
from walert.errors import StoreError
from walert.model import Checkpoint
from walert.pipeline.live import Pipeline
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader
from walert.store.store import Store
from walert.store.values import Changes
from walert.tail import Follower, Notice, Waker, open_waker

T_SWEEP = 2.0
T_SCAN = 10.0
T_RETRY = 1.0  # after a commit that failed
T_EXPIRE = 3600.0
DRAIN_ONCE = 120.0  # seconds that --once gives its receivers
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
        self._reload = False
        self._waker: Waker | None = None
        self._committed: dict[str, Checkpoint] = {}
        self._failing = False
        self._awake = False

    # --- the whole life

    def run(self) -> int:
        """Follow until stopped. Returns 0, or 1 when `--once` could not deliver everything.

        Raises `AlreadyRunning` when another holds the state file, `StoreError` when it cannot be used.
        """
        config = self.reloader.config
        lock = Lock(config.state + ".lock")
        lock.acquire(_roots(config))
        try:
            return self._locked(lock)
        finally:
            lock.release()

    def _locked(self, lock: Lock) -> int:
        config = self.reloader.config
        with Store.open(config.state, now=self.clock.now()) as store:
            for notice in store.notices:
                self.log.note("state", notice)
            self._open(store, config)
            self.lock = lock
            self.delivery.start()
            self.log.again("start", _greeting(config, self.reloader))
            try:
                self._signals()
                self._loop()
            finally:
                code = self._close(config)
        return code

    def _open(self, store: Store, config: Config) -> None:
        self.store = store
        self.pipeline = Pipeline(
            self.reloader.rules,
            self.reloader.router,
            store,
            self.log,
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            run_timeout=config.run_timeout,
            host=socket.gethostname(),
            everything=self.once,
        )
        saved = store.checkpoints()
        self._committed = {c.stream: c for c in saved}
        self.follower = Follower(config.sources, saved, clock=self.clock, notice=self._notice)
        with SqliteOutbox(config.state) as outbox:
            in_flight = outbox.take_back()
        if in_flight:
            self.log.again(
                "outbox", f"{in_flight} messages were in flight when the last walertd died: they are sent again"
            )
        self.delivery = Delivery(self._receivers(config), lambda: SqliteOutbox(config.state), self.clock)

    def _receivers(self, config: Config) -> dict[str, Receiver]:
        return {name: self.make_receiver(receiver) for name, receiver in config.receivers.items()}

    def _close(self, config: Config) -> int:
        if self._waker is not None:
            self._waker.close()
        self.follower.close()
        grace = DRAIN_ONCE if self.once else GRACE
        self.delivery.drain(self.clock.monotonic() + grace)
        self.delivery.stop(GRACE)
        waiting = self._undelivered(config)
        self.log.again("stop", f"{waiting} messages wait for delivery" if waiting else "all is delivered")
        if self.once and self.reloader.book.errors:
            return 2  # what could be judged was; a rule file that is broken must not look like success
        return 1 if self.once and waiting else 0

    def _undelivered(self, config: Config) -> int:
        with Reader(config.state) as reader:
            return sum(1 for row in reader.outbox() if row.state in ("waiting", "dead"))

    # --- signals

    def _signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._ask_reload)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping.is_set():
            os._exit(128 + number)  # the second time is meant: all that counts is committed
        self.stopping.set()
        self._wake()

    def _ask_reload(self, number: int, frame: FrameType | None) -> None:
        self._reload = True
        self._wake()

    def _wake(self) -> None:
        if self._waker is not None:
            self._waker.wake()

    # --- the loop

    def _loop(self) -> None:
        self.follower.scan()
        if not self.once:
            self._waker = open_waker(self.reloader.config.sources, notice=self._notice)
        swept = scanned = expired = self.clock.monotonic()
        while not self.stopping.is_set():
            read = self._read()
            if self.once and not read and not self._failing:
                if not self.follower.holding():
                    return
                self.stopping.wait(T_SWEEP)
            wait = 0.0 if read else T_RETRY if self._failing else T_SWEEP
            self._hints(wait)
            now = self.clock.monotonic()
            if now - scanned >= T_SCAN:
                self.follower.scan()
                scanned = swept = now
            elif now - swept >= T_SWEEP:
                self.follower.sweep()
                self._tick()
                swept = now
            if now - expired >= T_EXPIRE:
                self.store.expire(self.clock.now(), self.follower.streams())
                expired = now
            self._refresh()

    def _tick(self) -> None:
        """What falls due in silence; files that had nothing new since the start are taken up first."""
        if not self._awake and self.reloader.rules.timed:
            for batch in self.follower.idle():
                self.pipeline.wake_up(batch)
        self._awake = True
        try:
            self.delivery.wake(self.pipeline.tick())
        except StoreError as error:
            self.log.note("state", f"cannot commit what fell due, trying again: {error}")

    def _hints(self, wait: float) -> None:
        if self._waker is None:
            self.stopping.wait(wait)
            return
        dirty = self._waker.wait(wait)
        if dirty is None:
            self.follower.scan()
        elif dirty:
            self.follower.mark_dirty(dirty)

    def _read(self) -> bool:
        """One round over what is unread. True when something was read."""
        read = False
        for batch in self.follower.read():
            stream = batch.checkpoint.stream
            try:
                told = self.pipeline.process(batch)
            except StoreError as error:
                self._failed(error, stream, batch.checkpoint)
                return False
            self._recovered()
            self._committed[stream] = batch.checkpoint
            if batch.ended:
                self._committed.pop(stream, None)
            self.delivery.wake(told)
            read = True
            if self.stopping.is_set():
                break
        return read

    def _failed(self, error: StoreError, stream: str, ahead: Checkpoint) -> None:
        """Nothing was committed: the file is read again from the last committed place."""
        if not self._failing:
            self.log.again("state", f"cannot commit, nothing is lost, trying again: {error}")
        self._failing = True
        self.follower.rewind(self._committed.get(stream) or replace(ahead, offset=0, line=0, discarding=False))

    def _recovered(self) -> None:
        if self._failing:
            self.log.again("state", "committing again")
        self._failing = False

    def _notice(self, notice: Notice) -> None:
        self.log.note(notice.kind, f"{notice.path}: {notice.text}" if notice.path else notice.text)

    # --- reload

    def _refresh(self) -> None:
        forced, self._reload = self._reload, False
        if not forced and not self.reloader.due(self.clock.monotonic()):
            return
        change = self.reloader.refresh()
        if forced or change.any:
            self._take(change.config, change.rules, forced)
        self.log.problems(change.problems)

    def _take(self, config: bool, rules: bool, forced: bool) -> None:
        self.pipeline.router = self.reloader.router
        if rules:
            self.pipeline.set_rules(self.reloader.rules)
            self._awake = False
        if config:
            self.follower.set_sources(self.reloader.config.sources)
            self.delivery.set_receivers(self._receivers(self.reloader.config))
            self.lock.announce(_roots(self.reloader.config))
            if self._waker is not None:
                self._waker.close()
                self._waker = open_waker(self.reloader.config.sources, notice=self._notice)
        what = " and ".join(word for word, on in (("config", config), ("rules", rules)) if on) or "nothing changed"
        self.log.again("reload", f"{what}; {len(self.reloader.rules.rules)} rules in force")
        self.store.commit(Changes(at=self.clock.now(), happenings=[("reload", self.clock.now(), "", {"what": what})]))


def _roots(config: Config) -> list[str]:
    return sorted({source.path for source in config.sources})


def _greeting(config: Config, reloader: Reloader) -> str:
    count = len(reloader.rules.rules)
    places = ", ".join(_roots(config))
    return f"walertd {os.getpid()} follows {places} by {count} {'rule' if count == 1 else 'rules'}; state in {config.state}"
