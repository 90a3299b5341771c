"""inactive -> pending -> firing -> inactive: the life of one rule on one file, as a pure state machine over judgements.

A judgement is the counted verdict of `when` and of `clear` on one record; UNKNOWN (None) holds the state. `for` is met by true judgements in
a row, or by the span between the first and the newest of them, or by k of the last n; so silence never lets it elapse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from walert.units import Span


class Phase(StrEnum):
    """Where a rule stands on a file."""

    INACTIVE = "inactive"  # the condition is not true, or not known
    PENDING = "pending"  # true, but not yet for as long as `for` asks
    FIRING = "firing"  # an episode is on


class Move(StrEnum):
    """What a judgement did."""

    HELD = "held"  # nothing a person would hear of
    PENDING = "pending"  # first true judgement of a rule with `for`
    FIRED = "firing"  # `for` is met: an episode begins
    CONFIRMED = "confirmed"  # true again while firing
    RESOLVED = "resolved"  # clear for as long as `keep_firing_for` asks


@dataclass(slots=True)
class Stretch:
    """Judgements of one kind in a row: how many, and where the first of them stood."""

    count: int = 0
    step: float | None = None
    time: float | None = None

    def add(self, step: float, time: float | None) -> None:
        """One more of them, at `step` and `time`."""
        if self.count == 0:
            self.step, self.time = step, time
        self.count += 1

    def reset(self) -> None:
        """The row is broken."""
        self.count, self.step, self.time = 0, None, None

    def meets(self, span: Span | None, step: float, time: float | None) -> bool:
        """Whether the row, up to the one just added, is as long as `span`; no span is met by one."""
        if self.count == 0:
            return False
        if span is None:
            return True
        if span.kind == "steps":
            return self.step is not None and step - self.step >= span.amount
        if span.kind == "seconds":
            return time is not None and self.time is not None and time - self.time >= span.amount
        return self.count >= span.amount


@dataclass(slots=True)
class Machine:
    """One rule on one file. `judge` is the only way its state changes, but for attempts and the end of the run."""

    phase: Phase = Phase.INACTIVE
    true: Stretch = field(default_factory=Stretch)
    clear: Stretch = field(default_factory=Stretch)
    history: list[bool] = field(default_factory=list)  # newest last, for k of n only
    since: float | None = None  # event time of the episode's first confirming sample

    def judge(
        self,
        rule: Needs,
        verdict: bool | None,
        clear: bool | None,
        when: bool | None,
        step: float,
        time: float | None,
        *,
        confirms: bool = True,
    ) -> Move:
        """One record's judgement. `verdict` and `clear` are counted verdicts or None, `when` the truth that the condition holds now.

        `confirms=False` is a judgement that fell due by a timer: it changes the state but is no confirming sample of `for`.
        """
        if verdict is not None:
            self.remember(rule, verdict, 1)
        if verdict is True:
            return self._true(rule, step, time, confirms)
        if verdict is False:
            if self.true.count:
                self.true.reset()
            if self.phase is Phase.PENDING and not any(self.history):
                self.phase = Phase.INACTIVE
        if self.phase is not Phase.FIRING:
            return Move.HELD
        return self._clear(rule, _clear_judgement(rule, verdict, clear, when), step, time)

    def confirm(self, rule: Needs, count: int) -> None:
        """As `judge` of so many more true verdicts, while firing and after a true one."""
        self.clear.reset()
        self.true.count += count
        self.remember(rule, True, count)

    def remember(self, rule: Needs, verdict: bool, count: int) -> None:
        """So many more verdicts, for `k of n`."""
        if rule.for_ is not None and rule.for_.kind == "k_of_n":
            self.history.extend([verdict] * min(count, rule.for_.of))
            del self.history[: -rule.for_.of]

    def _true(self, rule: Needs, step: float, time: float | None, confirms: bool) -> Move:
        self.clear.reset()
        if confirms or rule.for_ is None:
            if self.true.count == 0 and self.phase is Phase.INACTIVE:
                self.since = time
            self.true.add(step, time)
        if self.phase is Phase.FIRING:
            return Move.CONFIRMED
        if self._met(rule, step, time):
            self.phase = Phase.FIRING
            return Move.FIRED
        if self.phase is Phase.INACTIVE:
            self.phase = Phase.PENDING
            return Move.PENDING
        return Move.HELD

    def _met(self, rule: Needs, step: float, time: float | None) -> bool:
        if rule.for_ is not None and rule.for_.kind == "k_of_n":
            return sum(self.history) >= rule.for_.amount
        return self.true.meets(rule.for_, step, time)

    def _clear(self, rule: Needs, judgement: bool | None, step: float, time: float | None) -> Move:
        if judgement is None:
            return Move.HELD
        if judgement is False:
            self.clear.reset()
            return Move.HELD
        self.clear.add(step, time)
        if not self.clear.meets(rule.keep, step, time):
            return Move.HELD
        self.quit()
        return Move.RESOLVED

    def quit(self) -> None:
        """The episode is over, whatever ended it."""
        self.phase = Phase.INACTIVE
        self.true.reset()
        self.clear.reset()

    def new_attempt(self) -> None:
        """`for` starts over; what fires goes on firing."""
        self.true.reset()
        self.clear.reset()
        self.history.clear()
        if self.phase is Phase.PENDING:
            self.phase = Phase.INACTIVE

    def dump(self) -> list[Any]:
        """Plain builtins for the state file."""
        rows = [[s.count, s.step, s.time] for s in (self.true, self.clear)]
        return [str(self.phase), *rows, list(self.history), self.since]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Machine:
        """The machine that `dump` described."""
        phase, true, clear, history, since = state
        return cls(Phase(phase), Stretch(*true), Stretch(*clear), list(history), since)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a rule asks of its judgements: `for_`, how long clear ends an episode (`keep`), and whether `clear` was given."""

    for_: Span | None = None
    keep: Span | None = None
    has_clear: bool = False


def needs(for_: Span | None, keep: Span | None, has_clear: bool) -> Needs:
    """`k of n` resolves after n - k + 1 clear ones in a row unless `keep_firing_for` says otherwise."""
    if keep is None and for_ is not None and for_.kind == "k_of_n":
        keep = Span("samples", for_.of - for_.amount + 1)
    return Needs(for_, keep, has_clear)


def _clear_judgement(rule: Needs, verdict: bool | None, clear: bool | None, when: bool | None) -> bool | None:
    """Whether this record is a clear one: by default when `when` is false; with `clear`, when that is true while `when` is not."""
    if not rule.has_clear:
        return None if verdict is None else True
    if when is True:
        return None
    return clear
