"""A case judged: its lines through the session that judges every log, with nothing delivered."""

from __future__ import annotations

from collections.abc import Iterator

from walert.dispatch.desk import Desk, HeldBack, Place, Said
from walert.model import BadLine, Happening, Source
from walert.pipeline.ruletest.lines import log_lines
from walert.pipeline.ruletest.values import Case, Happened
from walert.pipeline.session import Judged, open_session
from walert.rules.plan import RuleSet

LOG = "metrics.jsonl"  # what `{file}` in a text says


def judge_case(case: Case, rules: RuleSet) -> list[Happened]:
    """Everything that happens, in line order, on one line transitions before messages.

    Raises `ValueError` for a line that is no record, which no case that was read without a problem has.
    """
    source = Source(path=LOG, format="jsonl")
    desk = Desk(case.run, lambda alert, own: ())
    place = Place(stream=LOG, log=LOG, path=LOG, head="", clock=None)
    session = open_session(source, case.run, LOG, rules, desk, place)
    out: list[Happened] = []
    records: list[
        int
    ] = []  # of each line, to say where a transition stands that fell due before the line that brought it
    offset = 0
    for number, (record, data) in enumerate(log_lines(case), 1):
        records.append(record)
        judged = session.line(data, number, offset, None)
        offset += len(data) + 1
        if isinstance(judged, BadLine):
            raise ValueError(f"record {record} is no record: {judged.reason}")
        if judged is not None:
            out += _happened(judged, records)
    return out


def _happened(judged: Judged, records: list[int]) -> Iterator[Happened]:
    for t in judged.transitions:
        if t.happening is not Happening.CONFIRMED:
            yield Happened(records[t.line - 1], t.happening, t.rule.title, t.rule.level, t.values, t.why, 0)
    for said in judged.said:
        yield _said(said, records[_line_of(said, judged) - 1])


def _said(said: Said, at: int) -> Happened:
    if isinstance(said, HeldBack):
        return Happened(
            at, Happening.SUPPRESSED, said.title, said.level, said.values, said.text, said.suppressed,
            said.kind == "lifecycle",
        )  # fmt: skip
    alert = said.alert
    return Happened(
        at, Happening.MESSAGE, alert.title, alert.level, alert.values, alert.text, alert.suppressed,
        alert.kind == "lifecycle",
    )  # fmt: skip


def _line_of(said: Said, judged: Judged) -> int:
    """The line that something is said of: an earlier one when it fell due by time before the line that was read."""
    if isinstance(said, HeldBack):
        fired = (t.line for t in judged.transitions if t.rule.origin == said.origin and t.happening is Happening.FIRING)
        return next(fired, judged.record.line)
    return int(said.alert.log.rpartition(":")[2])
