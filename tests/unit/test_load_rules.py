"""Rule files to rules: every key of the language, and everything that can be wrong with it."""

from __future__ import annotations

import time

import pytest

from walert.model import AlertLevel, Rule
from walert.rules.load import LoadedRules, load_rules
from walert.rules.problems import ConditionError, Finding

FULL = """\
version: 1
defaults: {level: INFO, wait_duration: 5m, receivers: [ml-team], labels: {site: tokyo}}
aliases: {loss: [loss, train.loss, '*/loss'], acc: accuracy}
rules:
  - title: Low accuracy
    when: acc < 0.8
    for: 3
    clear: acc > 0.82
    keep_firing_for: 2
    level: warn
    text: "acc {acc:.3f} is under 0.8 at step {step} of {run}. <@U1234ABCD>"
    wait_duration: 1h30m
    repeat: never
    runs: {project: "vision-*", name: "*", tags: [nightly]}
    group: divergence
    receivers: [me]
    resolved: true
    optional: true
    labels: {team: vision}
    runbook: docs/low-acc.md
    enabled: true
  - {title: Low accuracy, when: acc < 0.5}
"""


def load(text: str, **more: object) -> LoadedRules:
    return load_rules(text, "r.yaml", **more)  # type: ignore[arg-type]


def one(rule: str, before: str = "") -> LoadedRules:
    return load(f"version: 1\n{before}rules:\n  - {rule}\n")


def codes(loaded: LoadedRules) -> list[str]:
    return [p.code for p in loaded.problems]


def test_every_key_reaches_the_rule() -> None:
    first, second = load(FULL).rules
    assert first == Rule(
        title="Low accuracy",
        when="acc < 0.8",
        file="r.yaml",
        line=5,
        level=AlertLevel.WARN,
        text="acc {acc:.3f} is under 0.8 at step {step} of {run}. <@U1234ABCD>",
        for_="3",
        clear="acc > 0.82",
        keep_firing_for="2",
        wait_duration=5400.0,
        repeat="never",
        runs={"project": "vision-*", "name": "*", "tags": ("nightly",)},
        group="divergence",
        receivers=("me",),
        resolved=True,
        optional=True,
        labels={"site": "tokyo", "team": "vision"},
        runbook="docs/low-acc.md",
        aliases={"loss": ("loss", "train/loss", "*/loss"), "acc": ("accuracy",)},
    )
    assert (second.level, second.wait_duration, second.receivers) == (AlertLevel.INFO, 300.0, ("ml-team",))
    assert second.labels == {"site": "tokyo"}


def test_title_and_condition_are_enough() -> None:
    (rule,) = one("{title: T, when: a > 1}").rules
    assert rule == Rule(title="T", when="a > 1", file="r.yaml", line=3)


def test_the_checksum_is_of_the_text() -> None:
    assert load(FULL).checksum == load(FULL).checksum != load(FULL + "#").checksum
    assert load(FULL).checksum == load_rules(FULL.encode(), "r.yaml").checksum


def test_a_rule_that_is_not_enabled_is_checked_and_left_out() -> None:
    loaded = load(
        "version: 1\nrules:\n  - {title: A, when: a >, enabled: false}\n  - {title: B, when: b > 1, enabled: false}\n"
    )
    assert loaded.rules == ()
    assert codes(loaded) == ["syntax"]
    assert loaded.count == 2


def test_a_broken_rule_hides_no_problem_of_the_others() -> None:
    loaded = load("version: 1\nrules:\n  - 3\n  - {title: A}\n  - {when: a >}\n  - {title: C, when: c > 1}\n")
    assert codes(loaded) == ["wrong-type", "missing-key", "missing-key", "syntax"]
    assert [r.title for r in loaded.rules] == ["C"]
    assert not loaded.usable


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("{title: T, when: 3}", "wrong-type"),
        ("{title: T, when: ''}", "not-allowed"),
        ("{title: T, when: a > 1, for: 0}", "not-allowed"),
        ("{title: T, when: a > 1, for: 6 of 5}", "bad-span"),
        ("{title: T, when: a > 1, for: true}", "not-allowed"),
        ("{title: T, when: a > 1, for: 1.2.3}", "bad-span"),
        ("{title: T, when: a > 1, keep_firing_for: 2 of 3}", "not-allowed"),
        ("{title: T, when: a > 1, wait_duration: -1}", "not-allowed"),
        ("{title: T, when: a > 1, wait_duration: .nan}", "bad-duration"),
        ("{title: T, when: a > 1, wait_duration: .inf}", "bad-duration"),
        ("{title: T, when: a > 1, wait_duration: soon}", "not-allowed"),
        ("{title: T, when: a > 1, level: WARNING}", "not-allowed"),
        ("{title: T, when: a > 1, repeat: sometimes}", "not-allowed"),
        ("{title: T, when: a > 1, receivers: ['slack://a/b/c']}", "url-in-rule"),
        ("{title: T, when: a > 1, runbook: 'javascript:alert(1)'}", "bad-runbook"),
        ("{title: T, when: a > 1, runbook: /etc/passwd}", "bad-runbook"),
        ("{title: T, when: a > 1, runbook: 'http://wiki/x'}", "bad-runbook"),
        ("{title: ' ', when: a > 1}", "empty-title"),
        ("{title: T, when: a > 1, clear: a <}", "syntax"),
        ("{title: T, when: a > 1, labels: {a: 1}}", "wrong-type"),
        ("{title: T, when: a > 1, runs: {host: x}}", "unknown-key"),
        ("{title: T, when: a > 1, runs: {tags: x}}", "wrong-type"),
    ],
)
def test_what_a_key_cannot_hold_is_an_error(rule: str, code: str) -> None:
    loaded = one(rule)
    assert codes(loaded) == [code]
    assert loaded.rules == ()


@pytest.mark.parametrize("runbook", ["docs/low.md", "https://wiki.example/x?y=z", "low-acc.md#top"])
def test_a_runbook_is_a_relative_path_or_an_https_url(runbook: str) -> None:
    assert one(f"{{title: T, when: a > 1, runbook: '{runbook}'}}").rules[0].runbook == runbook


@pytest.mark.parametrize("span", ["3", "200 steps", "10m", "3 of 5", "1h30m"])
def test_a_span_is_kept_as_written(span: str) -> None:
    assert one(f"{{title: T, when: a > 1, for: {span}}}").rules[0].for_ == span


def test_a_wait_of_zero_is_no_cooldown() -> None:
    assert one("{title: T, when: a > 1, wait_duration: 0}").rules[0].wait_duration == 0.0


def test_title_and_level_are_unique_among_the_enabled_rules() -> None:
    rules = "[{title: T, when: a > 1}, {title: T, when: a > 2, level: ERROR}, {title: T, when: a > 3, enabled: false}, {title: T, when: a > 4}]"
    loaded = load(f"version: 1\nrules: {rules}\n")
    assert codes(loaded) == ["duplicate-title"]
    assert [r.when for r in loaded.rules] == ["a > 1", "a > 2"]


def test_values_in_a_title_are_a_warning() -> None:
    loaded = one("{title: 'acc {acc}', when: a > 1}")
    assert [(p.code, p.severity, p.column) for p in loaded.problems] == [("values-in-title", "warning", 18)]
    assert loaded.rules[0].title == "acc {acc}"
    assert loaded.usable


def test_a_bad_template_is_a_warning_with_its_place() -> None:
    loaded = one("{title: T, when: a > 1, text: 'x {'}")
    assert [(p.code, p.severity, p.line, p.column) for p in loaded.problems] == [("text-template", "warning", 3, 38)]
    assert loaded.rules


def test_a_receiver_nobody_knows_is_a_warning() -> None:
    text = "version: 1\nrules: [{title: T, when: a > 1, receivers: [ml-taem]}]\n"
    (problem,) = load(text, known_receivers=["ml-team"]).problems
    assert (problem.code, problem.severity, problem.hint) == ("unknown-receiver", "warning", "Did you mean `ml-team`?")
    assert load(text).problems == ()


def test_an_url_in_a_rule_is_never_repeated() -> None:
    loaded = one("{title: T, when: a > 1, receivers: ['slack://xoxb/secret'], repeat: 'slack://xoxb/secret'}")
    assert len(loaded.problems) == 2
    assert not any("xoxb" in str(p) or "secret" in str(p) for p in loaded.problems)


def test_a_finding_of_a_condition_stands_at_its_character() -> None:
    def parse(text: str, roles: frozenset[str]) -> object:
        raise ConditionError(
            [Finding(text.index("@"), "here", "not that.", "Do this."), Finding(0, "start", "nor this.")]
        )

    text = 'version: 1\nrules:\n  - title: T\n    when: >\n      a <\n      b @ c\n    clear: "\'\\x40"\n'
    problems = load(text, parse_condition=parse).problems
    assert [(p.line, p.column, p.code) for p in problems] == [
        (5, 7, "start"),
        (6, 9, "here"),
        (7, 13, "start"),
        (7, 14, "here"),
    ]


def test_a_condition_is_told_the_roles() -> None:
    seen = []
    load(
        "version: 1\naliases: {loss: [a], acc: [b]}\nrules: [{title: T, when: loss > 1}]\n",
        parse_condition=lambda *a: seen.append(a),
    )
    assert seen == [("loss > 1", frozenset({"loss", "acc"}))]


def test_problems_in_the_defaults_are_told_once() -> None:
    loaded = load(
        "version: 1\ndefaults: {wait_duration: .nan}\nrules: [{title: A, when: a > 1}, {title: B, when: b > 1}]\n"
    )
    assert [(p.line, p.column, p.code) for p in loaded.problems] == [(2, 27, "bad-duration")]


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "rules: 3", "version: 1\nrules:\n", "version: 1\ndefaults: []\naliases: 3\nrules: [{}]"]
)
def test_what_is_no_rule_file_is_told(text: str) -> None:
    loaded = load(text)
    assert loaded.rules == ()
    assert loaded.problems


def test_a_version_of_the_future_is_refused() -> None:
    assert codes(load("version: 2\nrules: []\n")) == ["not-allowed"]


def test_a_mebibyte_of_mistakes_is_told_in_seconds() -> None:
    many = "version: 1\naliases: {" + ", ".join(f"a{i}: 3" for i in range(1500)) + "}\nrules:\n"
    many += "  - {title: T, when: a >, for: 9 of 1, levl: 3}\n" * 1900
    started = time.perf_counter()
    loaded = load(many)
    assert time.perf_counter() - started < 10
    assert loaded.rules == ()
