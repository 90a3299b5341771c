"""Which folders are worth watching for some sources, and which names in them: everything else that is written there costs nothing."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Sequence
from typing import NamedTuple

from walert.model import Source
from walert.tail.discover import is_log, root_of

_REMEMBERED = 4096  # names whose answer is kept
_FILES = (".jsonl", ".json", ".txt", ".csv", ".tsv")


class Root(NamedTuple):
    """A folder to watch: by its real path, with the inode that stands there now."""

    path: str
    recursive: bool
    inode: tuple[int, int]


class Interest:
    """What some sources want to hear of."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        self._answers: dict[str, bool] = {}
        self._spellings: list[tuple[str, str]] = []

    def roots(self) -> list[Root]:
        """The folders that exist and lie in no other of them. Two roots, one in the other, would blind the first that is watched."""
        wanted: dict[str, bool] = {}
        spellings = []
        for source in self._sources:
            folder, recursive = _reach(source)
            real = os.path.realpath(folder)
            if os.path.isdir(real):
                wanted[real] = wanted.get(real, False) or recursive
                spellings.append((real, folder))
        self._spellings = spellings
        deep = [path for path, recursive in wanted.items() if recursive]
        outer = [path for path in wanted if not any(path != other and _within(path, other) for other in deep)]
        return [Root(path, wanted[path], inode) for path in sorted(outer) if (inode := _inode(path)) is not None]

    def spelled(self, path: str) -> set[str]:
        """A real path as the sources spell it: through the symbolic links that lead to their folders."""
        return {folder + path[len(real) :] for real, folder in self._spellings if _within(path, real)}

    def names(self, path: str) -> bool:
        """Whether a file of this name may be a log of some source."""
        name = path.rpartition("/")[2]
        answer = self._answers.get(name)
        if answer is None:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            answer = self._answers[name] = any(_names(source, name) for source in self._sources)
        return answer


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _reach(source: Source) -> tuple[str, bool]:
    """The folder that holds all logs of a source, and whether they may lie deeper in it."""
    path = source.path.rstrip("/") or "/"
    if glob.has_magic(path) or os.path.isdir(path):
        return root_of(source), True
    if os.path.exists(path) or path.endswith(_FILES):
        return os.path.dirname(path), False
    return path, True


def _names(source: Source, name: str) -> bool:
    last = source.path.rstrip("/").rpartition("/")[2]
    if fnmatch.fnmatch(name, last) and last != "**":
        return True
    if name.startswith(last + "."):
        return True  # what a rotation left of it
    return name in ("scalars.json", "metrics.csv") or is_log(name, source)
