"""Reading test files: every problem at its place, in one pass."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from walert.model import AlertLevel, Happening, Run
from walert.pipeline.ruletest import open_suite
from walert.pipeline.ruletest.notation import Gap
from walert.pipeline.ruletest.read import read_suite
from walert.pipeline.ruletest.values import Call, Case, Expectation
from walert.resources import schema

HEAD = 'version: 1\nrules: ["pack:training"]\ntests:\n'


def case(test: str) -> Case:
    """The one test of a file, written as a YAML mapping on one line."""
    suite = read_suite(f"{HEAD}  - {test}\n", "a.test.yaml")
    assert [str(problem) for problem in suite.problems] == []
    return suite.cases[0]


def problems(test: str) -> list[tuple[str, str]]:
    """(the text at the place of the problem, what is wrong)."""
    text = f"{HEAD}  - {test}\n"
    lines = text.splitlines()
    return [(lines[p.line - 1][p.column - 1 :], p.what) for p in read_suite(text, "a.test.yaml").problems]


def test_every_key_of_the_schema_has_a_sentence_and_unknown_keys_are_refused() -> None:
    def mappings(node: Any) -> list[dict[str, Any]]:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return [*([node] if isinstance(node, dict) else []), *(m for child in children for m in mappings(child))]

    written = schema("rule-tests")
    jsonschema.Draft7Validator.check_schema(written)
    keyed = [m for m in mappings(written) if isinstance(m.get("properties"), dict)]
    assert all(m["additionalProperties"] is False for m in keyed)
    sentences = [entry.get("description", "") for m in keyed for entry in m["properties"].values()]
    assert len(sentences) > 25
    assert all(sentence.endswith(".") for sentence in sentences)


def test_a_test_is_read_with_all_its_keys() -> None:
    read = case(
        "{name: All, run: {project: p, name: n, tags: [t]}, every: 1m, start: 2024-05-01T12:00:00Z, pauses: [{after: 2, for: 1h}],"
        " steps: {start: 100, by: 50}, series: {loss: 1x3, acc: 0.5}, alerts: [{at: step 150, title: A, text: x, level: warn,"
        " wait_duration: 5m}], end: failed, only: [T], expect: [{at: end, title: T, happening: closed, level: error, text: why,"
        " text_contains: w, suppressed: 2, values: {loss: 1, acc: nan}}]}"
    )
    start = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC).timestamp()
    assert read.run == Run("test", "n", "p", ("t",))
    assert read.steps == [100, 150, 200]
    assert read.times == [start, start + 60, start + 120 + 3600]
    assert read.series == {"loss": [1, 1, 1], "acc": [0.5]}
    assert read.calls == [Call(2, "A", "x", AlertLevel.WARN, 300)]
    assert (read.end, read.only) == ("failed", {"T"})
    (e,) = read.expect
    assert (e.at, e.happening, e.title, e.level) == (4, Happening.CLOSED, "T", AlertLevel.ERROR)
    assert (e.text, e.text_contains, e.suppressed) == ("why", "w", 2)
    assert e.values["loss"] == 1
    assert e.values["acc"] != e.values["acc"]


def test_what_is_not_said_has_a_default() -> None:
    read = case("{name: Short, series: {loss: 1x2}, expect: []}")
    assert read.run == Run("test", "test")
    assert (read.steps, read.times, read.end, read.only) == ([1, 2], None, None, None)
    assert case("{name: Timed, every: 5, series: {loss: 1x2}, expect: []}").times == [1704067200, 1704067205]


def test_a_plain_number_is_read_as_it_is_written() -> None:
    written = "{name: Plain, series: {a: 0x3, b: 1.5, c: null, d: -2,\n    e: 7}, expect: []}"
    assert case(written).series == {"a": [0, 0, 0], "b": [1.5], "c": [Gap.NULL], "d": [-2], "e": [7]}


def test_a_start_without_a_zone_is_utc() -> None:
    read = case("{name: Zone, every: 1s, start: 2024-05-01 12:00, series: {loss: 1}, expect: []}")
    assert read.times == [dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC).timestamp()]


def test_steps_may_be_written_one_by_one() -> None:
    assert case("{name: Back, steps: 1..3 2..3, series: {loss: 1x5}, expect: []}").steps == [1, 2, 3, 2, 3]


def test_several_happenings_in_one_entry_share_place_and_values_and_the_text_is_the_message_s() -> None:
    read = case(
        "{name: Both, series: {loss: 1}, expect: [{at: 1, title: T, happening: [firing, message], text: x, suppressed: 1, values: {loss: 1}}]}"
    )
    assert read.expect == [
        Expectation(1, Happening.FIRING, "T", values={"loss": 1.0}),
        Expectation(1, Happening.MESSAGE, "T", text="x", suppressed=1, values={"loss": 1.0}),
    ]


@pytest.mark.parametrize(
    ("test", "at", "what"),
    [
        ('{name: N, series: {loss: "1 (2 foo)x3"}, expect: []}', "foo", "`foo` is no value"),
        ("{name: N, series: {loss: [1]}, expect: []}", "[1]", "expected a text or a number or nothing, found a list"),
        ("{name: N, series: {loss: .nan}, expect: []}", ".nan", "`.nan` is no value"),
        ("{name: N, series: {}, expect: []}", "{}", "fewer than 1 entries"),
        ("{name: N, series: {_step: 1x3}, expect: []}", "1x3", "`_step` cannot be a series"),
        ("{name: N, series: {loss: 1x3}, expect: [], steps: 1..2}", "1..2", "2 steps for 3 records"),
        ("{name: N, series: {loss: 1x3}, expect: [], steps: 1 nan 3}", "1 nan", "every record has a step"),
        ("{name: N, series: {loss: 1}, expect: [], steps: {by: .inf}}", "{by", "finite"),
        ("{name: N, series: {loss: 1}, expect: [], start: 2024-01-01}", "2024", "without `every`"),
        ("{name: N, series: {loss: 1}, expect: [], every: 1s, start: soon}", "soon", "no date"),
        ("{name: N, series: {loss: 1}, expect: [], every: 1s, start: 12}", "1s", "leave the years"),
        (
            "{name: N, series: {loss: 1x9}, expect: [], every: 1s, pauses: [{after: 9, for: 1m}]}",
            "9, for",
            "no record comes",
        ),
        ("{name: N, series: {loss: 1x9}, expect: [{at: 10, title: T, happening: firing}]}", "10", "no record 10"),
        (
            "{name: N, series: {loss: 1x9}, expect: [{at: step 99, title: T, happening: firing}]}",
            "step",
            "no record has",
        ),
        ("{name: N, series: {loss: 1x9}, expect: [{at: end, title: T, happening: firing}]}", "end,", "no end"),
        ("{name: N, series: {loss: 1x9}, expect: [{at: 0, title: T, happening: firing}]}", "0, ti", "a place is"),
        ("{name: N, series: {loss: 1}, expect: [{at: 1, title: T, happening: fired}]}", "fired", "a happening is"),
        (
            "{name: N, series: {loss: 1}, expect: [{at: 1, title: T, happening: firing, values: {a: x}}]}",
            "x}",
            "a value is",
        ),
        (
            "{name: N, series: {loss: 1}, only: [A], expect: [{at: 1, title: T, happening: firing}]}",
            "T,",
            "those of `only`",
        ),
        (
            "{name: N, series: {loss: 1}, end: finished, alerts: [{at: end, title: T}], expect: []}",
            "end, ti",
            "no calls",
        ),
        ("{name: N, series: {loss: 1}, alerts: [{at: 1, title: ' '}], expect: []}", "' '", "not blank"),
        ("{name: N, series: {loss: 1}}", "{name", "`expect` is missing"),
        ("{name: N, series: {loss: 1}, expect: [], seres: 1}", "seres", "there is no key `seres` here"),
        (
            "{name: N, series: {loss: 1x4}, steps: 1 2 1 2, expect: [{at: step 2, title: T, happening: firing}]}",
            "step 2",
            "records 2 and 4 have the step 2",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(test: str, at: str, what: str) -> None:
    ((where, told),) = problems(test)
    assert where.startswith(at)
    assert what in told


def test_nothing_hides_behind_the_first_mistake() -> None:
    told = problems(
        "{name: N, every: soon, series: {loss: 1x3}, steps: {form: 1}, alerts: [{at: 4, title: A, level: bad}, {at: 5, title: A}],"
        " expect: [{at: 1, title: T, happening: fired}, {at: 7, title: T, happening: firing}]}"
    )
    assert [where.split(",")[0].rstrip("}") for where, _ in told] == ["soon", "form: 1", "bad", "5", "fired", "7"]


def test_with_a_mistake_in_a_series_places_are_not_judged() -> None:
    assert len(problems("{name: N, series: {loss: foo}, expect: [{at: 700, title: T, happening: firing}]}")) == 1


def test_two_tests_of_one_name_are_one_too_many() -> None:
    test = "  - {name: N, series: {loss: 1}, expect: []}\n"
    (problem,) = read_suite(HEAD + test + test, "a.test.yaml").problems
    assert (problem.line, problem.column, problem.code) == (5, 12, "duplicate-name")


def test_the_samples_of_a_file_are_bounded() -> None:
    tests = "".join(f"  - {{name: N{i}, series: {{loss: 1x100000, acc: 1}}, expect: []}}\n" for i in range(6))
    suite = read_suite(HEAD + tests, "a.test.yaml")
    assert [(p.line, p.code) for p in suite.problems] == [(9, "too-large")]
    assert len(suite.cases) == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "version: 1",
        "tests: 1\nrules: 5",
        "- 1",
        "\x00",
        "tests: [1, [], {}]",
        "tests: [{series: 1, expect: {}}]",
    ],
)
def test_any_text_is_answered(text: str) -> None:
    suite = read_suite(text, "a.test.yaml")
    assert suite.problems
    assert suite.cases == ()


# --- with the rules

RULES = "version: 1\nrules:\n  - {title: High loss, when: loss > 10}\n"


def opened(folder: Path, tests: str, rules: str = "[rules.yaml]") -> list[str]:
    (folder / "rules.yaml").write_text(RULES)
    file = folder / "a.test.yaml"
    file.write_text(f"version: 1\nrules: {rules}\ntests:\n  - {tests}\n")
    return [str(problem).replace(f"{folder}/", "") for problem in open_suite(str(file)).errors]


def test_a_title_that_nothing_has_is_a_mistake(tmp_path: Path) -> None:
    wrong = "{name: N, series: {loss: 1}, expect: [{at: 1, title: High los, happening: firing}]}"
    (problem,) = opened(tmp_path, wrong)
    assert problem == (
        "a.test.yaml:4:58: error[unknown-title]: no rule and no alert() of this test is titled `High los`. Did you mean `High loss`?"
    )


def test_titles_of_calls_and_of_walert_itself_are_known(tmp_path: Path) -> None:
    test = (
        "{name: N, series: {loss: 1}, end: failed, alerts: [{at: 1, title: Mine}], only: [Mine, Run failed], expect:"
        " [{at: 1, title: Mine, happening: message}, {at: end, title: Run failed, happening: message}]}"
    )
    assert opened(tmp_path, test) == []


SOUND = "{name: N, series: {loss: 1}, expect: []}"


@pytest.mark.parametrize("rules", ["[rules.yaml]", "[rules.yam*]", "['.']", "[./rules.yaml, pack:training]"])
def test_rules_are_named_by_path_pattern_folder_or_pack(tmp_path: Path, rules: str) -> None:
    assert opened(tmp_path, SOUND, rules) == []


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        (
            "[none.yaml]",
            "2:9: error[no-rule-files]: `none.yaml`: there is no such rule file. Paths are relative to the test file.",
        ),
        (
            "['none/*.yaml']",
            "2:9: error[no-rule-files]: `none/*.yaml`: no rule file is there. Paths are relative to the test file.",
        ),
        ("[pack:none]", "2:9: error[no-rule-files]: `pack:none`: there is no rule pack `none`. Packs are:"),
    ],
)
def test_rules_that_are_not_there_are_a_mistake(tmp_path: Path, rules: str, what: str) -> None:
    (problem,) = opened(tmp_path, SOUND, rules)
    assert problem.startswith(f"a.test.yaml:{what}")


def test_a_mistake_in_the_rules_keeps_their_tests_from_being_run(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("version: 1\nrules:\n  - {title: T, when: loss >}\n")
    (problem,) = opened(tmp_path, SOUND, "[bad.yaml]")
    assert problem.startswith("bad.yaml:3:")


def test_the_schema_file_ends_in_a_newline_and_is_indented_as_the_others() -> None:
    path = Path(__file__).parents[2] / "schemas" / "rule-tests.schema.json"
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
