"""`walert replay`: what it prints for people and machines, over one file or many folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from walert.cli import main

RULES = """version: 1
rules:
  - {title: Low accuracy, when: acc < 0.8, for: 2, wait_duration: 30, repeat: always}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WALERT_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def log(path: str, *values: float, name: str = "acc", time: bool = True) -> str:
    """A log of one metric, ten seconds a record."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"step": i, name: v} | ({"_timestamp": 1_700_000_000 + i * 10} if time else {}) for i, v in enumerate(values)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def called(capsys: pytest.CaptureFixture[str], *arguments: str, rules: str = "rules.yaml") -> tuple[int, str, str]:
    code = main(["replay", "--rules", rules, *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.usefixtures("folder")
def test_the_table_tells_first_firing_messages_and_all_that_was_held_back(capsys: pytest.CaptureFixture[str]) -> None:
    log("runs/a/metrics.jsonl", 0.9, *[0.5] * 8)
    code, out, err = called(capsys, "--quiet", "runs")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "",
        "run              title         level  first firing    messages  suppressed",
        "a/metrics.jsonl  Low accuracy  WARN   line 3, step 2  3         4",
        "",
        "1 run, 9 records, 0 bad lines: 3 messages, 4 suppressed",
    ]


@pytest.mark.usefixtures("folder")
def test_one_is_not_many(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_text('{"acc": 0.9}\nbroken\n')
    assert called(capsys, "--quiet", "a.jsonl")[1].splitlines() == [
        "1 run, 1 record, 1 bad line: 0 messages, 0 suppressed",
        "1 record carries no time: waits and time windows stand still there",
    ]
    log("b.jsonl", 0.5, 0.5, time=False)
    assert called(capsys, "--quiet", "a.jsonl", "b.jsonl")[1].splitlines()[-2:] == [
        "2 runs, 3 records, 1 bad line: 1 message, 0 suppressed",
        "3 records carry no time: waits and time windows stand still there",
    ]


@pytest.mark.usefixtures("folder")
def test_files_and_folders_are_read_once_and_by_path(capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("b/2.jsonl", "b/1.jsonl", "a.jsonl"):
        log(path, 0.5, 0.5)
    _, out, _ = called(capsys, "--json", "b/2.jsonl", "b", "a.jsonl", "./a.jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    files = list(dict.fromkeys(row["file"] for row in rows[:-1]))
    assert len(files) == 3
    assert files == sorted(files)
    assert (rows[-1]["runs"], rows[-1]["records"], rows[-1]["messages"]) == (3, 6, 3)


@pytest.mark.usefixtures("folder")
def test_json_says_nothing_of_blind_rules(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, "--json", log("a.jsonl", 0.5, name="val/acc"))
    assert (code, err) == (0, "")
    assert [json.loads(line)["happening"] for line in out.splitlines()] == ["summary"]


@pytest.mark.usefixtures("folder")
def test_blind_rules_are_told_once_for_all_runs_that_lack_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    log("a.jsonl", 0.5, name="val/acc")
    log("b.jsonl", 0.5, name="val/acc")
    log("c.jsonl", 0.5, name="zz")
    _, out, _ = called(capsys, "--quiet", "a.jsonl", "b.jsonl", "c.jsonl")
    assert out.splitlines()[:5] == [
        "",
        "blind rules, with what they lack:",
        "title         run      why",
        "Low accuracy  2 runs   acc was never logged (nearest: val/acc)",
        "Low accuracy  c.jsonl  acc was never logged",
    ]


@pytest.mark.usefixtures("folder")
def test_no_progress_is_shown_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, log("a.jsonl", *[0.5] * 9))[2] == ""


@pytest.mark.usefixtures("folder")
def test_what_is_not_there_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "none.jsonl")
    assert (code, err) == (2, "walert: none.jsonl: there is no such file or folder.\n")
    assert called(capsys, log("a.jsonl", 0.5), rules="none.yaml")[0] == 2


@pytest.mark.usefixtures("folder")
def test_a_log_of_walerts_own_writer_may_be_named_from_within_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    start = {"_timestamp": 1_700_000_000, "_walert": {"v": 1, "event": "start", "id": "r-1", "name": "mine"}}
    Path("metrics.jsonl").write_text(json.dumps(start) + '\n{"acc": 0.5}\n{"acc": 0.5}\n')
    code, out, err = called(capsys, "--json", "metrics.jsonl")
    assert (code, err) == (0, "")
    assert [json.loads(line)["happening"] for line in out.splitlines()] == ["pending", "firing", "message", "summary"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("wrong", [-1, True, 1e308, {"a": 1}, [[1], None], "\x1b[31m" * 9_999])
@pytest.mark.parametrize("key", ["id", "name", "project", "tags", "host"])
def test_a_start_record_with_wrong_types_costs_neither_the_run_nor_the_terminal(
    capsys: pytest.CaptureFixture[str], key: str, wrong: object
) -> None:
    event = {"v": 1, "event": "start", "id": "r-1", "name": "mine", key: wrong}
    Path("runs").mkdir()
    Path("runs/metrics.jsonl").write_text(json.dumps({"_walert": event}) + '\n{"acc": 0.5}\n{"acc": 0.5}\n')
    Path("rules.yaml").write_text(RULES.replace("for: 2", 'text: "{project} {run}"'))
    code, out, err = called(capsys, "--json", "runs")
    assert (code, err) == (0, "")
    said = [json.loads(line)["text"] for line in out.splitlines() if '"message"' in line and '"summary"' not in line]
    assert len(said) == 1
    assert len(said[0]) < 1_200
    assert "\x1b" not in said[0]


@pytest.mark.usefixtures("folder")
def test_long_ids_that_begin_alike_are_two_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for end in "ab":
        event = {"v": 1, "event": "start", "id": "x" * 5_000 + end}
        Path(f"{end}.jsonl").write_text(json.dumps({"_walert": event}) + '\n{"acc": 0.5}\n{"acc": 0.5}\n')
    _, out, _ = called(capsys, "--json", "a.jsonl", "b.jsonl")
    assert json.loads(out.splitlines()[-1])["messages"] == 2


def timeline(capsys: pytest.CaptureFixture[str], *lines: dict[str, object]) -> list[tuple[int, str, str]]:
    """What is printed of a log under `stalled("10m")`: (line, happening, title)."""
    Path("rules.yaml").write_text("version: 1\nrules: [{title: Still, when: 'stalled(\"10m\")'}]\n")
    Path("a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    _, out, _ = called(capsys, "--json", "a.jsonl")
    return [(row["line"], row["happening"], row["title"]) for row in map(json.loads, out.splitlines()[:-1])]


def event(kind: str, at: float, **more: object) -> dict[str, object]:
    return {"_timestamp": 1_700_000_000 + at, "_walert": {"event": kind, **more}}


def record(at: float) -> dict[str, object]:
    return {"_timestamp": 1_700_000_000 + at, "acc": 1}


@pytest.mark.usefixtures("folder")
def test_nobody_is_silent_between_the_end_of_a_run_and_its_next_start(capsys: pytest.CaptureFixture[str]) -> None:
    ended = [record(0), event("finish", 10)]
    assert timeline(capsys, *ended, record(9_000)) == [(2, "message", "Run finished")]
    again = event("start", 9_000, id="r")
    assert timeline(capsys, *ended, again, record(9_005)) == [(2, "message", "Run finished")]
    late = timeline(capsys, *ended, again, record(9_905))
    assert late[1:] == [(3, "firing", "Still"), (3, "message", "Still"), (4, "resolved", "Still")]


@pytest.mark.usefixtures("folder")
def test_what_falls_due_around_an_alert_is_printed_in_line_order(capsys: pytest.CaptureFixture[str]) -> None:
    for at, firing in ((10, 2), (5_000, 1)):
        rows = timeline(capsys, record(0), event("alert", at, title="A", text="b"), record(9_000))
        assert [line for line, *_ in rows] == sorted(line for line, *_ in rows)
        assert (firing, "firing", "Still") in rows
