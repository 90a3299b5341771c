"""Streams by what a file may be known by again: its inode, its path, or the beginning it shares with them. Nothing here grows with a look."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from walert.tail.identity import HEAD, MARK, born, digest, matches, read_at
from walert.tail.streams import Stream

STRANGE = 4096  # bytes that a file in another folder must share before it counts as the same log moved, not as a run that began alike
_ALIKE = 64  # streams of other folders with the same beginning that are compared
_JOINT = re.compile(r"(?<=[0-9A-Za-z])(?=[^0-9A-Za-z])")


class Look(NamedTuple):
    """An open file that nobody knows yet."""

    fd: int
    path: str
    stat: os.stat_result
    birth: float | None
    head: bytes

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode."""
        return (self.stat.st_dev, self.stat.st_ino)

    def begins(self, stream: Stream) -> bool:
        """Whether the file's beginning is what was read of the stream."""
        return stream.buffer.offset > 0 and matches(self.fd, self.stat.st_size, stream.buffer.offset, stream.marks)

    def is_part_of(self, stream: Stream) -> bool:
        """Whether all there is of the file is what a longer file, open as `stream`, begins with: a copy under way."""
        size, start = self.stat.st_size, max(0, self.stat.st_size - MARK)
        if stream.fd is None or not HEAD <= size < stream.buffer.offset:
            return False
        if read_at(stream.fd, HEAD, 0) != self.head:
            return False
        return read_at(self.fd, size - start, start) == read_at(stream.fd, size - start, start)

    def is_inode_of(self, stream: Stream) -> bool:
        """Whether it is the stream's inode, and not its number given to another file."""
        return self.key == stream.key and (None in (self.birth, stream.birth) or self.birth == stream.birth)


def look_at_file(fd: int, path: str) -> Look:
    """What an open file may be known by."""
    return Look(fd, path, os.fstat(fd), born(fd), read_at(fd, HEAD, 0))


Filed = tuple[tuple[int, int], str, tuple[int, str], str, str, str]  # inode, path, head, folder, stem, name


class Ghosts:
    """A set of streams that files are compared with."""

    __slots__ = ("_at", "_filed", "_kin", "_lengths", "_named", "_paths", "by_id", "most")

    def __init__(self, streams: Iterable[Stream] = (), most: int = 0) -> None:
        self.most = most
        self.by_id: dict[str, Stream] = {}
        self._filed: dict[str, Filed] = {}
        self._lengths: Counter[int] = Counter()
        self._at: dict[tuple[int, int], dict[str, Stream]] = {}
        self._paths: dict[str, dict[str, Stream]] = {}
        self._kin: dict[tuple[tuple[int, str], str, str], dict[str, Stream]] = {}
        self._named: dict[tuple[tuple[int, str], str], dict[str, Stream]] = {}
        for stream in streams:
            self.add(stream)

    def __len__(self) -> int:
        return len(self.by_id)

    def add(self, stream: Stream) -> None:
        """Remember a stream, or what it has become; more than can be are forgotten, the oldest first."""
        filed = _filed(stream)
        if self._filed.get(stream.id) == filed:
            return
        self.remove(stream)
        self.by_id[stream.id], self._filed[stream.id] = stream, filed
        self._lengths[filed[2][0]] += 1
        for shelf, place in self._places(filed):
            shelf.setdefault(place, {})[stream.id] = stream
        if self.most and len(self.by_id) > self.most:
            self.remove(next(iter(self.by_id.values())))

    def remove(self, stream: Stream) -> None:
        """Forget a stream, if it is here."""
        filed = self._filed.pop(stream.id, None)
        if filed is None:
            return
        del self.by_id[stream.id]
        self._lengths[filed[2][0]] -= 1
        for shelf, place in self._places(filed):
            shelf[place].pop(stream.id, None)
            if not shelf[place]:
                del shelf[place]

    def _places(self, filed: Filed) -> tuple[tuple[dict[Any, dict[str, Stream]], Any], ...]:
        inode, path, head, folder, stem, name = filed
        return (
            (self._at, inode),
            (self._paths, path),
            (self._kin, (head, folder, stem)),
            (self._named, (head, name)),
        )

    def at(self, path: str, but: Stream | None = None) -> Stream | None:
        """The newest stream that was at `path`, but for one."""
        return next((s for s in reversed(self._paths.get(path, {}).values()) if s is not but), None)

    def of(self, look: Look, *, lost: bool = False) -> Stream | None:
        """The stream that the file goes on with: by inode, path, kin, length. `lost`: without a path only."""
        return next((s for s in self._candidates(look) if (s.gone is not None or not lost) and look.begins(s)), None)

    def copied_in(self, look: Look) -> Stream | None:
        """The stream all of which the file begins with, or is a part of."""
        heads = self._heads(look)
        alike = [*self._kin_of(look, heads), *self._namesakes(look, heads, 1)]
        return next((s for s in alike if look.begins(s) or look.is_part_of(s)), None)

    def _candidates(self, look: Look) -> Iterator[Stream]:
        yield from (s for s in self._at.get(look.key, {}).values() if look.is_inode_of(s))
        yield from self._paths.get(look.path, {}).values()
        heads = self._heads(look)
        yield from self._kin_of(look, heads)
        yield from self._namesakes(look, heads, STRANGE)

    def _heads(self, look: Look) -> list[tuple[int, str]]:
        have = len(look.head)
        return [(n, digest(look.head[:n])) for n, count in self._lengths.items() if count and 0 < n <= have]

    def _kin_of(self, look: Look, heads: list[tuple[int, str]]) -> list[Stream]:
        folder, name = os.path.split(look.path)
        kin = [s for head in heads for stem in _stems(name) for s in self._kin.get((head, folder, stem), {}).values()]
        return sorted(kin, key=lambda s: -s.buffer.offset)

    def _namesakes(self, look: Look, heads: list[tuple[int, str]], least: int) -> list[Stream]:
        name = os.path.basename(look.path)
        alike = (s for head in heads for s in self._named.get((head, name), {}).values() if s.buffer.offset >= least)
        return sorted(islice(alike, _ALIKE), key=lambda s: -s.buffer.offset)


def _filed(stream: Stream) -> Filed:
    folder, name = os.path.split(stream.path)
    head = (stream.marks.head_length, stream.marks.head)
    return (stream.key, stream.path, head, folder, name.split(".")[0], name)


def _stems(name: str) -> list[str]:
    """The names of which `name` may be a rotation: `m-2024.jsonl` of `m-2024` and of `m`."""
    stem = name.split(".")[0]
    return [stem[: joint.start()] for joint in _JOINT.finditer(stem)] + [stem]
