"""What `walert check` warns about: each remark where it belongs, and none where it does not."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from walert.cli import check
from walert.cli import init as init_command
from walert.resources import pack_names, pack_path

HEAD = "version: 1\n"


def remarks(folder: Path, *rules: str, before: str = "", config: str | None = None) -> list[tuple[str, int, int]]:
    """(code, line, column) of every remark on a file of these rules; the first rule is in line 3, or below `before`."""
    return [(p["code"], p["line"], p["column"]) for p in problems(folder, *rules, before=before, config=config)]


def problems(folder: Path, *rules: str, before: str = "", config: str | None = None) -> list[dict[str, Any]]:
    path = folder / "rules" / "r.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{HEAD}{before}rules:\n" + "".join(f"  - {rule}\n" for rule in rules), encoding="utf-8")
    named = None
    if config is not None:
        named = str(folder / "walert.yaml")
        Path(named).write_text(config, encoding="utf-8")
    out = io.StringIO()
    check.run([str(path)], format="json", config=named, out=out, environ={})
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [p for p in found if p["severity"] == "error"] == []
    return found


def of(folder: Path, when: str, **more: Any) -> list[str]:
    """The codes of the remarks on one rule."""
    rule = json.dumps({"title": "T", "when": when, **more}, ensure_ascii=False)
    return [code for code, _, _ in remarks(folder, rule)]


# --- constant comparisons


@pytest.mark.parametrize(
    "when",
    [
        "1 > 2",
        "loss == nan",
        "nan != loss",
        "loss < nan",
        "acc > 0.9 and acc < 0.1",
        "0.8 < acc < 0.2",
        "acc >= 1 and not acc > 0.5",
        "std(acc, 100) < 0",
        "abs(acc) < 0",
        "acc > inf",
        "frac(acc > 1, 100) > 1",
        "count(acc, 100) > 100",
        "max(acc, 1) < 1",
        "min(acc, 1) > 1",
        "-exp(acc) > 0",
        "isnan(mean(acc, 100))",
        "isnan(1)",
        'stalled("10 steps")',
        "acc < 0.1 or (acc > 3 and acc < 2)",
        "streak(acc > 3 and acc < 2) > 3",
        "run_age < 0",
        "std(acc, 10) + 1 < 1",
        "abs(acc) - 1 < -1",
    ],
)
def test_what_can_never_be_true_is_told(when: str, tmp_path: Path) -> None:
    assert of(tmp_path, when) == ["never-true"]


@pytest.mark.parametrize(
    "when",
    [
        "1 < 2",
        "acc < 0.9 or acc > 0.1",
        "std(acc, 100) >= 0",
        "frac(acc > 1, 100) <= 1",
        "isfinite(mean(acc, 10))",
        "attempt > 0",
    ],
)
def test_what_is_always_true_is_told(when: str, tmp_path: Path) -> None:
    assert of(tmp_path, when) == ["always-true"]


@pytest.mark.parametrize(
    "when",
    [
        "isnan(acc)",
        "isnan(acc / step)",
        "acc == 0",
        "acc != 1",
        "acc == inf",
        "acc < inf",
        "acc > 0.1 and acc < 0.9",
        "acc < 0.1 or acc > 0.9",
        "0 < acc < 1",
        "acc > 0.9 and eval_acc < 0.1",
        "std(acc, 100) > 0",
        "std(acc, 100) <= 0",
        "count(acc, 100, min=10) < 50",
        "mean(acc, 100) < 0",
        "acc >= 0.5 and acc <= 0.5",
        "acc > 0.5 or acc < 0.5",
        "isnan(zscore(acc, 100))",
        "isnan(pct_change(acc, 100))",
        "acc == prev(acc)",
        "step > 1000 and acc < 0.5",
        "(acc if step > 100 else 1) < 0.5",
        "not acc > 0.5",
        'stalled("10m")',
    ],
)
def test_what_depends_on_values_is_not_remarked_on(when: str, tmp_path: Path) -> None:
    assert of(tmp_path, when) == []


def test_a_remark_stands_at_the_comparison_that_it_is_about(tmp_path: Path) -> None:
    rules = ["title: T", "  when: >", "    acc < 0.5 or", "    std(acc, 10) < 0"]
    assert remarks(tmp_path, "\n  ".join(rules)) == [("never-true", 6, 7)]


def test_nan_is_asked_for_by_isnan(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "{title: T, when: train/acc != nan}")
    assert told["hint"] == "Write not isnan(train/acc)."


@pytest.mark.parametrize(
    ("when", "odd"), [("lr == 0.001", True), ("0.5 != acc", True), ("lr == 3", False), ("acc < 0.5", False)]
)
def test_decimals_are_not_compared_exactly(when: str, odd: bool, tmp_path: Path) -> None:
    assert of(tmp_path, when) == (["float-equality"] if odd else [])


# --- hysteresis, cooldowns, spans


@pytest.mark.parametrize(
    ("when", "clear", "overlaps"),
    [
        ("acc < 0.8", "acc > 0.7", True),
        ("acc < 0.8", "acc > 0.82", False),
        ("acc < 0.8", "acc >= 0.8", False),
        ("acc <= 0.8", "acc >= 0.8", True),
        ("loss > 10", "loss > 5", True),
        ("loss > 10", "loss < 5", False),
        ("10 < loss", "not loss > 11", True),
        ("acc < 0.8", "mean(acc, 10) > 0.7", False),
        ("acc < 0.8 and step > 3", "acc > 0.7", False),
    ],
)
def test_a_clear_that_overlaps_is_told(when: str, clear: str, overlaps: bool, tmp_path: Path) -> None:
    assert of(tmp_path, when, clear=clear) == (["clear-overlaps"] if overlaps else [])


def test_no_cooldown_is_told_once_where_it_is_written(tmp_path: Path) -> None:
    two = ("{title: A, when: acc < 1}", "{title: B, when: acc < 2}")
    assert remarks(tmp_path, *two, before="defaults: {wait_duration: 0}\n") == [("wait-zero-repeat", 2, 27)]
    assert of(tmp_path, "acc < 1", wait_duration=0, repeat="never") == []
    assert of(tmp_path, "acc < 1", wait_duration=0, repeat="always") == ["wait-zero-repeat"]


def test_stalled_never_meets_a_for(tmp_path: Path) -> None:
    assert of(tmp_path, 'stalled("10m") and acc < 1', **{"for": 3}) == ["stalled-with-for"]
    assert of(tmp_path, 'stalled("10m") or acc < 1', **{"for": 3}) == []
    assert of(tmp_path, 'absent(acc, "10m")', **{"for": 3}) == []


def test_a_minimum_as_large_as_its_window_is_told(tmp_path: Path) -> None:
    assert of(tmp_path, "mean(acc, 10, min=10) < 1") == ["min-without-effect"]
    assert of(tmp_path, 'mean(acc, "10 steps", min=10) < 1') == []


# --- texts


@pytest.mark.parametrize(
    ("when", "text", "code"),
    [
        ('absent(val_loss, "1h")', "no {val_loss}", "absent-in-text"),
        ("not seen(val_loss) and step > 1000", "no {val_loss}", "absent-in-text"),
        ("acc < 1", "{acc} at {stpe}", "unknown-field"),
        ("train/acc < 1", "{train.acc} {train/ac}", "unknown-field"),
        ("mean(acc, 100) < 1", "{mean(acc,100)}", "unknown-field"),
        ("mean(acc, 100) < 1", "{mean(acc, 50)}", "unknown-field"),
        ("last(acc) < 1", "{last(acc)}", "unknown-field"),
        ("isnan(acc)", "{acc:d}", "whole-number-format"),
        ("acc < 1", "{0}", "text-template"),
        ("acc < 1", "{acc.__class__}", "text-template"),
        ("acc < 1", "{acc[0]}", "text-template"),
    ],
)
def test_a_text_that_cannot_be_filled_in_is_told(when: str, text: str, code: str, tmp_path: Path) -> None:
    assert of(tmp_path, when, text=text) == [code]


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ("acc < 1", "{acc:.3f} at {step} of {run}, {lr} {{not a field}}"),
        ("mean(acc, 100) < 1", "{mean(acc, 100):.2f}"),
        ("quantile(acc, 100, 0.5) < 1", "{quantile(acc, 100, 0.5):.2f}"),
        ("acc < 1", "{eval_acc}"),
        ("acc < 1", "{acc:d}"),
        ('m["top-1 acc"] < 1', '{m["top-1 acc"]:.3f}'),
    ],
)
def test_a_text_that_can_be_filled_in_is_not_remarked_on(when: str, text: str, tmp_path: Path) -> None:
    assert of(tmp_path, when, text=text) == []


# --- names


@pytest.mark.parametrize("name", ["los", "lsos", "losss", "Loss", "lo_ss"][1:])
def test_a_name_that_is_nearly_a_role_is_told(name: str, tmp_path: Path) -> None:
    (told,) = problems(tmp_path, f"{{title: T, when: isnan({name})}}", before="aliases: {loss: [train/loss]}\n")
    assert (told["code"], told["column"], told["hint"]) == ("unknown-metric", 28, "Did you mean loss?")


@pytest.mark.parametrize("name", ["loss", "train/loss", "loss2", "eval_loss", "loss_g", "losses", "lr", "x/loss"])
def test_a_name_of_its_own_is_no_slip(name: str, tmp_path: Path) -> None:
    aliases = "aliases: {loss: [train/loss, x/*], val_loss: [val/loss], loss_d: [d]}\n"
    assert remarks(tmp_path, f"{{title: T, when: isnan({name})}}", before=aliases) == []


def test_letters_of_other_scripts_are_told_from_those_that_they_look_like(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "{title: T, when: l\u043ess > 1}")
    assert (told["code"], told["column"], told["hint"]) == ("disguised-name", 22, "Write loss, if that is meant.")
    assert of(tmp_path, 'm["\uff4c\uff4f\uff53\uff53"] < 1') == ["disguised-name"]
    assert of(tmp_path, "acc < 1", title="L\u043ew accuracy") == ["disguised-name"]


@pytest.mark.parametrize("name", ["損失", "学習/損失", "потери", "Δloss", "val/R²", "größe"])
def test_names_in_any_script_are_no_disguise(name: str, tmp_path: Path) -> None:
    assert of(tmp_path, f'm["{name}"] < 1', title=f"ＧＰＵ {name}") == []


GAP = "{title: Gap, when: val_acc/train_acc < 0.5}"


def test_a_slash_between_two_metrics_most_likely_divides(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, GAP, "{title: A, when: val_acc < 1}", "{title: B, when: train_acc < 1}")
    assert (told["code"], told["line"], told["column"]) == ("slash", 3, 24)
    assert told["hint"] == "To divide, write val_acc / train_acc."


def test_a_slash_that_may_belong_to_a_name_is_left_alone(tmp_path: Path) -> None:
    assert remarks(tmp_path, GAP, "{title: A, when: val_acc < 1}") == []
    assert of(tmp_path, "acc/2 < 1 and acc < 3") == []
    quoted = """{title: Q, when: "m['val_acc/train_acc'] < 1"}"""
    assert remarks(tmp_path, quoted, "{title: A, when: val_acc < 1}", "{title: B, when: train_acc < 1}") == []


# --- rules together


def test_a_threshold_that_nan_passes_is_told_once_a_metric(tmp_path: Path) -> None:
    rules = ["{title: A, when: critic_loss > 10}", "{title: B, when: critic_loss > 20}", "{title: C, when: grads > 3}"]
    assert remarks(tmp_path, *rules) == [("no-finite-check", 3, 22), ("no-finite-check", 5, 22)]


@pytest.mark.parametrize(
    "asked", ["isnan(critic_loss)", "not isfinite(critic_loss) or acc < 1", "isnan(critic_loss + acc)"]
)
def test_a_rule_that_asks_for_nan_settles_it(asked: str, tmp_path: Path) -> None:
    assert remarks(tmp_path, "{title: A, when: critic_loss > 10}", f"{{title: B, when: {asked}}}") == []


@pytest.mark.parametrize(
    "when",
    [
        "acc < 0.8",
        "critic_loss < 0.01",
        "gpu_temp > 85",
        "lr > 0.1",
        "mean(critic_loss, 10) > 3",
        "critic_loss > 1.5 * loss",
    ],
)
def test_only_what_diverges_is_asked_about(when: str, tmp_path: Path) -> None:
    assert of(tmp_path, when) == []


def test_packs_and_other_files_of_the_configuration_count(tmp_path: Path) -> None:
    rule = "{title: A, when: train/loss > 10}"
    assert remarks(tmp_path, rule) == []  # without a configuration the pack training is in force
    assert remarks(tmp_path, rule, config="rules: [rules/*.yaml]\n") == [("no-finite-check", 3, 22)]
    assert remarks(tmp_path, rule, config="rules: [rules/*.yaml, 'pack:training']\n") == []
    other = tmp_path / "rules" / "other.yaml"
    other.write_text("version: 1\nrules:\n  - {title: N, when: isnan(train/loss)}\n")
    assert remarks(tmp_path, rule, config="rules: [rules/*.yaml]\n") == []


def test_a_group_of_one_is_told(tmp_path: Path) -> None:
    lone, other = "{title: A, when: acc < 1, group: g}", "{title: B, when: acc < 2, group: g}"
    assert remarks(tmp_path, lone) == [("group-alone", 3, 38)]
    assert remarks(tmp_path, lone, other) == []
    assert remarks(tmp_path, lone, other.replace("group: g", "enabled: false, group: g")) == [("group-alone", 3, 38)]
    assert of(tmp_path, "acc < 1", group="divergence") == []  # the pack training has rules in it


def test_levels_in_the_wrong_order_are_told(tmp_path: Path) -> None:
    warn, error = "{title: A, when: acc < 0.5}", "{title: A, when: acc < 0.8, level: ERROR}"
    assert remarks(tmp_path, warn, error) == [("levels-swapped", 4, 22)]
    assert remarks(tmp_path, warn.replace("0.5", "0.9"), error) == []
    assert remarks(tmp_path, warn, error.replace("level", "for: 10, level")) == []


def test_a_rule_written_twice_is_told(tmp_path: Path) -> None:
    one, two = "{title: A, when: acc < 0.5}", "{title: B, when: 0.5 > acc}"
    assert remarks(tmp_path, one, one.replace("A", "B")) == [("same-rule", 4, 22)]
    assert remarks(tmp_path, one, two) == []
    assert remarks(tmp_path, one, one.replace("A", "B").replace("}", ", level: ERROR}")) == []


def test_what_an_error_leaves_out_is_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "version: 1\nrules:\n  - {title: A, when: critic_loss > 1, group: g}\n  - {title: B, when: isnan(critic_loss) or}\n"
    )
    out = io.StringIO()
    assert check.run([str(path)], format="json", config=None, out=out, environ={}) == 1
    assert [json.loads(line)["code"] for line in out.getvalue().splitlines()] == ["syntax"]


def test_remarks_are_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("version: 1\nrules:\n  - {title: A, when: acc == nan}\n")
    out = io.StringIO()
    assert check.run([str(path)], format="text", config=None, out=out, environ={}) == 0
    assert out.getvalue().endswith("1 problem in 1 file\n")


# --- what ships is without a remark


@pytest.mark.parametrize("name", pack_names())
def test_packs_are_without_a_remark(name: str) -> None:
    out = io.StringIO()
    assert check.run([str(pack_path(name))], format="text", config=None, out=out, environ={}) == 0
    assert out.getvalue().endswith("no problems\n"), out.getvalue()


def test_what_init_writes_is_without_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import argparse

    monkeypatch.chdir(tmp_path)
    assert init_command.main(argparse.Namespace(config=None)) == 0
    out = io.StringIO()
    assert check.run([], format="text", config=None, out=out, environ={}) == 0
    assert out.getvalue() == "2 files, 1 rule: no problems\n"
