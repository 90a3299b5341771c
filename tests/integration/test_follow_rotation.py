"""Logs that are renamed, replaced and made anew: each line once, whatever its file is called by then."""

import dataclasses
import gzip
import os
import shutil

import pytest
from following import Tail, append, lines

from walert.model import Source


def test_lines_appended_while_running_are_read_at_the_hint(tail, log):
    """Catalogue 1."""
    append(log, lines(0, 3))
    assert tail.hint(log) == lines(0, 3)
    append(log, lines(3, 5))
    assert tail.hint(log) == lines(3, 5)


def test_lines_appended_while_stopped_are_read_after_the_start(tail, log):
    """Catalogue 2."""
    append(log, lines(0, 3))
    tail.scan()
    tail.stop()
    append(log, lines(3, 6))
    assert tail.start() == lines(3, 6)
    assert tail.restart() == []


def test_a_rename_with_a_new_file_in_its_place_reads_both(tail, log):
    """Catalogue 3."""
    append(log, lines(0, 3))
    tail.scan()
    append(log, lines(3, 5))
    log.rename(log.with_name("m.jsonl.1"))
    append(log, lines(5, 7))
    assert sorted(tail.sweep() + tail.settle()) == sorted(lines(3, 7))


def test_late_writes_into_a_renamed_file_are_read_as_long_as_it_is_held(tail, log):
    """Catalogue 4."""
    append(log, lines(0, 3))
    tail.scan()
    away = log.parent.parent / "away.jsonl"
    log.rename(away)
    for n in range(3, 20):
        append(away, lines(n, n + 1))
        assert tail.scan(30.0) == lines(n, n + 1)


def test_a_renamed_file_is_let_go_after_the_wait_and_known_again_when_it_returns(tail, log):
    """Catalogue 4."""
    append(log, lines(0, 3))
    tail.scan()
    away = log.parent.parent / "away.jsonl"
    log.rename(away)
    tail.scan()
    tail.scan(601.0)
    assert tail.batches[-1].ended
    tail.sweep()
    assert tail.follower.status().open == 0
    append(away, lines(3, 4))
    away.rename(log)
    assert tail.scan() == lines(3, 4)


def test_a_rename_out_of_the_folder_loses_nothing_that_was_written_before(tail, log):
    """Catalogue 5."""
    append(log, lines(0, 3))
    tail.scan()
    append(log, lines(3, 5))
    log.rename(log.parent.parent / "away.jsonl")
    assert tail.scan() == lines(3, 5)


def test_a_file_that_takes_the_place_of_one_that_vanished_while_stopped_is_told(tail, log):
    """Catalogue 5: the rest of the old one cannot be read, so that it is said."""
    append(log, lines(0, 3))
    tail.scan()
    tail.stop()
    append(log, lines(3, 5))
    log.rename(log.parent.parent / "away.jsonl")
    append(log, lines(5, 7))
    assert tail.start() == lines(5, 7)
    [notice] = tail.told("replaced")
    assert "read to line 3" in notice.text
    assert tail.follower.status().replaced == 1


def test_a_rename_while_stopped_reads_the_unread_lines_under_the_new_name(tail, log):
    """Catalogue 6."""
    append(log, lines(0, 10))
    tail.scan()
    tail.stop()
    append(log, lines(10, 30))
    log.rename(log.with_name("m.jsonl.1"))
    append(log, lines(30, 33))
    assert sorted(tail.start()) == sorted(lines(10, 33))


@pytest.mark.parametrize("times", [2, 3])
def test_several_rotations_while_stopped_read_all_that_is_still_there(tail, log, times):
    """Catalogue 7."""
    append(log, lines(0, 10))
    tail.scan()
    tail.stop()
    append(log, lines(10, 15))
    for rotation in range(times):
        for number in range(rotation, 0, -1):
            log.with_name(f"m.jsonl.{number}").rename(log.with_name(f"m.jsonl.{number + 1}"))
        log.rename(log.with_name("m.jsonl.1"))
        append(log, lines(15 + rotation * 5, 20 + rotation * 5))
    assert sorted(tail.start()) == sorted(lines(10, 15 + times * 5))
    assert tail.settle() == []


def test_two_rotations_between_two_looks_read_all_three_files(tail, log):
    """Catalogue 8."""
    append(log, lines(0, 3))
    tail.scan()
    append(log, lines(3, 5))
    log.rename(log.with_name("m.jsonl.1"))
    append(log, lines(5, 8))
    log.with_name("m.jsonl.1").rename(log.with_name("m.jsonl.2"))
    log.rename(log.with_name("m.jsonl.1"))
    append(log, lines(8, 11))
    assert sorted(tail.settle()) == sorted(lines(3, 11))


def rotate_and_compress(log):
    old = log.with_name("m.jsonl.1")
    log.rename(old)
    with open(old, "rb") as plain, gzip.open(f"{old}.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    old.unlink()


def test_rotation_with_compression_while_running_reads_the_rest_of_the_removed_file(tail, log):
    """Catalogue 9: the new file may get the inode of the old one."""
    append(log, lines(0, 5))
    tail.scan()
    append(log, lines(5, 8))
    rotate_and_compress(log)
    append(log, lines(8, 12))
    assert sorted(tail.settle()) == sorted(lines(5, 12))
    assert tail.flaws == []


def test_rotation_with_compression_while_stopped_begins_the_new_file_at_its_start(tail, log):
    """Catalogue 10."""
    append(log, lines(0, 5))
    tail.scan()
    tail.stop()
    append(log, lines(5, 8))
    rotate_and_compress(log)
    append(log, lines(8, 40))
    assert tail.start() == lines(8, 40)
    assert len(tail.told("replaced")) == 1


@pytest.mark.parametrize("count", [1, 4, 200])
@pytest.mark.parametrize("running", [True, False])
def test_a_file_deleted_and_made_anew_is_read_from_its_start(tail, log, count, running):
    """Catalogue 11, 12: shorter or longer than the old one, most often with its inode."""
    append(log, lines(0, 20))
    tail.scan()
    if not running:
        tail.stop()
    log.unlink()
    append(log, lines(20, 20 + count))
    found = tail.settle() if running else tail.start()
    assert found == lines(20, 20 + count)


def test_an_identical_beginning_counts_as_the_same_log(tail, log):
    """Catalogue 13: a deterministic run that begins again; identical lines are not judged again."""
    append(log, lines(0, 50))
    tail.scan()
    log.unlink()
    append(log, lines(0, 53))
    assert tail.settle() == lines(50, 53)


def test_an_identical_beginning_in_another_folder_is_another_run(tail, log):
    """Catalogue 13, 26: the first line of two runs is often the same."""
    append(log, lines(0, 1))
    tail.scan()
    log.unlink()
    other = log.parent / "second" / "m.jsonl"
    other.parent.mkdir()
    append(other, lines(0, 4))
    assert tail.settle() == lines(0, 4)


def test_an_identical_beginning_under_another_run_s_name_is_another_run(tail, log):
    """Catalogue 13, 26: one file a run, the runs in one folder, and the inode is given again."""
    first, second = log.with_name("run-1.jsonl"), log.with_name("run-2.jsonl")
    append(first, lines(0, 1))
    tail.scan()
    first.unlink()
    append(second, lines(0, 4))
    assert tail.settle() == lines(0, 4)


def test_a_file_moved_between_two_watched_folders_keeps_its_place(tmp_path):
    """Catalogue 31."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with Tail(one, two) as tail:
        append(one / "m.jsonl", lines(0, 4))
        tail.scan()
        (one / "m.jsonl").rename(two / "renamed.jsonl")
        append(two / "renamed.jsonl", lines(4, 6))
        assert tail.scan() == lines(4, 6)
        assert len(tail.saved) == 1
        assert tail.batches[-1].path == str(two / "renamed.jsonl")


def test_a_folder_moved_to_another_disk_keeps_the_places_of_its_logs(tail, log):
    """Catalogue 31, 33: other inodes, another folder; what is long enough to be no coincidence is known again."""
    append(log, lines(0, 300))
    tail.scan()
    tail.stop()
    shutil.copytree(log.parent, log.parent.parent / "disk")
    shutil.rmtree(log.parent)
    tail.sources = [Source(path=str(log.parent.parent / "disk"))]
    append(log.parent.parent / "disk" / "m.jsonl", lines(300, 302))
    assert tail.start() == lines(300, 302)


def test_a_folder_moved_in_from_outside_is_read_from_the_start(tail, log):
    """Catalogue 32."""
    outside = log.parent.parent / "outside"
    outside.mkdir()
    append(outside / "m.jsonl", lines(0, 3))
    outside.rename(log.parent / "inside")
    assert tail.hint(log.parent / "inside") == lines(0, 3)
    append(log.parent / "inside" / "m.jsonl", lines(3, 5))
    assert tail.sweep() == lines(3, 5)


def test_another_device_number_after_a_reboot_changes_nothing(tail, log):
    """Catalogue 33."""
    append(log, lines(0, 3))
    tail.scan()
    tail.stop()
    tail.saved = {key: dataclasses.replace(place, device=place.device + 7) for key, place in tail.saved.items()}
    append(log, lines(3, 5))
    assert tail.start() == lines(3, 5)


def test_without_birth_times_the_bytes_are_enough(tail, log):
    """Catalogue 34."""
    append(log, lines(0, 3))
    tail.scan()
    tail.stop()
    tail.saved = {key: dataclasses.replace(place, birth=None) for key, place in tail.saved.items()}
    log.rename(log.with_name("m.jsonl.1"))
    append(log.with_name("m.jsonl.1"), lines(3, 5))
    append(log, lines(5, 8))
    assert sorted(tail.start()) == sorted(lines(3, 8))


def test_a_birth_time_tells_a_given_inode_from_a_kept_one(tail, log):
    """Catalogue 34: on file systems that have one."""
    append(log, lines(0, 3))
    tail.scan()
    [place] = tail.saved.values()
    if place.birth is None:
        pytest.skip("this file system tells no birth times")
    assert abs(place.birth - os.stat(log).st_mtime) < 5.0


def test_a_log_whose_folder_was_renamed_goes_on_in_a_copy_that_replaces_it_while_stopped(tail, runs):
    """Catalogue 23, 31: nothing was written between the two, so that only the new path can be known."""
    (runs / "a").mkdir()
    append(runs / "a" / "m.jsonl", lines(0, 5))
    tail.settle()
    (runs / "a").rename(runs / "b")
    tail.settle()
    tail.stop()
    log = runs / "b" / "m.jsonl"
    copy = runs / "b" / ".copy"
    copy.write_bytes(log.read_bytes())
    append(copy, lines(5, 8))
    copy.rename(log)
    tail.start()
    tail.settle()
    assert tail.read == lines(0, 8)
