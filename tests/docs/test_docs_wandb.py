"""The page on wandb: its tables name all that wandb and trackio have, and what they say of walert's side is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from pages import text

import walert
from walert.client import asked, extras
from walert.client.ignored import Ignored
from walert.client.run import Run
from walert.client.values import Values
from walert.errors import NotHere, WalertError

PAGE = "engine/docs/WANDB.md"
STATUSES = {"same", "different", "ignored", "refused"}

WANDB = (
    "AlertLevel Artifact ArtifactTTL Audio Classes CommError Error EvalTable Graph Histogram Html Image JoinedTable Molecule Object3D Plotly "
    "Run Settings Table UsageError Video agent alert attach box3d catboost config controller data_types define_metric ensure_configured "
    "fastai finish gym init integration join keras lightgbm link_model log log_artifact log_model login mark_preempting "
    "pin_config_keys plot plot_table profiler require restore run sacred save setup sklearn summary sweep teardown tensorboard tensorflow "
    "termerror termlog termwarn unwatch use_artifact use_model watch xgboost Api"
)
"""The public names of wandb 0.31.0, without its inner modules."""
INIT = (
    "entity project dir id name notes tags config config_exclude_keys config_include_keys allow_val_change group job_type mode force reinit "
    "resume resume_from fork_from save_code tensorboard sync_tensorboard monitor_gym settings anonymous"
)
"""The parameters of `wandb.init` in 0.31.0."""
RUN = (
    "alert config config_static define_metric dir disabled display entity finish finish_artifact group id job_type link_artifact link_model "
    "log log_artifact log_code log_model mark_preempting name notes offline path pin_config_keys project project_url restore resumed save "
    "settings start_time starting_step step summary sweep_id sweep_url sync_dir tags to_html unwatch upsert_artifact url use_artifact "
    "use_model watch write_logs"
)
"""What `wandb.Run` of 0.31.0 has; `status` is left out, since nothing there is synced."""
TRACKIO = (
    "init log finish alert config log_system log_gpu log_cpu show sync Markdown Trace save log_artifact use_artifact Table Image Histogram Api "
    "delete_project import_csv import_tf_events space_id server_url dataset_id bucket_id private embed auto_log_gpu gpu_log_interval "
    "auto_log_cpu cpu_log_interval webhook_url webhook_min_level"
)
"""What scripts use of trackio 0.43.0, and the parameters of its `init` that wandb's has not."""
VARIABLES = "PROJECT NAME RUN_ID TAGS NOTES RUN_GROUP JOB_TYPE ENTITY RESUME MODE DIR"


class Row(NamedTuple):
    """One name of a table, with its status."""

    section: str
    name: str
    status: str


def rows() -> Iterator[Row]:
    """Every name of every table that has a status."""
    for section in re.split(r"^#+ ", text(PAGE), flags=re.MULTILINE):
        for names, status in re.findall(r"^\| (`.*?`) \| (\w+) \|", section, re.MULTILINE):
            title = section.partition("\n")[0]
            yield from (Row(title, name, status) for name in re.findall(r"`([^`]+)`", names))


ROWS = list(rows())


def named(section: str) -> dict[str, str]:
    return {row.name: row.status for row in ROWS if row.section == section}


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("The module", WANDB),
        ("Arguments of `init`", INIT),
        ("A run", RUN),
        ("trackio", TRACKIO),
        ("Variables", VARIABLES),
    ],
)
def test_every_name_has_a_line(section: str, names: str) -> None:
    found = named(section)
    assert set(names.split()) - set(found) == set()
    assert set(found.values()) <= STATUSES


@pytest.mark.parametrize("row", [row for row in ROWS if row.section in ("The module", "A run")], ids=str)
def test_what_is_ignored_or_refused_or_done_is_so(row: Row, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WALERT_HOME", str(tmp_path))
    with walert.init(mode="disabled") as run:
        holder = walert if row.section == "The module" else run
        if row.name in (
            "keras",
            "xgboost",
            "lightgbm",
            "catboost",
            "fastai",
            "gym",
            "sacred",
            "tensorflow",
            "integration",
        ):
            with pytest.raises(AttributeError, match=r"walert\.integrations"):
                getattr(holder, row.name)
            return
        found = holder
        for part in row.name.split("."):
            found = getattr(found, part)
        if row.status == "refused":
            with pytest.raises(NotHere):
                found("x")
        elif row.status == "ignored":
            made = found if isinstance(found, Ignored) else found("x")
            assert made is True or isinstance(made, Ignored)
        else:
            assert not isinstance(found, Ignored)
            assert not (isinstance(found, type) and issubclass(found, Ignored))
            assert "accepted and ignored" not in str(found.__doc__)


def test_the_errors_of_wandb_are_walert_s() -> None:
    assert walert.Error is walert.UsageError is walert.CommError is WalertError
    assert issubclass(NotHere, walert.Error)


def test_arguments_of_init_are_taken_as_told(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("WALERT_HOME", str(tmp_path))
    told = {row.name: row.status for row in ROWS if row.section in ("Arguments of `init`", "trackio")}
    known = {*asked.OWN, *asked.WANDB_ARGUMENTS, *asked.TRACKIO_ARGUMENTS}
    assert known - set(told) == set()
    ignored = {name for name in known if told[name] == "ignored"}
    assert ignored == known - set(asked.OWN) - asked._MEANT


def test_variables_are_looked_at_as_told(monkeypatch, tmp_path) -> None:
    values = {name: f"x-{name}" for name in VARIABLES.split()} | {
        "DIR": str(tmp_path),
        "RESUME": "allow",
        "MODE": "disabled",
    }
    environ = {f"WANDB_{name}": value for name, value in values.items()}
    made = asked.asked_for({}, environ)
    assert (made.project, made.name, made.group, made.job_type) == ("x-PROJECT", "x-NAME", "x-RUN_GROUP", "x-JOB_TYPE")
    assert (made.notes, made.entity, made.tags, made.runs) == ("x-NOTES", "x-ENTITY", ("x-TAGS",), str(tmp_path))
    assert made.disabled
    assert made.resume


def test_config_and_summary_have_what_is_told() -> None:
    values = Values("config", {"a": 1})
    for name in named("Config and summary"):
        _, _, attribute = name.partition(".")
        assert hasattr(values, attribute) if attribute else values["a"] == 1, name


def test_util_and_settings_are_real() -> None:
    assert walert.util is extras.util
    assert walert.Settings is extras.Settings
    assert walert.Run is Run
