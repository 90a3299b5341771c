"""What rules most likely do not mean, though nothing is wrong with them: remarks, each with its place and a stable code. Pure.

A remark is never an error: a rule with one judges exactly as it is written. Each check is cheap and would rather say nothing than something
that is not so; the packs that ship with walert, and the pages' examples, are without a remark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from walert.documents import Document
from walert.errors import Problem
from walert.rules.lint.file import lint_file
from walert.rules.lint.logged import lint_logged
from walert.rules.lint.metrics import around, lint_metrics
from walert.rules.lint.rule import lint_rule
from walert.rules.lint.values import Around, Logged, Remark, Stride, Written

__all__ = ["Around", "Logged", "Remark", "Stride", "Written", "around", "as_problem", "lint"]


def as_problem(document: Document, remark: Remark) -> Problem:
    """A remark as a warning, at its place in the file."""
    path, offset, code, what, hint = remark
    return replace(document.problem(path, code, what, hint, offset=offset), severity="warning")


def lint(
    rules: Sequence[Written], aliases: Mapping[str, tuple[str, ...]], known: Around, *, whole: bool = True
) -> list[Remark]:
    """The remarks on the rules of one file. `whole` is False when the file has errors: what is missing then says nothing."""
    remarks = [remark for written in rules if written.enabled for remark in lint_rule(written)]
    remarks += lint_metrics(rules, aliases, known, whole=whole)
    remarks += lint_file(rules, known, whole=whole)
    if known.logged is not None and known.logged.records.count:
        remarks += lint_logged(rules, known.logged)
    return _once(remarks)


_OF_NAMES = ("disguised-name", "slash", "unknown-metric", "no-finite-check")


def _once(remarks: list[Remark]) -> list[Remark]:
    """Of what is odd about one name, only what explains the rest: a name that is a slip has no log, no role and no check either."""
    best: dict[object, int] = {}
    for remark in remarks:
        if remark.code in _OF_NAMES:
            place, rank = remark[:2], _OF_NAMES.index(remark.code)
            best[place] = min(rank, best.get(place, rank))
    return [r for r in remarks if r.code not in _OF_NAMES or _OF_NAMES.index(r.code) == best[r[:2]]]
