"""walert.yaml to a configuration: paths, variables, names, defaults, and no secret in anything that can be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from walert.config import (
    Config,
    ReceiverConfig,
    check_receiver_url,
    find_config,
    inspect_config,
    load_config,
    read_config,
)
from walert.errors import ConfigError, Problem
from walert.model import AlertLevel, Source

FULL = """\
watch:
  - runs/
  - {path: "/scratch/*/ray_results/**/result.json", project: tune, step: training_iteration, nulls: missing}
  - path: ../logs
    tags: [a, b]
    format: csv
    prefix: '^\\S+ '
    root: data
    step: [step, iter]
    time: ts
    strings: numbers
    pivot: {name: event_name, value: value}
    rename: {old: new}
    run: "{parent}"
    attempt_key: try
    read_from: end
    poll: true
rules: [rules/*.yaml, "pack:training", "~/rules.yaml"]
receivers:
  ml-team: {url: "${SLACK_URL}", min_level: warn, rate: 30}
  me: {url: "mailtos://me:secret@example.org", min_level: ERROR}
routes:
  - {project: "vision-*", name: "r*", tags: [t], labels: {team: "v*"}, receivers: [ml-team]}
  - {level: ERROR, receivers: [me, console]}
default_receivers: [console]
heartbeat: {url: "${HC_URL}", every: 2m}
state: ~/.local/state/walert/walert.db
run_timeout: 12h
"""
ENVIRON = {"SLACK_URL": "slack://xoxb/secret/token", "HC_URL": "https://hc.example/secret", "HOME": "/home/u"}


def load(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    path = folder / "walert.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, ENVIRON if environ is None else environ)


def problems(folder: Path, text: str, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as raised:
        load(folder, text, environ)
    return raised.value.problems


def test_every_key_reaches_the_configuration(tmp_path: Path) -> None:
    config = load(tmp_path, FULL)
    assert config.file == str(tmp_path / "walert.yaml")
    assert config.sources == (
        Source(path=str(tmp_path / "runs")),
        Source(
            path="/scratch/*/ray_results/**/result.json", project="tune", step=("training_iteration",), nulls="missing"
        ),
        Source(
            path=str(tmp_path.parent / "logs"),
            tags=("a", "b"),
            format="csv",
            prefix="^\\S+ ",
            root="data",
            step=("step", "iter"),
            time=("ts",),
            strings="numbers",
            pivot=("event_name", "value"),
            rename={"old": "new"},
            run="{parent}",
            attempt_key="try",
            read_from="end",
            poll=True,
        ),
    )
    assert config.rule_paths == (str(tmp_path / "rules/*.yaml"), "pack:training", "/home/u/rules.yaml")
    assert config.receivers["ml-team"] == ReceiverConfig("ml-team", "slack://xoxb/secret/token", AlertLevel.WARN, 30)
    assert list(config.receivers) == ["ml-team", "me", "console"]
    first, second = config.routes
    assert (first.project, first.name, first.tags, first.labels, first.receivers) == (
        "vision-*",
        "r*",
        ("t",),
        {"team": "v*"},
        ("ml-team",),
    )
    assert (second.level, second.receivers) == (AlertLevel.ERROR, ("me", "console"))
    assert config.default_receivers == ("console",)
    assert config.heartbeat is not None
    assert (config.heartbeat.url, config.heartbeat.every) == ("https://hc.example/secret", 120.0)
    assert config.state == "/home/u/.local/state/walert/walert.db"
    assert config.run_timeout == 43200.0


def test_a_configuration_can_be_shown_without_its_secrets(tmp_path: Path) -> None:
    shown = repr(load(tmp_path, FULL))
    assert "secret" not in shown
    assert "ml-team" in shown


def test_without_a_file_the_defaults_need_no_set_up() -> None:
    from walert.paths import runs_dir, state_path

    config = load_config(None, {})
    assert config.file is None
    assert config.sources == (Source(path=str(runs_dir())),)
    assert config.rule_paths == ("pack:training",)
    assert config.receivers == {"console": ReceiverConfig("console", "console://")}
    assert config.default_receivers == ("console",)
    assert config.state == str(state_path())
    assert (config.routes, config.heartbeat, config.run_timeout) == ((), None, 86400.0)


def test_what_a_file_leaves_out_has_the_same_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, "watch: [runs]\n")
    assert config.rule_paths == ("pack:training",)
    assert config.default_receivers == ("console",)


def test_without_default_receivers_every_receiver_is_one(tmp_path: Path) -> None:
    config = load(tmp_path, "receivers: {a: {url: 'json://a'}, b: {url: 'json://b'}}\n")
    assert config.default_receivers == ("a", "b")


def test_no_rules_at_all_can_be_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path, "rules: []\n").rule_paths == ()


# --- variables


@pytest.mark.parametrize(
    ("written", "environ", "value"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("a${A}b${B}", {"A": "1", "B": "2"}, "a1b2"),
        ("${A:-d}", {}, "d"),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A:-}x", {}, "x"),
        ("$$x", {}, "$x"),
        ("$${A}", {}, "${A}"),
        ("$A", {"A": "x"}, "$A"),
        ("5$", {}, "5$"),
        ("${A}", {"A": "${B} $$"}, "${B} $$"),
    ],
)
def test_variables_are_filled_in_once(tmp_path: Path, written: str, environ: dict[str, str], value: str) -> None:
    assert load(tmp_path, f"watch: [{{path: x, project: '{written}'}}]\n", environ).sources[0].project == value


def test_an_unset_variable_is_named_at_its_place(tmp_path: Path) -> None:
    found = problems(tmp_path, 'receivers:\n  a: {url: "json://\\x41${NOT_SET}"}\n  b: {url: "${}"}\n', {})
    assert [(p.line, p.column, p.code) for p in found] == [(2, 24, "unset-variable"), (3, 13, "bad-variable")]
    assert "NOT_SET" in found[0].what


def test_a_variable_may_be_a_file_of_the_credentials_directory(tmp_path: Path) -> None:
    (tmp_path / "TOKEN").write_text("json://secret\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert load(tmp_path, "receivers: {a: {url: '${TOKEN}'}}\n", environ).receivers["a"].url == "json://secret"
    environ["TOKEN"] = "json://of-the-environment"
    assert (
        load(tmp_path, "receivers: {a: {url: '${TOKEN}'}}\n", environ).receivers["a"].url == "json://of-the-environment"
    )


def test_a_variable_set_to_nothing_makes_an_empty_url(tmp_path: Path) -> None:
    assert [p.code for p in problems(tmp_path, "receivers: {a: {url: '${A}'}}\n", {"A": ""})] == ["empty-url"]


# --- problems


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    text = (
        "watch: [{path: a, prefix: '('}, {paht: b}]\nrules: ['pack:trainig']\nreceivers: {a: {url: 'slck://secret/x'}, b: {url: '${NO}'}}\n"
        "routes: [{receivers: [aa, b]}]\ndefault_receivers: [c]\nheartbeat: {url: 'ftp://secret', every: 0}\nrun_timeout: .nan\n"
    )
    found = problems(tmp_path, text, {})
    assert [(p.line, p.code) for p in found] == [
        (1, "bad-regex"),
        (1, "missing-key"),
        (1, "unknown-key"),
        (2, "unknown-pack"),
        (3, "receiver-url"),
        (3, "unset-variable"),
        (4, "unknown-receiver"),
        (5, "unknown-receiver"),
        (6, "heartbeat-url"),
        (6, "bad-duration"),
        (7, "bad-duration"),
    ]
    assert not any("secret" in str(p) for p in found)


def test_the_error_does_not_repeat_an_url(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(
            tmp_path,
            "receivers: {a: {url: 'slck://secret/x'}, b: 'slack://secret/y', c: {min_level: 'slack://secret'}}\n",
        )
    assert "slck" not in str(raised.value)
    assert not any("secret" in str(p) for p in raised.value.problems)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "text", ["- a", "3", "watch: 3\nrules: {}\nreceivers: []\nroutes: x\nheartbeat: []\n", "a: [", "receivers: {a: }"]
)
def test_what_is_no_configuration_is_told(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_an_empty_file_says_what_it_should_be(tmp_path: Path) -> None:
    assert [p.code for p in problems(tmp_path, "")] == ["wrong-type"]


def test_a_configuration_with_an_error_can_be_looked_at_and_not_used() -> None:
    text = "rules: [/etc/r.yaml]\nreceivers: {a: {url: '${NOT_SET}'}}\nwatch: [x]\nstate: s.db\n"
    config, problems = read_config(text, "walert.yaml", {})
    assert config is None
    holes, same = inspect_config(text, "walert.yaml", {})
    assert same == problems
    assert holes.rule_paths == ("/etc/r.yaml",)
    assert list(holes.receivers) == ["a", "console"]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.yaml", {})


def test_a_named_file_comes_before_the_environment_s() -> None:
    assert find_config({"WALERT_CONFIG": "b.yaml"}, "a.yaml") == "a.yaml"
    assert find_config({"WALERT_CONFIG": "b.yaml"}) == "b.yaml"


# --- receiver URLs


@pytest.mark.parametrize(
    "url",
    [
        "console://",
        "slack://a/b/c",
        "mailtos://u:p@h",
        "SLACK://a",
        "https://hooks.slack.com/services/T/B/C",
        "json://localhost",
        "syslog://",
    ],
)
def test_a_plausible_url_passes(url: str) -> None:
    assert check_receiver_url(url) is None


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("slck://secret", "Did you mean slack://?"),
        ("mailtoz://u:secret@h", "Did you mean mailto://?"),
        ("consol://", "Did you mean console://?"),
        ("file:///etc/secret", "no service file://"),
        ("secret", "begins with a service's name"),
        ("", "empty"),
        ("slack://", "nothing follows slack://"),
        ("no thing://secret", "begins with a service's name"),
    ],
)
def test_an_impossible_url_is_told_without_repeating_it(url: str, word: str) -> None:
    sentence = check_receiver_url(url)
    assert sentence is not None
    assert word in sentence
    assert "secret" not in sentence
