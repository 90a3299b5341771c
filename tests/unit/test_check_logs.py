"""`walert check --log`: rules held against the logs that they are for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from walert.cli import main

STRIDE = 100
SECONDS = 10


def log(folder: Path, name: str = "a.jsonl", *, timed: bool = True, extra: dict[str, Any] | None = None) -> str:
    """A run that logs train/loss every 100 steps and 10 seconds, and val/acc at every tenth record."""
    lines = []
    for i in range(60):
        record = {"train/loss": 2.0, "step": i * STRIDE, **(extra or {})}
        if timed:
            record["timestamp"] = 1_700_000_000 + i * SECONDS
        if i % 10 == 0:
            record["val/acc"] = 0.5
        lines.append(json.dumps(record))
    path = folder / name
    path.write_text("\n".join([*lines, "no json", ""]), encoding="utf-8")
    return str(path)


def told(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    rule: dict[str, Any],
    *,
    logs: list[str] | None = None,
    before: str = "",
) -> list[dict[str, Any]]:
    path = folder / "r.yaml"
    path.write_text(f"version: 1\n{before}rules:\n  - {json.dumps({'title': 'T', **rule})}\n", encoding="utf-8")
    options = [part for each in (logs or [log(folder)]) for part in ("--log", each)]
    assert main(["check", "--format", "json", *options, str(path)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [p["code"] for p in found]


def test_a_metric_that_no_log_holds_is_told_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (problem,) = told(tmp_path, capsys, {"when": "acc < 0.5"})
    assert (problem["code"], problem["hint"]) == ("unknown-metric", "Did you mean val/acc?")


def test_a_metric_of_any_of_the_logs_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = [log(tmp_path), log(tmp_path, "b.jsonl", extra={"acc": 1})]
    assert told(tmp_path, capsys, {"when": "acc < 0.5 and train.loss < 1"}, logs=logs) == []
    assert told(tmp_path, capsys, {"when": "acc < 0.5 and train.loss < 1"}, logs=[str(tmp_path)]) == []


def test_a_role_is_known_by_any_of_its_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aliases = 'aliases: {loss: [loss, "*/loss"], lr: [lr, learning_rate]}\n'
    assert told(tmp_path, capsys, {"when": "loss < 1"}, before=aliases) == []
    (problem,) = told(tmp_path, capsys, {"when": "lr < 1"}, before=aliases)
    assert problem["what"] == "none of the names of the role lr is in the logs."


@pytest.mark.parametrize(
    "rule", [{"when": "acc < 1", "optional": True}, {"when": "not seen(acc)"}, {"when": 'absent(acc, "1h")'}]
)
def test_what_may_be_missing_is_not_missed(
    rule: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(tmp_path, capsys, rule) == []


def test_a_slash_between_two_logged_metrics_divides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = [log(tmp_path, extra={"a": 1, "b": 2, "c/d": 3, "c": 4, "d": 5})]
    assert codes(told(tmp_path, capsys, {"when": "a/b > 1"}, logs=logs)) == ["slash"]
    assert told(tmp_path, capsys, {"when": "c/d > 1"}, logs=logs) == []


def test_a_name_in_a_text_that_no_log_holds_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(tmp_path, capsys, {"when": "val/acc < 1", "text": "{val/acc} {train.loss} {lr} {step}"})
    assert [(p["code"], p["what"]) for p in found] == [("unknown-field", "the logs hold no metric `lr`.")]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"when": "train/loss < 1", "for": "50 steps"}, "for-finer-than-stride"),
        ({"when": "train/loss < 1", "for": "5s"}, "for-finer-than-stride"),
        ({"when": "val/acc < 1", "for": "500 steps"}, "for-finer-than-stride"),
        ({"when": "train/loss < 1", "keep_firing_for": "50 steps"}, "for-finer-than-stride"),
        ({"when": 'mean(train/loss, "100 steps") < 1'}, "window-finer-than-stride"),
        ({"when": 'mean(val/acc, "90s") < 1'}, "window-finer-than-stride"),
        ({"when": 'stalled("5s")'}, "window-finer-than-stride"),
    ],
)
def test_a_span_finer_than_the_samples_is_told(
    rule: dict[str, Any], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codes(told(tmp_path, capsys, rule)) == [code]


@pytest.mark.parametrize(
    "rule",
    [
        {"when": "train/loss < 1", "for": "200 steps"},
        {"when": "train/loss < 1", "for": 3},
        {"when": "train/loss < 1 or val/acc < 1", "for": "500 steps"},
        {"when": 'mean(train/loss, "200 steps") < 1'},
        {"when": 'mean(train/loss, "50 steps", min=1) < 1'},
        {"when": "mean(train/loss, 2) < 1"},
        {"when": 'stalled("60s")'},
        {"when": 'train/loss < 1 and stalled("60s")'},
    ],
)
def test_a_span_that_holds_samples_is_not_remarked_on(
    rule: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(tmp_path, capsys, rule) == []


def test_logs_without_time_are_told_where_a_rule_counts_on_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [log(tmp_path, timed=False)]
    assert codes(told(tmp_path, capsys, {"when": "train/loss < 1", "for": "5m"}, logs=logs)) == ["log-without-time"]
    assert told(tmp_path, capsys, {"when": "train/loss < 1", "for": 5}, logs=logs) == []


def test_logs_without_records_say_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    assert told(tmp_path, capsys, {"when": "acc < 1"}, logs=[str(tmp_path / "empty.jsonl")]) == []


def test_a_source_option_says_how_logs_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f'{{"acc": 1, "tick": {i}}}\n' for i in range(9)))
    rules = tmp_path / "r.yaml"
    rules.write_text("version: 1\nrules:\n  - {title: T, when: acc < 1, for: 3 steps}\n")
    assert main(["check", "--log", str(path), "--source", "step=tick", "--source", "rename=acc:top1", str(rules)]) == 0
    assert "no metric `acc`" in capsys.readouterr().out


def test_a_log_that_is_not_there_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--log", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err
