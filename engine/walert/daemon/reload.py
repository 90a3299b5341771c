"""Configuration and rules as they are in force: read at the start, looked at again when asked or changed, the last good version kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from walert.config import Config, inspect_config, load_config
from walert.config.receiver_url import is_pager
from walert.dispatch.route import Route, Router
from walert.errors import ConfigError, Problem
from walert.pipeline.rulebook import RuleBook
from walert.rules.plan import RuleSet

T_LOOK = 2.0  # seconds between looks at the files


@dataclass(frozen=True, slots=True)
class Change:
    """What a look found: whether config or rules in force changed, and what is newly wrong."""

    config: bool
    rules: bool
    problems: tuple[Problem, ...]

    @property
    def any(self) -> bool:
        """Whether anything in force changed."""
        return self.config or self.rules

    @property
    def what(self) -> str:
        """In words."""
        return " and ".join(name for name, on in (("config", self.config), ("rules", self.rules)) if on) or "no change"


class Reloader:
    """Owns the files of the user. `config`, `rules` and `router` are what is in force."""

    def __init__(self, path: str | None, environ: Mapping[str, str]) -> None:
        """Read everything. Raises `ConfigError` for a configuration that cannot be used; rule files may be broken."""
        self.path = path
        self.environ = environ
        self.config, self._wrong = usable_config(path, environ)
        self.book = RuleBook(self.config.rule_paths, frozenset(self.config.receivers))
        self.book.refresh()
        self.rules: RuleSet = self.book.compiled()
        self.router = router(self.config)
        self._seen = self._stamp()
        self._told: frozenset[Problem] = frozenset()
        self._looked = float("-inf")

    def standing(self) -> tuple[Problem, ...]:
        """What is wrong now."""
        return tuple(dict.fromkeys((*self._wrong, *self.book.problems)))

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong now and was not at the last call."""
        now = self.standing()
        new = tuple(p for p in now if p not in self._told)
        self._told = frozenset(now)
        return new

    def due(self, monotonic: float) -> bool:
        """Whether it is time to look, and something looks different."""
        if monotonic - self._looked < T_LOOK:
            return False
        self._looked = monotonic
        return self._stamp() != self._seen

    def refresh(self) -> Change:
        """Read what changed. A file that is broken keeps its last good version."""
        self._seen = self._stamp()
        config = self._refresh_config()
        rules = self.book.refresh() or config
        if rules:
            fresh = self.book.compiled()
            rules = fresh.rules != self.rules.rules
            self.rules = fresh if rules else self.rules
        return Change(config, rules, self.problems())

    def _refresh_config(self) -> bool:
        try:
            config, self._wrong = usable_config(self.path, self.environ)
        except ConfigError as error:
            self._wrong = error.problems or (Problem(self.path or "", 0, 0, "config", str(error)),)
            return False
        if config == self.config:
            return False
        self.config = config
        self.book.patterns, self.book.receivers = config.rule_paths, frozenset(config.receivers)
        self.router = router(config)
        return True

    def _stamp(self) -> tuple[object, ...]:
        """Names, sizes and times of all files: cheap to compare."""
        return tuple(_stat(path) for path in [self.path or "", *self.book.paths()])


def usable_config(path: str | None, environ: Mapping[str, str]) -> tuple[Config, tuple[Problem, ...]]:
    """The configuration, and what is wrong with it although it can be used: a receiver's URL that can reach nobody costs that receiver only.

    Raises `ConfigError` with every problem for one that cannot be used.
    """
    if path is None:
        return load_config(None, environ), ()
    try:
        config, problems = inspect_config(Path(path).read_bytes(), path, environ)
    except OSError:
        return load_config(path, environ), ()  # says why
    errors = sum(p.severity == "error" for p in problems)
    if any(p.severity == "error" and p.code != "receiver-url" for p in problems):
        raise ConfigError(f"{path} cannot be used: it has {errors} {'error' if errors == 1 else 'errors'}.", problems)
    return config, problems


def router(config: Config) -> Router:
    """The configured ways of an alert."""
    routes = [Route(r.receivers, r.project, r.name, r.tags, r.level, r.labels) for r in config.routes]
    return Router({name: r.min_level for name, r in config.receivers.items()}, routes, config.default_receivers)


def floods(config: Config) -> dict[str, float]:
    """Receiver to the messages of a run that it gets within a minute before the rest is collected, where it is not the usual."""
    return {name: r.flood for name, r in config.receivers.items() if r.flood is not None}


def pagers(config: Config) -> frozenset[str]:
    """The receivers whose messages never tell of several alerts."""
    return frozenset(name for name, receiver in config.receivers.items() if is_pager(receiver.url))


def _stat(path: str) -> tuple[str, int, int, int] | str:
    try:
        found = os.stat(path)
    except OSError:
        return path
    return (path, found.st_mtime_ns, found.st_size, found.st_ino)
