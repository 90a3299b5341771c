"""What the rules of one file, looked at together and with what is known around it, most likely do not mean."""

from __future__ import annotations

import fnmatch
import glob
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from walert.model import Rule
from walert.rules import terms as t
from walert.rules.expression import Condition
from walert.rules.lint.bounds import Bound, bound, bounds
from walert.rules.lint.names import meant
from walert.rules.lint.values import Around, Logged, Remark, Written
from walert.rules.syntax import parse_truth

_DIVERGING = frozenset(
    {"ppl", "perplexity", "nll", "kl", "mse", "rmse", "mae", "xent", "entropy", "grad", "grads", "gradient"}
)
"""Words in names of what is NaN first when a training diverges. A temperature or an accuracy hardly ever is, and nobody asks for it."""


def around(rules: Iterable[Rule], logged: Logged | None = None) -> Around:
    """What `rules`, all those in force beside and including a file's own, have to say to each rule of the file."""
    finite: set[str] = set()
    groups: Counter[str] = Counter()
    for rule in rules:
        groups[rule.group or ""] += 1
        for name in _asked(parse_truth(rule.when)):
            finite.update((name, *rule.aliases.get(name, ())))
    return Around(frozenset(finite), groups, logged)


def _asked(truth: t.Truth) -> Iterator[str]:
    """The metrics that a condition asks whether they are NaN."""
    for node in t.walk(truth):
        if isinstance(node, t.Predicate) and node.function in ("isnan", "isfinite"):
            yield from (inner.name for inner in t.walk(node) if isinstance(inner, t.Metric))


def lint_file(
    rules: Sequence[Written], aliases: Mapping[str, tuple[str, ...]], known: Around, *, whole: bool
) -> Iterator[Remark]:
    """The remarks on rules that need the sight of all of the file's. Not `whole`: some rules are left out because of errors."""
    enabled = [rule for rule in rules if rule.enabled]
    if whole:
        yield from _not_finite(enabled, known)
        yield from _alone(enabled, known)
    yield from _slashes(rules, aliases, known)
    yield from _nearly_roles(rules, aliases, known)
    yield from _swapped(enabled)
    yield from _twice(enabled)


# --- NaN


def _not_finite(rules: Sequence[Written], known: Around) -> Iterator[Remark]:
    """Once for each metric, at its first rule."""
    told: set[str] = set()
    for written in rules:
        for name, offset in _too_high(written.when):
            if name in told or not _diverges(name) or _is_asked(written.names(name), name, known):
                continue
            told.add(name)
            what = f"when {name} is NaN, this is unknown and does not fire, and no rule asks isfinite({name})."
            hint = f"Write not isfinite({name}) in a rule of its own, or use the pack `training`."
            yield Remark(written.path("when"), offset, "no-finite-check", what, hint)


def _diverges(name: str) -> bool:
    words = re.split("[^a-z]+", name.lower())
    return any(word.endswith(("loss", "norm")) or word in _DIVERGING for word in words)


def _too_high(condition: Condition) -> Iterator[tuple[str, int]]:
    """The metrics that the condition tells of when they are too high: what diverges."""
    for node in t.walk(condition.truth):
        if isinstance(node, t.Compare):
            for each in bounds(node):
                if isinstance(each.term, t.Metric) and each.operator in (">", ">="):
                    yield each.term.name, condition.place(each.term)


def _is_asked(names: Sequence[str], name: str, known: Around) -> bool:
    return any(fnmatch.fnmatchcase(each, asked) for each in (name, *names) for asked in known.finite)


# --- names


def _slashes(rules: Sequence[Written], aliases: Mapping[str, tuple[str, ...]], known: Around) -> Iterator[Remark]:
    """`val_loss/train_loss` where both sides of the slash are metrics of their own."""
    logged = frozenset(known.logged.metrics) if known.logged else frozenset()
    used = Counter(name for rule in rules for _, condition in rule.conditions() for name, _ in condition.mentions)
    metrics = {*used, *aliases, *(name for names in aliases.values() for name in names), *logged}
    for written in rules:
        for key, condition in written.conditions():
            for name, offset in condition.mentions:
                split = _split(name, metrics) if condition.text[offset : offset + len(name)] == name else None
                if split and name not in logged and name not in aliases:
                    what = f"`{name}` is the name of one metric: without spaces a slash belongs to it."
                    yield Remark(written.path(key), offset, "slash", what, f"To divide, write {split[0]} / {split[1]}.")


def _split(name: str, metrics: set[str]) -> tuple[str, str] | None:
    cuts = (name.split("/")[:at] for at in range(1, name.count("/") + 1))
    halves = (("/".join(cut), name[len("/".join(cut)) + 1 :]) for cut in cuts)
    return next((pair for pair in halves if pair[0] in metrics and pair[1] in metrics), None)


def _nearly_roles(rules: Sequence[Written], aliases: Mapping[str, tuple[str, ...]], known: Around) -> Iterator[Remark]:
    """A metric that is a slip of the finger away from a role, and that nobody has seen."""
    candidates = [name for names in aliases.values() for name in names]
    candidates += map(glob.escape, known.logged.metrics) if known.logged else ()
    told: set[str] = set()
    for written in rules:
        for key, condition in written.conditions():
            for name, offset in condition.mentions:
                if name in aliases or name in told or any(fnmatch.fnmatchcase(name, each) for each in candidates):
                    continue
                near = meant(name, aliases)
                if near is not None:
                    told.add(name)
                    what = f"`{name}` is no role of `aliases`: it stands for a metric of that very name."
                    yield Remark(written.path(key), offset, "unknown-metric", what, f"Did you mean {near}?")


# --- rules that do not go together


def _alone(rules: Sequence[Written], known: Around) -> Iterator[Remark]:
    for written in rules:
        group = written.rule.group
        if group and known.groups.get(group, 0) == 1 and "group" not in written.defaults:
            what = f"no other rule is in the group {group[:40]}: it changes nothing."
            near = meant(group, [name for name in known.groups if name])
            hint = f"Did you mean {near}?" if near else "Rules of one group speak once."
            yield Remark(written.path("group"), None, "group-alone", what, hint)


def _swapped(rules: Sequence[Written]) -> Iterator[Remark]:
    """Of two rules of one title, the graver one fires sooner."""
    first: dict[str, list[tuple[Written, Bound]]] = {}
    for written in rules:
        own = bound(written.when.truth)
        if own is None or own.operator in ("==", "!="):
            continue
        for other, theirs in first.setdefault(written.rule.title, []):
            mild, grave = sorted(((written, own), (other, theirs)), key=lambda pair: pair[0].rule.level.severity)
            same = own.term == theirs.term and written.rule.for_ == other.rule.for_
            if same and mild[1].interval != grave[1].interval and mild[1].interval.within(grave[1].interval):
                level = mild[0].rule.level
                what = f"this fires whenever {level} does, and sooner: the {level} of this title is never heard alone."
                yield Remark(grave[0].path("when"), None, "levels-swapped", what, "Swap the two thresholds.")
        first[written.rule.title].append((written, own))


def _twice(rules: Sequence[Written]) -> Iterator[Remark]:
    """Rules that differ in their titles and texts only: two messages for one thing."""
    first: dict[object, Written] = {}
    for written in rules:
        rule = written.rule
        runs = tuple(sorted((key, str(value)) for key, value in rule.runs.items()))
        key = (written.when.truth, written.clear and written.clear.truth, rule.for_, rule.level, runs, rule.receivers)
        other = first.setdefault(key, written)
        grouped = rule.group is not None and rule.group == other.rule.group
        if other is not written and not grouped:
            what = f"`{other.rule.title[:40]}` has the same condition and level: both send a message for one thing."
            yield Remark(written.path("when"), None, "same-rule", what, "Delete one of the two.")
