"""Who gets a message: the rule's own receivers, else those of all matching routes, else the default ones; never nobody by mistake."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from walert.model import Alert, AlertLevel


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that match every stated pattern go to `receivers`. `level` is the lowest level that matches."""

    receivers: tuple[str, ...]
    project: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    level: AlertLevel | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def matches(self, alert: Alert) -> bool:
        """Whether `alert` goes this way."""
        run = alert.run
        patterns = ((self.project, run.project), (self.name, run.name))
        return (
            all(p is None or fnmatch.fnmatchcase(value or "", p) for p, value in patterns)
            and set(self.tags) <= set(run.tags)
            and (self.level is None or alert.level.severity >= self.level.severity)
            and all(fnmatch.fnmatchcase(alert.labels.get(k, ""), v) for k, v in self.labels.items())
        )


@dataclass(frozen=True, slots=True)
class Router:
    """The configured ways. `min_levels` holds every receiver there is with the lowest level it takes."""

    min_levels: Mapping[str, AlertLevel]
    routes: Sequence[Route] = ()
    default: tuple[str, ...] = ()

    def receivers(self, alert: Alert, own: Sequence[str] = ()) -> tuple[str, ...]:
        """The receivers of `alert`; `own` are those that its rule names. An unknown one stands for the default ones."""
        names: list[str] = []
        for name in (
            own or [r for route in self.routes if route.matches(alert) for r in route.receivers] or self.default
        ):
            names += [name] if name in self.min_levels else self.default
        taking = tuple(dict.fromkeys(n for n in names if self._takes(n, alert)))
        if not taking and alert.kind == "alert":
            # What a person wrote into the training code is never left with nobody.
            return tuple(n for n in self.default if n in self.min_levels)
        return taking

    def unknown(self, own: Sequence[str]) -> tuple[str, ...]:
        """The names among `own` that no receiver has."""
        return tuple(n for n in own if n not in self.min_levels)

    def _takes(self, name: str, alert: Alert) -> bool:
        return name in self.min_levels and alert.level.severity >= self.min_levels[name].severity
