"""A log that changes while it is being read, by processes that know nothing of walert."""

import json
import subprocess
import sys

import pytest
from following import Tail

SECONDS = "1.5"

REWRITER = """
import json, os, random, sys, time
path, end, n, dice = sys.argv[1], time.monotonic() + float(sys.argv[2]), 0, random.Random(1)
while time.monotonic() < end:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    for _ in range(dice.randint(1, 400)):
        n += 1
        os.write(fd, json.dumps({"n": n, "pad": "x" * dice.randint(0, 60)}).encode() + b"\\n")
    os.close(fd)
"""

ROTATOR = """
import json, os, random, sys, time
path, end, n, dice = sys.argv[1], time.monotonic() + float(sys.argv[2]), 0, random.Random(2)
while time.monotonic() < end:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(dice.randint(1, 200)):
        n += 1
        os.write(fd, json.dumps({"n": n, "pad": "x" * dice.randint(0, 60)}).encode() + b"\\n")
    os.close(fd)
    os.rename(path, f"{path}.{n % 9999}")
    time.sleep(0.002)
"""


def followed(tmp_path, program):
    """The numbers read while the program ran and after, as (all, those at the end in files)."""
    folder = tmp_path / "runs"
    folder.mkdir()
    log = folder / "m.jsonl"
    with Tail(folder) as tail, subprocess.Popen([sys.executable, "-c", program, str(log), SECONDS]) as writer:
        while writer.poll() is None:
            tail.clock.seconds += 0.5
            tail.follower.scan()
            for _ in range(20):
                tail.hint(log)
        assert writer.returncode == 0
        tail.settle()
    there = [json.loads(line)["n"] for path in folder.iterdir() for line in path.read_text().splitlines()]
    return [json.loads(line)["n"] for line in tail.read], there


@pytest.mark.parametrize("program", [REWRITER, ROTATOR], ids=["rewriter", "rotator"])
def test_no_line_is_torn_or_read_twice_and_none_that_is_there_is_missing(tmp_path, program):
    """Catalogue 8, 15: a truncation may fall between the look and the read."""
    read, there = followed(tmp_path, program)
    assert len(read) == len(set(read))
    assert set(there) <= set(read)
