"""What logs hold, gathered for `walert check --log`: which metrics, and how far apart their samples and the records are."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from walert.cli.progress import Bar
from walert.model import Record
from walert.pipeline.logs import LogFile, batches
from walert.records import Decoder
from walert.rules.lint import Logged, Stride

_GAPS = 1_000  # so many distances tell the median well enough


@dataclass(slots=True)
class _Gaps:
    """The samples of one metric in one file after another: how many, and the distances between them."""

    count: int = 0
    steps: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    step: float | None = None
    time: float | None = None

    def add(self, record: Record) -> None:
        """The next sample of the present file."""
        self.count += 1
        self.step = _note(self.steps, self.step, record.step)
        self.time = _note(self.seconds, self.time, record.time)

    def stride(self) -> Stride:
        """What they come to."""
        medians = [statistics.median(gaps) if gaps else None for gaps in (self.steps, self.seconds)]
        return Stride(self.count, *medians)


def _note(gaps: list[float], before: float | None, now: float | None) -> float | None:
    """Add the distance that lies between; none of it where a run went back."""
    if before is not None and now is not None and now > before and len(gaps) < _GAPS:
        gaps.append(now - before)
    return before if now is None else now


def gather(files: Iterable[LogFile], size: int) -> Logged:
    """What the logs hold, read to their ends; `size` is their bytes together. Raises `OSError` for one that cannot be read."""
    metrics: dict[str, _Gaps] = {}
    records = _Gaps()
    timeless = 0
    with Bar("reading", size) as bar:
        for file in files:
            records.step = records.time = None
            for gaps in metrics.values():
                gaps.step = gaps.time = None
            for record in _records(file, bar):
                timeless += record.time is None
                records.add(record)
                for name in record.metrics:
                    metrics.setdefault(name, _Gaps()).add(record)
    return Logged({name: gaps.stride() for name, gaps in metrics.items()}, records.stride(), timeless)


def _records(file: LogFile, bar: Bar) -> Iterable[Record]:
    decoder = Decoder(file.source, file.path)
    for batch, size in batches(file):
        offset = batch.first_offset
        for number, data in enumerate(batch.lines, batch.first_line):
            record = decoder.decode(data, number, offset)
            if isinstance(record, Record) and record.metrics:
                yield record
            offset += len(data) + 1
        bar.add(size)
