"""When a file is over, what takes its place, and what a commit that failed brings back."""

import os
import shutil

from following import Tail, append, lines, put

from walert.model import Source


def replaced(tail):
    return [batch.replaces for batch in tail.batches if batch.replaces]


def ended(tail):
    return [batch.checkpoint.stream for batch in tail.batches if batch.ended]


def test_a_deleted_file_ends_once(tail, log):
    append(log, lines(0, 3))
    tail.scan()
    log.unlink()
    tail.settle()
    assert ended(tail) == [*tail.saved]
    assert tail.batches[-1].lines == []


def test_a_file_that_never_held_a_line_leaves_a_flaw(tail, log):
    put(log, b"{")
    tail.scan()
    log.unlink()
    tail.settle()
    assert [batch.lines for batch in tail.batches] == [[]] and tail.flaws == [
        "the file ended in the middle of this line"
    ]


def test_an_atomic_replacement_ends_nothing(tail, log):
    """Catalogue 23: rsync does it every minute."""
    append(log, lines(0, 10))
    tail.scan()
    for n in range(10, 13):
        new = log.parent.parent / "new"
        shutil.copy(log, new)
        append(new, lines(n, n + 1))
        os.replace(new, log)
        assert tail.settle() == lines(n, n + 1)
    assert len(tail.saved) == 1 and ended(tail) == [] and replaced(tail) == []


def test_a_file_in_the_place_of_a_deleted_one_begins_after_that_has_ended(tail, log):
    append(log, lines(0, 3))
    tail.scan()
    [former] = tail.saved
    put(log, b'{"rest": 1}')
    log.unlink()
    append(log, lines(10, 13))
    assert tail.settle() == ['{"rest": 1}', *lines(10, 13)]
    assert ended(tail) == [former] and replaced(tail) == [former]
    assert tail.batches[-1].replaces == former and tail.batches[-1].fresh


def test_a_file_in_the_place_of_a_truncated_one_replaces_it(tail, log):
    """Catalogue 14."""
    append(log, lines(0, 3))
    tail.scan()
    [former] = tail.saved
    os.truncate(log, 0)
    append(log, lines(10, 11))
    tail.settle()
    assert replaced(tail) == [former]


def test_a_rename_replaces_nothing(tail, log):
    """Catalogue 3, 5: the old file may still be written to, here or elsewhere."""
    append(log, lines(0, 3))
    tail.scan()
    log.rename(log.with_name("m.jsonl.1"))
    append(log, lines(3, 6))
    tail.settle()
    log.rename(log.parent.parent / "away")
    append(log, lines(6, 9))
    tail.settle()
    assert replaced(tail) == [] and ended(tail) == []


def test_a_renamed_file_ends_when_nothing_was_written_for_long_and_gives_its_rest(tail, log):
    """Catalogue 4, 39."""
    append(log, lines(0, 3))
    tail.scan()
    away = log.parent.parent / "away"
    log.rename(away)
    assert tail.scan(500.0) == []
    append(away, lines(3, 4))
    put(away, b'{"rest": 1}')
    assert tail.scan(200.0) == lines(3, 4)
    assert tail.scan(500.0) == [] and ended(tail) == []
    assert tail.scan(200.0) == ['{"rest": 1}'] and len(ended(tail)) == 1


def test_the_last_batch_of_a_file_can_be_read_again(tail, log):
    """Its commit failed, and the file itself has no name any more."""
    put(log, b'{"a": 1}\n{"rest": 1}')
    tail.scan()
    [committed] = tail.saved.values()
    log.unlink()
    tail.scan()
    tail.clock.seconds += 2.0
    tail.follower.sweep()
    assert [batch.lines for batch in list(tail.follower.read())] == [[b'{"rest": 1}']]
    tail.follower.rewind(committed)
    assert tail.settle() == ['{"rest": 1}']


def test_sources_that_are_no_longer_named_are_let_go_at_once_and_known_again(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b):
        folder.mkdir()
        append(folder / "m.jsonl", lines(0, 3))
    both = [Source(path=str(a)), Source(path=str(b))]
    with Tail(*both) as tail:
        tail.follower.set_sources(both[1:])
        assert tail.follower.status().open == 1
        append(a / "m.jsonl", lines(3, 4))
        append(b / "m.jsonl", lines(4, 5))
        assert tail.settle() == lines(4, 5)
        tail.follower.set_sources(both)
        assert tail.take() + tail.settle() == lines(3, 4)
        assert ended(tail) == []


def test_a_place_inside_a_round_is_a_place_to_begin_at(log):
    """Catalogue 44, 70: the process dies between two batches of one turn, the first of which ends in a line that is too long."""
    data = b'{"n": 0}\n' + b"x" * 300 + b"y" * 300 + b"\n" + b'{"n": 2}\n{"n": 3}\n'
    put(log, data[:200])
    with Tail(log.parent, max_line_bytes=250) as tail:
        put(log, data[200:])
        tail.follower.sweep()
        first = next(tail.follower.read())
        assert [flaw.line for flaw in first.flaws] == [2]
        tail.saved[first.checkpoint.stream] = first.checkpoint
        assert tail.restart() == ['{"n": 2}', '{"n": 3}']
        assert tail.batches[-1].first_line == 3 and tail.flaws == []
