"""What `walert run` makes of what passes through it: printed metrics, last lines, the count of kills for want of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from walert.supervise.last_lines import KEPT, LastLines
from walert.supervise.memory import oom_kills
from walert.supervise.printed import MAX_LINE, Printed, metrics_of


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b'{"loss": 0.5, "step": 3}', {"loss": 0.5, "step": 3}),
        (b"{'loss': 0.3, 'epoch': 1.0}", {"loss": 0.3, "epoch": 1.0}),
        (b"{'train': {'loss': 1, 'name': 'x'}, 'ok': True}", {"train": {"loss": 1}}),
        (b"{'loss': '0.25', 'grad_norm': 'nan'}", {"loss": 0.25}),
        (b"{'loss': np.float64(0.5), 'n': tensor(3, device='cuda:0')}", {"loss": 0.5, "n": 3}),
        (b"\x1b[32m{'loss': 1e-3}\x1b[0m\r", {"loss": 1e-3}),
        (b" 50%|#####     | 1/2\r{'loss': 2}", {"loss": 2}),
        (b"{'a': [1, 2]}", None),
        (b"{}", None),
        (b"{'loss'}", None),
        (b"{not python}", None),
        (b"loss {'a': 1}", None),
        (b"{'loss': open('/etc/passwd').read()}", None),
        (b"{'loss': 9**9**9}", None),
        (b"{" * 5000 + b"}" * 5000, None),
        (b'{"a": ' * 3000 + b"1" + b"}" * 3000, None),
        (b"[1, 2]", None),
        (b"\xff\xfe{}", None),
    ],
)
def test_a_printed_line_is_a_record_if_it_is_an_object_of_numbers(line: bytes, found: dict[str, Any] | None) -> None:
    got = metrics_of(line)
    if got is not None:
        got = {name: value for name, value in got.items() if value == value}
    assert got == found


def test_numbers_that_are_none_are_read() -> None:
    got = metrics_of(b"{'a': nan, 'b': -inf, 'c': inf, 'nanny': 1}")
    assert got is not None
    assert (got["a"] != got["a"], got["b"], got["c"], got["nanny"]) == (True, float("-inf"), float("inf"), 1)


def test_lines_come_in_pieces_and_one_without_end_is_forgotten() -> None:
    printed = Printed()
    assert list(printed.take(b"{'a'")) == []
    assert list(printed.take(b": 1}\n{'b': 2}\n{'c")) == [{"a": 1}, {"b": 2}]
    assert list(printed.take(b"x" * (MAX_LINE + 1))) == []
    assert list(printed.take(b"': 3}\n{'d': 4}\n")) == [{"d": 4}]


def test_the_last_lines_are_as_people_saw_them() -> None:
    tail = LastLines()
    tail.take(
        b"\x1b]0;title\x07first\n"
        + b"".join(b"\r%d%%" % n for n in range(101))
        + b"\n\n \n\x1b[1;31mlast\x1b[0m\x07 \xff"
    )
    assert tail.text.splitlines() == ["first", "100%", "last  \N{REPLACEMENT CHARACTER}"]


def test_the_last_lines_are_bounded() -> None:
    tail = LastLines()
    for _ in range(1000):
        tail.take(b"\x1b[" + b"1;" * 1000)
        tail.take(b"line\n" * 1000)
    assert len(tail._data) == KEPT
    assert tail.text.count("\n") == 19
    tail.take(b"y" * 100_000)
    assert len(tail.text) == 300


def test_kills_are_counted_by_the_cgroup_of_either_version(tmp_path: Path) -> None:
    listing, root = tmp_path / "cgroup", tmp_path / "fs"
    (root / "job").mkdir(parents=True)
    (root / "job" / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    listing.write_text("0::/job\n")
    assert oom_kills(str(listing), str(root)) == 2
    (root / "memory" / "j").mkdir(parents=True)
    (root / "memory" / "j" / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n")
    listing.write_text("9:cpu,memory:/j\n")
    assert oom_kills(str(listing), str(root)) == 7
    listing.write_text("0::/elsewhere\nbroken\n")
    assert oom_kills(str(listing), str(root)) is None
    assert oom_kills(str(tmp_path / "missing"), str(root)) is None
