"""What `alert`, `log` and `init` take, and how they refuse the rest."""

from __future__ import annotations

import datetime
import enum
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training import events, metrics, only_log

import walert
from walert import AlertLevel


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("WALERT_HOME", str(tmp_path))
    yield tmp_path
    walert.finish()


class WandbLevel(enum.Enum):
    """wandb's own enum is no string."""

    WARN = "WARN"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (None, "INFO"), ("info", "INFO"), ("Warn", "WARN"), ("ERROR", "ERROR"),
        (AlertLevel.ERROR, "ERROR"), (AlertLevel.WARN.value, "WARN"), (WandbLevel.WARN, "WARN"),
    ],
)  # fmt: skip
def test_a_level_is_a_level_or_its_word(home: Path, given: Any, written: str) -> None:
    assert walert.alert("T", "text", given) is None
    assert events(only_log(home), "alert")[0]["level"] == written


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (None, 60.0), (0, 0.0), (300, 300.0), (0.5, 0.5), (datetime.timedelta(minutes=5), 300.0),
        (np.int64(7), 7.0), (np.float32(0.5), 0.5),
    ],
)  # fmt: skip
def test_a_wait_is_seconds_or_a_timedelta(home: Path, given: Any, written: float) -> None:
    walert.alert("T", "text", "WARN", given)
    assert events(only_log(home), "alert")[0]["wait_duration"] == written


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"title": 1}, TypeError, "title must be a str, not int"),
        ({"title": None}, TypeError, "title must be a str, not NoneType"),
        ({"title": b"T"}, TypeError, "title must be a str, not bytes"),
        ({"title": ""}, ValueError, "title must not be empty"),
        ({"title": " \n"}, ValueError, "title must not be empty"),
        ({"text": None}, TypeError, "text must be a str, not NoneType"),
        ({"text": 0.5}, TypeError, "text must be a str, not float"),
        ({"level": "FATAL"}, ValueError, "level must be one of INFO, WARN, ERROR, not 'FATAL'"),
        ({"level": ""}, ValueError, "level must be one of INFO, WARN, ERROR"),
        ({"level": 30}, TypeError, "level must be an AlertLevel or one of INFO, WARN, ERROR, not int"),
        ({"level": True}, TypeError, "level must be an AlertLevel"),
        ({"wait_duration": -1}, ValueError, "finite and not negative, not -1.0"),
        ({"wait_duration": math.nan}, ValueError, "finite and not negative, not nan"),
        ({"wait_duration": math.inf}, ValueError, "finite and not negative, not inf"),
        ({"wait_duration": 10**400}, ValueError, "finite and not negative, not inf"),
        ({"wait_duration": datetime.timedelta(seconds=-1)}, ValueError, "finite and not negative"),
        ({"wait_duration": True}, TypeError, "seconds as int or float, or a timedelta, not bool"),
        ({"wait_duration": "5m"}, TypeError, "seconds as int or float, or a timedelta, not str"),
        ({"wait_duration": [1]}, TypeError, "seconds as int or float, or a timedelta, not list"),
        ({"wait_duration": np.array([1.0, 2.0])}, TypeError, "seconds as int or float"),
    ],
)
def test_a_wrong_argument_is_refused_at_once(home: Path, arguments: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        walert.alert(**{"title": "T", "text": "text", **arguments})
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("data", "step", "error", "says"),
    [
        ([1], None, TypeError, "log\\(\\) takes a dict of names and numbers, not list"),
        (None, None, TypeError, "not NoneType"),
        ({1: 2.0}, None, TypeError, "names of metrics must be str, not int: 1"),
        ({"a": 1.0}, "7", TypeError, "step must be an int or a float, not str"),
        ({"a": 1.0}, True, TypeError, "step must be an int or a float, not bool"),
        ({"a": 1.0}, math.nan, ValueError, "step must be finite, not nan"),
        ({"a": 1.0}, 10**400, ValueError, "step must be finite"),
    ],
)
def test_log_refuses_what_is_no_record(home: Path, data: Any, step: Any, error: type[Exception], says: str) -> None:
    with walert.init() as run, pytest.raises(error, match=says):
        run.log(data, step)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"project": 1}, TypeError, "project must be a str, not int"),
        ({"name": ["a"]}, TypeError, "name must be a str, not list"),
        ({"id": 7}, TypeError, "id must be a str, not int"),
        ({"tags": [1]}, TypeError, "tags must be a sequence of str, not of int"),
        ({"tags": 1}, TypeError, "tags must be a sequence of str, not of int"),
        ({"config": "a.yaml"}, TypeError, "config must be a dict or an object with attributes: read the file first"),
        ({"config": [1]}, TypeError, "config must be a dict"),
        ({"dir": 1}, TypeError, "dir must be a str or a path, not int"),
        (
            {"mode": "later"},
            ValueError,
            "mode must be one of online, offline, shared, dryrun, run, disabled, not 'later'",
        ),
        ({"proyect": "a"}, TypeError, "init\\(\\) takes project, name, .* not proyect"),
        ({"rules": 1}, TypeError, "rules must be a path or a sequence of paths, not int"),
        ({"rules": [1]}, TypeError, "rules must be a path or a sequence of paths, not of int"),
        ({"rules": "nowhere/"}, ValueError, "rules: there is no file or folder nowhere/"),
        ({"rules": "pack:nothing"}, ValueError, "rules: there is no pack 'nothing'"),
    ],
)
def test_init_refuses_what_it_does_not_know(home: Path, arguments: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        walert.init(**arguments)
    assert walert.run is None
    assert not (home / "runs").exists()


@pytest.mark.parametrize(("code", "state"), [(None, "finished"), (0, "finished"), (3, "failed"), (-9, "failed")])
def test_finish_takes_an_exit_code(home: Path, code: int | None, state: str) -> None:
    walert.init()
    with pytest.raises(TypeError, match="exit_code must be an int, not str"):
        walert.finish("0")  # type: ignore[arg-type]
    walert.finish(code)
    (end,) = events(only_log(home), "finish")
    assert (end["state"], end["exit_code"]) == (state, code or 0)


def test_a_title_of_many_words_is_kept_whole_and_a_boundless_one_is_cut(home: Path) -> None:
    walert.alert("語" * 250, "text")
    walert.alert("語" * 2_000, "text")
    whole, cut = events(only_log(home), "alert")
    assert whole["title"] == "語" * 250
    assert cut["title"].endswith("語…")
    assert len(cut["title"].encode()) <= 1024


def test_a_boundless_text_is_cut_with_a_mark(home: Path) -> None:
    walert.alert("T", "x" * 65_536)
    walert.alert("T", "\x00" * 1_000_000)
    whole, cut = events(only_log(home), "alert")
    assert whole["text"] == "x" * 65_536
    assert cut["text"].endswith("… [cut: 1000000 characters in all]")
    assert len(cut["text"]) < 66_000


def test_an_alert_tells_where_it_was_called(home: Path) -> None:
    walert.alert("T", "text")
    assert events(only_log(home), "alert")[0]["source"].startswith("test_client_arguments.py:")


@pytest.mark.parametrize(
    "text", ["a\nb", '"\\', "<@U1> & <!here>", "日本語 🙂", "\ud800 alone", "\x00\x1f\x7f", "\u2028"]
)
def test_any_text_is_one_line(home: Path, text: str) -> None:
    walert.alert("T" + text, text)
    (event,) = events(only_log(home), "alert")
    assert event["text"] == text.encode("utf-8", "replace").decode()


def test_an_alert_carries_the_last_step_and_none_before_it(home: Path) -> None:
    walert.init()
    walert.alert("T", "text")
    walert.log({"a": 1.0}, step=41)
    walert.alert("T", "text")
    alerts = [r for r in only_log(home) if r.get("_walert", {}).get("event") == "alert"]
    assert [a.get("_step") for a in alerts] == [None, 41]


def test_steps_count_as_wandbs_do(home: Path) -> None:
    walert.init()
    walert.log({"a": 1})
    walert.log({"a": 2})
    walert.log({"a": 3}, step=10)
    walert.log({"a": 4})
    walert.log({"a": 5}, commit=False)
    walert.log({"a": 6}, step=20, commit=True)
    walert.log({"a": 7}, step=np.int64(30))
    walert.log({"a": 8}, step=30.5)  # type: ignore[arg-type]
    assert [m["_step"] for m in metrics(only_log(home))] == [0, 1, 10, 10, 11, 20, 30, 30.5]
