"""How a file is read, told from its first lines: format, options, which key is step and time, what nulls mean. Pure, as decoding is.

It decodes with the one `Decoder`, and only notes beside it what a record does not tell any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from walert.model import BadLine, Record, Source
from walert.records.decoder import Decoder
from walert.records.flatten import Flat, Flattener
from walert.records.plan import Plan, Planner
from walert.records.times import from_number, from_text


@dataclass(frozen=True, slots=True)
class Detected:
    """What the lines tell. `steps` and `times` count records by the key that served, under "" those that none served.

    `source` has the options that the file itself told. `metrics` holds each name with its first value, `nulls` each name that was null
    and whether that counts as NaN (it is missing otherwise). `ignored` lines are blank, a header, or no record on purpose.
    """

    source: Source
    lines: int
    records: tuple[Record, ...]
    bad: tuple[BadLine, ...]
    ignored: int
    steps: Mapping[str, int]
    times: Mapping[str, int]
    metrics: Mapping[str, float]
    nulls: Mapping[str, bool]


def detect(path: str, lines: Sequence[bytes], source: Source) -> Detected:
    """How the file at `path`, which begins with `lines`, is read. Raises ConfigError if the source's `prefix` cannot be used."""
    decoder = _Noting(source, path)
    offset, read = 0, []
    for number, data in enumerate(lines, 1):
        read.append(decoder.decode(data, number, offset))
        offset += len(data) + 1
    records = tuple(one for one in read if isinstance(one, Record))
    bad = tuple(one for one in read if isinstance(one, BadLine))
    metrics: dict[str, float] = {}
    for record in records:
        metrics = {**record.metrics, **metrics} if record.metrics.keys() - metrics.keys() else metrics
    ignored = len(lines) - len(records) - len(bad)
    return Detected(
        decoder.source, len(lines), records, bad, ignored, decoder.steps, decoder.times, dict(sorted(metrics.items())), decoder.nulls
    )  # fmt: skip


class _Noting(Decoder):
    """Decodes as ever, always by the general way, and notes by which keys."""

    def __init__(self, source: Source, path: str) -> None:
        self.steps: Counter[str] = Counter()
        self.times: Counter[str] = Counter()
        self.nulls: dict[str, bool] = {}
        super().__init__(source, path)

    def _adopt(self, source: Source, firsts: dict[str, bool], ignored: int, columns: tuple[str, ...]) -> None:
        super()._adopt(source, firsts, ignored, columns)
        self._flattener = _NotingFlattener(source, self._planner, firsts, ignored, self.nulls)
        self._learns = False

    def _record(
        self,
        numbers: dict[str, float],
        texts: dict[str, str] | None,
        plan: Plan,
        event: Mapping[str, Any] | None,
        line: int,
        offset: int,
    ) -> Record:
        if event is None:
            self.steps[step_key(numbers, plan)] += 1
            self.times[time_key(numbers, texts or {}, self._planner)] += 1
        return super()._record(numbers, texts, plan, event, line, offset)


class _NotingFlattener(Flattener):
    """Flattens as ever, and notes which names were null."""

    __slots__ = ("_seen",)

    def __init__(
        self, source: Source, planner: Planner, firsts: dict[str, bool], ignored: int, seen: dict[str, bool]
    ) -> None:
        super().__init__(source, planner, firsts, ignored)
        self._seen = seen

    def _null(self, name: str, flat: Flat) -> None:
        super()._null(name, flat)
        if name:
            self._seen[name] = self._seen.get(name, False) or name in flat.numbers


def step_key(numbers: Mapping[str, float], plan: Plan) -> str:
    """The key that holds a record's step, "" if none does."""
    return next((name for name in plan.steps if isfinite(numbers[name])), "")


def time_key(numbers: Mapping[str, float], texts: Mapping[str, str], planner: Planner) -> str:
    """The key that holds a record's time, "" if none does."""
    for name in planner.times:
        if name in numbers and from_number(numbers[name]) is not None:
            return name
        if name in texts and from_text(texts[name]) is not None:
            return name
    return ""
