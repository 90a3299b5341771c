"""Every shipped pack that has tests passes them as a user runs them: `walert test pack:NAME`."""

from __future__ import annotations

import pytest

from walert.pipeline.ruletest import Result, find_suites, open_suite, run_suite
from walert.pipeline.ruletest.report import diff_lines
from walert.resources import pack_names, pack_path


def suite(name: str) -> tuple[list[str], list[Result]]:
    files, problems = find_suites([f"pack:{name}"])
    assert problems == []
    opened = open_suite(files[0])
    return [str(problem) for problem in opened.problems], list(run_suite(opened))


@pytest.mark.parametrize("name", pack_names())
def test_the_tests_of_a_pack_are_sound_and_pass(name: str) -> None:
    problems, results = suite(name)
    assert problems == []
    assert len(results) >= 3
    for result in results:
        assert result.passed, "\n".join([result.case.name, *diff_lines(result)])


@pytest.mark.parametrize("name", pack_names())
def test_every_rule_of_a_pack_fires_in_a_test_of_it(name: str) -> None:
    opened = open_suite(find_suites([f"pack:{name}"])[0][0])
    assert opened.rules is not None
    fired = {e.title for case in opened.suite.cases for e in case.expect if e.happening == "firing"}
    assert {rule.title for rule in opened.rules.rules} <= fired


@pytest.mark.parametrize("name", pack_names())
def test_a_pack_has_a_test_in_which_nothing_is_told(name: str) -> None:
    assert any(not result.case.expect and result.case.records >= 10 for result in suite(name)[1])


def test_the_tests_of_packs_are_no_packs() -> None:
    assert pack_path("training").with_name("training.test.yaml").exists()
    assert not any("test" in name for name in pack_names())
