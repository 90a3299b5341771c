"""Codes of what is told of runs: the logs that `walert suggest` learns from, the rules that a run carries."""

from __future__ import annotations

from walert.cli.explanations.values import Explanation

ENTRIES = (
    Explanation(
        "bad-lines",
        "Some lines of a log that `walert suggest` reads are no records. They were skipped; the others count.",
        shown="",
        severity="warning",
    ),
    Explanation(
        "foreign",
        "The folder of rules that a run carries belongs to another user than its log: somebody else put it there. "
        "The host's rules judge the run.",
        shown="",
    ),
    Explanation(
        "many-metrics",
        "A log that `walert suggest` reads holds more metrics than it looks at. Those that came later are left out; "
        "name what you care about in rules of your own.",
        shown="",
        severity="warning",
    ),
    Explanation(
        "mostly-bad",
        "Most lines of a log that `walert suggest` reads are no records: it is read in a wrong way, or is no log of "
        "metrics. `walert source detect` tells how it would be read, `--source` says it otherwise.",
        shown="",
    ),
    Explanation(
        "no-records",
        "A log that `walert suggest` reads holds no record with metrics. `walert source detect` tells how it would "
        "be read.",
        shown="",
    ),
    Explanation(
        "not-healthy",
        "A log that `walert suggest` is to learn from is that of a ruined run: its loss is not finite, say. Limits "
        "learned from it would allow the same again. Leave it out.",
        shown="",
    ),
    Explanation(
        "too-many",
        "A run carries more rules, rule files or bytes of them than are read of any run. The host's rules stand in.",
        shown="",
    ),
    Explanation(
        "too-short",
        "A log that `walert suggest` reads has too few records to learn anything from. Leave it out.",
        shown="",
    ),
)
