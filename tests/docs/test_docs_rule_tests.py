"""What the page on the rule language shows of tests of rules: its example passes with its own rule, its tables hold."""

from __future__ import annotations

import re
from pathlib import Path

from walert.pipeline.ruletest import open_suite, run_suite
from walert.pipeline.ruletest.notation import parse_series
from walert.pipeline.ruletest.read import read_suite

PAGE = (Path(__file__).resolve().parents[2] / "rules" / "README.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Testing rules\n")[2]


def rows(header: str) -> list[str]:
    """The first cells of the table under `header`."""
    table = SECTION.partition(header)[2].partition("\n\n")[0]
    return [line.split("|")[1] for line in table.splitlines()[2:]]


def written(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_example_passes(tmp_path: Path) -> None:
    rule, example = re.findall(r"```ya?ml\n(version: 1\nrules:\n.*?|version: 1\nrules: \[.*?)```", PAGE, re.DOTALL)
    (tmp_path / "walert.yaml").write_text(rule, encoding="utf-8")
    (tmp_path / "walert.test.yaml").write_text(example, encoding="utf-8")
    opened = open_suite(str(tmp_path / "walert.test.yaml"))
    assert opened.errors == ()
    assert [result.passed for result in run_suite(opened)] == [True]


def test_every_item_of_the_notation_is_read() -> None:
    items = [item for cell in rows("| in a series | logs |") for item in written(cell)]
    assert len(items) > 10
    assert [item for item in items if parse_series(item)[1]] == []


def test_every_key_of_a_test_is_read_as_written() -> None:
    cells = [written(cell) for cell in rows("| key of a test | default |")]
    assert len(cells) == 7
    for keys in ([key for cell in cells for key in cell[:1]], [key for cell in cells for key in cell[-1:]]):
        named = {key.partition(":")[0]: key for key in ("every: 1s", *keys)}
        test = "\n    ".join(["name: N", "series: {loss: 1x80}", "expect: []", *named.values()])
        suite = read_suite(f"version: 1\nrules: [a.yaml]\ntests:\n  - {test}\n", "a.test.yaml")
        assert [str(problem) for problem in suite.problems] == []
