"""A rule set made ready: conditions compiled once and shared by every run that is judged by them. It holds no state of any file."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from walert import template
from walert.model import Rule, Run
from walert.rules import terms as t
from walert.rules.compiling import Judge, Layout, Verdict, compile_atom, compile_verdict
from walert.rules.machine import Needs, needs
from walert.rules.scan import normalise
from walert.rules.spelling import spell
from walert.rules.syntax import parse_truth
from walert.units import parse_span

_LOOSE = frozenset({"last", "age", "age_steps"})  # inside them a metric never holds a comparison back

LONGEST = 100  # characters of a kept value in a proof


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a metric's newest sample stands. `candidates` are names and patterns for a role of `aliases`, else empty."""

    name: str
    candidates: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What names this slot's state."""
        return f"{self.name} {self.candidates}" if self.candidates else self.name

    def pick(self, names: Iterable[str]) -> str | None:
        """The first of `names` that the role may be bound to, list order deciding."""
        known = list(names)
        for candidate in self.candidates:
            matches = _pattern(candidate).fullmatch if _is_pattern(candidate) else candidate.__eq__
            for name in known:
                if matches(name):
                    return name
        return None


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """A kept value: which, and what feeds it: the samples of `slot`, or the judgements of the condition `inner`."""

    key: str
    node: t.Feature
    slot: int | None
    inner: ConditionPlan | None


@dataclass(frozen=True, slots=True)
class AtomPlan:
    """A comparison: its code, and the metrics whose samples it waits for: `direct` any sample, `finite` finite ones only.

    A `timed` one changes with time alone, and is judged also when it falls due.
    """

    term: t.Atom
    judge: Judge
    direct: tuple[int, ...]
    finite: tuple[int, ...]
    timed: bool


@dataclass(frozen=True, slots=True)
class ConditionPlan:
    """A condition: its comparisons, how they decide it, and the slots whose arrival it is judged at; none: every record."""

    key: str
    truth: t.Truth
    layout: Layout
    atoms: tuple[AtomPlan, ...]
    verdict: Verdict
    triggers: frozenset[int]
    always: bool
    timed: bool
    shown: tuple[tuple[str, int | None, int | None], ...]  # (how it is written, slot, feature): the proof


@dataclass(frozen=True, slots=True)
class RulePlan:
    """A rule with its compiled conditions. `key` names the state that belongs to it: what it judges, not what it is called."""

    rule: Rule
    rank: int
    key: str
    when: ConditionPlan
    clear: ConditionPlan | None
    needs: Needs
    mentions: tuple[tuple[str, int], ...]  # names that the text fills in


@dataclass(slots=True)
class _Builder:
    slots: dict[Slot, int] = field(default_factory=dict)
    features: dict[str, FeaturePlan] = field(default_factory=dict)
    order: dict[str, int] = field(default_factory=dict)
    conditions: dict[str, ConditionPlan] = field(default_factory=dict)

    def slot(self, name: str, aliases: Mapping[str, tuple[str, ...]]) -> int:
        """The index of a metric or role, the same for all rules that mean the same."""
        candidates = tuple(normalise(c) for c in aliases.get(name, ()))
        return self.slots.setdefault(Slot(name, candidates), len(self.slots))

    def feature(self, node: t.Feature, aliases: Mapping[str, tuple[str, ...]]) -> int:
        """The index of a kept value, shared by all conditions that ask for the same."""
        key = f"{node!r}{_roles(node, aliases)}"
        if key not in self.features:
            slot = self.slot(node.metric, aliases) if node.metric is not None else None
            inner = self.condition(node.condition, aliases) if node.condition is not None else None
            self.order[key] = len(self.features)
            self.features[key] = FeaturePlan(_short(key), node, slot, inner)
        return self.order[key]

    def condition(self, truth: t.Truth, aliases: Mapping[str, tuple[str, ...]]) -> ConditionPlan:
        """A condition, compiled once however many rules use it."""
        key = f"{truth!r}{_roles(truth, aliases)}"
        if key not in self.conditions:
            layout = Layout(lambda name: self.slot(name, aliases), lambda node: self.feature(node, aliases))
            atoms = tuple(self.atom(a, layout) for a in t.atoms(truth))
            named, loose = self.named(truth, layout)
            always = (
                not named
            )  # what only asks whether something is there, or how many steps ago, is news at every record
            self.conditions[key] = ConditionPlan(
                _short(key),
                truth,
                layout,
                atoms,
                compile_verdict(truth),
                frozenset(named | loose),
                always,
                any(atom.timed for atom in atoms),
                self.shown(truth, layout),
            )
        return self.conditions[key]

    def atom(self, atom: t.Atom, layout: Layout) -> AtomPlan:
        """A comparison with the metrics that hold it back."""
        direct = {layout.slot(n.name) for n in t.walk(atom) if isinstance(n, t.Metric)}
        finite = {
            layout.slot(n.metric)
            for n in t.walk(atom)
            if isinstance(n, t.Feature) and n.metric is not None and n.function not in _LOOSE
        }
        return AtomPlan(
            atom, compile_atom(atom, layout), tuple(sorted(direct)), tuple(sorted(finite - direct)), _is_timed(atom)
        )

    def named(self, truth: t.Truth, layout: Layout) -> tuple[set[int], set[int]]:
        """The slots that a condition names as values, and those whose presence or distance in steps it asks for."""
        named: set[int] = set()
        loose: set[int] = set()
        for node in t.walk(truth):
            match node:
                case t.Metric(name):
                    named.add(layout.slot(name))
                case t.Feature(metric=metric) if metric is not None:
                    (loose if _counts_steps(node) else named).add(layout.slot(metric))
                case t.Presence(metric=metric) if metric is not None:
                    loose.add(layout.slot(metric))
        return named, loose

    def shown(self, truth: t.Truth, layout: Layout) -> tuple[tuple[str, int | None, int | None], ...]:
        """What the proof of a judgement shows: each metric and each kept value, once, in the order written."""
        rows: dict[str, tuple[str, int | None, int | None]] = {}
        for node in t.walk(truth):
            match node:
                case t.Metric(name):
                    rows.setdefault(name, (name, layout.slot(name), None))
                case t.Feature(function="last", metric=metric) if metric is not None:
                    rows.setdefault(metric, (metric, layout.slot(metric), None))
                case t.Feature():
                    text = describe(node)
                    rows.setdefault(text, (text, None, layout.feature(node)))
                case t.OfRun(name):
                    rows.setdefault(name, (name, None, None))
        return tuple(rows.values())


class RuleSet:
    """Rules compiled together, in order. `for_run` gives the part of it that applies to a run."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        builder = _Builder()
        self.rules = tuple(rules)
        self.plans = tuple(_plan(rule, rank, builder) for rank, rule in enumerate(rules))
        self.slots = tuple(builder.slots)
        self.features = tuple(builder.features.values())
        self.timed = tuple(p for p in self.plans if p.when.timed or (p.clear is not None and p.clear.timed))
        #: Slots of metrics that `absent` asks for, and the shortest silence that `stalled` does (seconds): both look at all files of a run.
        self.absent, self.shortest_stall = _of_company(builder.conditions.values())
        self._parts: dict[tuple[int, ...], RuleSet] = {}

    @property
    def social(self) -> bool:
        """Whether a rule looks at the other files of a run."""
        return bool(self.absent) or self.shortest_stall is not None

    @property
    def checksum(self) -> str:
        """The same for rule sets that judge the same, whatever their rules are called."""
        return _short("".join(p.key for p in self.plans))

    def for_run(self, run: Run) -> RuleSet:
        """The rules whose `runs` selector matches; compiled once for each selection."""
        chosen = tuple(i for i, rule in enumerate(self.rules) if selects(rule, run))
        if len(chosen) == len(self.rules):
            return self
        if chosen not in self._parts:
            self._parts[chosen] = RuleSet([self.rules[i] for i in chosen])
        return self._parts[chosen]


def layout_of(rules: RuleSet, rule: Rule) -> Layout:
    """Where the values that a rule's conditions name stand in a rule set that holds the rule."""
    slots = {slot: i for i, slot in enumerate(rules.slots)}
    features = {plan.key: i for i, plan in enumerate(rules.features)}
    return Layout(
        lambda name: slots[Slot(name, tuple(normalise(c) for c in rule.aliases.get(name, ())))],
        lambda node: features[_short(f"{node!r}{_roles(node, rule.aliases)}")],
    )


def selects(rule: Rule, run: Run) -> bool:
    """Whether a rule's `runs` selector matches: globs over project and name, and every one of its tags."""
    for key, value in (("project", run.project), ("name", run.name)):
        pattern = rule.runs.get(key)
        if pattern is not None and not fnmatch.fnmatchcase(value or "", pattern):
            return False
    return set(rule.runs.get("tags", ())) <= set(run.tags)


def describe(node: t.Feature) -> str:
    """A kept value as its author would write it: `mean(loss, "10m")`. A long condition inside it is `…`."""
    text = spell(node)
    if node.condition is None or len(text) <= LONGEST:
        return text
    return text.replace(spell(node.condition), "…", 1)


def _plan(rule: Rule, rank: int, builder: _Builder) -> RulePlan:
    when = builder.condition(parse_truth(rule.when), rule.aliases)
    clear = builder.condition(parse_truth(rule.clear), rule.aliases) if rule.clear is not None else None
    for_ = parse_span(rule.for_) if rule.for_ is not None else None
    keep = parse_span(rule.keep_firing_for) if rule.keep_firing_for is not None else None
    names = dict.fromkeys(template.names_in(rule.text or ""))
    mentions = tuple((name, builder.slot(name, rule.aliases)) for name in names)
    key = _short(f"{when.key}|{clear.key if clear else ''}|{for_}|{keep}")
    return RulePlan(rule, rank, key, when, clear, needs(for_, keep, clear is not None), mentions)


def _roles(node: t.Node, aliases: Mapping[str, tuple[str, ...]]) -> str:
    used = {str(getattr(n, "name", None) or getattr(n, "metric", None)) for n in t.walk(node)}
    return repr(sorted((name, aliases[name]) for name in used if name in aliases))


def _of_company(conditions: Iterable[ConditionPlan]) -> tuple[tuple[int, ...], float | None]:
    absent: set[int] = set()
    stalls: list[float] = []
    for condition in conditions:
        for node in t.walk(condition.truth):
            if isinstance(node, t.Presence) and node.function == "absent" and node.metric is not None:
                absent.add(condition.layout.slot(node.metric))
            elif isinstance(node, t.Presence) and node.function == "stalled" and node.span is not None:
                stalls.append(node.span.amount)
    return tuple(sorted(absent)), min(stalls, default=None)


def _is_timed(atom: t.Atom) -> bool:
    return any(
        (isinstance(n, t.Presence) and n.span is not None and n.span.kind == "seconds")
        or (isinstance(n, t.OfRun) and n.name == "run_age")
        or (isinstance(n, t.Feature) and n.function == "age")
        for n in t.walk(atom)
    )


def _counts_steps(node: t.Node) -> bool:
    return isinstance(node, t.Feature) and node.function == "age_steps"


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


def _is_pattern(candidate: str) -> bool:
    return any(c in candidate for c in "*?[")


@lru_cache(maxsize=4096)
def _pattern(candidate: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(candidate))
