"""Runs the loops: finds the one for the next lines, lets it run, and brings the fold to where it would be."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from walert.rules.fold import Fold
from walert.rules.machine import Phase
from walert.rules.plan import RulePlan, RuleSet
from walert.rules.skim.cover import Cover, Form, Kind, only_time
from walert.rules.skim.inline import can_be_ready, readiness
from walert.rules.skim.loop import Loop, State, make_loop

_MOST: Final = 256  # covers, and loops, kept of a rule set
_AT_ONCE: Final = 16  # loops compiled for a file before it must have earned more
_RECORDS_A_LOOP: Final = 256
_WHILE_FILLING: Final = 256  # lines at a time, while windows are filling
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

    def __len__(self) -> int:
        """How many."""
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
    view: _View
    loop: Loop


@dataclass(slots=True)
class _Book:
    """What was made for a rule set. None stands for what cannot be skimmed."""

    only_time: bool
    covers: OrderedDict[Hashable, Cover] = field(default_factory=OrderedDict)
    loops: OrderedDict[Hashable, Loop | None] = field(default_factory=OrderedDict)


_BOOKS: WeakKeyDictionary[RuleSet, _Book] = WeakKeyDictionary()


def _book(fold: Fold) -> _Book:
    rules = fold.rules
    book = _BOOKS.get(rules)
    if book is None:
        book = _BOOKS[rules] = _Book(only_time(rules))
    return book


_V = TypeVar("_V")


class Skimmer:
    """The fast way through one file's lines. `skimmed` counts the lines that went it."""

    def __init__(self) -> None:
        self.skimmed = 0
        self._compiled = 0
        self._failures = 0
        self._pause = 0
        self._views: OrderedDict[Hashable, _View] = OrderedDict()
        self._newest: _View | None = None

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
        if not _is_under_way(fold, lines):
            return None
        newest = self._newest
        if newest is not None and newest.is_of(fold, lines):  # as ever
            done = self._through(newest, fold, lines, hush)
            if done is not None and (done.count or done.entered):
                return done
        view = self._newest = self._view(fold, lines)
        return self._through(view, fold, lines, hush) if view is not None and view is not newest else None

    def _through(self, view: _View, fold: Fold, lines: Lines, hush: Hush) -> Skimmed | None:
        state = view.state()
        loop = self._loop(view, state, fold) if state is not None else None
        within = hush(loop.confirming) if loop is not None and loop.confirming else (-math.inf, math.inf)
        if state is None or loop is None or within is None:
            return None
        fills = view.fills(state.ready)
        coming = islice(lines, _WHILE_FILLING) if fills else lines
        most = min(len(lines), _WHILE_FILLING) if fills else len(lines)
        count, entered = loop.run(
            coming, most, loop.given(fold), fold.attempts.highest, *within, float(lines.records), lines.arrival
        )
        row = view.form.row(lines[count - 1], view.wanted) if count else ()
        assert row is not None  # it was read before
        return Skimmed(count, row, entered, lines.records, lines.arrival, view, loop)

    def _view(self, fold: Fold, lines: Lines) -> _View | None:
        """The view on the next line; None if the fold must see it first."""
        form = lines.form
        slots = [fold.known.get(name) for name in form.names]
        if None in slots:
            return None
        wanted = tuple([name for name, found in zip(form.names, slots, strict=True) if found])
        row = form.row(lines[0], wanted)
        if row is None:
            return None
        finite = tuple([value - value == 0.0 for value in row[3:]])
        kind = Kind(tuple(slots), finite, form.stepped, form.timed or lines.arrival is not None, form.epochal)  # type: ignore[arg-type]
        view = self._views.get((form, kind))
        if view is None or not view.is_of(fold, lines):
            book = _book(fold)
            self._views.pop((form, kind), None)
            cover = _kept(book.covers, kind, lambda: Cover(fold.rules, kind))
            view = _kept(self._views, (form, kind), lambda: _View(fold, form, wanted, cover))
        return view if view.has_all() else None

    def _loop(self, view: _View, state: State, fold: Fold) -> Loop | None:
        loops = _book(fold).loops
        key = (view.form, view.cover.kind, state)
        if key not in loops:
            if self._compiled > _AT_ONCE + fold.records // _RECORDS_A_LOOP:
                return None
            self._compiled += 1
        return _kept(loops, key, lambda: make_loop(view.cover, state, view.form.reading(view.wanted), fold))


class _View:
    """A cover on one file: where the state stands that matters to it. It holds until a fresh start of the file."""

    def __init__(self, fold: Fold, form: Form, wanted: tuple[str, ...], cover: Cover) -> None:
        self.fold, self.form, self.wanted, self.cover = fold, form, wanted, cover
        self.parts = [part.latch(fold) for part in cover.parts]
        self.machines = [fold.machines[rank] for rank in cover.ranks]
        self.fed = [thing for slot in sorted(cover.finite) if slot in fold.feeds for thing in fold.feeds[slot].things]
        self._can_fill = tuple([can_be_ready(thing) for thing in self.fed])
        self._latches = fold.latches
        self._timed = [fold.latches[condition.key] for condition in cover.timed]
        self._blocked = [
            (latch, part.blocked) for latch, part in zip(self.parts, cover.parts, strict=True) if part.blocked
        ]
        self._waiting = [(each.part.latch(fold), each) for each in cover.waiting]
        self._has_all = False

    def is_of(self, fold: Fold, lines: Lines) -> bool:
        """Whether it is a view on these lines."""
        return (
            self.form is lines.form
            and self._latches is fold.latches
            and self.cover.kind.clocked is (self.form.timed or lines.arrival is not None)
        )

    def has_all(self) -> bool:
        """Whether all its metrics were there before."""
        self._has_all = self._has_all or all(self.fold.arrived[slot] for slot in self.cover.column)
        return self._has_all

    def fills(self, ready: tuple[float, ...]) -> bool:
        """Whether some window is on its way to be ready: a better loop waits."""
        return tuple(map(bool, ready)) != self._can_fill

    def state(self) -> State | None:
        """The state that decides which loop runs; None if the next line is not for a loop."""
        if any(each.is_due(self.fold, latch) for latch, each in self._waiting):
            return None
        phases = tuple([machine.phase for machine in self.machines])
        if Phase.FIRING in phases and any(m.phase is Phase.FIRING and m.true.count == 0 for m in self.machines):
            return None
        truths = tuple([tuple([latch.truths[i] for i in blocked]) for latch, blocked in self._blocked])
        held = tuple([latch.truth for latch in self._timed])
        return State(truths, phases, tuple([readiness(thing) for thing in self.fed]), held)


def _kept(kept: OrderedDict[Hashable, _V], key: Hashable, make: Callable[[], _V]) -> _V:
    """What is kept under a key, made if it is not there; the least used goes when there are too many."""
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    made = kept[key] = make()
    if len(kept) > _MOST:
        kept.popitem(last=False)
    return made


def _is_under_way(fold: Fold, lines: Lines) -> bool:
    """Whether the file has begun, and nothing is announced that changes what its next record means."""
    form, attempts = lines.form, fold.attempts
    clocked = form.timed or lines.arrival is not None
    if fold.origin_step is None or not form.names or fold.elsewhere:
        return False
    if clocked and (
        fold.origin_time is None or (fold.rules.timed and (fold.newest_time is None or not _book(fold).only_time))
    ):
        return False
    return not form.stepped or (attempts.first is not None and not attempts.announced)


def settle(fold: Fold, done: Skimmed, line: int, offset: int) -> None:
    """Bring `fold` to the state after the quiet lines, the last of which is number `line` and begins at `offset`."""
    step, time, epoch, *values = done.last
    count, view, loop = done.count, done.view, done.loop
    step = step if step is not None else float(done.before + count)
    time = time if time is not None else done.arrival
    fold.records += count
    fold.ended = False
    if view.form.stepped:
        fold.attempts.went_on(view.form.names, step, count)
    fold.stand(line, offset, step, time, epoch, steadily=True)
    _arrive(fold, view.cover, values, step, time)
    for plan in loop.confirming:
        fold.machines[plan.rank].confirm(plan.needs, count)
    for plan in loop.counting:
        fold.machines[plan.rank].remember(plan.needs, False, count)
    if not done.entered:  # else the next record recomputes the same comparisons
        for latch, judged, false in zip(view.parts, loop.judged, loop.false, strict=True):
            latch.refresh(judged, false, fold.samples, fold.readers, fold.run, fold.records)


def _arrive(fold: Fold, cover: Cover, values: Sequence[float], step: float, time: float | None) -> None:
    tick, samples, arrived, steps, times = fold.records, fold.samples, fold.arrived, fold.age.steps, fold.age.times
    for slot, column in cover.column.items():
        samples[slot], arrived[slot], steps[slot], times[slot] = values[column], tick, step, time
    for slot in cover.finite:
        fold.arrived_finite[slot] = tick
