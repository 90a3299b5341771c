"""For how long no walertd was here, and the note for the next one that this one is."""

from __future__ import annotations

from walert.clock import Clock
from walert.daemon.log import Log
from walert.daemon.passes import Passes
from walert.errors import StoreError
from walert.pipeline.backlog import ALIVE, DOWN_AFTER, down_for
from walert.store.store import Changes, Store
from walert.units import format_duration

T_ALIVE = 60.0  # seconds between two notes


class Away:
    """`down` is for how many seconds no walertd was here before this one; 0 under `--once`, which has no backlog."""

    def __init__(self, store: Store, log: Log, clock: Clock, *, once: bool) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._once = once
        self._noted: float | None = None  # monotonic seconds
        self.down = 0.0 if once else down_for(store.facts(), clock.now())
        if self.down > DOWN_AFTER:
            text = f"no walertd was here for {format_duration(int(self.down))}: what was written meanwhile is told as one digest"
            log.again("backlog", text)

    def note(self, passes: Passes) -> set[str]:
        """Once everything was read: let a backlog go, and note every minute that a walertd is here. The receivers of what went.

        Not before: who is killed while catching up has still been away.
        """
        now = self._clock.monotonic()
        if self._once or passes.behind or (self._noted is not None and now - self._noted < T_ALIVE):
            return set()
        freed = passes.caught_up() if self._noted is None else set()
        self._write()
        self._noted = now
        return freed

    def close(self) -> None:
        """The last walertd was here until now; a digest that it collects goes before it does."""
        try:
            self._store.let_floods_go()
        except StoreError as error:
            self._log.again("state", str(error))
        if self._noted is not None:
            self._write()

    def _write(self) -> None:
        now = self._clock.now()
        try:
            self._store.commit(Changes(at=now, facts={ALIVE: {"at": now}}))
        except StoreError as error:
            self._log.again("state", str(error))
