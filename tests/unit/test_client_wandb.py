"""`import walert as wandb` runs an ordinary wandb script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from training import environment, events, metrics, only_log, train

SCRIPT = """
import random

import {module} as wandb
from {module} import AlertLevel

wandb.login()
run = wandb.init(
    entity="my-team",
    project="my-project",
    config={{"learning_rate": 0.02, "epochs": 3}},
    group="g", job_type="train", notes="first", resume="allow", settings=wandb.Settings(start_method="thread"),
)
wandb.config.update({{"batch": 8}}, allow_val_change=True)
wandb.config.dropout = 0.1
assert (wandb.config.epochs, wandb.config["batch"], wandb.config.get("nothing", 1), "dropout" in wandb.config) == (3, 8, 1, True)
wandb.define_metric("val/*", step_metric="epoch", summary="max")
wandb.watch(object(), log="all")
offset = random.random() / 5
for epoch in range(wandb.config.epochs):
    acc = 1 - 2**-(epoch + 1) - offset
    wandb.log({{"acc": acc, "img": wandb.Image([[0]], caption="x"), "hist": wandb.Histogram([1, 2])}})
    run.log({{"table": wandb.Table(columns=["a"], data=[[1]])}})
    if acc < 0.8:
        wandb.alert(title="Low accuracy", text=f"Accuracy {{acc}}", level=AlertLevel.WARN, wait_duration=300)
assert isinstance(wandb.Image(1), wandb.Image)
artifact = wandb.Artifact("model", type="model")
artifact.add_file("model.pt")
run.log_artifact(artifact)
wandb.save("model.pt")
wandb.run.summary["best"] = 1.0
assert wandb.run is run and run.id and run.name and wandb.summary["acc"] == acc
assert (run.url, run.entity, run.group, run.job_type, run.notes) == (None, "my-team", "g", "train", "first")
wandb.config = {{"late": 1}}
assert (wandb.config.late, wandb.config.epochs) == (1, 3)
wandb.plot.line(wandb.Table(), "x", "y")
wandb.unwatch()
run.finish()
assert wandb.run is None
"""


def test_an_ordinary_script_runs_and_each_ignored_thing_is_told_once(tmp_path: Path) -> None:
    err = train(SCRIPT.format(module="walert"), tmp_path)
    found = only_log(tmp_path)
    assert [m["_step"] for m in metrics(found)] == [0, 2, 4]
    assert [set(m) for m in metrics(found)] == [{"_step", "acc"}] * 3
    assert {e["level"] for e in events(found, "alert")} == {"WARN"}
    assert events(found, "finish")[0]["state"] == "finished"
    lines = err.splitlines()
    assert all(line.startswith("walert: ") for line in lines)
    assert len(set(lines)) == len(lines)
    assert sum("media, such as this Image, are accepted and ignored" in line for line in lines) == 1
    assert not any(" Table " in line or " Histogram " in line for line in lines)
    for word in (
        "Artifact",
        "watch()",
        "save()",
        "define_metric()",
    ):
        assert sum(f" {word} " in f"{line[:-1]} " for line in lines) == 1, word
    assert "walert: init(): accepted and ignored: start_method." in lines
    begun = events(found, "start")[0]
    assert (begun["group"], begun["job_type"], begun["notes"]) == ("g", "train", "first")


def test_the_run_configuration_is_there_beside_the_module_of_that_name(tmp_path: Path) -> None:
    train(
        "import walert\nfrom walert.config import load_config\nwith walert.init(config={'lr': 1}):\n"
        "    assert walert.config.lr == 1\nassert load_config.__module__ == 'walert.config.load'",
        tmp_path,
    )


def test_what_wandb_does_not_have_is_no_attribute(tmp_path: Path) -> None:
    import walert

    with pytest.raises(AttributeError, match="module 'walert' has no attribute 'alarm'"):
        walert.alarm  # noqa: B018
    with pytest.raises(
        AttributeError, match=r"walert has no 'keras'. There are hooks for frameworks under walert.integrations."
    ):
        walert.keras  # noqa: B018
    with walert.init(mode="disabled") as run, pytest.raises(AttributeError, match="walert has no 'alarm'"):
        run.alarm  # noqa: B018


def test_init_again_returns_the_living_run_unless_told_otherwise(tmp_path: Path) -> None:
    err = train(
        "import walert\na = walert.init(name='a')\nassert walert.init(name='b') is a\n"
        "b = walert.init(name='b', reinit=True)\nassert b is not a and walert.run is b and a.ended\n",
        tmp_path,
    )
    assert "init() again" in err
    assert sorted(p.name[:1] for p in (tmp_path / "runs" / "default").iterdir()) == ["a", "b"]


def test_import_loads_the_standard_library_only_and_is_quick(tmp_path: Path) -> None:
    script = """
import sys, time
before = set(sys.modules)
began = time.process_time()
import walert
walert.alert, walert.init, walert.AlertLevel
took = time.process_time() - began
mine = {m.partition(".")[0] for m in set(sys.modules) - before}
print(took, *sorted(mine - set(sys.stdlib_module_names)))
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], env=environment(tmp_path), capture_output=True, text=True, check=True
        )
        for _ in range(5)
    ]
    assert {tuple(run.stdout.split()[1:]) for run in runs} == {("walert",)}
    assert min(float(run.stdout.split()[0]) for run in runs) < 0.05
