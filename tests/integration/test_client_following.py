"""Whether a walertd follows the run: said once by `init` and the first `alert`, when none does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from training import train

from walert import paths
from walert.daemon.lock import Lock

SCRIPTS = ["import walert\nwalert.init(project='p')\nwalert.alert('T', 'x')", "import walert\nwalert.alert('T', 'x')"]


@contextmanager
def walertd(home: Path, monkeypatch: pytest.MonkeyPatch, *roots: str) -> Iterator[None]:
    """Hold the lock as walertd does."""
    monkeypatch.setenv("WALERT_HOME", str(home))
    lock = Lock(paths.lock_path())
    lock.acquire(roots)
    try:
        yield
    finally:
        lock.release()


@pytest.mark.parametrize("script", SCRIPTS)
def test_nobody_follows(tmp_path: Path, script: str) -> None:
    err = train(script, tmp_path)
    assert (
        err
        == f"walert: no walertd follows {tmp_path}/runs; alerts wait in the log until one does. Start one: walertd\n"
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_walertd_that_follows_is_nothing_to_speak_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    for root in ("runs", ".", "runs/"):
        with walertd(tmp_path, monkeypatch, "/somewhere", os.path.join(tmp_path, root)):
            assert train(script, tmp_path) == ""


def test_a_walertd_that_follows_others_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with walertd(tmp_path, monkeypatch, f"{tmp_path}/run", f"{tmp_path}/runs/other"):
        assert train(SCRIPTS[0], tmp_path).startswith(
            f"walert: walertd runs, but does not follow {tmp_path}/runs. Add it"
        )


def test_a_folder_of_the_scripts_own_is_named_in_the_command(tmp_path: Path) -> None:
    err = train(f"import walert\nwalert.init(dir='{tmp_path}/mine')", tmp_path)
    assert err.endswith(f"Start one: walertd, with {tmp_path}/mine under `watch:` in its walert.yaml\n")


def test_a_link_to_a_followed_folder_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with walertd(tmp_path, monkeypatch, f"{tmp_path}/real"):
        assert train(f"import walert\nwalert.init(dir='{tmp_path}/link')", tmp_path) == ""


def test_a_lock_left_by_a_dead_walertd_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "walert.db.lock").write_text(f"1\n{tmp_path}/runs\n")
    assert "no walertd follows" in train(SCRIPTS[0], tmp_path)


def test_only_rank_0_says_it(tmp_path: Path) -> None:
    assert train(SCRIPTS[0], tmp_path, {"RANK": "1", "WORLD_SIZE": "2"}) == ""
