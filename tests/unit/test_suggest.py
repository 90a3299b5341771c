"""`walert suggest`: rules learned from healthy runs, reviewable, and silent on those runs; what is no healthy log is told, all at once."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from walert.cli import main
from walert.levels import AlertLevel
from walert.pipeline.suggest.proving import settled, widen
from walert.pipeline.suggest.values import Learned

Row = dict[str, object]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WALERT_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    return tmp_path


def write(path: str, rows: Iterable[Row]) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def falling(i: int, run: int = 0) -> float:
    """A loss that falls from 2 to near 0.2, with a little noise that is each run's own."""
    return 0.2 + 1.8 * math.exp(-i / 60) + 0.02 * math.sin(i * (1.7 + 0.1 * run))


def run(path: str, number: int = 0, records: int = 300, **others: Callable[[int], object]) -> str:
    rows = (
        {"step": i, "_timestamp": 1_700_000_000 + 2 * i, "loss": falling(i, number)}
        | {k: f(i) for k, f in others.items()}
        for i in range(records)
    )
    return write(path, rows)


def runs(count: int = 4, **others: Callable[[int], object]) -> list[str]:
    return [run(f"runs/{n}/metrics.jsonl", n, **others) for n in range(count)]


def suggest(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["suggest", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def rules(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, object]]:
    """The learned rules by title."""
    code, out, _ = suggest(capsys, *arguments, "--json")
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    return {row["title"]: row for row in rows if "title" in row}


def fired(capsys: pytest.CaptureFixture[str], log: str) -> set[str]:
    assert main(["replay", "--rules", "learned.yaml", "--json", log]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {row["title"] for row in rows if row["happening"] == "firing"}


def test_the_file_is_silent_on_its_own_runs_and_passes_check_without_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs = runs(acc=lambda i: 1 - falling(i) / 3)
    code, out, err = suggest(capsys, "-o", "learned.yaml", *logs)
    assert (code, "4 logs, 1200 records: no rule fires" in out) == (0, True)
    assert err == "walert: learned from 4 runs only: the more healthy runs, the closer the thresholds.\n"
    assert [fired(capsys, log) for log in logs] == [set()] * 4
    assert main(["check", "learned.yaml", "--log", "runs"]) == 0
    assert "no problems" in capsys.readouterr().out


def test_what_goes_wrong_in_another_run_fires(capsys: pytest.CaptureFixture[str]) -> None:
    suggest(capsys, "-o", "learned.yaml", *runs())
    rising = write("bad/a.jsonl", ({"step": i, "loss": falling(i) if i < 150 else 1.9} for i in range(300)))
    assert fired(capsys, rising) == {
        "loss stays above what it was", "loss is higher than it should be from step 75 on", "loss is higher than it should be from step 180 on"
    }  # fmt: skip
    lost = write("bad/b.jsonl", ({"step": i, "loss": falling(i) if i < 50 else math.nan} for i in range(60)))
    assert fired(capsys, lost) == {"loss is not finite"}
    stuck = write("bad/c.jsonl", ({"step": i, "loss": 2 + 0.01 * math.sin(i)} for i in range(120)))
    assert fired(capsys, stuck) == {"loss is higher than it should be from step 75 on"}


def test_the_same_logs_give_the_same_file_whatever_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    logs = runs(3)
    first = suggest(capsys, *logs)[1]
    assert first.startswith("# Learned by `walert suggest` from 3 runs")
    assert suggest(capsys, *reversed(logs))[1] == first
    assert suggest(capsys, "runs", logs[1])[1] == first


def test_printed_rules_go_to_stdout_and_the_proof_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = suggest(capsys, *runs(6))
    Path("learned.yaml").write_text(out)
    assert main(["check", "learned.yaml"]) == 0
    assert err.splitlines() == [
        f"replayed {out.count('- title:')} rules against the same 6 logs, 1800 records: no rule fires"
    ]


def test_every_learned_threshold_has_its_reasons_in_a_comment(capsys: pytest.CaptureFixture[str]) -> None:
    out = suggest(capsys, *runs())[1]
    assert "# --- loss, to fall: 1,200 samples in all logs, steps 0 to 299" in out
    comment = out.split("- title: loss is higher than it should be from step 75 on")[1].split("when:")[0]
    assert "median" in comment
    assert "worst tenth" in comment
    assert "none crosses it" in comment


def test_a_threshold_lies_beyond_the_worst_run_and_further_where_there_are_few(
    capsys: pytest.CaptureFixture[str],
) -> None:
    title = "loss is higher than it should be from step 75 on"
    many, few = rules(capsys, *runs(8))[title], rules(capsys, "runs/0/metrics.jsonl")[title]
    for row in (many, few):
        assert max(row["extremes"]) < row["threshold"] < 2  # type: ignore[operator, arg-type, type-var, call-overload]
    assert few["threshold"] > many["threshold"]  # type: ignore[operator]
    assert (many["left_out"], few["left_out"]) == (0, None)


def test_a_run_unlike_the_others_crosses_what_they_alone_would_teach(capsys: pytest.CaptureFixture[str]) -> None:
    logs = [*runs(12), write("runs/odd.jsonl", ({"step": i, "loss": 0.8 + falling(i) / 2} for i in range(300)))]
    assert rules(capsys, *logs)["loss is higher than it should be from step 180 on"]["left_out"] == 1


def test_metrics_to_rise_have_floors_and_metrics_to_fall_ceilings(capsys: pytest.CaptureFixture[str]) -> None:
    found = rules(capsys, *runs(val_accuracy=lambda i: 1 - falling(i) / 3, dev_wer=lambda i: falling(i)))
    asked = [str(row["when"]) for row in found.values()]
    assert any(when.startswith("max_over(val_accuracy, 20) < 0.") for when in asked)
    assert any(when.startswith("min_over(dev_wer, 20) > ") for when in asked)
    assert not any("min_over(val_accuracy" in when or "max_over(dev_wer" in when for when in asked)


def test_constants_counters_and_clocks_teach_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logs = runs(
        seed=lambda i: 7,
        tokens_seen=lambda i: 512 * i,
        eval_runtime=lambda i: 1 + math.sin(i),
        temperature=lambda i: 50 + 9 * math.sin(i),
    )
    found = rules(capsys, *logs)
    assert {row["metric"] for row in found.values()} == {"loss", "temperature", None}
    out = suggest(capsys, *logs)[1].replace("\n# ", " ")
    assert "eval_runtime: it measures the machine" in out
    assert "seed: it never changes" in out
    assert "tokens_seen: it only ever goes one way, as counters do" in out


def test_a_role_that_logs_name_differently_becomes_an_alias(capsys: pytest.CaptureFixture[str]) -> None:
    logs = [run("runs/a.jsonl"), write("runs/b.jsonl", ({"step": i, "train/loss": falling(i)} for i in range(300)))]
    code, _, _ = suggest(capsys, "-o", "learned.yaml", *logs)
    assert code == 0
    assert "aliases:\n  loss: [loss, train/loss]\n" in Path("learned.yaml").read_text()
    assert main(["check", "learned.yaml", "--log", "runs"]) == 0


def test_a_metric_that_some_logs_lack_makes_optional_rules(capsys: pytest.CaptureFixture[str]) -> None:
    logs = [*runs(2), run("runs/c.jsonl", 3, val_acc=lambda i: 1 - falling(i) / 3)]
    out = suggest(capsys, *logs)[1]
    parts = out.split("  - title: ")[1:]
    assert {part.split(" ")[0] for part in parts if "optional: true" in part} == {"val_acc"}


def test_a_loss_scaler_that_skips_is_no_loss_of_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    logs = runs(grad_norm=lambda i: math.inf if i < 4 else 1 + 0.1 * math.sin(i))
    assert rules(capsys, *logs)["grad_norm is not finite"]["for"] == "8"


def test_all_that_is_wrong_is_told_in_one_pass_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("noise.jsonl").write_bytes(bytes(range(256)) * 40)
    Path("empty.jsonl").write_text("")
    write("short.jsonl", [{"step": i, "loss": 1.0} for i in range(5)])
    write("lost.jsonl", [{"step": i, "loss": falling(i) if i < 40 else math.nan} for i in range(60)])
    code, out, err = suggest(
        capsys, "-o", "learned.yaml", *runs(2), "noise.jsonl", "none.jsonl", "empty.jsonl", "short.jsonl", "lost.jsonl"
    )  # fmt: skip
    assert (code, out, Path("learned.yaml").exists()) == (1, "", False)
    told = [line.split(": error")[0] for line in err.splitlines()]
    assert told[:5] == [
        "walert: none.jsonl: there is no such file or folder.", "empty.jsonl:0:0", "lost.jsonl:41:0", "noise.jsonl:1:0", "short.jsonl:0:0"
    ]  # fmt: skip
    assert told[5:] == [
        "walert suggest: 5 logs cannot be learned from; nothing was written. --leave-out goes on without."
    ]


def test_broken_logs_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    write("lost.jsonl", [{"step": i, "loss": falling(i) if i < 40 else math.nan} for i in range(60)])
    code, out, err = suggest(capsys, "--leave-out", *runs(5), "lost.jsonl", "none.jsonl")
    assert (code, "from 5 runs" in out, "lost" in out) == (0, True, False)
    assert "lost.jsonl:41:0: error[not-healthy]" in err
    assert suggest(capsys, "--leave-out", "lost.jsonl")[0] == 1


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("learned.yaml").write_text("mine")
    code, _, err = suggest(capsys, "-o", "learned.yaml", *runs(2))
    assert (code, "overwritten" in err, Path("learned.yaml").read_text()) == (2, True, "mine")
    code, _, err = suggest(capsys, "-o", "no/such/folder.yaml", *runs(2))
    assert (code, "No such file or directory" in err) == (2, True)


def test_logs_in_which_nothing_changes_teach_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    log = write("a.jsonl", [{"step": i, "zeta": 1.0} for i in range(50)])
    code, _, err = suggest(capsys, log)
    assert (code, "no rule can be learned" in err) == (1, True)


@pytest.mark.parametrize(
    "name", ['x"\n  - title: evil', "\u202eloss", "l\u043ess", "a{b}", "a'b\"c", "__x", "evil\u2028: 1", "t\u200bt", "-", "\ud800"]
)  # fmt: skip
def test_no_name_of_a_metric_can_break_the_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ({"step": i, "loss": falling(i), name: 1 + math.sin(i)} for i in range(100))
    log = write("runs/a.jsonl", rows)
    for other in ("b", "c"):
        Path(f"runs/{other}.jsonl").write_text(Path(log).read_text())
    code, _, _ = suggest(capsys, "-o", "learned.yaml", "runs")
    assert code == 0
    assert main(["check", "learned.yaml"]) == 0
    assert "no problems" in capsys.readouterr().out
    assert fired(capsys, "runs") == set()


def test_a_log_of_a_thousand_and_one_metrics_is_looked_at_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    log = write("a.jsonl", ({"step": i, "loss": falling(i), **{f"m{k}": i for k in range(1100)}} for i in range(40)))
    code, out, err = suggest(capsys, log)
    assert (code, "many-metrics" in err, "and 979 more" in out.replace("\n# ", " ")) == (0, True, True)


def test_a_rule_that_fires_when_replayed_is_widened_and_at_last_dropped() -> None:
    learned = Learned("T", "x", "x > {x}", AlertLevel.WARN, "", "measured", extremes=(1.0, 2.0), limit=100.0)
    suggestions, dropped = settled([learned])
    thresholds = [suggestions[0].threshold]
    while suggestions:
        suggestions, dropped = widen(suggestions, Counter({"T": 1}))
        thresholds += [each.threshold for each in suggestions]
    assert thresholds == [3.0, 4.0, 6.0, 10.0, 18.0, 34.0]
    assert dropped == ["Dropped, since the healthy runs differ too much: 'T'."]
    assert widen(settled([learned])[0], Counter({"other": 1}))[0] == settled([learned])[0]


def test_a_run_that_goes_back_is_judged_as_the_daemon_would_and_the_rules_give_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The steps from 100 on are logged twice: windows drop the first of them, and the medians are others than those measured.
    rows: list[Row] = [{"step": i, "loss": falling(i) * (1.7 if i > 170 else 1)} for i in range(190)]
    rows += [{"step": i, "loss": falling(i)} for i in range(100, 300)]
    log = write("runs/a.jsonl", rows)
    code, _, _ = suggest(capsys, "-o", "learned.yaml", log)
    assert (code, fired(capsys, log)) == (0, set())
