"""The progress bar: on a terminal only, without escape sequences, and gone at the end."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from walert.cli.progress import Bar
with Bar("replay", 200, on=sys.argv[1] == "on") as bar:
    for _ in range(4):
        bar.add(50)
        bar.clear()
"""


def shown(on: str, **environ: str) -> bytes:
    """What a terminal on stderr sees of it."""
    ours, theirs = pty.openpty()
    try:
        env = {"TERM": "xterm", "COLUMNS": "80", **os.environ, **environ}
        subprocess.run([sys.executable, "-c", PROGRAM, on], stderr=theirs, env=env, check=True)
        os.close(theirs)
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # Linux: nothing is left and nobody writes
                return seen
            if not chunk:
                return seen
            seen += chunk
    finally:
        os.close(ours)


def test_a_terminal_sees_it_grow_and_go() -> None:
    seen = shown("on", TERM="xterm", NO_COLOR="1").decode()
    assert [share for share in ("25%", "50%", "75%", "100%") if share in seen] == ["25%", "50%", "75%", "100%"]
    assert "\x1b" not in seen
    assert seen.endswith(" \r")


@pytest.mark.parametrize(("on", "term"), [("off", "xterm"), ("on", "dumb")])
def test_it_is_silent_when_it_should_be(on: str, term: str) -> None:
    assert shown(on, TERM=term) == b""


def test_a_pipe_sees_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, "on"], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
