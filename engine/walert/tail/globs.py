"""Globs as small automata: the same answers for a walk over folders and for a single path that an event names.

A state is a place in the glob; the last one is a folder that the glob names, which stands for the logs below it. `*` and `?` do not meet a
leading dot, `**` goes through no hidden folder, and one at the end means the folder itself.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

_ROTATED = re.compile(r"\.\d{1,4}\Z")
States = frozenset[int]


class Glob(NamedTuple):
    """The fixed folder before the first wildcard, and the parts after it."""

    root: str
    parts: tuple[str, ...]

    @property
    def start(self) -> States:
        """In the root."""
        return self._closed((0,))

    def into(self, states: States, name: str) -> States:
        """In the folder `name` of that folder; empty when nothing that the glob names can lie below."""
        return self._closed(after for at in states if (after := self._after(at, name)) is not None)

    def at(self, folder: str) -> States:
        """In `folder`, the root or below it; empty as for `into`, and above the root."""
        root = self.root.rstrip("/") + "/"
        if not (folder.rstrip("/") + "/").startswith(root):
            return frozenset()
        states = self.start
        for name in filter(None, folder[len(root) :].split("/")):
            states = self.into(states, name)
        return states

    def is_named(self, states: States) -> bool:
        """Whether the folder is named, or lies in one that is."""
        return len(self.parts) in states

    def names(self, states: States, name: str) -> bool:
        """Whether the file `name` of that folder is named, or what a rotation left of one."""
        last = len(self.parts) - 1
        return last in states and (_meets(self.parts[last], name) or _meets(self.parts[last], _ROTATED.sub("", name)))

    def _closed(self, states: Iterable[int]) -> States:
        """`**` stands for no folder, too."""
        closed = set(states)
        for at in list(closed):
            while at < len(self.parts) and self.parts[at] == "**":
                at += 1
                closed.add(at)
        return frozenset(closed)

    def _after(self, at: int, name: str) -> int | None:
        if at == len(self.parts) or self.parts[at] == "**":
            return None if name.startswith(".") else at
        return at + 1 if _meets(self.parts[at], name) else None


@lru_cache(maxsize=256)
def glob_of(path: str) -> Glob:
    """The glob that an absolute path with wildcards is."""
    parts = path.split("/")
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    below = [part for part in parts[fixed:] if part]
    while below[-1:] == ["**"]:
        below.pop()
    return Glob("/".join(parts[:fixed]) or "/", tuple(below))


def expanded(pattern: Glob, folder: str) -> Iterator[tuple[str, bool]]:
    """(path, is a named folder) of all that the glob names in `folder` and below; what a symbolic link leads to comes last.

    Each folder is looked into once for each place in the glob, so that links in circles end.
    """
    work, links = deque([(folder, pattern.at(folder))]), deque[tuple[str, States]]()
    seen: dict[tuple[int, int], States] = {}
    while work or links:
        path, states = (work or links).popleft()
        states = _unseen(path, states, seen)
        if pattern.is_named(states):
            yield path, True
            states -= {len(pattern.parts)}
        if states:
            yield from _listed(pattern, path, states, work, links)


def _unseen(path: str, states: States, seen: dict[tuple[int, int], States]) -> States:
    try:
        here = os.stat(path)
    except OSError:
        return frozenset()
    before = seen.get((here.st_dev, here.st_ino), frozenset())
    seen[here.st_dev, here.st_ino] = before | states
    return states - before


def _listed(
    pattern: Glob, folder: str, states: States, work: deque[tuple[str, States]], links: deque[tuple[str, States]]
) -> Iterator[tuple[str, bool]]:
    linked = []
    for entry in _entries(folder):
        into = pattern.into(states, entry.name)
        if into and _is_dir(entry):
            (links if entry.is_symlink() else work).append((entry.path, into))
        elif pattern.names(states, entry.name):
            if entry.is_symlink():
                linked.append(entry.path)
            else:
                yield entry.path, False
    yield from ((path, False) for path in linked)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _meets(part: str, name: str) -> bool:
    if not glob.has_magic(part):
        return part == name
    return (part.startswith(".") or not name.startswith(".")) and _compiled(part).match(name) is not None


@lru_cache(maxsize=256)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))
