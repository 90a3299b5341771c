"""Suggested rules, proved: read back as `walert check` reads them, and replayed over the logs that they were learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from walert.errors import Problem
from walert.pipeline.logs import LogFile
from walert.pipeline.replay import Replay
from walert.pipeline.suggest.learning import left_out, says_nothing, threshold
from walert.pipeline.suggest.values import Learned, Suggestion
from walert.pipeline.suggest.writing import number
from walert.rules.lint import around, as_problem, lint
from walert.rules.load import examine_rules
from walert.rules.plan import RuleSet

WIDENINGS = 5  # each doubles what lies between a threshold and the worst log


@dataclass(frozen=True, slots=True)
class Proof:
    """What a replay of the file over its own logs came to."""

    logs: int
    records: int
    rules: int
    fired: Counter[str]

    @property
    def silent(self) -> bool:
        """Whether no rule fired."""
        return not self.fired


def settled(rules: Sequence[Learned]) -> tuple[list[Suggestion], list[str]]:
    """Learned rules with their thresholds; a sentence for each that would say nothing."""
    found = [suggestion(rule, 0) for rule in rules]
    return [each for each in found if not _idle(each)], [_lax(each.learned) for each in found if _idle(each)]


def suggestion(rule: Learned, widened: int) -> Suggestion:
    """A rule with its threshold widened so many times."""
    value = threshold(rule, widened)
    return Suggestion(rule, value, rule.shape.replace("{x}", number(value)), left_out(rule), widened)


def widen(suggestions: Sequence[Suggestion], fired: Counter[str]) -> tuple[list[Suggestion], list[str]]:
    """The rules that fired widened once more, or dropped where that does not go; a sentence for each dropped."""
    kept: list[Suggestion] = []
    dropped: list[str] = []
    for each in suggestions:
        if each.learned.title not in fired:
            kept.append(each)
            continue
        wider = suggestion(each.learned, each.widened + 1)
        if each.threshold is None or each.widened >= WIDENINGS or _idle(wider):
            dropped.append(_lax(each.learned))
        else:
            kept.append(wider)
    return kept, dropped


def _idle(each: Suggestion) -> bool:
    return bool(each.learned.extremes) and says_nothing(each.learned, each.threshold)


def _lax(rule: Learned) -> str:
    return f"Dropped, since the healthy runs differ too much: {rule.title!r}."


def prove(text: str, file: str, logs: Sequence[LogFile], on_read: Callable[[int], None]) -> Proof:
    """Replay the rule file `text` over the logs. Raises `OSError`."""
    rules = RuleSet(list(examine_rules(text.encode(), file).loaded.rules))
    replay = Replay(rules, logs)
    fired = Counter(row["title"] for row in replay.happenings(on_read) if row["happening"] == "firing")
    known = {rule.title for rule in rules.rules}
    return Proof(
        len(logs), replay.totals.records, len(rules.rules), Counter({t: n for t, n in fired.items() if t in known})
    )


def findings(text: str, file: str) -> list[Problem]:
    """What `walert check` would say of the file, with no other rules in force."""
    examined = examine_rules(text.encode(), file)
    known = around(examined.written)
    remarks = lint(examined.written, examined.aliases, known, whole=examined.loaded.usable)
    return [*examined.loaded.problems, *(as_problem(examined.document, remark) for remark in remarks)]
