"""Runs the loops: finds the one for the next lines, lets it run, and brings the fold to where it would be."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from walert.rules.fold import Fold
from walert.rules.plan import RulePlan, RuleSet
from walert.rules.skim.cover import Cover, Form, Kind
from walert.rules.skim.loop import Loop, State, make_loop, readiness

_MOST: Final = 256  # covers, and loops, kept of a rule set
_AT_ONCE: Final = 16  # loops compiled for a file before it must have earned more
_RECORDS_A_LOOP: Final = 256
_LONGEST_PAUSE: Final = 64  # lines, after lines that were not quiet

Within = tuple[float, float]
Hush = Callable[[Sequence[RulePlan]], Within | None]
"""Between which times (the first included, the second not) confirming samples of these firing rules say nothing; None if they may now."""


class Lines(Protocol):
    """The coming lines of a file, as their form reads them."""

    @property
    def form(self) -> Form:
        """Their form, as far as is known."""
        ...

    @property
    def records(self) -> int:
        """How many records came before them."""
        ...

    @property
    def arrival(self) -> float | None:
        """The time of records that have none."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """One after the other."""
        ...

    def __getitem__(self, index: int) -> bytes:
        """The one at `index`, from 0."""
        ...


@dataclass(frozen=True, slots=True)
class Skimmed:
    """So many lines of a form were quiet. `entered`: the samples of the next one are in the windows already."""

    count: int
    last: tuple[Any, ...]
    entered: bool
    before: int  # records
    arrival: float | None
    form: Form
    loop: Loop
    cover: Cover


@dataclass(slots=True)
class _Book:
    """What was made for a rule set. None stands for what cannot be skimmed."""

    covers: OrderedDict[Hashable, Cover] = field(default_factory=OrderedDict)
    loops: OrderedDict[Hashable, Loop | None] = field(default_factory=OrderedDict)


_BOOKS: WeakKeyDictionary[RuleSet, _Book] = WeakKeyDictionary()
_V = TypeVar("_V")


class Skimmer:
    """The fast way through one file's lines. `skimmed` counts the lines that went it."""

    def __init__(self) -> None:
        self.skimmed = 0
        self._compiled = 0
        self._failures = 0
        self._pause = 0

    def run(self, fold: Fold, lines: Lines, hush: Hush) -> Skimmed | None:
        """Go over quiet lines; None if there were none. `settle` then tells the fold; only its windows are changed before."""
        if self._pause > 0:
            self._pause -= 1
            return None
        done = self._run(fold, lines, hush)
        if done is None or done.count == 0:
            self._failures += 1
            self._pause = min(1 << self._failures, _LONGEST_PAUSE) - 1
        else:
            self._failures = 0
            self.skimmed += done.count
        return done

    def _run(self, fold: Fold, lines: Lines, hush: Hush) -> Skimmed | None:
        form = lines.form
        kind, wanted = _kind(fold, lines)
        if kind is None:
            return None
        book = _BOOKS.setdefault(fold.rules, _Book())
        cover = _kept(book.covers, kind, lambda: Cover(fold.rules, kind))
        loop = self._loop(book, cover, form, wanted, fold)
        within = hush(loop.confirming) if loop is not None and loop.confirming else (-math.inf, math.inf)
        if loop is None or within is None:
            return None
        count, entered = loop.run(
            lines, loop.given(fold), fold.attempts.highest, *within, float(lines.records), lines.arrival
        )
        row = form.row(lines[count - 1], wanted) if count else ()
        assert row is not None  # it was read before
        return Skimmed(count, row, entered, lines.records, lines.arrival, form, loop, cover)

    def _loop(self, book: _Book, cover: Cover, form: Form, wanted: tuple[str, ...], fold: Fold) -> Loop | None:
        state = _state(cover, fold)
        if state is None:
            return None
        key = (form, cover.kind, state)
        if key not in book.loops:
            if self._compiled > _AT_ONCE + fold.records // _RECORDS_A_LOOP:
                return None
            self._compiled += 1
        return _kept(book.loops, key, lambda: make_loop(cover, state, form.reading(wanted), fold))


def _kind(fold: Fold, lines: Lines) -> tuple[Kind | None, tuple[str, ...]]:
    """What the next line is for the rules, and the metrics that they want of it; None if the fold must see it."""
    form = lines.form
    clocked = form.timed or lines.arrival is not None
    slots = [fold.known.get(name) for name in form.names]
    if None in slots or not _is_under_way(fold, form, clocked):
        return None, ()
    wanted = tuple([name for name, found in zip(form.names, slots, strict=True) if found])
    row = form.row(lines[0], wanted)
    if row is None:
        return None, ()
    finite = tuple([value - value == 0.0 for value in row[3:]])
    return Kind(tuple(slots), finite, form.stepped, clocked, form.epochal), wanted  # type: ignore[arg-type]


def _kept(kept: OrderedDict[Hashable, _V], key: Hashable, make: Callable[[], _V]) -> _V:
    """What is kept under a key, made if it is not there; the least used goes when there are too many."""
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    made = kept[key] = make()
    if len(kept) > _MOST:
        kept.popitem(last=False)
    return made


def _is_under_way(fold: Fold, form: Form, clocked: bool) -> bool:
    """Whether the file has begun, and nothing is announced that changes what its next record means."""
    attempts = fold.attempts
    if fold.origin_step is None or (clocked and (fold.origin_time is None or fold.rules.timed)) or not form.names:
        return False
    return not form.stepped or (attempts.first is not None and not attempts.announced)


def _state(cover: Cover, fold: Fold) -> State | None:
    """The state that decides which loop runs; None if the next line is not for a loop."""
    if any(fold.arrived[slot] == 0 for slot in cover.column) or any(each.is_due(fold) for each in cover.waiting):
        return None
    truths = []
    for part in cover.parts:
        known = part.latch(fold).truths
        truths.append(tuple([known[i] for i in part.blocked]))
    machines = [fold.machines[rank] for rank in cover.ranks]
    if any(m.phase == "firing" and m.true.count == 0 for m in machines):
        return None
    return State(tuple(truths), tuple([m.phase for m in machines]), readiness(cover, fold))


def settle(fold: Fold, done: Skimmed, line: int, offset: int) -> None:
    """Bring `fold` to the state after the quiet lines, the last of which is number `line` and begins at `offset`."""
    step, time, epoch, *values = done.last
    count, cover = done.count, done.cover
    step = step if step is not None else float(done.before + count)
    time = time if time is not None else done.arrival
    fold.records += count
    fold.ended = False
    if done.form.stepped:
        fold.attempts.went_on(done.form.names, step, count)
    fold.stand(line, offset, step, time, epoch)
    _arrive(fold, cover, values, step, time)
    for plan in done.loop.confirming:
        fold.machines[plan.rank].confirm(plan.needs, count)
    for plan in done.loop.counting:
        fold.machines[plan.rank].remember(plan.needs, False, count)
    if not done.entered:  # else the next record recomputes the same comparisons
        for part in cover.parts:
            part.latch(fold).refresh(part.fresh, fold.samples, fold.reads, fold.run, fold.records)


def _arrive(fold: Fold, cover: Cover, values: Sequence[float], step: float, time: float | None) -> None:
    tick = fold.records
    for slot, column in cover.column.items():
        fold.samples[slot] = values[column]
        fold.arrived[slot] = tick
        fold.age.see(slot, step, time)
    for slot in cover.finite:
        fold.arrived_finite[slot] = tick
