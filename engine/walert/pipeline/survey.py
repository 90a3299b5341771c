"""What a replay must know of a run's other files before it reads the first: it reads one after the other what a daemon reads side by side.

Only runs of several files are surveyed, and only for rules that look at all of them: `absent` and `stalled`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from walert.model import BadLine, Run
from walert.pipeline.logs import LogFile, batches, numbered, run_of
from walert.records import Decoder
from walert.rules.company import Company
from walert.rules.plan import RuleSet, Slot


class Surveyor:
    """The companies of the runs that some files belong to; each is surveyed when first asked for."""

    def __init__(self, files: Sequence[LogFile]) -> None:
        self.files = files
        self._mates: dict[str, list[LogFile]] | None = None
        self._companies: dict[str, Company] = {}

    def company(self, run: Run, rules: RuleSet) -> Company | None:
        """The files of a run, all read once; None for a run of one file, or where no rule looks at the others."""
        if not rules.social or len(self.files) < 2:
            return None
        mates = self._of(run)
        if len(mates) < 2:
            return None
        if run.id not in self._companies:
            self._companies[run.id] = survey(rules, mates)
        return self._companies[run.id]

    def _of(self, run: Run) -> list[LogFile]:
        if self._mates is None:
            self._mates = defaultdict(list)
            for file in self.files:
                try:
                    self._mates[run_of(file).id].append(file)
                except OSError:
                    continue  # whoever comes to replay it tells
        return self._mates[run.id]


def survey(rules: RuleSet, files: Sequence[LogFile]) -> Company:
    """When each of the files was written and which metrics it has, as far as the rules look at that."""
    company = Company(rules.shortest_stall or 0.0, surveyed=True)
    slots = [rules.slots[i] for i in rules.absent]
    for file in files:
        try:
            _look_through(company, file, slots)
        except OSError:
            continue
    return company


def _look_through(company: Company, file: LogFile, slots: Sequence[Slot]) -> None:
    decoder = Decoder(file.source, file.path)
    wanted = list(slots)
    for batch, _ in batches(file):
        for number, offset, data in numbered(batch):
            record = decoder.decode(data, number, offset)
            if record is None or isinstance(record, BadLine) or not record.metrics:
                continue
            if record.time is not None:
                company.wrote(file.path, record.time)
            for slot in [s for s in wanted if _brings(s, record.metrics)]:
                company.logged(file.path, slot.key, record.time)
                wanted.remove(slot)


def _brings(slot: Slot, metrics: dict[str, float]) -> bool:
    return slot.pick(metrics) is not None if slot.candidates else slot.name in metrics
