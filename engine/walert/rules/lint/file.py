"""Rules of one file that do not go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from walert.rules.lint.bounds import Bound, bound
from walert.rules.lint.names import meant
from walert.rules.lint.values import Around, Remark, Written

_MOST_GROUPS = 100  # looked through for the one that was meant


def lint_file(rules: Sequence[Written], known: Around, *, whole: bool) -> Iterator[Remark]:
    """The remarks on rules beside each other. Not `whole`: some rules are left out because of errors."""
    enabled = [rule for rule in rules if rule.enabled]
    if whole:
        yield from _alone(enabled, known)
    yield from _swapped(enabled)
    yield from _twice(enabled)


def _alone(rules: Sequence[Written], known: Around) -> Iterator[Remark]:
    for written in rules:
        group = written.rule.group
        if group and known.groups.get(group, 0) == 1 and "group" not in written.defaults:
            what = f"no other rule is in the group {group[:40]}: it changes nothing."
            near = meant(group, list(known.groups)[:_MOST_GROUPS])
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
