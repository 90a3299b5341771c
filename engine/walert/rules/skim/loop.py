"""The loop over quiet lines: generated for a cover and the state of its rules, compiled once, shared by all files that come to that state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import indent

from walert.rules import terms as t
from walert.rules.compiling import define, literal
from walert.rules.fold import Fold
from walert.rules.machine import Phase
from walert.rules.plan import ConditionPlan, RulePlan
from walert.rules.skim.cover import Cover, Part, Reading
from walert.rules.skim.inline import SPACE, Leaving, key_of, write_window
from walert.rules.skim.writing import MOST, Bounds, Scene, TooLarge, every, some, threshold
from walert.rules.windows import SampleSeries
from walert.rules.windows.history import History
from walert.rules.windows.shelf import HISTORY

Run = Callable[[Iterable[bytes], int, Sequence[object], float, float, float, float, float | None], tuple[int, bool]]
"""lines, how many at most, constants, the highest step so far, the times within which nothing is said, the records so far, the time of lines
that have none -> how many were quiet, and whether the line after them has its samples in the windows already."""


@dataclass(frozen=True, slots=True)
class State:
    """What a loop depends on beside its cover: the truths of blocked comparisons, part by part; the phases of the cover's rules; whether each of
    the cover's windows is ready to be written out, and in which scale; what its conditions of time hold."""

    truths: tuple[tuple[bool | None, ...], ...]
    phases: tuple[Phase, ...]
    ready: tuple[float, ...]
    held: tuple[bool | None, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """A compiled loop. `given` finds what it is given on a file.

    `confirming` are the rules that each line confirms, `counting` those that count each line as one that is not true. `judged` and `false`
    are the comparisons of each part of the cover that are to be judged after the last line, and that are false by then.
    """

    run: Run
    given: Callable[[Fold], Sequence[object]]
    confirming: tuple[RulePlan, ...]
    counting: tuple[RulePlan, ...]
    judged: tuple[tuple[int, ...], ...]
    false: tuple[tuple[int, ...], ...]


_GIVEN = {
    "sample": "fold.samples[{0}]",
    "run": "fold.run[{0}]",
    "attempt": "fold.attempts.number + 0.0",
    "origin step": "fold.origin_step",
    "origin time": "fold.origin_time",
    "age": "fold.age.times[{0}]",
    "age_steps": "fold.age.steps[{0}]",
    "read": "fold.readers[{0}]",
    "push": "fold.feeds[{0}].things[{1}].push",
    "kept": "fold.feeds[{0}].things[{1}]",
    "inner": "inner(fold, {0})",
}


def _inner(fold: Fold, index: int) -> object:
    """What takes the judgements of a condition inside `frac` or `streak`."""
    return fold.shelves[list(fold.inner)[index]].push


def make_loop(cover: Cover, state: State, reading: Reading, fold: Fold) -> Loop | None:
    """The loop of a cover and a state; None if no line could be quiet, or their conditions are too large.

    `reading` tells how lines are read; `fold` shows what windows there are.
    """
    try:
        return _Writing(cover, state, reading, fold).loop()
    except TooLarge:
        return None


class _Never(TooLarge):
    """Every line that is judged moves the state of some rule."""


@dataclass(slots=True)
class _Writing:
    cover: Cover
    state: State
    reading: Reading
    fold: Fold
    before: list[str] = field(default_factory=list)  # what is done before the loop, and after
    after: list[str] = field(default_factory=list)
    along: dict[str, str] = field(default_factory=dict)  # locals that take, line by line, the values of iterators
    dues: dict[str, str] = field(default_factory=dict)  # when windows settle, and how
    inlined: dict[int, str] = field(default_factory=dict)  # kept values by expressions
    scene: Scene = field(init=False)
    bounds: dict[int, Bounds] = field(init=False)  # by column
    falls_due: list[str] = field(default_factory=list)  # tests that leave the loop for what happened before the line
    early: list[str] = field(default_factory=list)  # tests that leave the loop before samples enter windows
    late: list[str] = field(default_factory=list)  # and after
    body: list[str] = field(default_factory=list)
    read: set[int] = field(default_factory=set)
    false: dict[int, set[int]] = field(default_factory=dict)  # of a part: the comparisons within bounds
    confirming: list[RulePlan] = field(default_factory=list)
    counting: list[RulePlan] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Nothing is written yet."""
        self.scene = Scene(self.cover)
        self.bounds = {self.cover.column[slot]: Bounds() for slot in self.cover.finite}

    def loop(self) -> Loop:
        """Write and compile it."""
        truths: dict[int, Sequence[bool | None]] = dict.fromkeys(map(id, self.cover.parts), ())
        truths.update(zip((id(part) for part in self.cover.parts if part.blocked), self.state.truths, strict=True))
        phases = dict(zip(self.cover.ranks, self.state.phases, strict=True))
        self._push()
        for part in self.cover.inner:
            self._inner(part, truths[id(part)])
        for condition, held in zip(self.cover.timed, self.state.held, strict=True):
            self._wait(condition, held)
        for rank in self.cover.ranks:
            self._rule(self.cover.rules.plans[rank], phases[rank], truths)
        run: Run = define(self._source(), "skim", SPACE | dict(self.reading.space))  # type: ignore[assignment]
        given = ", ".join(_GIVEN[source].format(*place) for source, *place in self.scene.constants)
        find = define(f"def given(fold):\n return [{given}]\n", "given", {"inner": _inner})
        false = tuple(tuple(sorted(self.false.get(id(part), ()))) for part in self.cover.parts)
        judged = tuple(
            tuple(i for i in part.fresh if i not in known) for part, known in zip(self.cover.parts, false, strict=True)
        )
        return Loop(run, find, tuple(self.confirming), tuple(self.counting), judged, false)  # type: ignore[arg-type]

    # --- samples

    def _push(self) -> None:
        places = dict(zip(windows(self.cover, self.fold), self.state.ready, strict=True))
        for slots in self.cover.kind.slots:
            for slot in slots:
                if slot in self.cover.finite and slot in self.fold.feeds:
                    self._shelf(slot, [places[slot, i] for i in range(len(self.fold.feeds[slot].kept))])
        if self.dues:
            self.before.append("steps = []; keep_step = steps.append")
            self.after.insert(0, "taken = doubles(steps)")
            least = f"least({', '.join(self.dues)})" if len(self.dues) > 1 else next(iter(self.dues))
            self.before.append(f"limit, stop = {least}, False")
            self.body.append("keep_step(step)")
            settles = "".join(f"\n {settle}" for settle in self.dues.values())
            self.body.append(f"if n >= limit:{settles}\n limit = {least}")
            self.late.append("stop")

    def _shelf(self, slot: int, ready: Sequence[float]) -> None:
        """One sample into all windows of a metric: by their own code where that can be written here, else by their own `push`."""
        things = list(self.fold.feeds[slot].kept.items())
        value = f"v{self.cover.column[slot]}"
        series = [ready[i] for i, (_, kept) in enumerate(things) if isinstance(kept, SampleSeries)]
        history = next((i for i, (key, _) in enumerate(things) if key == HISTORY), None) if any(series) else None
        reel = _Reel(self, slot, history, value, told=not all(series)) if history is not None else None
        body, self.body = self.body, []
        for i, (key, kept) in enumerate(things):
            if ready[i]:
                self._window(slot, i, key, kept, value, reel)
            elif i != history or reel is None or reel.told:
                self.body.append(f"{self.scene.constant('push', slot, i)}({value}, step, time)")
        self.body = [*body, *(reel.statements() if reel is not None else ()), *self.body]

    def _window(self, slot: int, place: int, key: str, kept: object, value: str, reel: _Reel | None) -> None:
        """One sample into a window, by its own code."""
        asked = {
            i: plan.node.function
            for i, plan in enumerate(self.cover.rules.features)
            if plan.slot == slot and key_of(plan.node) == key
        }
        name, lasting = self.scene.constant("kept", slot, place), bool(self.cover.inner)
        written = write_window(kept, name, value, reel.flush() if reel is not None else "", lasting, asked.values())
        self.before += written.before
        self.early += written.early
        self.body += written.each
        self.after += written.after
        if reel is not None:
            reel.along |= written.along
        if written.due is not None:
            self.dues[written.due] = written.settle
        for index, function in asked.items():
            if function in written.readers:
                self.inlined[index] = written.readers[function]
                self.scene.sure.add(index)

    def _inner(self, part: Part, truths: Sequence[bool | None]) -> None:
        """The conditions inside `frac` and `streak`: their judgements are samples."""
        if not part.decides(truths):
            return
        pair, features = self.scene.condition(part, dict(zip(part.blocked, truths, strict=True)))
        self._need(features)
        push = self.scene.constant("inner", list(self.fold.inner).index(part.plan.key))
        self.body.append(f"if {pair.true}: {push}(1.0, step, time)")
        self.body.append(f"elif {pair.false}: {push}(0.0, step, time)")

    def _wait(self, condition: ConditionPlan, held: bool | None) -> None:
        """What time alone changes must not change, neither between two records nor by one of them."""
        between = self.scene.until(condition)
        self.falls_due.append({True: between.false, False: between.true, None: some(between)}[held])
        part = self.cover.part(condition)
        if part is not None:
            at, features = self.scene.condition(part, {})
            self._leave_if({True: _negated(at.true), False: _negated(at.false), None: some(at)}[held], features)

    def _need(self, features: Iterable[int]) -> None:
        for index in sorted(features):
            if index not in self.read:
                self.read.add(index)
                value = self.inlined.get(index) or f"{self.scene.constant('read', index)}()"
                self.body.append(f"f{index} = {value}")

    # --- rules

    def _rule(self, plan: RulePlan, phase: Phase, truths: Mapping[int, Sequence[bool | None]]) -> None:
        when, clear = self._deciding(plan.when, truths), self._deciding(plan.clear, truths)
        if phase is Phase.INACTIVE:
            if when is not None:
                self._stays_inactive(plan, when, truths[id(when)])
        elif when is not None and phase is Phase.FIRING:
            pair, features = self.scene.condition(when, dict(zip(when.blocked, truths[id(when)], strict=True)))
            self._leave_if(_negated(pair.true), features)
            self.confirming.append(plan)
        elif when is not None or (clear is not None and phase is Phase.FIRING):
            raise _Never

    def _deciding(self, condition: object, truths: Mapping[int, Sequence[bool | None]]) -> Part | None:
        part = self.cover.part(condition)  # type: ignore[arg-type]
        return part if part is not None and part.decides(truths[id(part)]) else None

    def _stays_inactive(self, plan: RulePlan, part: Part, truths: Sequence[bool | None]) -> None:
        known: dict[int, bool | None] = dict(zip(part.blocked, truths, strict=True))
        must_judge = plan.needs.for_ is not None and plan.needs.for_.kind == "k_of_n"
        bounded = {i for i, node in _alternatives(part.plan.truth) if i not in known and self._bounded(node, part)}
        self.false.setdefault(id(part), set()).update(bounded)
        pair, features = self.scene.condition(part, known | dict.fromkeys(bounded, False))
        self._leave_if(_negated(pair.false) if must_judge else pair.true, features)
        if must_judge:
            self.counting.append(plan)

    def _bounded(self, node: t.Truth, part: Part) -> bool:
        """Whether a comparison that must not become true was taken into the bounds of its metric."""
        found = threshold(node)
        if found is None:
            return False
        name, operator, number = found
        slot = part.plan.layout.slot(name)
        if slot not in self.cover.finite:
            return False
        self.bounds[self.cover.column[slot]].exclude(operator, number)
        return True

    def _leave_if(self, test: str, features: frozenset[int]) -> None:
        if test == "True":
            raise _Never
        if test == "False":
            return
        if features:
            self._need(features)
            self.late.append(test)
        else:
            self.early.append(test)

    # --- the text

    def _source(self) -> str:
        reading, kind = self.reading, self.cover.kind
        if self.cover.timed:
            self.scene.constant("run", 6)
        names = "".join(f"{name}, " for name in self.scene.constants.values())
        step = reading.step if kind.stepped else "count"
        time = reading.time if reading.time != "None" else "arrival"
        each = [f"v{i} = {value}" for i, value in enumerate(reading.values)]
        each += [f"{name} = {value}" for name, value in (("step", step), ("time", time)) if name != value]
        if self.cover.timed:
            each.append(f"now = nextafter(time, 0.0)\nif now > before and {some(self.falls_due)}: break")
        each.append(f"if {some([_negated(every(self._guards())), *self.early])}: break")
        each += self.body
        if self.late:
            each.append(f"if {some(self.late)}:\n entered = True\n break")
        each += ["last = step"] if kind.stepped else []
        each += [f"before = {' = '.join(self.scene.marks)} = time".replace("=  =", "=")] if self.cover.timed else []
        each.append("n += 1")
        along = "".join(f", {name}" for name in self.along)
        coming = f"zip(lines, {', '.join(self.along.values())})" if self.along else "lines"
        lines = [*self.scene.judges, "def skim(lines, most, constants, last, low, high, count, arrival):"]
        lines += [f" {names}= constants"] if names else []
        lines += [f" {name} = {constant}" for name, constant in self.scene.marks.items()]
        lines += [f" before = {self.scene.constants['run', 6, 0]}"] if self.cover.timed else []
        lines += [f" {line}" for line in self.before]
        lines += [
            " n, entered = 0, False",
            f" for data{along} in {coming}:",
            "  try: s = decode(data)",
            "  except FAILURES: break",
        ]
        lines += [] if kind.stepped else ["  count += 1.0"]
        lines += [indent(block, "  ") for block in (*reading.checks, *each)]
        lines += [f" {line}" for line in self.after]
        return "\n".join([*lines, " return n, entered\n"])

    def _guards(self) -> list[str]:
        # Chains of comparisons take nearly twice as long as the same comparisons joined by `and`.
        guards = ["last < step", f"step <= {MOST!r}"] if self.cover.kind.stepped else []
        if self.cover.kind.epochal:
            guards += [f"{-MOST!r} <= epoch", f"epoch <= {MOST!r}"]
        if self.confirming and self.cover.kind.clocked:
            guards += ["low <= time", "time < high"]
        for i in range(len(self.cover.kind.finite)):
            bounds = self.bounds.get(i)
            if bounds:
                guards += [f"{literal(bounds.low)} <= v{i}", f"v{i} <= {literal(bounds.high)}"]
            else:
                guards.append(f"v{i} - v{i} != 0.0")
        return guards


@dataclass(slots=True)
class _Reel:
    """The code of one metric's samples on their way into and out of its windows.

    `told`: the history learns of each sample at once, since some window is not written here and looks into it.
    """

    writing: _Writing
    slot: int
    history: int
    value: str
    told: bool
    along: dict[str, Leaving] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The local that holds the history."""
        return self.writing.scene.constant("kept", self.slot, self.history)

    def flush(self) -> str:
        """What brings the history up to date within a line, after its step was kept."""
        return "" if self.told else f"{self.name}_values.tell({self.name}, n + 1, steps); "

    def statements(self) -> list[str]:
        """What is done on each line before the windows; all other code goes where it belongs."""
        found: list[str] = []
        kept = self.writing.fold.feeds[self.slot].kept[HISTORY]
        longest = 0 if self.told or not isinstance(kept, History) else kept.most
        for of, sample in (("values", self.value), ("steps", "step")):
            widths = {name: leaving.width for name, leaving in self.along.items() if leaving.of == of}
            reach = max([longest if of == "values" else 0, *widths.values()])
            if reach:
                found += self._reel(f"{self.name}_{of}", of, sample, reach, widths)
        if not self.told:
            self.writing.after.append(f"{self.name}_values.tell({self.name}, n + entered, taken)")
        return found

    def _reel(self, reel: str, of: str, sample: str, longest: int, widths: Mapping[str, int]) -> list[str]:
        """The reel of values or steps. Those that look equally far back share their places."""
        at = {width: f"at_{longest}_{width}" for width in (longest, *widths.values())}
        self.writing.along |= {place: f"places(most, {longest}, {width})" for width, place in at.items()}
        given = f"{self.name}.{of}, most, {longest}, {tuple(widths.values())!r}"
        self.writing.before.append(f"{reel} = reel({given}); {reel}_coming = {reel}.coming")
        if widths:
            self.writing.before.append(f"{', '.join(f'{name}_of' for name in widths)}, = {reel}.leaving")
        return [
            *(f"{name} = {name}_of[{at[width]}]" for name, width in widths.items()),
            f"{reel}_coming[{at[longest]}] = {sample}",
        ]


def windows(cover: Cover, fold: Fold) -> Iterator[tuple[int, int]]:
    """Where the windows that lines of a cover feed stand: (slot, place on its shelf)."""
    for slot in sorted(cover.finite):
        if slot in fold.feeds:
            for place in range(len(fold.feeds[slot].kept)):
                yield slot, place


def _negated(test: str) -> str:
    return {"True": "False", "False": "True"}.get(test, f"not {test}" if test.startswith("(") else f"not ({test})")


def _alternatives(truth: t.Truth) -> Iterator[tuple[int, t.Atom]]:
    """A condition's only comparison, or those that stand in an `or` at its top, any of which makes it true; with their numbers."""
    count = 0
    for node in truth.args if isinstance(truth, t.Any_) else (truth,):
        if isinstance(node, t.Compare | t.Predicate | t.Presence):
            yield count, node
        count += sum(1 for _ in t.atoms(node))
