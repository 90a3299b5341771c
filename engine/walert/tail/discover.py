"""Which files a `watch` entry means: a folder is everything below it that looks like a metric log, a glob is what it matches."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from walert.model import Source

KNOWN = frozenset(
    {
        *("result.json", "progress.json", "metrics.json", "trainer_log.jsonl", "logging.jsonl", "log.txt"),
        *("training_metrics.json", "stats.jsonl"),
    }
)
_PACKED = (".gz", ".zst", ".bz2", ".xz")
_ROTATED = re.compile(r"\.jsonl(\.\d{1,4})?$")
_MAX_DEPTH = 32


class Found(NamedTuple):
    """A log: where it is, the entry and folder it was found through, and what stat said."""

    path: str
    source: Source
    root: str
    stat: os.stat_result

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode."""
        return (self.stat.st_dev, self.stat.st_ino)


def root_of(source: Source) -> str:
    """The folder that is watched: the part of the path before the first wildcard."""
    path = source.path
    if not glob.has_magic(path):
        return os.path.dirname(path) if os.path.isfile(path) else path
    parts = path.split("/")
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:fixed]) or "/"


def discover(sources: Sequence[Source]) -> dict[tuple[int, int], Found]:
    """Every log of every source, once each however many names it has; the first source that names it decides."""
    out: dict[tuple[int, int], Found] = {}
    for source in sources:
        _collect(source, candidates(source), out)
    return out


def look_at(sources: Sequence[Source], paths: Iterable[str]) -> dict[tuple[int, int], Found]:
    """As `discover`, for what changed only: files that a source names, and what lies below folders."""
    out: dict[tuple[int, int], Found] = {}
    for path in paths:
        for source in sources:
            if os.path.isdir(path):
                below = (p for p in _below(path, source) if covers(source, p))
                _collect(source, below if _meets(source, path) else (), out)
            elif covers(source, path):
                _collect(source, (path,), out)
    return out


def _collect(source: Source, paths: Iterable[str], out: dict[tuple[int, int], Found]) -> None:
    root = root_of(source)
    for path in paths:
        try:
            found = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode):
            out.setdefault((found.st_dev, found.st_ino), Found(path, source, root, found))


def candidates(source: Source) -> Iterator[str]:
    """The paths that a source names now, sorted within each folder."""
    path = source.path
    if glob.has_magic(path):
        for match in sorted(glob.iglob(path, recursive=True)):
            if os.path.isdir(match):
                yield from _below(match, source)
            else:
                yield match
    elif os.path.isdir(path):
        yield from _below(path, source)
    elif os.path.lexists(path):
        yield path
        # What a rotation left of it: still to be read to its end.
        yield from sorted(p for p in glob.glob(glob.escape(path) + ".*") if p[len(path) + 1 :].isdigit())


def covers(source: Source, path: str) -> bool:
    """Whether `path` is a file that the source would name."""
    if glob.has_magic(source.path):
        return _translated(source.path).match(path) is not None and not path.endswith(_PACKED)
    if path == source.path or (path.startswith(source.path + ".") and path[len(source.path) + 1 :].isdigit()):
        return True
    return path.startswith(source.path.rstrip("/") + "/") and is_log(path, source)


def _meets(source: Source, folder: str) -> bool:
    """Whether logs of the source may lie below `folder`."""
    root = root_of(source).rstrip("/") + "/"
    return (folder + "/").startswith(root) or root.startswith(folder.rstrip("/") + "/")


@lru_cache(maxsize=256)
def _translated(pattern: str) -> re.Pattern[str]:
    """A glob with `**` as a pattern over whole paths; a folder that it names stands for the logs below it."""
    parts = [_part(part) for part in pattern.strip("/").split("/")]
    return re.compile("/" + "".join(parts).removesuffix("/") + r"(?:/.*)?\Z")


def _part(part: str) -> str:
    if part == "**":
        return r"(?:[^/]+/)*"
    inner = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z")
    return inner.replace(".*", "[^/]*") + "/"


def _below(
    folder: str, source: Source, depth: int = 0, seen: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[str]:
    try:
        here = os.stat(folder)
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda e: e.name)
    except OSError:
        return
    key = (here.st_dev, here.st_ino)
    if key in seen or depth > _MAX_DEPTH:
        return
    for entry in listed:
        if _is_dir(entry):
            if not entry.name.startswith("."):
                yield from _below(entry.path, source, depth + 1, seen | {key})
        elif is_log(entry.path, source):
            yield entry.path


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_log(path: str, source: Source) -> bool:
    """Whether a file below a watched folder looks like a metric log, by its name."""
    name = os.path.basename(path)
    if name.endswith(_PACKED) or name.startswith("."):
        return False
    if source.format in ("csv", "tsv"):
        return name.endswith(f".{source.format}")
    if name == "scalars.json":
        return os.path.basename(os.path.dirname(path)) == "vis_data"
    return bool(_ROTATED.search(name)) or name in KNOWN or fnmatch.fnmatch(name, "progress-rank*.json")


def discover_logs(log: str) -> list[str]:
    """The logs of a LOG argument: an explicit file whatever its name, a folder's logs sorted."""
    if not os.path.isdir(log):
        return [log]
    return list(candidates(Source(path=log)))
