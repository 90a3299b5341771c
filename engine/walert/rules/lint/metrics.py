"""The metrics that the rules of a file name: those that may be NaN unseen, those with a slash, those that are nearly a role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from walert.documents import Path
from walert.model import Rule
from walert.rules import terms as t
from walert.rules.expression import Condition
from walert.rules.lint.bounds import bounds
from walert.rules.lint.names import NameSet, meant
from walert.rules.lint.values import Around, Logged, Remark, Written
from walert.rules.problems import ConditionError
from walert.rules.syntax import parse_truth

MOST_NAMES = 1_000
"""So many names of a file are looked at closely: more than anybody writes, few enough to be done in a moment."""

_DIVERGING = frozenset(
    {"ppl", "perplexity", "nll", "kl", "mse", "rmse", "mae", "xent", "entropy", "grad", "grads", "gradient"}
)
"""Words in names of what is NaN first when a training diverges. A temperature or an accuracy hardly ever is, and nobody asks for it."""

Place = tuple[Path, int]


def around(own: Iterable[Written], others: Iterable[Rule] = (), logged: Logged | None = None) -> Around:
    """What all rules in force, a file's `own` and `others`, have to say to each of its rules."""
    finite: set[str] = set()
    groups: Counter[str] = Counter()
    for rule, truth in _judging(own, others):
        if rule.group is not None:
            groups[rule.group] += 1
        for name in _asked(truth):
            finite.update((name, *rule.aliases.get(name, ())))
    return Around(frozenset(finite), groups, logged)


def _judging(own: Iterable[Written], others: Iterable[Rule]) -> Iterator[tuple[Rule, t.Truth]]:
    yield from ((written.rule, written.when.truth) for written in own if written.enabled)
    for rule in others:
        try:
            yield rule, parse_truth(rule.when)
        except ConditionError:  # loaded by other means than a file: not for the linter to tell
            continue


def _asked(truth: t.Truth) -> Iterator[str]:
    """The metrics that a condition asks whether they are NaN."""
    for node in t.walk(truth):
        if isinstance(node, t.Predicate) and node.function in ("isnan", "isfinite"):
            yield from (inner.name for inner in t.walk(node) if isinstance(inner, t.Metric))


def lint_metrics(
    rules: Sequence[Written], aliases: Mapping[str, tuple[str, ...]], known: Around, *, whole: bool
) -> Iterator[Remark]:
    """The remarks on names. Not `whole`: some rules are left out because of errors."""
    if whole:
        yield from _not_finite([written for written in rules if written.enabled], known)
    places = dict(islice(_plain_names(rules), MOST_NAMES))
    yield from _slashes(places, aliases, known)
    yield from _nearly_roles(places, aliases, known)


# --- NaN


def _not_finite(rules: Sequence[Written], known: Around) -> Iterator[Remark]:
    """Once for each metric, at its first rule."""
    asked = NameSet(known.finite)
    first: dict[str, tuple[Written, int]] = {}
    for written in rules:
        for name, offset in _too_high(written.when):
            first.setdefault(name, (written, offset))
    for name, (written, offset) in islice(first.items(), MOST_NAMES):
        if _diverges(name) and not any(each in asked for each in (name, *written.names(name))):
            what = f"when {name[:60]} is NaN, this is unknown and does not fire, and no rule asks isfinite of it."
            hint = f"Write not isfinite({name[:60]}) in a rule of its own, or use the pack `training`."
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


# --- names


def _plain_names(rules: Sequence[Written]) -> Iterator[tuple[str, Place]]:
    """Each name that is written without quotes, where it comes first."""
    seen: set[str] = set()
    for written in rules:
        for key, condition in written.conditions():
            for name, offset in condition.mentions:
                if name not in seen and not condition.text.startswith("m[", offset):
                    seen.add(name)
                    yield name, (written.path(key), offset)


def _slashes(places: Mapping[str, Place], aliases: Mapping[str, tuple[str, ...]], known: Around) -> Iterator[Remark]:
    """`val_loss/train_loss` where both sides of the slash are metrics of their own."""
    logged = frozenset(known.logged.metrics) if known.logged else frozenset()
    metrics = {*places, *aliases, *(name for names in aliases.values() for name in names), *logged}
    for name, (path, offset) in places.items():
        split = None if name in logged or name in aliases else _split(name, metrics)
        if split:
            what = f"`{name[:60]}` is the name of one metric: without spaces a slash belongs to it."
            yield Remark(path, offset, "slash", what, f"To divide, write {split[0][:60]} / {split[1][:60]}.")


def _split(name: str, metrics: set[str]) -> tuple[str, str] | None:
    cuts = [at for at, char in enumerate(name) if char == "/"][:_MOST_PARTS]
    return next(
        ((name[:at], name[at + 1 :]) for at in cuts if name[:at] in metrics and name[at + 1 :] in metrics), None
    )


_MOST_PARTS = 20


def _nearly_roles(
    places: Mapping[str, Place], aliases: Mapping[str, tuple[str, ...]], known: Around
) -> Iterator[Remark]:
    """A metric that is a slip of the finger away from a role, and that nobody has seen."""
    candidates = NameSet(name for names in aliases.values() for name in names)
    logged = known.logged.metrics if known.logged else {}
    for name, (path, offset) in places.items():
        if name in aliases or name in logged or name in candidates:
            continue
        near = meant(name, aliases)
        if near is not None:
            what = f"`{name[:60]}` is no role of `aliases`: it stands for a metric of that very name."
            yield Remark(path, offset, "unknown-metric", what, f"Did you mean {near}?")
