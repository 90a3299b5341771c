"""Edited rules: the state that a new one would have had, made from the file's bytes, in slices between passes, while the old one judges on.

`interim` says by which rules a file is judged until then, `Renewals` which files wait, and `Rebuild` folds one of them again, silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from walert.dispatch.desk import Desk
from walert.model import Batch, Happening, Rule, Transition
from walert.pipeline.session import Session
from walert.records import Decoder
from walert.rules.fold import Fold
from walert.rules.plan import RuleSet
from walert.rules.windows import joined
from walert.tail import iter_file

Enough = Callable[[], bool]

AT_ONCE = 32 << 20  # bytes of a file that a start, which has no old rules to judge by, folds again before it goes on
LINES_A_SLICE = 500
MOST_FORMERS = 4  # reloads that a file may have missed, and still be judged by the rule that it knew
RULE_CHANGED = "the rule was changed"


def instance(rule: Rule) -> tuple[str, str]:
    """What makes two versions one rule: the title and the level, unique in a file."""
    return rule.title, str(rule.level)


def interim(rules: RuleSet, state: Mapping[str, Any], formers: Sequence[RuleSet]) -> list[Rule]:
    """By what a file is judged whose `state` lacks some of `rules`: those it has, and for the others their versions in `formers` that it has."""
    known = state["machines"]
    old: dict[tuple[str, str], Rule] = {}
    for former in formers:
        for plan in former.plans:
            if plan.key in known:
                old.setdefault(instance(plan.rule), plan.rule)
    found = (plan.rule if plan.key in known else old.get(instance(plan.rule)) for plan in rules.plans)
    return [rule for rule in found if rule is not None]


def gone(fold: Fold, now: Fold) -> list[Transition]:
    """What fires in `fold` under rules that do not fire in `now`: closed, for its rule was changed or taken away."""
    still = {instance(plan.rule) for plan in now.firing()}
    return [
        fold.told(plan, Happening.CLOSED, RULE_CHANGED) for plan in fold.firing() if instance(plan.rule) not in still
    ]


def come(fold: Fold, now: Fold) -> list[Transition]:
    """What fires in `now` under rules that did not in `fold`: it was found so when it was rebuilt."""
    before = {instance(plan.rule) for plan in fold.firing()}
    return [
        replace(now.told(plan, Happening.FIRING, f"{plan.rule.when}, as the log so far has it"), by="rebuild")
        for plan in now.firing()
        if instance(plan.rule) not in before
    ]


class Rebuild:
    """One file folded again under other rules, from its first byte. `go_on` until it says that it has caught up, then `joined`."""

    def __init__(self, session: Session, place: Batch, rules: RuleSet) -> None:
        """`place` is where the file stands; `session` is that of its present state. Nothing is said to anybody."""
        fold = Fold(rules)
        if session.fold.company is not None:
            fold.file, fold.company = session.fold.file, session.fold.company.surveyed_copy()
        self.rules = rules
        self.again = Session(
            place.source,
            session.run,
            Decoder(place.source, place.path),
            fold,
            Desk(session.run, _nobody),
            session.place,
        )
        self._coming: Iterator[Batch] = iter_file(place.path, place.source, place.root)
        self._batch: Batch | None = None
        self._at = 0  # lines taken of the batch
        self._offset = 0

    def go_on(self, until: int, enough: Enough) -> bool:
        """Fold lines before the offset `until`. True once all are; False when it is `enough` for now. Raises `OSError`."""
        while self._offset < until and self._fill():
            batch = self._batch
            assert batch is not None
            lines = batch.lines[self._at : self._at + LINES_A_SLICE]
            ends = _ends(lines, self._offset)
            lines = lines[: next((i for i, end in enumerate(ends) if end > until), len(ends))]
            if not lines:
                return True
            for _ in self.again.lines(lines, batch.first_line + self._at, self._offset, None):
                pass  # what would have been said was
            self._at += len(lines)
            self._offset = ends[len(lines) - 1]
            if enough():
                return self._offset >= until
        return True

    @property
    def offset(self) -> int:
        """Up to where it has folded."""
        return self._offset

    def _fill(self) -> bool:
        """Have a batch with lines that are not folded yet; False at the end of the file."""
        while self._batch is None or self._at >= len(self._batch.lines):
            self._batch = next(self._coming, None)
            if self._batch is None:
                return False
            self._at, self._offset = 0, self._batch.first_offset
        return True

    def joined(self, kept: Mapping[str, Any]) -> Fold | None:
        """The fold under the new rules: `kept`, and for what it lacks the newly folded. None where the file's first part is gone."""
        if self.again.fold.records != kept["records"]:
            return None
        return Fold.load(self.rules, _joined(self.again.fold.dump(), kept))


class Renewals:
    """The files that wait for a rebuild, each with its newest committed place, and the one under way."""

    def __init__(self) -> None:
        self._waiting: dict[str, Batch] = {}
        self._under_way: tuple[str, Rebuild] | None = None

    def __bool__(self) -> bool:
        """Whether any file waits."""
        return bool(self._waiting)

    def want(self, batch: Batch) -> None:
        """A file waits, or has gone on while it does. `batch` is its newest."""
        self._waiting[batch.checkpoint.stream] = replace(batch, lines=[], flaws=(), fresh=False, replaces=None)

    def follow(self, batch: Batch) -> None:
        """As `want`, for a file that may not be waiting."""
        if batch.checkpoint.stream in self._waiting:
            self.want(batch)

    def forget(self, stream: str) -> None:
        """A file waits no more."""
        self._waiting.pop(stream, None)
        if self._under_way is not None and self._under_way[0] == stream:
            self._under_way = None

    def clear(self) -> None:
        """Other rules are in force: what was under way is for nothing."""
        self._waiting.clear()
        self._under_way = None

    def next(self) -> Batch | None:
        """The file to go on with: the one under way, else the smallest, so that most are done soon."""
        if self._under_way is not None and self._under_way[0] in self._waiting:
            return self._waiting[self._under_way[0]]
        return min(self._waiting.values(), key=lambda batch: batch.checkpoint.offset, default=None)

    def rebuild(self, session: Session, place: Batch, rules: RuleSet) -> Rebuild:
        """The rebuild of a file, begun or under way. Raises `OSError`."""
        stream = place.checkpoint.stream
        if self._under_way is None or self._under_way[0] != stream or self._under_way[1].rules is not rules:
            self._under_way = (stream, Rebuild(session, place, rules))
        return self._under_way[1]


def rebuilt(session: Session, kept: Mapping[str, Any], place: Batch) -> Fold | None:
    """A session's fold completed at once from the bytes before `place`; None where they are no longer all there."""
    try:
        rebuild = Rebuild(session, place, session.fold.rules)
        rebuild.go_on(place.first_offset, lambda: False)
    except OSError:
        return None
    return rebuild.joined(kept)


def refolded(session: Session, place: Batch) -> Session | None:
    """All of a session's file before `place` judged again, silently; None where those bytes are no longer all there."""
    try:
        rebuild = Rebuild(session, place, session.fold.rules)
        caught_up = rebuild.go_on(place.first_offset, lambda: False) and rebuild.offset == place.first_offset
    except OSError:
        return None
    return rebuild.again if caught_up else None


def _nobody(alert: object, own: object) -> tuple[str, ...]:
    return ()


def _ends(lines: Sequence[bytes], offset: int) -> list[int]:
    """Where each line ends."""
    out = []
    for line in lines:
        offset += len(line) + 1
        out.append(offset)
    return out


def _joined(again: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """What was kept, and for what it lacks the newly folded."""
    out = dict(kept)
    for part in ("inner", "latches", "machines"):
        out[part] = {**again[part], **kept[part]}
    out["shelves"] = {key: joined(shelf, kept["shelves"].get(key, {})) for key, shelf in again["shelves"].items()}
    held = {(row[0], tuple(row[1])) for row in kept["slots"]}
    out["slots"] = [*kept["slots"], *(row for row in again["slots"] if (row[0], tuple(row[1])) not in held)]
    return out


def is_small(place: Batch) -> bool:
    """Whether folding a file again up to `place` is the work of a moment."""
    return place.first_offset <= AT_ONCE
