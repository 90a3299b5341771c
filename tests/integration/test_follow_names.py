"""Many names of one file, one name of many files, and names that are no logs."""

import gzip
import os
import shutil
import socket

from following import Tail, append, lines, put

from walert.model import Source


def test_two_files_that_begin_alike_are_both_read_whole(tail, runs):
    """Catalogue 26: one configuration, one seed."""
    for name in ("a.jsonl", "b.jsonl"):
        append(runs / name, lines(0, 200))
    assert sorted(tail.settle()) == sorted(lines(0, 200) * 2)


def test_a_file_copied_as_the_beginning_of_another_run_is_read_whole(tail, runs):
    """Catalogue 27: the original stays where it is, so that the copy is a run of its own."""
    (runs / "one").mkdir()
    (runs / "two").mkdir()
    append(runs / "one" / "m.jsonl", lines(0, 50))
    tail.scan()
    shutil.copy(runs / "one" / "m.jsonl", runs / "two" / "m.jsonl")
    append(runs / "two" / "m.jsonl", lines(50, 52))
    append(runs / "one" / "m.jsonl", lines(60, 61))
    assert sorted(tail.settle()) == sorted(lines(0, 52) + lines(60, 61))


def test_a_hard_link_a_symbolic_link_and_the_file_itself_are_one_stream(tail, runs):
    """Catalogue 28: called by its own name."""
    (runs / "a").mkdir()
    append(runs / "z.jsonl", lines(0, 3))
    os.link(runs / "z.jsonl", runs / "y.jsonl")
    (runs / "a.jsonl").symlink_to("z.jsonl")
    (runs / "latest").symlink_to("a")
    assert tail.settle() == lines(0, 3)
    assert len(tail.saved) == 1
    assert not os.path.islink(tail.batches[0].path)
    append(runs / "a.jsonl", lines(3, 4))
    assert tail.hint(runs / "a.jsonl") == lines(3, 4)
    assert {batch.path for batch in tail.batches} == {str(runs / "y.jsonl")}


def test_a_folder_s_log_is_called_by_the_folder_s_name_not_by_a_link_to_it(tail, runs):
    """Catalogue 28: `latest` sorts before `run-5`."""
    (runs / "run-5").mkdir()
    append(runs / "run-5" / "m.jsonl", lines(0, 3))
    (runs / "latest").symlink_to("run-5")
    assert tail.scan() == lines(0, 3)
    assert tail.batches[0].path == str(runs / "run-5" / "m.jsonl")


def test_the_other_name_is_used_when_one_of_two_hard_links_goes(tail, runs):
    """Catalogue 28."""
    append(runs / "a.jsonl", lines(0, 3))
    os.link(runs / "a.jsonl", runs / "b.jsonl")
    tail.scan()
    (runs / "a.jsonl").unlink()
    append(runs / "b.jsonl", lines(3, 5))
    assert tail.scan() == lines(3, 5)
    assert tail.batches[-1].path == str(runs / "b.jsonl")


def test_a_link_that_is_pointed_elsewhere_is_read_from_the_new_start_and_the_old_file_to_its_end(tmp_path):
    """Catalogue 29: no event tells of what lies behind a link."""
    one, two = tmp_path / "1", tmp_path / "2"
    append(one, lines(0, 3))
    append(two, lines(10, 12))
    runs = tmp_path / "runs"
    runs.mkdir()
    link = runs / "latest.jsonl"
    link.symlink_to(one)
    with Tail(runs) as tail:
        assert tail.read == lines(0, 3)
        append(one, lines(3, 5))
        (runs / "new").symlink_to(two)
        os.replace(runs / "new", link)
        assert sorted(tail.settle()) == sorted(lines(3, 5) + lines(10, 12))


def test_what_is_no_regular_file_is_skipped_and_said_once(tail, runs):
    """Catalogue 30: opening a pipe would block."""
    os.mkfifo(runs / "fifo.jsonl")
    (runs / "dangling.jsonl").symlink_to("nowhere")
    (runs / "device.jsonl").symlink_to("/dev/zero")
    (runs / "folder.jsonl").mkdir()
    (runs / "loop").symlink_to(".")
    (runs / "loop.jsonl").symlink_to("loop.jsonl")
    append(runs / "folder.jsonl" / "m.jsonl", lines(0, 2))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runs / "socket.jsonl"))
        assert tail.settle() == lines(0, 2)
    names = sorted(os.path.basename(notice.path) for notice in tail.told("skipped"))
    assert names == ["dangling.jsonl", "device.jsonl", "fifo.jsonl", "loop.jsonl", "socket.jsonl"]


def test_links_between_folders_do_not_multiply_them(tail, runs):
    """Catalogue 30: ten folders, each with a link to every other, have ten logs."""
    for one in range(10):
        (runs / str(one)).mkdir()
        append(runs / str(one) / "m.jsonl", lines(one, one + 1))
        for other in range(10):
            (runs / str(one) / f"to-{other}").symlink_to(f"../{other}")
    assert sorted(tail.scan()) == sorted(lines(0, 10))


def test_a_compressed_file_is_never_read_as_text(runs):
    """Catalogue 48: neither by its name nor by its first bytes, nor where a pattern names it."""
    with gzip.open(runs / "m.jsonl.1.gz", "wb") as packed:
        packed.write(b'{"a": 1}\n')
    shutil.copy(runs / "m.jsonl.1.gz", runs / "looks-plain.jsonl")
    with Tail(runs, Source(path=str(runs / "m.jsonl*"))) as tail:
        assert tail.settle() == []
        assert sorted(os.path.basename(notice.path) for notice in set(tail.told("skipped"))) == [
            "looks-plain.jsonl",
            "m.jsonl.1.gz",
        ]


def test_the_same_folder_twice_and_one_inside_the_other_read_each_line_once(runs):
    """Catalogue 61."""
    (runs / "inner").mkdir()
    append(runs / "inner" / "m.jsonl", lines(0, 3))
    with Tail(runs, runs / "inner", runs) as tail:
        append(runs / "inner" / "m.jsonl", lines(3, 5))
        tail.settle()
        assert tail.read == lines(0, 5)


def test_names_that_are_no_text_are_followed(tail, runs):
    """Catalogue 66."""
    names = [b"\xff\xfe.jsonl", b"a\nb.jsonl", b"x" * 249 + b".jsonl", "метрики.jsonl".encode()]
    for number, name in enumerate(names):
        with open(os.path.join(os.fsencode(runs), name), "wb") as file:
            file.write(lines(number, number + 1)[0].encode() + b"\n")
    assert sorted(tail.settle()) == sorted(lines(0, 4))
    assert tail.restart() == []


def test_a_log_that_lay_still_for_long_goes_on_where_it_was(tail, runs):
    """Catalogue 68: no age makes a log be ignored."""
    append(runs / "m.jsonl", lines(0, 3))
    tail.scan()
    os.utime(runs / "m.jsonl", (1_000_000_000, 1_000_000_000))
    tail.scan(90 * 86400.0)
    append(runs / "m.jsonl", lines(3, 5))
    assert tail.scan() == lines(3, 5)


def test_a_partial_last_line_of_a_compressed_or_plain_name_is_nobody_s(tail, runs):
    """Catalogue 37."""
    put(runs / "m.jsonl", b'{"a": 1')
    assert tail.settle() == []
