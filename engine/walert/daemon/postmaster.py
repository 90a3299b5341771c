"""Looks after the outbox as a whole: tells somebody else when a receiver fails, lets the least give way when too much waits, and readdresses
what waits for a receiver that is no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from walert.clock import Clock
from walert.config import Config
from walert.daemon.log import Log
from walert.dispatch.route import Router
from walert.dispatch.trouble import EPISODE, failing_since, is_wrong, news, notice, others
from walert.errors import StoreError
from walert.levels import AlertLevel
from walert.store.store import Changes, Store
from walert.store.values import GaveWay, Standing

T_LOOK = 10.0  # seconds between two looks
TROUBLE = "receiver_failing:"
"""The facts that say when somebody was told of a receiver: {"at": Unix seconds}."""
_LEVELS = {level.severity: str(level) for level in AlertLevel}


class Postmaster:
    """One thread owns it."""

    def __init__(self, store: Store, log: Log, clock: Clock, host: str) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._host = host
        self._looked = float("-inf")
        self._failing: dict[str, float] = {}  # since when each was seen to fail
        self._told = {
            name.removeprefix(TROUBLE): float(fact["at"])
            for name, fact in store.facts().items()
            if name.startswith(TROUBLE)
        }

    def readdress(self, config: Config, router: Router) -> None:
        """After a start or a reload: what waits for a receiver that is no more goes to the default ones. Raises `StoreError`."""
        least = {name: level.severity for name, level in router.min_levels.items()}
        for moved in self._store.readdress(least, config.default_receivers, self._clock.now()):
            count = f"{moved.number} {'message' if moved.number == 1 else 'messages'} waited for {moved.receiver}"
            text = f"{count}, which the configuration does not name: {', '.join(config.default_receivers) or 'nobody'} gets them"
            self._log.again("outbox", f"{text}; see `walert outbox list --all`")

    def look(self, config: Config, router: Router) -> set[str]:
        """Now and then: who is in trouble? The receivers that something is for."""
        if self._clock.monotonic() - self._looked < T_LOOK:
            return set()
        self._looked = self._clock.monotonic()
        try:
            return self._look(config, router)
        except StoreError as error:
            self._log.note("state", f"cannot look after the outbox, trying again: {error}")
            return set()

    def _look(self, config: Config, router: Router) -> set[str]:
        now = self._clock.now()
        gave_way = {one.receiver: one for one in self._store.give_way(now)}
        standings = self._store.standings()
        self._failing = failing_since(standings, self._failing, now)
        wrong = frozenset(one.receiver for one in standings if is_wrong(one, self._failing.get(one.receiver), now))
        found = news(wrong, self._told, now)
        tell = [
            one for one in standings if one.receiver in {*found.tell, *gave_way} and one.receiver in config.receivers
        ]
        wrong |= gave_way.keys()
        told: set[str] = set()
        for one in tell:
            told |= self._tell(one, gave_way.get(one.receiver), wrong, (config, router), now)
        for name in found.over:
            self._told.pop(name)
            self._store.commit(Changes(at=now, facts={f"{TROUBLE}{name}": None}))
        return told

    def _tell(
        self, one: Standing, gave_way: GaveWay | None, wrong: frozenset[str], where: tuple[Config, Router], now: float
    ) -> set[str]:
        """Once an episode; what gave way is told of each hour that it does."""
        config, router = where
        name, at = one.receiver, self._told.get(one.receiver)
        number = gave_way.number if gave_way is not None else 0
        counters = {"messages_gave_way": number} if number else {}
        if gave_way is not None:
            levels = ", ".join(f"{count} {_LEVELS.get(level, level)}" for level, count in gave_way.levels.items())
            self._log.again("outbox", f"too much waits for {name}: {levels} gave way")
        if at is not None and 0 <= now - at < EPISODE:
            self._store.commit(Changes(at=now, counters=counters))
            return set()
        alert = notice(one, number, now, self._host)
        heard = tuple(
            n for n in _others(config, wrong | {name}) if alert.level.severity >= router.min_levels[n].severity
        )
        self._told[name] = now
        facts = {f"{TROUBLE}{name}": {"at": now, "reason": one.reason}}
        self._store.commit(Changes(at=now, alerts=[(alert, heard)], facts=facts, counters={"alerts": 1, **counters}))
        self._log.again(
            "receiver", f"{name} fails ({one.reason}): told to {', '.join(heard) or 'nobody, there is no other'}"
        )
        return set(heard)


def _others(config: Config, wrong: frozenset[str]) -> Sequence[str]:
    consoles = frozenset(name for name, receiver in config.receivers.items() if receiver.url.startswith("console:"))
    return others(tuple(config.receivers), config.default_receivers, wrong, consoles)
