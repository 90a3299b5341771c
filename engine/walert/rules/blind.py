"""Blind rules: what a metric that never came, or a window that never filled, keeps from ever being decided. Pure.

A rule is blind over a run: all the files of the run look together, and so do its attempts. What was found once stays found, so a `Sight` only
grows; the folds of a run share one, and show it what they hold before an attempt or a fresh start takes that away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from walert.model import Rule
from walert.rules.holding import holding, never_logged
from walert.rules.spelling import spell

if TYPE_CHECKING:
    from walert.rules.fold import Fold
    from walert.rules.plan import RulePlan, RuleSet

RECORDS = 1_000
SECONDS = 3_600.0
"""A run that goes on is judged when it is that many records and that much event time old."""

MOST_NAMES = 300  # metric names kept to look for the nearest among: a comparison costs some 50 µs
LONGEST_NAME = 200
NEAREST = 1
_OF_RUN = ("step", "epoch", "run_age", "attempt")


@dataclass(slots=True)
class Sight:
    """What the rules of a run have found in its logs: `seen` metrics, kept values that `spoke`, and how far the others came (`held`)."""

    seen: set[str] = field(default_factory=set)
    spoke: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)

    def look(self, fold: Fold) -> None:
        """Take note of all that `fold` holds now."""
        for i, slot in enumerate(fold.rules.slots):
            if fold.arrived[i]:
                self.seen.add(slot.key)
        self.seen.update(name for name, value in zip(_OF_RUN, fold.run, strict=False) if value is not None)
        for i, plan in enumerate(fold.rules.features):
            if plan.key in self.spoke:
                continue
            if fold.readers[i]() is not None:
                self.spoke.add(plan.key)
                self.held.pop(plan.key, None)
            elif plan.slot is None or not never_logged(fold, plan.slot):
                self.held[plan.key] = holding(fold, i)
        self._name(fold.names)

    def _name(self, names: Iterable[str]) -> None:
        for name in names:
            if len(self.names) >= MOST_NAMES:
                return
            if len(name) <= LONGEST_NAME:
                self.names.setdefault(name)

    def dump(self) -> dict[str, Any]:
        """Plain builtins for the state file."""
        return {
            "seen": sorted(self.seen), "spoke": sorted(self.spoke), "held": dict(self.held), "names": list(self.names),
        }  # fmt: skip

    def join(self, state: Mapping[str, Any]) -> None:
        """Add what another `dump` describes."""
        self.seen.update(state["seen"])
        self.spoke.update(state["spoke"])
        self.held = {k: v for k, v in {**state["held"], **self.held}.items() if k not in self.spoke}
        self._name(state["names"])


@dataclass(frozen=True, slots=True)
class Blind:
    """A rule that cannot be decided, with what it lacks.

    `missing` are metrics (or roles) as the rule names them, `nearest` the logged names most like each; `windows` are kept values that
    never had an answer, each with how far it came.
    """

    rule: Rule
    missing: tuple[str, ...]
    windows: Mapping[str, str]
    nearest: Mapping[str, tuple[str, ...]]

    @property
    def why(self) -> str:
        """All of it in one sentence."""
        parts = [f"{name} was never logged{_hint(self.nearest.get(name, ()))}" for name in self.missing]
        parts += [f"{text} {held}" for text, held in self.windows.items()]
        return "; ".join(parts)

    def row(self) -> dict[str, Any]:
        """As builtins, for the state file and for JSON."""
        return {
            "title": self.rule.title, "level": str(self.rule.level), "rule": self.rule.origin, "missing": list(self.missing),
            "nearest": {name: list(near) for name, near in self.nearest.items()}, "windows": dict(self.windows), "why": self.why,
        }  # fmt: skip


def _hint(nearest: tuple[str, ...]) -> str:
    return f" (nearest: {', '.join(nearest)})" if nearest else ""


def is_due(fold: Fold) -> bool:
    """Whether a run that goes on is old enough to be judged."""
    age = fold.run[_OF_RUN.index("run_age")]
    return fold.records >= RECORDS and age is not None and age >= SECONDS


def blind(fold: Fold) -> list[Blind]:
    """The rules of `fold` that are blind on its run, after a last look. Optional ones never are."""
    fold.sight.look(fold)
    return blind_rules(fold.rules, fold.sight)


def blind_rules(rules: RuleSet, sight: Sight) -> list[Blind]:
    """The rules of a set that are blind where `sight` was gathered, in their order."""
    near: dict[str, tuple[str, ...]] = {}

    def nearest(names: tuple[str, ...]) -> tuple[str, ...]:
        key = " ".join(names)
        if key not in near:
            near[key] = nearest_names(names, sight.names)
        return near[key]

    found = (_blind(plan, rules, sight, nearest) for plan in rules.plans if not plan.rule.optional)
    return [each for each in found if each is not None]


def _blind(
    plan: RulePlan, rules: RuleSet, sight: Sight, nearest: Callable[[tuple[str, ...]], tuple[str, ...]]
) -> Blind | None:
    shown = [row for condition in (plan.when, plan.clear) if condition is not None for row in condition.shown]
    missing: dict[str, tuple[str, ...]] = {}
    for text, own, feature in shown:
        slot = own if feature is None else rules.features[feature].slot
        if slot is not None and rules.slots[slot].key not in sight.seen:
            missing[rules.slots[slot].name] = rules.slots[slot].candidates or (rules.slots[slot].name,)
        elif slot is None and feature is None and text not in sight.seen:
            missing[text] = ()
    windows = _unfilled({f for _, _, f in shown if f is not None}, rules, sight, bool(missing))
    if not missing and not windows:
        return None
    return Blind(plan.rule, tuple(missing), windows, {name: nearest(wanted) for name, wanted in missing.items()})


def _unfilled(features: Iterable[int], rules: RuleSet, sight: Sight, lacks_metrics: bool) -> dict[str, str]:
    """The kept values that never spoke, each with how far it came; not those that only wait for a metric that is missing."""
    out = {}
    for plan in (rules.features[i] for i in sorted(features)):
        waits = lacks_metrics if plan.slot is None else rules.slots[plan.slot].key not in sight.seen
        if plan.key not in sight.spoke and not waits:
            out[spell(plan.node)] = sight.held.get(plan.key, "has no judgement yet")
    return out


def nearest_names(wanted: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Of `known`, the names most like one of `wanted`, whatever separators and capitals they are written with."""
    import difflib

    names = list(known)
    by_letters = {_letters(name.rpartition("/")[2]): name for name in reversed(names)}
    by_letters |= {_letters(name): name for name in reversed(names)}
    found: dict[str, None] = {}
    for name in wanted:
        for match in difflib.get_close_matches(_letters(name), by_letters, NEAREST, 0.6):
            found.setdefault(by_letters[match])
    return tuple(found)[:NEAREST]


def _letters(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum()) or name
