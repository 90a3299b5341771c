"""A full disk, a missing folder, no descriptors, no stderr: said once, never raised, and the next line is whole."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from training import events, logs, only_log, train


def whole_lines(path: Path) -> list[dict[str, object]]:
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return found


def test_after_a_line_cut_short_the_next_one_begins_on_a_line_of_its_own(tmp_path: Path) -> None:
    script = """
import os, resource, walert
run = walert.init(project="p")
walert.log({"n": 1})
size = os.stat(run.path).st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
walert.log({"n": 2})                      # cut short
walert.log({"n": 3})                      # not a byte
walert.alert("T", "not a byte, too")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
walert.log({"n": 4})
walert.alert("T", "there is room again")
"""
    err = train(script, tmp_path)
    (path,) = logs(tmp_path)
    lines = path.read_bytes().splitlines()
    assert [n for line in whole_lines(path) if (n := line.get("n"))] == [1, 4]
    assert [json.loads(line) for line in lines[3:]] == whole_lines(path)[2:]
    assert len(lines[2]) == 20
    finish = events(whole_lines(path), "finish")[0]
    assert (finish["lost"], finish["state"]) == (3, "finished")
    assert err.count("cannot write to") == 1
    assert "3 lines of the run train could not be written" in err


def test_a_device_that_is_always_full_costs_nothing_but_the_lines(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "p" / "n-one"
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").symlink_to("/dev/full")
    script = """
import time, walert
walert.init(project="p", name="n", id="one")
for n in range(50):
    began = time.perf_counter()
    walert.alert("T", "x")
    walert.log({"n": n})
    assert time.perf_counter() - began < 0.05
"""
    err = train(script, tmp_path)
    assert err.count("No space left on device") == 1
    assert "102 lines of the run n could not be written" in err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "disk"
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(home)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield home
    subprocess.run(["umount", "-l", str(home)], check=True)


def test_a_disk_that_fills_up_and_is_freed(small_disk: Path) -> None:
    script = """
import os, walert
with open(os.environ["WALERT_HOME"] + "/ballast", "wb", buffering=0) as ballast:
    walert.init(project="p")
    try:
        while True: ballast.write(b"x" * 512)
    except OSError:
        pass
for n in range(300): walert.log({"n": n, "pad": 0.123456789})
walert.alert("T", "while it is full")
os.remove(os.environ["WALERT_HOME"] + "/ballast")
walert.alert("T", "after")
"""
    err = train(script, small_disk)
    (path,) = logs(small_disk)
    found = whole_lines(path)
    assert [a["text"] for a in events(found, "alert")] == ["after"]
    numbers = [line["n"] for line in found if "n" in line]
    assert numbers == list(range(len(numbers)))
    assert len(path.read_bytes().splitlines()) - len(found) <= 1
    assert err.count("cannot write to") == 1


@pytest.mark.parametrize(
    "home",
    ["file/below", "file", "n" * 300, "/".join(["long" * 50] * 30), "/proc/walert", "/dev/null/x"],
)
def test_a_folder_that_cannot_be_made_costs_one_line_on_stderr(tmp_path: Path, home: str) -> None:
    (tmp_path / "file").write_text("a regular file")
    script = """
import time, walert
began = time.perf_counter()
walert.init(project="p", rules=__file__)
for n in range(20):
    walert.log({"n": n})
    walert.alert("T", "x")
assert time.perf_counter() - began < 1.0, time.perf_counter() - began
walert.finish()
"""
    place = os.path.join(tmp_path, home)
    err = train(script, tmp_path, {"WALERT_HOME": place})
    assert err.count("cannot write to") == 1
    assert "42 lines of the run train could not be written" in err


def test_a_name_that_no_path_can_hold_is_no_matter(tmp_path: Path) -> None:
    err = train("import walert\nwalert.init(dir='a\\0b')\nwalert.alert('T', 'x')", tmp_path)
    assert "embedded null" in err  # byte or character, by version
    assert "Traceback" not in err


def test_a_working_directory_that_is_gone_is_no_matter(tmp_path: Path) -> None:
    script = """
import os, walert
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
walert.init(dir="here")
walert.alert("T", "x")
walert.finish()
os.environ["WALERT_HOME"] = "relative"
walert.alert("T", "x")
"""
    assert "Traceback" not in train(script, tmp_path, cwd=tmp_path)


def test_without_descriptors_it_is_said_and_with_them_it_goes_on(tmp_path: Path) -> None:
    script = """
import os, resource, walert
walert.alert, walert.AlertLevel, walert.client.api
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
held = os.open("/dev/null", os.O_RDONLY)
resource.setrlimit(resource.RLIMIT_NOFILE, (held + 1, hard))
walert.alert("T", "no descriptor")
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
walert.alert("T", "one again")
"""
    err = train(script, tmp_path)
    assert err.count("Too many open files") == 1
    assert [a["text"] for a in events(only_log(tmp_path), "alert")] == ["one again"]


@pytest.mark.parametrize(
    "silence",
    [
        "sys.stderr = None",
        "sys.stderr.close()",
        "os.close(2)",
        "sys.stderr = object()",
        "r, w = os.pipe(); os.dup2(w, 2); os.close(r); os.close(w)",
    ],
)
def test_nobody_to_tell_is_no_matter(tmp_path: Path, silence: str) -> None:
    script = f"""
import os, sys, walert
{silence}
walert.init(project="p", config={{"o": object()}})
walert.log({{"text": "x", "loss": 1.0}})
walert.alert("T", "x")
walert.Image(1)
walert.finish()
os._exit(0)
"""
    train(script, tmp_path)
    assert len(events(only_log(tmp_path), "alert")) == 1


def test_a_thread_that_cannot_be_started_costs_the_sync_only(tmp_path: Path) -> None:
    script = """
import resource, walert
walert.client.api
resource.setrlimit(resource.RLIMIT_AS, (1, 1))
walert.init(project="p")
walert.alert("T", "x")
import os
os._exit(0)
"""
    train("import walert, walert.client\n" + script, tmp_path)
    assert len(events(only_log(tmp_path), "alert")) == 1
