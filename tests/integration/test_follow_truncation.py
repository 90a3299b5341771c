"""Logs that are cut, overwritten and copied: what is new is read once, what was destroyed unread is counted."""

import mmap
import os
import shutil

import pytest
from following import append, lines, put


def test_a_truncated_file_is_read_from_its_start_and_the_lost_bytes_are_counted(tail, log):
    """Catalogue 14."""
    append(log, lines(0, 10))
    tail.scan()
    os.truncate(log, 0)
    append(log, lines(10, 12))
    assert tail.settle() == lines(10, 12)
    assert len(tail.told("rewritten")) == 1


@pytest.mark.parametrize("running", [True, False])
def test_a_file_truncated_and_grown_past_the_old_place_is_read_from_its_start(tail, log, running):
    """Catalogue 15, 16: `tail -F` loses lines here."""
    append(log, lines(0, 10))
    tail.scan()
    if not running:
        tail.stop()
    os.truncate(log, 0)
    append(log, lines(10, 160))
    assert (tail.sweep() if running else tail.start()) == lines(10, 160)
    assert tail.flaws == []


def test_a_file_rewritten_to_the_very_same_size_is_noticed(tail, log):
    """Catalogue 15: fixed formats make files of equal size."""
    append(log, ['{"n": 1, "a": 1}', '{"n": 2, "a": 1}'])
    tail.scan()
    log.write_bytes(b'{"n": 3, "a": 1}\n{"n": 4, "a": 1}\n')
    os.utime(log, (2_000_000_000, 2_000_000_000))
    assert tail.scan() == ['{"n": 3, "a": 1}', '{"n": 4, "a": 1}']


def test_a_file_cut_to_where_a_training_resumes_goes_on_from_there(tail, log):
    """Catalogue 17: the rule is to read on from the last place before the cut that is proven; such places are the ends of earlier reads."""
    for n in range(40):
        append(log, lines(n, n + 1))
        tail.hint(log)
    size = sum(len(line) + 1 for line in lines(0, 38))
    os.truncate(log, size)
    append(log, lines(100, 103))
    assert tail.sweep() == lines(100, 103)
    assert tail.batches[-1].first_line == 39


def test_a_file_cut_between_two_reads_repeats_lines_but_loses_none(tail, log):
    """Catalogue 17: the bound is the lines since the last proven place."""
    append(log, lines(0, 20))
    tail.scan()
    append(log, lines(20, 30))
    tail.scan()
    os.truncate(log, sum(len(line) + 1 for line in lines(0, 25)))
    append(log, lines(100, 103))
    assert tail.settle() == lines(20, 25) + lines(100, 103)


def test_a_cut_file_that_does_not_grow_is_not_read_twice_after_a_restart(tail, log):
    """Catalogue 17."""
    for n in range(10):
        append(log, lines(n, n + 1))
        tail.hint(log)
    os.truncate(log, sum(len(line) + 1 for line in lines(0, 9)))
    assert tail.sweep() == []
    assert tail.restart() == []
    append(log, lines(50, 51))
    assert tail.sweep() == lines(50, 51)


def test_an_edit_far_before_the_place_is_not_read(tail, log):
    """Catalogue 18."""
    append(log, lines(0, 60))
    tail.scan()
    with open(log, "r+b") as file:
        file.seek(700)
        file.write(b"#")
    append(log, lines(60, 62))
    assert tail.scan() == lines(60, 62)


def test_an_edit_just_before_the_place_is_a_rewrite(tail, log):
    """Catalogue 18: read again from the last proven place, and told."""
    append(log, lines(0, 60))
    tail.scan()
    append(log, lines(60, 61))
    tail.scan()
    data = log.read_bytes()
    log.write_bytes(data[:-20] + b"!" + data[-19:])
    append(log, lines(61, 63))
    assert tail.scan()[1:] == lines(61, 63)
    assert len(tail.told("rewritten")) == 1


def test_copytruncate_inside_the_folder_reads_unread_lines_from_the_copy(tail, log):
    """Catalogue 19."""
    append(log, lines(0, 5))
    tail.scan()
    append(log, lines(5, 9))
    shutil.copy(log, log.with_name("m.jsonl.1"))
    os.truncate(log, 0)
    append(log, lines(9, 11))
    assert sorted(tail.settle()) == sorted(lines(5, 11))


def test_copytruncate_out_of_the_folder_loses_what_was_not_read_and_counts_it(tail, log):
    """Catalogue 20: nobody can read what is gone."""
    append(log, lines(0, 5))
    tail.scan()
    append(log, lines(5, 9))
    tail.follower.mark_dirty([str(log)])
    for batch in tail.follower.read(budget=10):
        tail.saved[batch.checkpoint.stream] = batch.checkpoint
    shutil.copy(log, log.parent.parent / "m.jsonl.1")
    os.truncate(log, 0)
    append(log, lines(9, 11))
    assert tail.settle() == lines(9, 11)
    assert tail.follower.status().lost > 0
    assert tail.flaws == ["bytes that were gone before they were read"]


def test_a_look_between_the_copy_and_the_truncation_doubles_nothing(tail, log):
    """Catalogue 21: the copy waits for one sweep."""
    append(log, lines(0, 50))
    tail.scan()
    shutil.copy(log, log.with_name("m.jsonl.1"))
    assert tail.scan(0.5) == []
    os.truncate(log, 0)
    append(log, lines(50, 52))
    assert tail.settle() == lines(50, 52)


def test_a_writer_that_does_not_append_leaves_a_hole_that_is_passed_over(tail, log):
    """Catalogue 22."""
    with open(log, "wb", buffering=0) as writer:
        writer.write(("\n".join(lines(0, 500)) + "\n").encode())
        tail.scan()
        os.truncate(log, 0)
        writer.write((lines(500, 501)[0] + "\n").encode())
        assert tail.settle() == lines(500, 501)
        writer.write((lines(501, 502)[0] + "\n").encode())
        assert tail.sweep() == lines(501, 502)


def test_a_hole_of_a_terabyte_takes_no_time(tail, log):
    """Catalogue 22."""
    append(log, lines(0, 1))
    with open(log, "r+b", buffering=0) as writer:
        writer.seek(1 << 40)
        writer.write((lines(1, 2)[0] + "\n").encode())
    assert tail.scan() == lines(0, 2)


def test_an_atomic_replacement_by_a_longer_copy_goes_on(tail, log):
    """Catalogue 23: rsync, editors, loggers that write the whole file each time."""
    append(log, lines(0, 100))
    tail.scan()
    new = log.parent / ".m.jsonl.tmp"
    shutil.copy(log, new)
    append(new, lines(100, 103))
    os.replace(new, log)
    assert tail.settle() == lines(100, 103)
    assert len(tail.saved) == 1


def test_an_atomic_replacement_by_another_file_is_read_from_its_start(tail, log):
    """Catalogue 24."""
    append(log, lines(0, 10))
    tail.scan()
    new = log.parent / ".m.jsonl.tmp"
    append(new, lines(10, 40))
    os.replace(new, log)
    assert tail.settle() == lines(10, 40)


def test_an_overwrite_in_place_by_a_longer_copy_reads_what_is_new(tail, log):
    """Catalogue 25: `rsync --inplace`, `scp` over it."""
    append(log, lines(0, 10))
    tail.scan()
    log.write_bytes(("\n".join(lines(0, 14)) + "\n").encode())
    assert tail.sweep() == lines(10, 14)


def test_an_older_state_restored_from_a_backup_is_not_read_again(tail, log):
    """Catalogue 35."""
    append(log, lines(0, 10))
    tail.scan()
    shutil.copy(log, log.parent.parent / "backup")
    append(log, lines(10, 14))
    tail.scan()
    os.replace(log.parent.parent / "backup", log)
    assert tail.settle() == []
    append(log, lines(20, 22))
    assert tail.settle() == lines(20, 22)


def test_other_content_restored_from_a_backup_is_read(tail, log):
    """Catalogue 35."""
    append(log, lines(0, 10))
    tail.scan()
    log.unlink()
    append(log, lines(30, 33))
    assert tail.settle() == lines(30, 33)


def test_space_made_before_it_is_written_is_waited_for(tail, log):
    """Catalogue 63: a writer that maps the file: it grows first, and is filled later, without an event."""
    append(log, lines(0, 1))
    tail.scan()
    start = log.stat().st_size
    os.truncate(log, start + 4096)
    assert tail.sweep() == []
    line = (lines(1, 2)[0] + "\n").encode()
    with open(log, "r+b") as file:
        file.seek(start)
        file.write(line)
    assert tail.sweep() == lines(1, 2)
    with open(log, "r+b") as file:
        file.seek(start + len(line))
        file.write((lines(2, 3)[0] + "\n").encode())
    assert tail.sweep() == lines(2, 3)


def test_a_map_of_a_file_is_read_at_the_next_sweep(tail, log):
    """Catalogue 63: no event tells of it."""

    put(log, bytes(mmap.PAGESIZE))
    tail.scan()
    with open(log, "r+b") as file, mmap.mmap(file.fileno(), mmap.PAGESIZE) as space:
        line = (lines(0, 1)[0] + "\n").encode()
        space[: len(line)] = line
        assert tail.sweep() == lines(0, 1)
