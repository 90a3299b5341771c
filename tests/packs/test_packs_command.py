"""`walert packs`: the list, a pack as it stands, and what it does on a log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from walert.cli import main
from walert.resources import pack_names, pack_path


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["packs", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def log(folder: Path, rows: list[dict[str, object]]) -> str:
    path = folder / "metrics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def rows(text: str, key: str) -> dict[str, dict[str, object]]:
    found = (json.loads(line) for line in text.splitlines())
    return {str(row[key]): row for row in found if key in row}


def test_all_packs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [f"pack:{name}" for name in pack_names()]


@pytest.mark.parametrize("words", [["rl"], ["show", "rl"], ["pack:rl"]])
def test_a_pack_is_printed_as_it_stands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, *words)[:2] == (0, pack_path("rl").read_text(encoding="utf-8"))


def test_roles_tell_what_they_stand_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log(tmp_path, [{"step": i, "train/loss": 1.0, "eval/loss": 2.0} for i in range(30)])
    code, out, _ = called(capsys, "show", "training", "--log", path, "--json")
    assert code == 0
    roles = {name: row["metric"] for name, row in rows(out, "role").items()}
    assert (roles["loss"], roles["val_loss"], roles["grad_norm"]) == ("train/loss", "eval/loss", None)


def test_rules_tell_whether_they_apply_and_where_they_fired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log(tmp_path, [{"step": i, "loss": 1.0 / (i + 1) if i < 25 else float("nan")} for i in range(30)])
    _, out, _ = called(capsys, "show", "training", "--log", path, "--json")
    rules = rows(out, "title")
    assert rules["Loss is not finite"]["fired"] == 26
    assert (rules["Loss stands still"]["applies"], rules["Loss stands still"]["fired"]) == (True, None)
    assert rules["Gradient norm is not finite"]["applies"] is False
    assert rules["Gradient norm is not finite"]["why"] == "grad_norm was never logged"


def test_people_read_it_in_two_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = called(capsys, "show", "boosting", "--log", log(tmp_path, [{"train": {"logloss": 0.5}}] * 3))
    assert "train_metric  train/logloss" in out
    assert "valid_metric  nothing in this log" in out
    assert out.splitlines()[-1].endswith("1 could be decided, 0 fired")


@pytest.mark.parametrize("words", [["show"], ["a", "b"], ["--log", "x"], ["no-such-pack"]])
def test_what_cannot_be_meant_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, *words)
    assert code == 2
    assert (out + err).startswith("walert packs: ")


def test_a_log_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "show", "training", "--log", str(tmp_path / "none.jsonl"))
    assert (code, "there is no such file" in err) == (2, True)
