"""The daemon's signs of life: what moved is noted, and told to systemd, the heartbeat's URL, and, through the state file, `walert status`."""

from __future__ import annotations

from collections.abc import Mapping

from walert.clock import Clock
from walert.config import Config
from walert.daemon.bulletin import HEARTBEAT, WATCHING, Bulletin, heartbeat, watching
from walert.daemon.canary import Canary
from walert.daemon.health import Health
from walert.daemon.heartbeat import Heartbeat
from walert.daemon.log import Log
from walert.daemon.notify import Notifier
from walert.daemon.reload import Reloader
from walert.daemon.watch import missing
from walert.model import Source
from walert.store.store import Store
from walert.tail import FollowStatus, WakeStatus
from walert.tail.discover import root_of


class Vitals:
    """Owned by the loop's thread. Without `following`, as under `--once`, there is no canary and nobody is called."""

    def __init__(self, store: Store, log: Log, clock: Clock, notifier: Notifier, *, following: bool) -> None:
        now = clock.monotonic()
        self.health = Health(turned=now, committed=now)
        self.canary = Canary(f"{store.path}.pulse", self.health)
        self._clock = clock
        self._log = log
        self._notifier = notifier
        self._following = following
        self._config: Config | None = None
        self._ready = False
        self._failing: float | None = None
        self._bulletin = Bulletin(store, log, clock, self.health)
        self._heartbeat = Heartbeat(self.health.wrong, log.again, clock)
        self._wrong: str | None = None

    def sources(self, config: Config) -> tuple[Source, ...]:
        """What is followed: the canary first, so that no entry of the user's that covers it takes it for a run."""
        return (self.canary.source, *config.sources) if self._following else config.sources

    def in_force(self, reloader: Reloader) -> None:
        """A configuration was taken over."""
        self._config = reloader.config
        wrong = [str(problem) for problem in reloader.standing() if problem.severity == "error"]
        self._bulletin.about(reloader.config, len(reloader.rules.rules), wrong)
        if self._following and self._ready:
            self._heartbeat.configure(reloader.config.heartbeat)

    def ready(self) -> None:
        """All that is there is followed: whoever waits for it may know."""
        self._ready = True
        self._notifier.ready()
        if self._following and self._config is not None:
            self._heartbeat.configure(self._config.heartbeat)

    def committed(self) -> None:
        """A pass was judged and committed."""
        self.health.turned = self.health.committed = self._clock.monotonic()

    def turned(self, failing: float | None, workers: Mapping[str, float]) -> None:
        """The loop went round once. `failing` is since when passes cannot be committed; `workers` when each last turned."""
        now, health = self._clock.monotonic(), self.health
        health.turned, health.workers, self._failing = now, workers, failing
        health.failing = self._bulletin.failing if failing is None else failing
        if self._following:
            self.canary.sing(now)
        wrong = health.wrong(now)
        self._say(wrong)
        if wrong is None:
            self._notifier.ping(now)

    def _say(self, wrong: str | None) -> None:
        """Tell what does not move, once; that nothing can be committed was told by whoever tried."""
        before, self._wrong = self._wrong, wrong
        if wrong is not None and before is None and self.health.failing is None:
            self._log.again("health", wrong)
        if (wrong is None) != (before is None):
            self._notifier.status(wrong or "all moves again")

    def due(self) -> bool:
        """Whether `tell` may have something to do: not while passes cannot be committed, which try it themselves."""
        return self._failing is None and self._bulletin.due()

    def tell(self, wake: WakeStatus, follow: FollowStatus) -> None:
        """Commit how things are, and say it to systemd."""
        sources = () if self._config is None else self._config.sources
        polled = sorted({root_of(source) for source in sources if source.poll})
        facts = watching(
            wake, follow, polled=polled, missing=missing(sources), own=self._following and self.canary.is_read
        )
        self._bulletin.tell({WATCHING: facts, HEARTBEAT: heartbeat(self._heartbeat.status)})
        if self._wrong is None:
            count = facts["streams"]
            self._notifier.status(f"follows {count} {'file' if count == 1 else 'files'}")

    def close(self) -> None:
        """Nobody is called any more."""
        self._heartbeat.close()
        self.canary.remove()

    def farewell(self, undelivered: Mapping[str, int]) -> None:
        """The last word in the state file."""
        self._bulletin.farewell(undelivered)
