"""Lines as real files bring them: in parts, torn, endless, from many writers at once."""

import json
import os
import subprocess
import sys

import pytest
from following import append, lines, put


def test_a_partial_last_line_is_read_once_whole_however_long_it_takes(tail, log):
    """Catalogue 37: no time flushes it."""
    put(log, b'{"a": 1, ')
    tail.scan()
    for _ in range(50):
        assert tail.sweep(60.0) == []
    put(log, b'"b": 2}\n')
    assert tail.sweep() == ['{"a": 1, "b": 2}']


def test_a_partial_last_line_completed_after_a_restart_is_read_once(tail, log):
    """Catalogue 38."""
    put(log, b'{"a": 1}\n{"b": ')
    assert tail.scan() == ['{"a": 1}']
    tail.restart()
    put(log, b"2}\n")
    assert tail.scan() == ['{"b": 2}']


def test_a_partial_last_line_counts_when_its_file_is_gone_and_it_is_whole(tail, log):
    """Catalogue 39."""
    put(log, b'{"a": 1}\n{"b": 2}')
    tail.scan()
    log.unlink()
    assert tail.settle() == ['{"b": 2}']
    assert tail.batches[-1].ended


def test_a_torn_last_line_is_counted_when_its_file_is_gone(tail, log):
    """Catalogue 39."""
    put(log, b'{"a": 1}\n{"b": ')
    tail.scan()
    log.unlink()
    assert tail.settle() == []
    assert tail.flaws == ["the file ended in the middle of this line"]


def test_a_partial_last_line_of_a_renamed_file_can_still_be_completed(tail, log):
    """Catalogue 39: renamed is not gone."""
    put(log, b'{"b": ')
    tail.scan()
    log.rename(log.with_name("m.jsonl.1"))
    tail.scan()
    put(log.with_name("m.jsonl.1"), b"2}\n")
    assert tail.scan() == ['{"b": 2}']


def test_a_partial_line_that_is_cut_off_and_written_anew_is_read_once(tail, log):
    """Catalogue 38, 40."""
    put(log, b'{"a": 1}\n{"b": 12345')
    tail.scan()
    os.truncate(log, 9)
    put(log, b'{"b": 2, "c": 3}\n')
    assert tail.scan() == ['{"b": 2, "c": 3}']


def test_a_glued_line_leaves_its_neighbours_alone(tail, log):
    """Catalogue 40."""
    put(log, b'{"a": 1}\n{"b')
    tail.scan()
    append(log, ['{"c": 3}', '{"d": 4}'])
    assert tail.scan() == ['{"b{"c": 3}', '{"d": 4}']


def test_an_endless_line_is_passed_over_through_restarts_and_keeps_its_place(tail, log):
    """Catalogue 44."""
    append(log, lines(0, 1))
    put(log, b"x" * (2 << 20))
    assert tail.scan() == lines(0, 1)
    [place] = tail.saved.values()
    assert place.discarding and place.offset == log.stat().st_size
    tail.restart()
    put(log, b"x" * 100_000)
    tail.scan()
    [place] = tail.saved.values()
    assert place.discarding and place.offset == log.stat().st_size
    tail.restart()
    put(log, b"x\n")
    append(log, lines(1, 2))
    assert tail.scan() == lines(1, 2)
    assert len(tail.flaws) == 1
    assert tail.batches[-1].first_line == 3


LONG_LINES = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from following import Tail
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Tail(Path(sys.argv[2])) as tail:
    print(len(tail.read), len(tail.flaws), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("megabytes", [2, 200])
def test_long_lines_are_counted_in_bounded_memory(log, megabytes):
    """Catalogue 43: the limit is one mebibyte, whatever a writer does; measured in a process of its own."""
    append(log, lines(0, 1))
    with open(log, "ab") as file:
        for _ in range(megabytes):
            file.write(b"y" * (1 << 20))
        file.write(b"\n")
    append(log, lines(1, 2))
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    command = [sys.executable, "-c", LONG_LINES, here, str(log.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    read, flaws, grown = map(int, done.stdout.split())
    assert (read, flaws) == (2, 1)
    assert grown < 12 << 10, f"{grown} KiB more"


def test_a_line_just_within_the_limit_is_read(tail, log):
    """Catalogue 43."""
    line = json.dumps({"pad": "z" * ((1 << 20) - 11)})
    assert len(line) == 1 << 20
    append(log, [line, line + " "])
    assert tail.scan() == [line]
    assert len(tail.flaws) == 1


WRITER = """
import json, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for n in range(int(sys.argv[3])):
    line = json.dumps({"rank": int(sys.argv[2]), "n": n, "pad": "p" * (n % 5000)}) + "\\n"
    os.write(fd, line.encode())
"""
DUMPER = """
import json, sys
with open(sys.argv[1], "a", buffering=64) as file:
    for n in range(int(sys.argv[3])):
        json.dump({"rank": int(sys.argv[2]), "n": n, "pad": "p" * (n % 50)}, file)
        file.write("\\n")
"""


def together(script, log, count, tail):
    """Eight processes write while the file is followed. What was read."""
    command = [sys.executable, "-c", script, str(log)]
    writers = [subprocess.Popen([*command, str(rank), str(count)]) for rank in range(8)]
    while any(writer.poll() is None for writer in writers):
        tail.scan(0.01)
    assert [writer.wait() for writer in writers] == [0] * 8
    tail.settle()
    return tail.read


def test_eight_writers_of_whole_lines_lose_and_tear_none(tail, log):
    """Catalogue 50."""
    found = [json.loads(line) for line in together(WRITER, log, 300, tail)]
    for rank in range(8):
        assert [record["n"] for record in found if record["rank"] == rank] == list(range(300))


def test_torn_lines_of_writers_that_share_a_file_badly_are_the_only_bad_ones(tail, log):
    """Catalogue 49: what the file holds is read, no more and no less."""
    found = together(DUMPER, log, 200, tail)
    assert found == [line for line in log.read_text().split("\n") if line]
