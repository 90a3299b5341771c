"""Which values become metrics, and how they are written."""

from __future__ import annotations

import decimal
import fractions
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training import logs, metrics, only_log

import walert


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("WALERT_HOME", str(tmp_path))
    walert.init(project="p", name="n")
    yield tmp_path
    walert.finish()


class Tensor:
    """What torch and jax scalars have in common."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def item(self) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Scalar:
    """What TensorFlow's have: no `item`."""

    def __float__(self) -> float:
        return 2.5


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.5, 1.5), (0.1 + 0.2, 0.30000000000000004), (1e300, 1e300), (-0.0, -0.0), (7, 7), (2**63, 2**63), (10**30, 1e30),
        (10**400, "Infinity"), (-(10**400), "-Infinity"),
        (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"),
        (np.float32(0.5), 0.5), (np.float64(0.1), 0.1), (np.int8(-3), -3), (np.float16("nan"), "NaN"), (np.float64("-inf"), "-Infinity"),
        (np.array(4.0), 4.0), (np.array([5]), 5),
        (Tensor(0.25), 0.25), (Tensor(math.inf), "Infinity"), (Scalar(), 2.5),
        (decimal.Decimal("1.5"), 1.5), (fractions.Fraction(1, 4), 0.25),
    ],
)  # fmt: skip
def test_a_number_of_any_library_is_a_metric(home: Path, value: Any, written: Any) -> None:
    walert.log({"x": value})
    (record,) = metrics(only_log(home))
    assert record == {"_step": 0, "x": written}
    assert type(record["x"]) is type(written)


@pytest.mark.parametrize(
    "value",
    [
        None, True, np.bool_(True), "0.5", "NaN", b"1", [1.0], (1,), {1.0}, np.array([1.0, 2.0]), np.array([]), object(), 1j,
        Tensor("a"), Tensor(RuntimeError("device-side assert")), Tensor(True), print,
    ],
)  # fmt: skip
def test_what_is_no_number_is_left_out(home: Path, value: Any) -> None:
    walert.log({"x": value, "loss": 1.0})
    walert.log({"x": value})
    assert metrics(only_log(home)) == [{"_step": 0, "loss": 1.0}]


def test_nested_dicts_are_joined_by_slashes(home: Path) -> None:
    walert.log({"train": {"loss": 1.0, "acc": {"top1": 2, 5: 3}}, "a/b": 4})
    assert metrics(only_log(home)) == [{"_step": 0, "train/loss": 1.0, "train/acc/top1": 2, "train/acc/5": 3, "a/b": 4}]


def test_a_dict_within_itself_ends(home: Path) -> None:
    ring: dict[str, Any] = {"x": 1.0}
    ring["again"], ring["and"] = ring, {"again": ring}
    deep: dict[str, Any] = {"x": 2.0}
    for _ in range(2_000):
        deep = {"d": deep}
    walert.log({"ring": ring, "deep": deep})
    assert metrics(only_log(home)) == [{"_step": 0, "ring/x": 1.0}]


@pytest.mark.parametrize("name", ["_walert", "_step", "_timestamp"])
def test_walerts_own_names_are_not_for_metrics(home: Path, name: str) -> None:
    walert.log({name: {"event": "finish"}, "loss": 1.0})
    walert.log({name: 5, "loss": 2.0})
    assert metrics(only_log(home)) == [{"_step": 0, "loss": 1.0}, {"_step": 1, "loss": 2.0}]


@pytest.mark.parametrize("name", ["", "a b", 'quo"te', "back\\slash", "new\nline", "損失", "🙂", "_runtime", "\x00"])
def test_any_name_is_a_name(home: Path, name: str) -> None:
    walert.log({name: 1.0})
    assert metrics(only_log(home)) == [{"_step": 0, name: 1.0}]


def test_a_very_wide_record_is_several_lines_that_readers_take(home: Path) -> None:
    wide = {f"layer/{n:06}/{'x' * 90}": float(n) for n in range(25_000)}
    walert.log(wide, step=3)
    (path,) = logs(home)
    lines = path.read_bytes().splitlines()[1:]
    assert all(len(line) < 1 << 20 for line in lines)
    found = [json.loads(line) for line in lines]
    assert {line["_step"] for line in found} == {3}
    together = {name: value for line in found for name, value in line.items() if not name.startswith("_")}
    assert together == wide


def test_summary_holds_the_last_values_as_numbers(home: Path) -> None:
    walert.log({"loss": Tensor(2.0), "n": {"a": 1}})
    walert.log({"loss": Tensor(1.0)})
    run = walert.run
    assert run is not None
    run.summary["best"] = 0.5
    walert.log({"loss": 3})
    assert dict(run.summary) == {"loss": 3, "n/a": 1, "best": 0.5}
    assert (run.summary.loss, walert.summary["n/a"]) == (3, 1)


def test_a_time_is_unix_seconds_of_now(home: Path) -> None:
    from walert import clock

    before = clock.now()
    walert.log({"loss": 1.0})
    assert before - 0.001 <= only_log(home)[-1]["_timestamp"] <= clock.now() + 0.001
