"""`walert silence`: what can be said, what is refused, and what is listed, beside a state file that is there."""

from __future__ import annotations

import json
import time

import pytest

from walert.cli import main
from walert.store.store import Store


@pytest.fixture
def config(tmp_path):
    """A configuration with a state file."""
    path = tmp_path / "walert.yaml"
    path.write_text('watch: [runs/]\nreceivers: {me: {url: "${SECRET}"}}\nstate: walert.db\n')
    Store.open(tmp_path / "walert.db", now=time.time()).close()
    return path


@pytest.fixture
def silence(config, capsys):
    """Calls the command; exit code, standard output and error."""

    def call(*arguments):
        try:
            code = main(["silence", "--config", str(config), *arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def listed(silence, *arguments):
    return [json.loads(line) for line in silence("list", "--json", *arguments)[1].splitlines()]


def test_what_was_added_is_listed_until_it_is_over(silence):
    before = time.time()
    code, out, _ = silence(
        "add", "--title", "Low*", "--run", "r-*", "--project", "v", "--level", "warn", "--for", "2h", "--comment", "why"
    )
    assert (code, out) == (0, "silence 1: title Low*, run r-*, project v, WARN and below: ends in 2h\n")
    (row,) = listed(silence)
    assert (row["title"], row["run"], row["project"], row["level"], row["comment"]) == (
        "Low*",
        "r-*",
        "v",
        "WARN",
        "why",
    )
    assert before + 7200 <= row["ends"] <= time.time() + 7200
    table = silence("list")[1].splitlines()
    assert table[0].split() == ["id", "state", "ends", "silences", "held", "comment"]
    assert table[1].split()[:2] == ["1", "active"]
    assert silence("expire", "1")[:2] == (
        0,
        "silence 1: title Low*, run r-*, project v, WARN and below: over (0s ago)\n",
    )
    assert silence("list")[1] == "no silences\n"
    assert silence("list", "--all")[1].splitlines()[1].split()[:2] == ["1", "over"]


def test_extending_lets_it_last_so_much_longer(silence):
    silence("add", "--title", "Low*", "--for", "1h")
    (before,) = listed(silence)
    code, out, _ = silence("extend", "1", "--for", "30m", "--json")
    assert (code, json.loads(out)["ends"]) == (0, before["ends"] + 1800)
    silence("expire", "1")
    now = time.time()
    assert silence("extend", "--for", "1h", "1")[0] == 0
    assert now + 3600 <= listed(silence)[0]["ends"] <= time.time() + 3600


def test_the_configuration_may_be_named_after_the_action(config, capsys):
    assert main(["silence", "add", "--config", str(config), "--level", "INFO", "--for", "1h"]) == 0
    assert "silence 1: INFO: ends in 1h" in capsys.readouterr().out.replace("59m59s", "1h")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["add", "--for", "2h"], 2, "say what, by --title"),
        (["add", "--title", "", "--for", "2h"], 2, "--title is empty"),
        (["add", "--title", "x"], 2, "--for"),
        (["add", "--title", "x", "--for", "soon"], 2, "no duration"),
        (["add", "--title", "x", "--for", "0"], 2, "lasts longer than nothing"),
        (["add", "--title", "x", "--for=-1h"], 2, "cannot be negative"),
        (["add", "--level", "LOUD", "--for", "2h"], 2, "INFO, WARN or ERROR"),
        (["add", "--title", "x", "--for", "2h", "--comment", "x" * 1_001], 2, "at most 1,000"),
        (["extend", "7", "--for", "1h"], 1, "no silence 7"),
        (["expire", "7"], 1, "no silence 7"),
        (["expire", "x"], 2, "no silence's number"),
        (["extend", "1"], 2, "--for"),
        (["begin"], 2, "begin"),
    ],
)
def test_what_cannot_be_done_is_told(silence, arguments, code, says):
    found, _, err = silence(*arguments)
    assert (found, says in err) == (code, True), err
    assert listed(silence, "--all") == []


def test_without_a_state_file_it_says_what_to_start(tmp_path, capsys):
    path = tmp_path / "walert.yaml"
    path.write_text("watch: [runs/]\nstate: none.db\n")
    for arguments in (["add", "--title", "x", "--for", "1h"], ["list"], ["expire", "1"]):
        assert main(["silence", "--config", str(path), *arguments]) == 3
        assert "start walertd first" in capsys.readouterr().err
