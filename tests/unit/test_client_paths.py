"""Where things are, by the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from walert import paths
from walert.clock import Clock, SystemClock, monotonic, now


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WALERT_HOME", "WALERT_CONFIG", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ada")


def test_without_settings_everything_is_below_the_home_folder() -> None:
    assert paths.home() == "/home/ada/.local/share/walert"
    assert paths.runs_dir() == "/home/ada/.local/share/walert/runs"
    assert paths.state_path() == "/home/ada/.local/state/walert/walert.db"
    assert paths.lock_path() == "/home/ada/.local/state/walert/walert.db.lock"
    assert paths.config_candidates() == (
        "walert.yaml",
        "/home/ada/.config/walert/walert.yaml",
        "/etc/walert/walert.yaml",
    )


def test_a_user_without_a_home_gets_no_folder_named_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "~")
    assert paths.runs_dir() == f"/tmp/walert-{os.getuid()}/.local/share/walert/runs"
    assert paths.config_candidates()[1] == f"/tmp/walert-{os.getuid()}/.config/walert/walert.yaml"


def test_walert_home_holds_runs_and_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.setenv("WALERT_HOME", "~/w/")
    assert paths.runs_dir() == "/home/ada/w/runs"
    assert paths.state_path() == "/home/ada/w/walert.db"


def test_a_relative_walert_home_is_below_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALERT_HOME", "w")
    assert paths.home() == os.path.join(os.getcwd(), "w")


def test_the_xdg_folders_are_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", f"/{kind}")
    assert paths.home() == "/DATA/walert"
    assert paths.state_path() == "/STATE/walert/walert.db"
    assert paths.config_candidates()[1] == "/CONFIG/walert/walert.yaml"


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_a_relative_xdg_folder_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", value)
    assert paths.home() == "/home/ada/.local/share/walert"


def test_the_clock_gives_unix_seconds_and_seconds_that_never_go_back() -> None:
    clock: Clock = SystemClock()
    assert now() <= clock.now() <= now()
    assert monotonic() <= clock.monotonic() <= monotonic()
    assert clock.now() > 1_700_000_000
