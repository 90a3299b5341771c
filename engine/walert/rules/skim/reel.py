"""What leaves windows while a loop runs, and room for what comes.

An array of doubles makes a new float of each that is read, and takes long to take one in. So a loop works on a list: of the newest samples
as a ring when the lines are more than the longest window holds, else of the few that the lines can reach. The history learns of it after
the loop, or when a window settles.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count, cycle

from walert.rules.windows.history import History


class Reel:
    """`coming` takes the sample of each line at its place of `places(most, longest, longest)`.

    For each of `widths`, `leaving` is the list in which, at `places(most, longest, width)`, stands what leaves a window of so many samples; it
    is to be read before the line's sample is written. `longest` is how far back the windows look, `most` how many lines may come.
    """

    __slots__ = ("_first", "_told", "_turn", "coming", "leaving")

    def __init__(self, samples: array[float], most: int, longest: int, widths: Sequence[int]) -> None:
        self._told = 0
        if longest <= most:
            self.coming = samples[len(samples) - longest :].tolist()
            self.leaving = [self.coming] * len(widths)
            self._first, self._turn = 0, longest
        else:
            before, room = samples[max(0, len(samples) - most) :].tolist(), [0.0] * most
            room[most - len(before) :] = before
            self.coming = room + [0.0] * most
            self.leaving = [self.coming if width < most else room + _from(samples, width, most) for width in widths]
            self._first, self._turn = most, 2 * most

    def tell(self, history: History, lines: int, steps: Sequence[float]) -> None:
        """Bring a history up to date with the samples of `lines` lines, which came at `steps`."""
        new = lines - self._told
        newest = min(new, self._turn)
        begin = (self._first + lines - newest) % self._turn
        values = self.coming[begin : begin + newest]
        values += self.coming[: newest - len(values)]
        known = steps[lines - newest : lines]
        history.extend(values, known if isinstance(known, array) else array("d", known), new - newest)
        self._told = lines


def _from(samples: array[float], width: int, most: int) -> list[float]:
    first = len(samples) - width
    return samples[first : first + most].tolist()


def places(most: int, longest: int, width: int) -> Iterator[int]:
    """Where, line by line, what leaves a window of `width` samples stands in the list of a reel; for the longest, where the sample goes."""
    if longest <= most:
        return cycle(_turned(longest, width))
    return count(most - width) if width < most else count(most)


@lru_cache(maxsize=128)
def _turned(longest: int, width: int) -> tuple[int, ...]:
    """The places of a ring, from where a window of `width` samples begins."""
    return (*range(longest - width, longest), *range(longest - width))
