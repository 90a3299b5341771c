"""Comparisons latch: each is recomputed when every metric in it has a newer sample, and keeps its truth in between.

So `val_loss > 1.5 * loss` is judged once a validation and never against a stale value, while `isnan(loss) or isnan(grad_norm)` reacts to
either alone. A judgement counts only if what was recomputed decides it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from walert.rules.plan import AtomPlan, ConditionPlan


class Latch:
    """A condition on one file: the truth of each comparison and the tick at which it was last computed."""

    __slots__ = ("computed", "plan", "truth", "truths")

    def __init__(self, plan: ConditionPlan) -> None:
        self.plan = plan
        self.truths: list[bool | None] = [None] * len(plan.atoms)
        self.computed = [0] * len(plan.atoms)
        self.truth: bool | None = None

    def judge(
        self,
        samples: list[float | None],
        arrived: list[int],
        finite: list[int],
        features: Sequence[Callable[[], float | None]],
        run: list[Any],
        tick: int,
    ) -> bool | None:
        """The verdict if this record's recomputed comparisons decide it, else None. `truth` is what holds now."""
        fresh: list[int] = []
        for i, atom in enumerate(self.plan.atoms):
            if _is_due(atom, self.computed[i], arrived, finite):
                self.truths[i] = atom.judge(samples, features, run)
                self.computed[i] = tick
                fresh.append(i)
        if not fresh:
            return None
        self.truth = self.plan.verdict(self.truths)
        if self.truth is None or len(fresh) == len(self.truths):
            return self.truth
        without = [None if i in fresh else truth for i, truth in enumerate(self.truths)]
        return self.truth if self.plan.verdict(without) is None else None

    def refresh(
        self,
        judged: Sequence[int],
        false: Sequence[int],
        samples: list[float | None],
        features: Sequence[Callable[[], float | None]],
        run: list[Any],
        tick: int,
    ) -> None:
        """Bring comparisons to what the newest record, the last of several that recomputed them, made of them: those in `false` are false."""
        truths, computed = self.truths, self.computed
        for i in false:
            truths[i] = False
            computed[i] = tick
        for i in judged:
            truths[i] = self.plan.atoms[i].judge(samples, features, run)
            computed[i] = tick
        self.truth = self.plan.verdict(truths)

    def look(
        self, samples: list[float | None], features: Sequence[Callable[[], float | None]], run: list[Any]
    ) -> tuple[list[bool | None], bool | None]:
        """What the passing of time alone would decide now: the truths, and the verdict if the timed comparisons decide it."""
        truths = [
            atom.judge(samples, features, run) if atom.timed else truth
            for atom, truth in zip(self.plan.atoms, self.truths, strict=True)
        ]
        verdict = self.plan.verdict(truths)
        without = [None if atom.timed else truth for atom, truth in zip(self.plan.atoms, truths, strict=True)]
        return truths, verdict if self.plan.verdict(without) is None else None

    def take(self, truths: list[bool | None], verdict: bool) -> None:
        """What `look` saw has come to pass."""
        self.truths, self.truth = truths, verdict

    def dump(self) -> list[Any]:
        """Plain builtins for the state file."""
        return [list(self.truths), list(self.computed), self.truth]

    def load(self, state: Sequence[Any]) -> None:
        """Take up the state that `dump` described."""
        self.truths, self.computed, self.truth = list(state[0]), list(state[1]), state[2]


def _is_due(atom: AtomPlan, computed: int, arrived: list[int], finite: list[int]) -> bool:
    # Plain loops: this is asked of every comparison at every record, and two generators cost more than all the rest of it.
    for slot in atom.direct:
        if arrived[slot] <= computed:
            return False
    for slot in atom.finite:  # noqa: SIM110
        if finite[slot] <= computed:
            return False
    return True
