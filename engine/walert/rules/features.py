"""What a condition keeps of the past, by the names of the rule language: readers made on the shelves of `windows`."""

from __future__ import annotations

from collections.abc import Callable

from walert.rules import terms as t
from walert.rules.windows import Shelf

Reader = Callable[[], float | None]


def make_reader(node: t.Feature, shelf: Shelf) -> Reader:
    """The reader of a kept value on the shelf of its metric, or of the condition inside it. Make all before the first sample."""
    function = f"since_best_{node.mode}" if node.function == "since_best" else node.function
    if node.span is None:
        return shelf.reader(function, amount=node.amount if node.amount is not None else 1.0)
    if node.function == "quantile" and node.amount is not None:
        return shelf.reader(function, kind=_kind(node), amount=node.span.amount, minimum=node.minimum, q=node.amount)
    return shelf.reader(function, kind=_kind(node), amount=node.span.amount, minimum=node.minimum)


def _kind(node: t.Feature) -> t.WindowKind:
    assert node.span is not None
    kind = node.span.kind
    assert kind != "k_of_n"  # the parser lets none through
    return kind


class Age:
    """When each metric was last logged, and how long ago that is: `age` in seconds, `age_steps` in steps."""

    __slots__ = ("steps", "times")

    def __init__(self, count: int) -> None:
        self.steps: list[float | None] = [None] * count
        self.times: list[float | None] = [None] * count

    def see(self, slot: int, step: float, time: float | None) -> None:
        """A sample of `slot`, finite or not."""
        self.steps[slot], self.times[slot] = step, time

    def reader(self, function: str, slot: int, run: list[float | None], step: int, time: int) -> Reader:
        """A reader; `step` and `time` are where the present ones stand in `run`."""
        marks, now = (self.times, time) if function == "age" else (self.steps, step)
        return lambda: _since(run[now], marks[slot])


def _since(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None else now - then
