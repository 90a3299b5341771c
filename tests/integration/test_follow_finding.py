"""Folders that appear, vanish and change hands, files that cannot be read, limits, and who waits for whom."""

import itertools
import os
import resource
import shutil
import tempfile
from pathlib import Path

import pytest
from following import Tail, append, lines, privileged, put, unprivileged

from walert.model import Source
from walert.tail import discover_logs


def test_new_folders_in_folders_are_found_with_their_files(tail, runs):
    """Catalogue 54."""
    for n in range(300):
        deep = runs / str(n) / "a" / "b"
        deep.mkdir(parents=True)
        append(deep / "m.jsonl", lines(n, n + 1))
        if n % 50 == 0:
            tail.hint(runs / str(n))
    tail.settle()
    assert sorted(tail.read) == sorted(lines(0, 300))


def test_a_tree_that_is_copied_in_while_it_is_walked_is_read_whole(tail, runs, tmp_path):
    """Catalogue 55."""
    for n in range(60):
        (tmp_path / "tree" / str(n % 6) / str(n)).mkdir(parents=True)
        append(tmp_path / "tree" / str(n % 6) / str(n) / "m.jsonl", lines(n, n + 1))
    for part in range(6):
        shutil.copytree(tmp_path / "tree" / str(part), runs / str(part))
        tail.scan(0.1)
    tail.settle()
    assert sorted(tail.read) == sorted(lines(0, 60))


def test_a_folder_that_does_not_exist_is_followed_when_it_appears(tmp_path):
    """Catalogue 56."""
    with Tail(tmp_path / "runs") as tail:
        assert tail.scan() == []
        (tmp_path / "runs").mkdir()
        append(tmp_path / "runs" / "m.jsonl", lines(0, 2))
        assert tail.scan() == lines(0, 2)


def test_a_folder_deleted_while_it_is_read_is_drained_and_followed_when_it_is_back(tail, runs):
    """Catalogue 57."""
    append(runs / "m.jsonl", lines(0, 3))
    tail.scan()
    append(runs / "m.jsonl", lines(3, 6))
    shutil.rmtree(runs)
    assert tail.scan() == lines(3, 6)
    runs.mkdir()
    append(runs / "m.jsonl", lines(6, 8))
    assert tail.scan() == lines(6, 8)


def test_another_folder_in_the_place_of_one_that_was_renamed_is_followed(tail, runs):
    """Catalogue 58."""
    append(runs / "m.jsonl", lines(0, 3))
    tail.scan()
    runs.rename(runs.with_name("old"))
    runs.mkdir()
    append(runs / "m.jsonl", lines(3, 5))
    append(runs.with_name("old") / "m.jsonl", lines(5, 6))
    assert sorted(tail.settle()) == sorted(lines(3, 6))


def test_a_file_that_fails_while_it_is_read_is_said_once_and_read_on_when_it_works(tail, runs):
    """Catalogue 59: here its descriptor is closed under the follower, as a network file system that went away would have it."""
    append(runs / "m.jsonl", lines(0, 3))
    tail.scan()
    [fd] = [
        int(name)
        for name in os.listdir("/proc/self/fd")
        if os.path.islink(f"/proc/self/fd/{name}") and os.readlink(f"/proc/self/fd/{name}") == str(runs / "m.jsonl")
    ]
    os.close(fd)
    append(runs / "m.jsonl", lines(3, 5))
    assert tail.sweep() == []
    assert len(tail.told("unreadable")) == 1
    assert tail.sweep() == lines(3, 5)
    assert tail.settle() == []


@pytest.fixture
def open_runs():
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="walert-open-") as folder:
        os.chmod(folder, 0o755)
        runs = Path(folder) / "runs"
        runs.mkdir()
        yield runs


def test_a_file_that_may_not_be_read_is_said_once_and_read_from_its_place_when_it_may(open_runs):
    """Catalogue 65."""
    runs = open_runs
    append(runs / "m.jsonl", lines(0, 3))
    (runs / "m.jsonl").chmod(0)
    with unprivileged(), Tail(runs) as tail:
        for _ in range(5):
            assert tail.scan() == []
        assert len(tail.told("unreadable")) == 1
        with privileged():
            (runs / "m.jsonl").chmod(0o644)
        assert tail.scan() == lines(0, 3)


def test_a_folder_that_may_not_be_listed_is_said_once_and_followed_when_it_may(open_runs):
    (open_runs / "a").mkdir(mode=0)
    with unprivileged(), Tail(open_runs) as tail:
        for _ in range(5):
            assert tail.scan() == []
        (told,) = tail.told("unreadable")
        assert told.path == str(open_runs / "a")
        assert told.text == "cannot be listed: Permission denied; logs below it are not followed"
        with privileged():
            (open_runs / "a").chmod(0o755)
            append(open_runs / "a" / "m.jsonl", lines(0, 3))
        assert tail.scan() == lines(0, 3)


def test_a_replay_of_a_folder_does_not_leave_out_what_it_may_not_list(open_runs):
    (open_runs / "a").mkdir(mode=0)
    with unprivileged(), pytest.raises(PermissionError):
        discover_logs(str(open_runs))


def test_a_folder_that_may_not_be_entered_for_a_while_loses_and_doubles_nothing(open_runs):
    """Catalogue 65."""
    runs = open_runs
    (runs / "a").mkdir()
    log = runs / "a" / "m.jsonl"
    append(log, lines(0, 3))
    log.chmod(0o644)
    with Tail(runs) as tail:
        append(log, lines(3, 4))
        (runs / "a").chmod(0)
        with unprivileged():
            tail.scan()
            tail.scan(700.0)
        append(log, lines(4, 5))
        (runs / "a").chmod(0o755)
        tail.settle()
        assert tail.read == lines(0, 5)


def test_a_thousand_files_at_once_are_read_with_few_descriptors(runs):
    """Catalogue 36, 104."""
    for n in range(1000):
        append(runs / f"{n}.jsonl", lines(n, n + 1))
    with Tail(runs, max_open=20) as tail:
        assert sorted(tail.read) == sorted(lines(0, 1000))
        assert tail.follower.status().open <= 20
        for n in range(1000):
            append(runs / f"{n}.jsonl", lines(1000 + n, 1001 + n))
        assert sorted(tail.sweep()) == sorted(lines(1000, 2000))


def test_a_low_limit_of_the_system_is_noticed_and_kept(runs):
    """Catalogue 104: others of the process need descriptors, too."""
    for n in range(100):
        append(runs / f"{n}.jsonl", lines(n, n + 1))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 30, hard))
    try:
        with Tail(runs, max_open=1000) as tail:
            tail.settle()
            assert sorted(tail.read) == sorted(lines(0, 100))
            assert len(tail.told("descriptors")) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_two_descriptors_are_enough_through_rotation_and_partial_lines(runs):
    """Catalogue 104."""
    with Tail(runs, max_open=2) as tail:
        for n in range(6):
            put(runs / f"{n}.jsonl", b'{"a": %d, ' % n)
        tail.scan()
        for n in range(6):
            put(runs / f"{n}.jsonl", b'"b": 1}\n')
            (runs / f"{n}.jsonl").rename(runs / f"{n}.jsonl.1")
            append(runs / f"{n}.jsonl", lines(n, n + 1))
        tail.settle()
        assert sorted(tail.read) == sorted(lines(0, 6) + [f'{{"a": {n}, "b": 1}}' for n in range(6)])


def test_a_copy_that_waits_is_known_although_its_descriptor_was_needed_elsewhere(runs):
    """Catalogue 19, 104."""
    with Tail(runs, max_open=2) as tail:
        append(runs / "m.jsonl", lines(0, 5))
        for n in range(5):
            append(runs / f"other-{n}.jsonl", lines(10 + n, 11 + n))
        tail.scan()
        shutil.copy(runs / "m.jsonl", runs / "m.jsonl.1")
        os.truncate(runs / "m.jsonl", 0)
        for n in range(5):
            append(runs / f"other-{n}.jsonl", lines(20 + n, 21 + n))
        assert sorted(tail.settle()) == sorted(lines(20, 25))


def test_an_inode_given_to_another_file_while_nobody_held_it_is_another_file(runs):
    """Catalogue 12, 19, 104."""
    with Tail(runs, max_open=2) as tail:
        append(runs / "old.jsonl", [])
        append(runs / "m.jsonl", lines(0, 5))
        for n in range(3):
            append(runs / f"other-{n}.jsonl", lines(10 + n, 11 + n))
        tail.scan()
        for n in range(3):
            append(runs / f"other-{n}.jsonl", lines(20 + n, 21 + n))
        tail.sweep()
        (runs / "old.jsonl").unlink()
        shutil.copy(runs / "m.jsonl", runs / "m.jsonl.1")
        os.truncate(runs / "m.jsonl", 0)
        assert tail.settle() == []


def test_a_quiet_file_waits_for_one_turn_of_a_loud_one(tail, runs):
    """Catalogue 67: however many are loud."""
    for n in range(5):
        append(runs / f"loud-{n}.jsonl", lines(0, 3000))
    tail.follower.scan()
    for _ in itertools.islice(tail.follower.read(budget=1000), 5):
        pass
    append(runs / "quiet.jsonl", lines(0, 1))
    tail.follower.mark_dirty([str(runs / "quiet.jsonl")])
    order = [os.path.basename(batch.path) for batch in tail.follower.read(budget=1000)]
    assert order.index("quiet.jsonl") == 0
    assert len(order) == 2


def test_a_round_of_reading_gives_something_as_long_as_something_is_there(tail, runs):
    """A round that gives nothing would look like the end to `walertd --once`."""
    put(runs / "m.jsonl", b"x" * 5_000_000 + b"\n")
    append(runs / "m.jsonl", lines(0, 1))
    tail.follower.scan()
    rounds = 0
    while tail.follower.pending():
        assert list(tail.follower.read(budget=1 << 20))
        rounds += 1
    assert 2 < rounds < 10


def test_what_cannot_be_committed_is_read_again(tail, runs):
    """Catalogue 76: the place does not move before the commit."""
    append(runs / "m.jsonl", lines(0, 2))
    tail.scan()
    append(runs / "m.jsonl", lines(2, 4))
    tail.follower.sweep()
    [place] = tail.saved.values()
    for _ in range(3):
        [batch] = tail.follower.read()
        assert [line.decode() for line in batch.lines] == lines(2, 4)
        tail.follower.rewind(place)
    assert tail.take() == lines(2, 4)


def test_other_sources_keep_the_places_of_the_files_that_stay(tail, runs):
    """Catalogue 87."""
    (runs / "a").mkdir()
    append(runs / "a" / "m.jsonl", lines(0, 2))
    tail.scan()
    tail.follower.set_sources([Source(path=str(runs / "a"), project="vision")])
    append(runs / "a" / "m.jsonl", lines(2, 3))
    assert tail.sweep() == lines(2, 3)
    assert tail.batches[-1].source.project == "vision"


def long_ago(*folders):
    """As if nothing had happened in these folders for an hour: such ones are not listed at each scan."""
    for folder in folders:
        os.utime(folder, (folder.stat().st_atime, folder.stat().st_mtime - 3600.0))


def test_in_folders_that_lie_still_growth_renames_and_new_names_are_found_all_the_same(tail, runs):
    """Catalogue 3, 14, 54."""
    deep = runs / "a" / "b"
    deep.mkdir(parents=True)
    append(deep / "m.jsonl", lines(0, 3))
    append(runs / "top.jsonl", lines(10, 12))
    long_ago(deep, runs / "a", runs)
    tail.settle()
    append(deep / "m.jsonl", lines(3, 4))
    assert tail.sweep() == lines(3, 4)
    append(deep / "m.jsonl", lines(4, 5))
    assert tail.scan() == lines(4, 5)
    append(deep / "m.jsonl", lines(5, 7))
    (deep / "m.jsonl").rename(deep / "m.jsonl.1")
    append(deep / "m.jsonl", lines(7, 8))
    assert sorted(tail.scan()) == sorted(lines(5, 8))
    long_ago(deep)
    tail.settle()
    os.truncate(deep / "m.jsonl", 0)
    append(deep / "m.jsonl", lines(20, 22))
    assert tail.sweep() == lines(20, 22)
    (runs / "a" / "c").mkdir()
    append(runs / "a" / "c" / "m.jsonl", lines(30, 31))
    assert tail.scan() == lines(30, 31)
    assert sorted(tail.read) == sorted(lines(0, 8) + lines(10, 12) + lines(20, 22) + lines(30, 31))


def test_in_a_folder_that_lies_still_a_rewrite_to_the_same_size_is_found_within_six_scans(tail, runs):
    """Catalogue 15."""
    append(runs / "m.jsonl", ['{"n": 1}'])
    long_ago(runs)
    tail.settle()
    (runs / "m.jsonl").write_bytes(b'{"n": 2}\n')
    os.utime(runs / "m.jsonl", (2_000_000_000, 2_000_000_000))
    assert [line for _ in range(6) for line in tail.scan(10.0)] == ['{"n": 2}']


def test_a_link_in_a_folder_that_lies_still_is_looked_at_each_time(tail, runs, tmp_path):
    """Catalogue 29: what changes is the folder of the link's target."""
    target = tmp_path / "target"
    append(target, lines(0, 2))
    (runs / "m.jsonl").symlink_to(target)
    long_ago(runs)
    tail.settle()
    target.rename(tmp_path / "old")
    append(target, lines(2, 4))
    assert tail.scan() == lines(2, 4)
