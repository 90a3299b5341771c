"""Whether a walertd follows the run: said once by `init` and the first `alert`, when none does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from training import train

from walert.config import read_config
from walert.daemon.presence import Presence

SCRIPTS = ["import walert\nwalert.init(project='p')\nwalert.alert('T', 'x')", "import walert\nwalert.alert('T', 'x')"]


@contextmanager
def walertd(home: Path, monkeypatch: pytest.MonkeyPatch, *roots: str, state: str = "walert.db") -> Iterator[None]:
    """Be there as walertd is."""
    monkeypatch.setenv("WALERT_HOME", str(home))
    config, problems = read_config(
        f"watch: {json.dumps(roots)}\nstate: {state}\n", str(home / "walert.yaml"), os.environ
    )
    assert config is not None, problems
    presence = Presence(config.state, os.environ)
    presence.enter(config)
    try:
        yield
    finally:
        presence.leave()


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


@pytest.mark.parametrize("state", ["elsewhere/deep/w.db", "/proc/self/cwd/w.db"])
def test_a_walertd_is_seen_wherever_its_state_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    monkeypatch.chdir(tmp_path)
    with walertd(tmp_path, monkeypatch, "runs", state=state):
        assert train(SCRIPTS[0], tmp_path) == ""
    assert "no walertd follows" in train(SCRIPTS[0], tmp_path)
    assert os.listdir(tmp_path / "running") == []


def test_one_of_several_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        walertd(tmp_path, monkeypatch, "other"),
        walertd(tmp_path, monkeypatch, "runs", state="b.db"),
        walertd(tmp_path, monkeypatch, "third", state="c.db"),
    ):
        assert train(SCRIPTS[0], tmp_path) == ""


def test_the_configuration_that_lacks_the_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with walertd(tmp_path, monkeypatch, "other", state="elsewhere/w.db"):
        assert f"Add it to `watch:` in {tmp_path}/walert.yaml, then" in train(SCRIPTS[0], tmp_path)


@pytest.mark.parametrize("glob", ["runs/*/metrics.jsonl", "run[s]/", "r*/**/*.jsonl"])
def test_a_glob_above_the_folder_may_follow_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glob: str) -> None:
    with walertd(tmp_path, monkeypatch, glob):
        assert train(SCRIPTS[0], tmp_path) == ""


def test_a_walertd_of_another_home_is_seen_through_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "session"))
    with walertd(tmp_path / "theirs", monkeypatch, str(tmp_path / "mine" / "runs")):
        assert train(SCRIPTS[0], tmp_path / "mine") == ""
        assert "no walertd follows" in train(SCRIPTS[0], tmp_path / "third")


def test_a_folder_is_known_under_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, where a path of the host means nothing."""
    (tmp_path / "runs").mkdir()
    with walertd(tmp_path, monkeypatch, "runs", state="b.db"):
        (entry,) = (tmp_path / "running").iterdir()
        with open(entry, "r+") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace(f"{tmp_path}/runs", f"{tmp_path}/RUNS"))
        assert train(SCRIPTS[0], tmp_path) == ""


@pytest.mark.parametrize("content", ["", "1\n", "1\nno json\n", "1\n[]\n", '1\n{"roots": [1, ["x"]]}\n', "1\n{}\n"])
def test_a_registry_of_nonsense_says_nothing_of_who_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    with walertd(tmp_path, monkeypatch, "runs", state="b.db"):
        (entry,) = (tmp_path / "running").iterdir()
        entry.write_text(content)
        assert "does not follow" in train(SCRIPTS[0], tmp_path)


def test_a_lock_left_by_a_dead_walertd_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "walert.db.lock").write_text(f"1\n{tmp_path}/runs\n")
    assert "no walertd follows" in train(SCRIPTS[0], tmp_path)


def test_only_rank_0_says_it(tmp_path: Path) -> None:
    assert train(SCRIPTS[0], tmp_path, {"RANK": "1", "WORLD_SIZE": "2"}) == ""
