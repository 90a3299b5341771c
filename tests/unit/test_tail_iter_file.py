"""One file once: what replay reads is what following reads."""

import os
import threading
from itertools import pairwise

from following import Tail, append, lines, put

from walert.model import Source
from walert.tail import iter_file


def whole(path):
    return list(iter_file(str(path), Source(path=str(path))))


def test_a_file_is_read_as_following_reads_it(tmp_path):
    (tmp_path / "runs").mkdir()
    path = tmp_path / "runs" / "m.jsonl"
    put(path, b'\xef\xbb\xbf{"a": 1}\r\n\n' + b"x" * (2 << 20) + b'\n{"b": 2}\n' + bytes(300_000) + b'{"c": 3}\n{"d": ')
    with Tail(path.parent) as tail:
        live = [
            (b.first_line, b.first_offset, b.lines, [f[:2] for f in b.flaws])
            for b in tail.batches
            if b.lines or b.flaws
        ]
    once = [(b.first_line, b.first_offset, b.lines, [f[:2] for f in b.flaws]) for b in whole(path)]
    assert [line for batch in once for line in batch[2]] == [line for batch in live for line in batch[2]]
    assert [flaw for batch in once for flaw in batch[3]] == [flaw for batch in live for flaw in batch[3]]
    assert once[-1][:2] == live[-1][:2]


def test_every_place_is_where_the_next_batch_begins(tmp_path):
    path = tmp_path / "m.jsonl"
    for n in range(3):
        append(path, lines(n * 10, n * 10 + 10))
        put(path, b"x" * (2 << 20) + b"\n")
    batches = whole(path)
    assert len(batches) > 3
    for before, after in pairwise(batches):
        if after.lines:
            assert before.checkpoint.line + 1 == after.first_line
            assert before.checkpoint.offset == after.first_offset or before.checkpoint.discarding


def test_a_hole_of_a_terabyte_is_passed_over(tmp_path):
    """Catalogue 22."""
    path = tmp_path / "m.jsonl"
    append(path, lines(0, 1))
    with open(path, "r+b") as file:
        file.seek(1 << 40)
        file.write(b'{"b": 2}\n')
    assert [line for batch in whole(path) for line in batch.lines] == [lines(0, 1)[0].encode(), b'{"b": 2}']


def test_a_pipe_is_read_to_its_end(tmp_path):
    """`zcat m.jsonl.gz | walert replay /dev/stdin`."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = threading.Thread(target=path.write_bytes, args=(b'{"a": 1}\n{"b": 2}\n',))
    writing.start()
    assert [line for batch in whole(path) for line in batch.lines] == [b'{"a": 1}', b'{"b": 2}']
    writing.join()
