"""`walert explain`: a rule of a run judged again, from the state file or from a log, and an alert with all that became of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from daemons import Home

from walert.cli import main

RULES = """version: 1
rules:
  - {title: Low accuracy, when: acc < 0.8, for: 3, wait_duration: 60, repeat: always}
  - {title: Overfits, when: val_loss > 1.5 * loss}
  - {title: Nightly, when: acc < 0.8, runs: {name: "nightly-*"}}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path, RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WALERT_CONFIG", str(made.config))
    return made


def trained(home: Home, name: str = "a.jsonl") -> str:
    """A run whose accuracy falls at step 5 and that validates once."""
    rows = [{"step": i, "acc": 0.9 if i < 5 else 0.5, "_timestamp": 1_700_000_000 + i * 10} for i in range(15)]
    rows[2] |= {"loss": 1.0, "val_loss": 2.0}
    rows[3] |= {"loss": 1.0}
    home.log(name, *rows)
    return f"runs/{name}"


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["explain", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_each_judgement_with_its_values_state_and_cooldown(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    log = trained(home)
    code, out, err = called(capsys, "*", "Low accuracy", "--log", log, "-n", "9")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [
        f"a.jsonl, runs/a.jsonl: Low accuracy [WARN], {home.rules}:3",
        "  when: acc < 0.8; for: 3",
        "  15 judgements, the last 9 moments:",
    ]
    at = lines.index("  line 7, step 6, 2023-11-14 22:14:20Z: True; pending, 2 of 3")
    assert lines[at : at + 6] == [
        "  line 7, step 6, 2023-11-14 22:14:20Z: True; pending, 2 of 3",
        "    True     acc < 0.8  acc = 0.5",
        "  line 8, step 7, 2023-11-14 22:14:30Z: True; firing",
        "    True     acc < 0.8  acc = 0.5",
        "    => firing: acc < 0.8 for 3",
        "    message (firing; the first of its title)",
    ]
    assert lines[-5:] == [
        "  now, after line 15:",
        "    True     acc < 0.8  acc = 0.5",
        "    state: firing since line 8, step 7, 2023-11-14 22:14:30Z",
        "    cooldown: last message at line 14, step 13; 50s of 1m left; 1 suppressed",
        "",
    ]


def test_what_a_comparison_waits_for(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = called(capsys, "a.jsonl", "overf*", "--log", trained(home))
    assert "    True     val_loss > 1.5 * loss  val_loss = 2, loss = 1, 1.5 * loss = 1.5\n" in out
    assert "    True     val_loss > 1.5 * loss  val_loss = 2, loss = 1, 1.5 * loss = 1.5; waits for val_loss\n" in out


def test_json_gives_an_object_a_judgement_and_one_for_now(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = called(capsys, "*", "Low accuracy", "--log", trained(home), "--json", "-n", "3")
    *judged, now = map(json.loads, out.splitlines())
    assert [(row["kind"], row["line"], row["verdict"], row["state"]) for row in judged] == [
        ("judgement", line, True, "firing") for line in (13, 14, 15)
    ]
    assert judged[1]["happenings"] == [{"happening": "message", "why": "the wait is over", "suppressed": 5}]
    assert (now["kind"], now["judgements"], now["since"]["line"]) == ("now", 15, 8)
    assert (now["cooldown"]["left"], now["cooldown"]["suppressed"]) == (50.0, 1)
    assert now["comparisons"][0]["values"] == {"acc": 0.5}


def test_a_run_that_walertd_follows_is_found_by_name_id_and_glob(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(home, "a.jsonl")
    trained(home, "b/c.jsonl")
    assert home.once().returncode == 0
    row = json.loads(home.walert("alerts", "--json").stdout.splitlines()[0])["alert"]
    assert called(capsys, row["run"]["id"], "Low accuracy")[1].startswith(f"{row['run']['name']}, ")
    assert called(capsys, "a.jsonl", "Low accuracy")[1].startswith("a.jsonl, runs/a.jsonl: Low accuracy")
    _, out, _ = called(capsys, "*c.jsonl", "Low accuracy")
    assert [line for line in out.splitlines() if "Low accuracy [" in line] == [
        f"b/c.jsonl, runs/b/c.jsonl: Low accuracy [WARN], {home.rules}:3"
    ]


def test_a_miss_names_the_nearest(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    trained(home)
    assert home.once().returncode == 0
    assert called(capsys, "b.jsonl", "Low accuracy")[::2] == (
        2,
        "walert: there is no run 'b.jsonl'. Nearest: 'a.jsonl'.\n",
    )
    code, _, err = called(capsys, "a.jsonl", "Low acuracy")
    assert (code, err.startswith("walert: there is no rule titled 'Low acuracy'. Nearest: 'Low accuracy'")) == (2, True)
    assert called(capsys, "nope")[::2] == (
        2,
        "walert: there is no alert 'nope'. `walert alerts` lists them; for a rule give RUN TITLE.\n",
    )


def test_a_log_without_a_record_has_nothing_to_explain(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (home.runs / "a.jsonl").touch()
    code, out, err = called(capsys, "*", "Low accuracy", "--log", "runs")
    assert (code, out, err) == (1, "", "walert: there is no record to judge yet.\n")


def test_a_log_that_is_gone_is_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    log = trained(home)
    assert home.once().returncode == 0
    Path(log).unlink()
    code, _, err = called(capsys, "a.jsonl", "Low accuracy")
    assert (code, "no log of 'a.jsonl' is there any more" in err) == (2, True)


def test_a_rule_for_other_runs_is_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, "*", "Nightly", "--log", trained(home))
    assert (code, out) == (1, "")
    assert (
        err
        == f"walert: {home.rules}:5: `Nightly` is for other runs than a.jsonl: its `runs` asks for name 'nightly-*'.\n"
    )


def test_without_a_state_file_a_log_must_be_named(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    trained(home)
    assert called(capsys, "a.jsonl", "Low accuracy")[0] == 3


def test_an_alert_with_its_proof_transitions_and_messages(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    trained(home)
    assert home.once().returncode == 0
    rows = [json.loads(line) for line in home.walert("alerts", "--json").stdout.splitlines()]
    first = next(row["alert"]["id"] for row in rows if row["alert"]["title"] == "Low accuracy")
    code, out, _ = called(capsys, first)
    assert code == 0
    assert out.startswith("Low accuracy [WARN], firing, of a.jsonl\n")
    assert "runs/a.jsonl:8, step 7, 2023-11-14 22:14:30Z\n" in out
    assert "  values: acc = 0.5\n" in out and "  trend: acc " in out
    transitions, messages = out.partition("transitions before it:")[2].split("messages:")
    assert [line.split()[4] for line in transitions.splitlines()[2:] if line] == ["pending", "firing"]
    assert messages.splitlines()[2].split()[1:4] == ["console", "delivered", "1"]
    assert called(capsys, first[:8])[1] == out
    row = json.loads(called(capsys, first, "--json")[1])
    assert row["alert"]["id"] == first
    assert [t["kind"] for t in row["transitions"]] == ["pending", "firing"]
    assert row["messages"][0]["receiver"] == "console"


@pytest.mark.usefixtures("home")
def test_wrong_usage_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "a", "b", "c")
    assert (code, err.startswith("walert: give RUN TITLE")) == (2, True)
