"""What the tests against real frameworks share: a home of runs, and what was written there. Run by `make test-integrations` only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import walert

os.environ.setdefault("KERAS_BACKEND", "torch")


class Log(NamedTuple):
    """A run's log: its records of metrics and its events by kind."""

    path: Path
    metrics: list[dict[str, Any]]
    events: dict[str, list[dict[str, Any]]]

    def config(self) -> dict[str, Any]:
        """The newest configuration."""
        found: dict[str, Any] = [*self.events["start"], *self.events.get("config", [])][-1]["config"]
        return found

    def column(self, name: str) -> list[tuple[float, Any]]:
        """(step, value) of each record that holds a metric."""
        return [(m["_step"], m[name]) for m in self.metrics if name in m]


class Home:
    """A folder of runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def logs(self) -> list[Log]:
        """All logs, by path."""
        return [_read(path) for path in sorted(self.path.glob("runs/**/*.jsonl"))]

    def log(self) -> Log:
        """The only one."""
        (only,) = self.logs()
        return only


def _read(path: Path) -> Log:
    metrics: list[dict[str, Any]] = []
    events: dict[str, list[dict[str, Any]]] = {}
    for record in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        if "_walert" in record:
            events.setdefault(record["_walert"]["event"], []).append(record["_walert"])
        else:
            metrics.append(record)
    return Log(path, metrics, events)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Where `walert.init()` writes during a test; a run that is still there is ended."""
    monkeypatch.setenv("WALERT_HOME", str(tmp_path))
    yield Home(tmp_path)
    walert.finish()
