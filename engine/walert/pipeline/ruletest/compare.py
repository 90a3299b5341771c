"""What was expected beside what happened: which is missing, which is too much, and both as the rows of a diff. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from walert.model import Happening
from walert.pipeline.ruletest.values import Case, Expectation, Happened

CLOSE = 1e-6  # relative: values are written by people, from what was printed


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the diff: `-` expected and missing, `+` happened and not expected, a space for both."""

    sign: Literal["-", "+", " "]
    of: Expectation | Happened


@dataclass(frozen=True, slots=True)
class Result:
    """What a test came to. `rows` is the whole diff, record by record; `notes` are sentences that may explain it."""

    case: Case
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        """Whether all that was expected happened, and nothing else."""
        return all(row.sign == " " for row in self.rows)

    @property
    def missing(self) -> list[Expectation]:
        """What was expected and did not happen."""
        return [row.of for row in self.rows if row.sign == "-" and isinstance(row.of, Expectation)]

    @property
    def unexpected(self) -> list[Happened]:
        """What happened and was not expected."""
        return [row.of for row in self.rows if row.sign == "+" and isinstance(row.of, Happened)]


def compare(case: Case, happened: Iterable[Happened]) -> Result:
    """Hold what happened against what the case expects.

    All that happens must be expected, but for pending states and walert's own word at the end of a run, which count only for titles
    of which the case expects one, and titles that `only` leaves out.
    """
    counted = [h for h in happened if _counts(case, h)]
    missing, matched = _match(case.expect, counted)
    return Result(case, list(_rows(missing, counted, matched)))


def _counts(case: Case, h: Happened) -> bool:
    if case.only is not None and h.title not in case.only:
        return False
    if h.happening is Happening.PENDING:
        return any(e.title == h.title and e.happening is Happening.PENDING for e in case.expect)
    return not h.lifecycle or any(e.title == h.title for e in case.expect)


def _match(expect: Sequence[Expectation], happened: Sequence[Happened]) -> tuple[list[Expectation], set[int]]:
    """(what is missing, the indices of what was matched): those that ask for most choose first."""
    places = defaultdict(list)
    for index, h in enumerate(happened):
        places[h.at, h.happening, h.title].append(index)
    matched: set[int] = set()
    missing: set[int] = set()
    for number in sorted(range(len(expect)), key=lambda i: -_demands(expect[i])):
        e = expect[number]
        candidates = places[e.at, e.happening, e.title]
        found = next((i for i in candidates if fits(e, happened[i])), None)
        if found is None:
            missing.add(number)
        else:
            candidates.remove(found)
            matched.add(found)
    return [e for number, e in enumerate(expect) if number in missing], matched


def _demands(e: Expectation) -> int:
    return sum(each is not None for each in (e.level, e.text, e.text_contains, e.suppressed)) + len(e.values)


def fits(e: Expectation, h: Happened) -> bool:
    """Whether what happened, at this place and of this title, is as expected in all that the expectation names."""
    return (
        e.level in (None, h.level)
        and e.text in (None, h.text)
        and (e.text_contains is None or e.text_contains in h.text)
        and e.suppressed in (None, h.suppressed)
        and all(name in h.values and _close(value, h.values[name]) for name, value in e.values.items())
    )


def _close(expected: float, value: float) -> bool:
    return (expected != expected and value != value) or math.isclose(expected, value, rel_tol=CLOSE, abs_tol=1e-12)


def _rows(missing: list[Expectation], happened: Sequence[Happened], matched: set[int]) -> Iterator[Row]:
    """By record; a missing one before what happened in its stead, else after all of its record."""
    wanted: dict[int, list[Expectation]] = defaultdict(list)
    for e in missing:
        wanted[e.at].append(e)
    rows: dict[int, list[Row]] = {at: [] for at in sorted({*wanted, *(h.at for h in happened)})}
    for i, h in enumerate(happened):
        if i in matched:
            rows[h.at].append(Row(" ", h))
            continue
        instead = next((e for e in wanted[h.at] if (e.title, e.happening) == (h.title, h.happening)), None)
        if instead is not None:
            wanted[h.at].remove(instead)
            rows[h.at].append(Row("-", instead))
        rows[h.at].append(Row("+", h))
    for at, found in rows.items():
        yield from found
        yield from (Row("-", e) for e in wanted[at])
