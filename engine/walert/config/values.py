"""What a configuration says, once read: frozen, with absolute paths, seconds, and variables filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from walert.config.lifecycle import DEFAULTS, News
from walert.config.quiet import Quiet
from walert.model import AlertLevel, Source


@dataclass(frozen=True, slots=True)
class ReceiverConfig:
    """Somebody who can be told. `url` is a secret; `rate` is messages a minute, None for the service's own limit.

    `flood` is how many messages of a run go within a minute before the rest becomes a digest: None for the usual, infinite for never.
    """

    name: str
    url: str = field(repr=False)
    min_level: AlertLevel = AlertLevel.INFO
    rate: float | None = None
    flood: float | None = None
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """Alerts that match every stated glob go to `receivers`. `level` is the lowest level that matches."""

    receivers: tuple[str, ...]
    project: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    level: AlertLevel | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A URL, a secret, to call every so many seconds as long as everything moves."""

    url: str = field(repr=False)
    every: float = 60.0


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration. `file` is where it stands, None when there is none.

    `rule_paths` are absolute paths and globs, and `pack:NAME`. Every name in `routes` and `default_receivers` is in `receivers`.
    `state` is the absolute path of the state file; `run_timeout` is seconds; `lifecycle` has every kind.
    """

    file: str | None
    sources: tuple[Source, ...]
    rule_paths: tuple[str, ...]
    receivers: Mapping[str, ReceiverConfig]
    routes: tuple[RouteConfig, ...]
    default_receivers: tuple[str, ...]
    state: str
    heartbeat: Heartbeat | None = None
    run_timeout: float = 86400.0
    lifecycle: Mapping[str, News] = field(default_factory=lambda: DEFAULTS)
