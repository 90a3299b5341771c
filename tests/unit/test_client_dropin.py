"""What wandb's users rely on beside log() and alert(): attributes of a run, settings, variables, steps, names that give something back."""

from __future__ import annotations

from pathlib import Path

import pytest
from training import events, logs, metrics, only_log, records, train


def steps(path: Path) -> list[tuple[float, list[str]]]:
    """(step, names) of each record."""
    return [(m["_step"], sorted(set(m) - {"_step"})) for m in metrics(records(path))]


def test_a_run_can_be_asked_for_what_wandb_s_can(tmp_path: Path) -> None:
    script = """
import walert as wandb
assert wandb.run is None
run = wandb.init(project="p", name="n", tags=["a"], notes="hello", group="g", job_type="train", entity="team", config={"a": 1})
assert (run.project, run.name, run.tags, run.notes, run.group, run.job_type, run.entity) == ("p", "n", ("a",), "hello", "g", "train", "team")
assert (run.url, run.project_url, run.sweep_id, run.offline, run.disabled, run.resumed) == (None, None, None, True, False, False)
assert (run.step, run.starting_step, run.config_static.a, run.settings.project) == (0, 0, 1, "p")
assert run.id and run.start_time > 1e9 and run.settings.anything is None
open(run.dir + "/model.pt", "w").close()
run.name, run.notes, run.tags = "other", "late", run.tags + ("b",)
assert (run.name, run.notes, run.tags) == ("other", "late", ("a", "b"))
run.save(); run.log_code("."); run.mark_preempting(); run.display()
"""
    err = train(script, tmp_path)
    begun = events(only_log(tmp_path), "start")[0]
    assert (begun["name"], begun["tags"], begun["notes"]) == ("n", ["a"], "hello")
    assert (
        sum("is kept in memory: rules and messages go by the one given to init()" in line for line in err.splitlines())
        == 3
    )


def test_config_answers_as_wandb_s_does(tmp_path: Path) -> None:
    script = """
import argparse, copy, pickle
import walert as wandb
config = wandb.init(config=argparse.Namespace(lr=0.1, net={"width": 2})).config
assert (config.lr, config["lr"], config.net["width"], config["net"]["width"]) == (0.1, 0.1, 2, 2)
config.update(argparse.Namespace(epochs=3)); config.update({"lr": 0.2}, allow_val_change=True); config.update([("x", 1)], True)
config.setdefaults({"lr": 9, "seed": 4})
assert (config.lr, config.epochs, config.seed, config.get("none", 5), "seed" in config) == (0.2, 3, 4, 5, True)
assert dict(**config) == dict(config) == config.as_dict() == {"lr": 0.2, "net": {"width": 2}, "epochs": 3, "x": 1, "seed": 4}
for twin in (pickle.loads(pickle.dumps(config)), copy.copy(config), copy.deepcopy(config)):
    assert (twin, twin.lr) == (config, 0.2)
for missing in (lambda: config.nothing, lambda: config["nothing"]):
    try: missing()
    except (AttributeError, KeyError): pass
    else: raise AssertionError
"""
    train(script, tmp_path)


def test_keys_of_a_config_are_chosen_as_asked(tmp_path: Path) -> None:
    train(
        "import walert\nc = {'a': 1, 'b': 2, 'c': 3}\n"
        "assert dict(walert.init(config=c, config_exclude_keys=['a']).config) == {'b': 2, 'c': 3}\n"
        "assert dict(walert.init(config=c, config_include_keys=['a'], reinit=True).config) == {'a': 1}",
        tmp_path,
    )


def test_steps_count_as_wandb_s_do_but_nothing_is_dropped(tmp_path: Path) -> None:
    script = """
import walert
run = walert.init()
seen = []
def log(data, **more):
    walert.log(data, **more)
    seen.append(run.step)
log({"a": 1}); log({"b": 1}, commit=False); log({"c": 1}); log({"a": 2}, step=10); log({"a": 3}, step=4); log({"a": 4}, step=10)
log({"a": 5}); log({"a": 6}, step=12, commit=True); log({})
assert seen == [1, 1, 2, 10, 10, 10, 11, 13, 14], seen
"""
    train(script, tmp_path)
    found = [(m["_step"], next(k for k in m if k != "_step")) for m in metrics(only_log(tmp_path))]
    assert found == [(0, "a"), (1, "b"), (1, "c"), (10, "a"), (4, "a"), (10, "a"), (10, "a"), (12, "a")]


def test_a_resumed_run_counts_on_and_another_begins_at_0(tmp_path: Path) -> None:
    first = "import walert\nwalert.init(id='x', resume='allow')\nfor n in range(5): walert.log({'n': n})"
    train(first, tmp_path)
    train(
        "import walert\nrun = walert.init(id='x', resume='must')\nassert (run.resumed, run.step) == (True, 5)\nrun.log({'n': 5})",
        tmp_path,
    )
    train(
        "import walert\nrun = walert.init(id='x')\nassert (run.resumed, run.step) == (True, 0)\nrun.log({'n': 0})",
        tmp_path,
    )
    train("import walert\nrun = walert.init(id='x')\nassert run.step == 0\n", tmp_path, {"WANDB_RESUME": "never"})
    train("import walert\nrun = walert.init(id='x')\nassert run.step == 1\n", tmp_path, {"WANDB_RESUME": "allow"})
    assert [m["_step"] for m in metrics(only_log(tmp_path))] == [0, 1, 2, 3, 4, 5, 0]


VARIABLES = {
    "PROJECT": "p", "NAME": "n", "RUN_ID": "r1", "TAGS": "a, b", "RUN_GROUP": "g", "JOB_TYPE": "eval", "NOTES": "hello", "ENTITY": "team",
}  # fmt: skip
READ = """
import walert
r = walert.init()
walert.termlog(f"{r.project} {r.name} {r.id} {r.tags} {r.group} {r.job_type} {r.notes} {r.entity}")
"""


def test_wandb_s_variables_stand_in_for_walert_s(tmp_path: Path) -> None:
    err = train(READ, tmp_path, {f"WANDB_{name}": value for name, value in VARIABLES.items()})
    assert "p n r1 ('a', 'b') g eval hello team" in err
    both = {f"WANDB_{name}": "no" for name in VARIABLES} | {
        f"WALERT_{name}": value for name, value in VARIABLES.items()
    }
    assert "p n r1 ('a', 'b') g eval hello team" in train(READ, tmp_path, both)
    assert (tmp_path / "runs" / "p" / "n-r1" / "metrics.jsonl").exists()


def test_arguments_come_before_settings_and_settings_before_variables(tmp_path: Path) -> None:
    script = """
import walert as wandb
run = wandb.init(project="argument", settings=wandb.Settings(project="setting", run_group="setting", run_tags=["t"], x_stats=True))
assert (run.project, run.group, run.name, run.tags) == ("argument", "setting", "variable", ("t",))
run.finish()
assert wandb.init(settings={"mode": "disabled"}).disabled
"""
    err = train(
        script, tmp_path, {"WANDB_PROJECT": "variable", "WANDB_NAME": "variable", "WANDB_RUN_GROUP": "variable"}
    )
    assert "accepted and ignored: x_stats." in err


def test_a_config_changed_after_init_is_recorded_once_with_the_next_line(tmp_path: Path) -> None:
    script = """
import walert as wandb
run = wandb.init(config={"lr": 1})
run.config.epochs = 3
wandb.config.update({"batch": 8, "hf_token": "abc"})
for n in range(3): wandb.log({"a": n})
wandb.config["late"] = True
wandb.alert("T", "x")
run.config.last = 1
run.finish()
run.config.too_late = 1
"""
    err = train(script, tmp_path)
    found = only_log(tmp_path)
    assert [e["config"] for e in events(found, "config")] == [
        {"lr": 1, "epochs": 3, "batch": 8, "hf_token": "***"},
        {"lr": 1, "epochs": 3, "batch": 8, "hf_token": "***", "late": True},
        {"lr": 1, "epochs": 3, "batch": 8, "hf_token": "***", "late": True, "last": 1},
    ]
    assert [r.get("_walert", {}).get("event", "-") for r in found] == [
        "start",
        "config",
        *"---",
        "config",
        "alert",
        "config",
        "finish",
    ]
    assert "in memory" not in err


@pytest.mark.parametrize("mode", ["online", "offline", "dryrun", "shared", "run"])
def test_every_mode_but_disabled_writes(tmp_path: Path, mode: str) -> None:
    train("import walert\nwalert.init()\nwalert.log({'a': 1})", tmp_path, {"WANDB_MODE": mode})
    train(f"import walert\nwalert.init(mode={mode!r})\nwalert.log({{'a': 1}})", tmp_path, {"WALERT_MODE": "disabled"})
    assert len(logs(tmp_path)) == 2


def test_a_disabled_run_writes_no_log_but_does_the_rest(tmp_path: Path) -> None:
    script = """
import os
import walert as wandb
with wandb.init(mode="disabled", project="p") as run:
    wandb.log({"a": 1})
    wandb.alert("T", "x")
    assert (run.summary["a"], run.disabled, os.path.isdir(run.dir)) == (1, True, True)
    os.rmdir(run.dir)
wandb.alert("T", "x")
"""
    train(script, tmp_path, {"WANDB_MODE": "disabled"})
    assert logs(tmp_path) == []


def test_a_run_beside_another_is_of_its_own(tmp_path: Path) -> None:
    script = """
import walert as wandb
a = wandb.init(name="a")
b = wandb.init(name="b", reinit="create_new")
assert wandb.run is a
wandb.log({"a": 1}); b.log({"b": 1}); b.alert("B", "x")
assert wandb.init(name="c", reinit="return_previous") is a
assert wandb.init(name="c", reinit="finish_previous") is not a and a.ended and not b.ended
wandb.join()
assert wandb.run is None
"""
    train(script, tmp_path)
    found = {path.parent.name[0]: path for path in logs(tmp_path)}
    ends = {name: [e["state"] for e in events(records(path), "finish")] for name, path in found.items()}
    assert ends == {"a": ["finished"], "b": ["finished"], "c": ["finished"]}
    assert [steps(found[name]) for name in "ab"] == [[(0, ["a"])], [(0, ["b"])]]


def test_a_run_beside_another_fails_with_the_process(tmp_path: Path) -> None:
    train("import walert\nwalert.init(name='a', reinit='create_new')\n1 / 0", tmp_path, code=1)
    assert [e["error"] for e in events(only_log(tmp_path), "finish")] == ["ZeroDivisionError: division by zero"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("wandb.sweep({}, project='p')", "Start one process a configuration"),
        ("wandb.agent('id', function=print, count=2)", "Start one process a configuration"),
        ("wandb.Api()", "walert runs --json"),
        ("wandb.restore('model.h5')", "Load the file from where it was saved"),
        ("wandb.init(mode='disabled').use_model('m')", "Load the files from where they were saved"),
        (
            "wandb.init(mode='disabled').use_artifact('a:latest').download()",
            "Load the files from where they were saved",
        ),
    ],
)
def test_what_only_a_server_could_give_is_a_clear_error(tmp_path: Path, call: str, says: str) -> None:
    err = train(
        f"import walert as wandb\ntry: {call}\nexcept wandb.Error as error: raise SystemExit(str(error))",
        tmp_path,
        code=1,
    )
    assert "there is no server to ask" in err
    assert says in err


def test_ignored_things_go_through_what_scripts_do_with_them(tmp_path: Path) -> None:
    script = """
import walert as wandb
run = wandb.init()
table = wandb.Table(columns=["a"]); table.add_data(1)
assert table and len(table.data) == 0 and [row for row in table] == []
artifact = wandb.Artifact("m", type="model")
with artifact.new_file("a.txt") as file: file.write("x")
artifact.metadata["k"] = 1
run.log_artifact(artifact).wait()
run.use_artifact("m:latest")
wandb.log({"t": table, "plot": wandb.plot.confusion_matrix(y_true=[1], preds=[1]), "h": wandb.Histogram([1]), "loss": 1.0})
wandb.sklearn.plot_classifier(1, 2)
wandb.termlog("said"); wandb.termwarn("hm"); wandb.termerror("no"); wandb.termlog("bare", prefix=False)
ids = {wandb.util.generate_id() for _ in range(100)}
assert len(ids) == 100 and {len(i) for i in ids} == {8}
wandb.init(id=wandb.util.generate_id(), reinit=True)
"""
    lines = train(script, tmp_path).splitlines()
    assert [line for line in lines if line in ("walert: said", "walert: WARNING hm", "walert: ERROR no", "bare")] == [
        "walert: said", "walert: WARNING hm", "walert: ERROR no", "bare",
    ]  # fmt: skip
    assert sum("media" in line for line in lines) == 1
