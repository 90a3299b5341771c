"""Unit tests of rules: series in, transitions and messages out, from `*.test.yaml` files beside the rule files.

notation -> `Case` (read) -> lines of a log (lines) -> what happens, by the session that judges real logs (happened) -> `Result` (compare)
"""

from __future__ import annotations

from walert.pipeline.ruletest.compare import Result, Row
from walert.pipeline.ruletest.suites import SUFFIXES, OpenedSuite, beside, find_suites, open_suite, run_suite
from walert.pipeline.ruletest.values import Case, Expectation, Happened

__all__ = [
    "SUFFIXES",
    "Case",
    "Expectation",
    "Happened",
    "OpenedSuite",
    "Result",
    "Row",
    "beside",
    "find_suites",
    "open_suite",
    "run_suite",
]
