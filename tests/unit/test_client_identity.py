"""Which run a process belongs to: ids, ranks, names on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training import events, logs, only_log, records, start, train

START = "import walert\nwalert.init(project='p', name='n')\nwalert.log({'loss': 1.0})\n"


@pytest.mark.parametrize(
    ("environ", "id"),
    [
        ({"WALERT_RUN_ID": "w", "WANDB_RUN_ID": "b", "SLURM_JOB_ID": "1"}, "w"),
        ({"WANDB_RUN_ID": "b", "SLURM_JOB_ID": "1"}, "b"),
        ({"SLURM_JOB_ID": "77", "TORCHELASTIC_RUN_ID": "t"}, "77"),
        ({"SLURM_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3"}, "77_3"),
        ({"TORCHELASTIC_RUN_ID": "t"}, "t"),
    ],
)
def test_an_id_comes_from_the_first_that_gives_one(tmp_path: Path, environ: dict[str, str], id: str) -> None:
    train(START, tmp_path, environ)
    assert events(only_log(tmp_path), "start")[0]["id"] == id
    assert logs(tmp_path) == [tmp_path / "runs" / "p" / f"n-{id}" / "metrics.jsonl"]


def test_an_explicit_id_comes_before_all(tmp_path: Path) -> None:
    train("import walert; walert.init(id='mine')", tmp_path, {"WALERT_RUN_ID": "w"})
    assert events(only_log(tmp_path), "start")[0]["id"] == "mine"


def test_without_any_every_run_has_an_id_of_its_own(tmp_path: Path) -> None:
    train(START + "walert.finish()\n" + START, tmp_path)
    ids = [events(records(path), "start")[0]["id"] for path in logs(tmp_path)]
    assert len(set(ids)) == 2


def test_the_runs_of_one_process_in_one_job_are_told_apart(tmp_path: Path) -> None:
    train(START + "walert.finish()\n" + START, tmp_path, {"SLURM_JOB_ID": "77"})
    assert [events(records(path), "start")[0]["id"] for path in logs(tmp_path)] == ["77", "77-2"]


def test_torchruns_none_is_no_id_and_its_ranks_share_one_all_the_same(tmp_path: Path) -> None:
    for rank in range(2):
        train(START, tmp_path, {"TORCHELASTIC_RUN_ID": "none", "RANK": str(rank), "WORLD_SIZE": "2"})
    first, second = logs(tmp_path)
    assert [first.name, second.name] == ["metrics.jsonl", "metrics.rank1.jsonl"]
    assert first.parent == second.parent
    starts = [events(records(path), "start")[0] for path in (first, second)]
    assert starts[0]["id"] == starts[1]["id"] != "none"


@pytest.mark.parametrize(
    ("environ", "rank", "size", "name"),
    [
        ({}, 0, 1, "metrics.jsonl"),
        ({"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "8"}, 3, 8, "metrics.rank3.jsonl"),
        ({"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}, 1, 2, "metrics.rank1.jsonl"),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4"}, 2, 4, "metrics.rank2.jsonl"),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, 1, 2, "metrics.rank1.jsonl"),
        ({"PMI_RANK": "5"}, 5, 6, "metrics.rank5.jsonl"),
        ({"RANK": "none"}, 0, 1, "metrics.jsonl"),
        ({"RANK": "-1"}, 0, 1, "metrics.jsonl"),
    ],
)
def test_a_rank_has_a_log_of_its_own(tmp_path: Path, environ: dict[str, str], rank: int, size: int, name: str) -> None:
    train(START, tmp_path, environ)
    (path,) = logs(tmp_path)
    start = events(records(path), "start")[0]
    assert (start["rank"], start["world_size"], path.name) == (rank, size, name)


def test_a_requeued_job_goes_on_in_the_same_log_as_the_next_attempt(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):  # a name that changed does not matter: the id does
        train(f"import walert; walert.init(name='{name}', id='job')", tmp_path)
    starts = events(only_log(tmp_path), "start")
    assert [s["attempt"] for s in starts] == [0, 1, 2]
    assert logs(tmp_path)[0].parent.name == "a-job"


def test_slurms_restart_count_is_the_attempt(tmp_path: Path) -> None:
    train(START, tmp_path, {"SLURM_JOB_ID": "77", "SLURM_RESTART_COUNT": "4"})
    assert events(only_log(tmp_path), "start")[0]["attempt"] == 4


def test_a_torn_last_line_of_an_earlier_attempt_is_ended_first(tmp_path: Path) -> None:
    train(START, tmp_path, {"WALERT_RUN_ID": "job"})
    (path,) = logs(tmp_path)
    with path.open("a") as log:
        log.write('{"_step": 3, "lo')
    train(START, tmp_path, {"WALERT_RUN_ID": "job"})
    lines = path.read_text().splitlines()
    assert lines[3] == '{"_step": 3, "lo'
    assert lines[4].startswith('{"_walert"')


def test_two_living_processes_of_one_rank_write_two_logs(tmp_path: Path) -> None:
    script = """
import os, subprocess, sys, walert
walert.init(project="p", name="n")
if len(sys.argv) == 1:
    subprocess.run([sys.executable, __file__, "child"], check=True)
walert.log({"child": len(sys.argv) - 1})
"""
    train(script, tmp_path, {"WALERT_RUN_ID": "job"})
    second, first = logs(tmp_path)
    assert [first.name, second.name] == ["metrics.jsonl", "metrics.2.jsonl"]
    assert [events(records(p), "start")[0]["rank"] for p in (first, second)] == [0, -1]
    assert [events(records(p), "finish")[0]["rank"] for p in (first, second)] == [0, -1]
    train(START, tmp_path, {"WALERT_RUN_ID": "job"})
    assert [s["attempt"] for s in events(records(first), "start")] == [0, 1]


@pytest.mark.parametrize(
    ("project", "name", "folder"),
    [
        (None, "resnet 1", "default/resnet_1-x"),
        ("a/b", "../../etc", "a_b/_.._etc-x"),
        ("..", ".", "run/run-x"),
        ("研究", "ré-sn\n", "研究/ré-sn-x"),
        ("p", "-rf", "p/rf-x"),
        ("p", "n" * 5_000, f"p/{'n' * 100}-x"),
    ],
)
def test_names_are_made_fit_for_a_file_system_and_kept_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Any, name: str, folder: str
) -> None:
    import walert

    monkeypatch.setenv("WALERT_HOME", str(tmp_path))
    with walert.init(project=project, name=name, id="x") as run:
        assert (run.project, run.name, run.dir) == (project, name.strip(), str(tmp_path / "runs" / folder))
    start = events(only_log(tmp_path), "start")[0]
    assert (start["project"], start["name"]) == (project, name.strip())


def test_ids_that_look_alike_on_disk_stay_apart(tmp_path: Path) -> None:
    for id in ("a/b", "a_b", "a b"):
        train(f"import walert; walert.init(id='{id}')", tmp_path)
    assert len(logs(tmp_path)) == 3


@pytest.mark.parametrize(
    ("environ", "folder", "tags"),
    [
        ({"WALERT_PROJECT": "p", "WANDB_PROJECT": "q", "WANDB_NAME": "n", "WANDB_TAGS": "a, b"}, "p/n-x", ["a", "b"]),
        ({"WANDB_PROJECT": "q", "WALERT_NAME": "m"}, "q/m-x", []),
        ({}, "default/train-x", []),
    ],
)
def test_what_is_not_given_comes_from_the_environment(
    tmp_path: Path, environ: dict[str, str], folder: str, tags: list[str]
) -> None:
    train("import walert; walert.init(id='x')", tmp_path, environ)
    assert logs(tmp_path) == [tmp_path / "runs" / folder / "metrics.jsonl"]
    assert events(only_log(tmp_path), "start")[0]["tags"] == tags


def test_a_run_goes_where_dir_says(tmp_path: Path) -> None:
    train("import walert; walert.init(id='x', dir='here')", tmp_path, cwd=tmp_path)
    train("import walert; walert.init(id='x')", tmp_path, {"WANDB_DIR": "there"}, cwd=tmp_path)
    train("import walert; walert.init(id='x')", tmp_path, {"WALERT_DIR": "near", "WANDB_DIR": "there"}, cwd=tmp_path)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jsonl"))
    assert found == [f"{d}/default/train-x/metrics.jsonl" for d in ("here", "near", "there")]


@pytest.mark.parametrize(
    ("script", "environ"),
    [
        ("walert.init(mode='disabled')", {}),
        ("", {"WALERT_MODE": "disabled"}),
        ("walert.init()", {"WANDB_MODE": "disabled"}),
    ],
)
def test_a_disabled_run_writes_and_says_nothing(tmp_path: Path, script: str, environ: dict[str, str]) -> None:
    err = train(
        f"import walert\n{script}\nwalert.log({{'a': 1}})\nwalert.alert('T', 'x')\nwalert.finish(1)", tmp_path, environ
    )
    assert (err, logs(tmp_path)) == ("", [])
    assert not (tmp_path / "runs").exists()


def test_a_start_tells_what_the_process_can_be_known_by(tmp_path: Path) -> None:
    script = """
import argparse, os, walert
config = argparse.Namespace(lr=0.1, name="adam", betas=[0.9, 0.95], model={"depth": 3}, nan=float("nan"), hf_token="hf_abc",
                            tokenizer="bpe", weights=object())
run = walert.init(project="p", config=config, tags="nightly")
print(os.getpid(), os.stat("/proc/self/ns/pid").st_ino, os.uname().nodename)
"""
    with start(script, tmp_path) as process:
        out, err = process.communicate(timeout=60)
    began = events(only_log(tmp_path), "start")[0]
    pid, namespace, host = out.split()
    assert (began["pid"], began["pid_namespace"], began["host"]) == (int(pid), int(namespace), host)
    assert began["pid_start"] > 0
    assert began["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert began["script"].endswith("train.py")
    assert (began["name"], began["tags"], began["jupyter"], began["ad_hoc"]) == ("train", ["nightly"], False, False)
    assert began["config"] == {
        "lr": 0.1, "name": "adam", "betas": [0.9, 0.95], "model/depth": 3, "nan": "NaN", "hf_token": "***", "tokenizer": "bpe",
    }  # fmt: skip
    assert err.count("config:") == 1
