"""Copies beside the log they were made of: under way, overtaken, heard while they are empty; and logs that are written anew in place."""

import os
import shutil

import pytest
from following import append, lines, put


def test_a_copy_that_is_heard_while_it_is_empty_is_still_a_copy(tail, log):
    """Catalogue 21: the kernel tells of a file when it is made, not when it is written."""
    append(log, lines(0, 50))
    tail.scan()
    copy = log.with_name("m.jsonl.1")
    copy.touch()
    assert tail.hint(copy) == []
    shutil.copy(log, copy)
    assert tail.hint(copy) == []
    os.truncate(log, 0)
    append(log, lines(50, 60))
    assert tail.hint(log, copy) + tail.settle() == lines(50, 60)


def test_lines_read_between_the_copy_and_the_truncation_double_nothing(tail, log):
    """Catalogue 21: the copy holds less than was read by then."""
    append(log, lines(0, 50))
    tail.scan()
    copy = log.with_name("m.jsonl.1")
    shutil.copy(log, copy)
    tail.hint(copy)
    append(log, lines(50, 60))
    assert tail.hint(log) == lines(50, 60)
    os.truncate(log, 0)
    append(log, lines(60, 70))
    assert tail.settle() == lines(60, 70)
    append(copy, lines(70, 71))
    assert tail.settle() == lines(70, 71)
    assert tail.batches[-1].first_line == 51


def test_a_copy_found_after_the_truncation_is_known_by_what_was_read_before(tail, log):
    """Catalogue 21, without events: the sweep sees the log, only a scan would see the copy."""
    append(log, lines(0, 30))
    tail.scan()
    append(log, lines(30, 50))
    tail.sweep()
    shutil.copy(log, log.with_name("m.jsonl.1"))
    append(log, lines(50, 60))
    assert tail.sweep() == lines(50, 60)
    os.truncate(log, 0)
    append(log, lines(60, 62))
    assert tail.sweep() + tail.settle() == lines(60, 62)


def test_a_copy_that_takes_long_is_waited_for(tail, log):
    """Catalogue 21: a gigabyte takes seconds, and each look finds a longer beginning of the same log."""
    append(log, lines(0, 5000))
    tail.scan()
    copy, data = log.with_name("m.jsonl.1"), log.read_bytes()
    for start in range(0, len(data), 20_000):
        put(copy, data[start : start + 20_000])
        assert tail.scan() == []
    os.truncate(log, 0)
    append(log, lines(5000, 5010))
    assert tail.settle() == lines(5000, 5010)


def test_a_run_that_begins_like_another_is_read_as_soon_as_it_differs(tail, log):
    """Catalogue 26: one configuration and one seed, started later; the other goes on."""
    same = lines(0, 300)
    append(log, same)
    tail.scan()
    other = log.with_name("m-other.jsonl")
    append(other, same[:100])
    tail.scan()
    append(other, lines(1000, 1001))
    assert tail.scan() == [*same[:100], *lines(1000, 1001)]


def test_a_run_that_repeats_another_for_ever_is_read_after_a_minute(tail, log):
    """Catalogue 26: from the outside it looks like a copy that is under way."""
    same = lines(0, 3000)
    append(log, same)
    tail.scan()
    other, got = log.with_name("m-other.jsonl"), []
    for n in range(0, 400, 10):
        append(other, same[n : n + 10])
        got += tail.scan()
    assert got == same[:400]


@pytest.mark.parametrize("part", [0, 700])
def test_a_log_that_is_written_anew_in_place_goes_on(tail, log, part):
    """As `to_csv` does after every epoch: a look between the truncation and the last byte finds less than was read before."""
    append(log, lines(0, 100))
    tail.scan()
    data = log.read_bytes()
    log.write_bytes(data[:part])
    assert tail.hint(log) == []
    assert tail.follower.holding()
    put(log, data[part:])
    append(log, lines(100, 101))
    assert tail.hint(log) + tail.settle() == lines(100, 101)
    assert len(tail.saved) == 1


def test_a_shorter_log_that_begins_otherwise_is_not_waited_for(tail, log):
    """Catalogue 14: its first bytes tell."""
    append(log, lines(0, 100))
    tail.scan()
    os.truncate(log, 0)
    append(log, lines(500, 520))
    assert tail.hint(log) == lines(500, 520)


def test_the_copy_goes_on_as_the_stream_that_it_holds_the_rest_of(tail, log):
    """Catalogue 19: and the truncated file does not claim to have replaced it, or its state would be dropped."""
    append(log, lines(0, 50))
    tail.scan()
    [former] = tail.saved
    tail.stop()
    append(log, lines(50, 60))
    shutil.copy(log, log.with_name("m.jsonl.1"))
    os.truncate(log, 0)
    append(log, lines(60, 65))
    assert sorted(tail.start() + tail.settle()) == sorted(lines(50, 65))
    rest = [batch for batch in tail.batches if batch.path.endswith(".1")]
    assert {batch.checkpoint.stream for batch in rest} == {former}
    assert [batch.replaces for batch in tail.batches if batch.replaces] == []


def test_where_an_overtaken_log_goes_on_is_committed(tail, log):
    """A stop right after it would read the copy again."""
    append(log, lines(0, 50))
    tail.scan()
    copy = log.with_name("m.jsonl.1")
    shutil.copy(log, copy)
    tail.hint(copy)
    append(log, lines(50, 60))
    tail.hint(log)
    os.truncate(log, 0)
    assert tail.hint(log) + tail.sweep() + tail.sweep() == []
    assert tail.restart() + tail.settle() == []


def test_a_log_that_was_replaced_unseen_is_called_by_its_own_name(tail, log):
    """The sweep sees that the open file is shorter before the scan sees that its name leads elsewhere."""
    append(log, lines(0, 5))
    tail.scan()
    shutil.copy(log, log.with_name("m-1.jsonl"))
    os.truncate(log, 0)
    log.with_name("latest.jsonl").symlink_to("m.jsonl")
    new = log.parent.parent / "new"
    append(new, lines(5, 8))
    os.replace(new, log)
    assert tail.sweep() + tail.settle() == lines(5, 8)
    assert [batch.path for batch in tail.batches if batch.lines][-1] == str(log)
