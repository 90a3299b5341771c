"""`walert demo`: a real training run, followed, judged and delivered; bounded, and nothing left but its folder."""

import os
import subprocess
from pathlib import Path

from daemons import WALERT

from walert.cli import main


def demo_processes(folder):
    """Processes that still know the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in command:
            found.append(command)
    return found


def test_the_demo_shows_the_whole_way_and_leaves_nothing_but_its_folder(tmp_path):
    home, folder, scratch = (tmp_path / name for name in ("home", "demo", "tmp"))
    home.mkdir()
    scratch.mkdir()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("WALERT_")}
    environ |= {"HOME": str(home), "TMPDIR": str(scratch), "XDG_STATE_HOME": "", "XDG_DATA_HOME": "", "NO_COLOR": "1"}
    done = subprocess.run(
        [*WALERT, "demo", "--dir", str(folder)], cwd=home, env=environ, capture_output=True, text=True, timeout=60, encoding="utf-8"
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("=> pending", "=> firing", "Subject: [ERROR]", "suppressed", "Run finished", "walert replay"):
        assert words in done.stdout, words
    assert "\x1b" not in done.stdout and "Traceback" not in done.stdout + done.stderr
    assert list(home.iterdir()) == [] and list(scratch.iterdir()) == []
    assert {path.name for path in folder.iterdir()} >= {"runs", "rules", "mailbox", "walert.yaml"}
    assert demo_processes(folder) == []


def test_the_demo_overwrites_nothing(tmp_path, capsys):
    (tmp_path / "walert.yaml").write_text("mine")
    assert main(["demo", "--dir", str(tmp_path)]) == 2
    assert "is not empty: name an empty or new folder" in capsys.readouterr().err
    assert (tmp_path / "walert.yaml").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
    assert main(["demo", "--dir", str(tmp_path / "walert.yaml")]) == 2
