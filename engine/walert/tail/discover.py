"""Which files a `watch` entry means: a folder is everything below it that looks like a metric log, a glob is what it matches."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from walert.model import Source

KNOWN = frozenset(
    {
        "result.json",
        "progress.json",
        "metrics.json",
        "trainer_log.jsonl",
        "logging.jsonl",
        "log.txt",
        "training_metrics.json",
        "stats.jsonl",
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


def root_of(source: Source) -> str:
    """The folder that is watched: the part of the path before the first wildcard."""
    path = source.path
    if not glob.has_magic(path):
        return path if not os.path.isfile(path) else os.path.dirname(path)
    parts = path.split("/")
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:fixed]) or "/"


def discover(sources: Sequence[Source]) -> dict[tuple[int, int], Found]:
    """Every log of every source, once each however many names it has; the first source that names it decides."""
    out: dict[tuple[int, int], Found] = {}
    for source in sources:
        root = root_of(source)
        for path in candidates(source):
            try:
                found = os.stat(path)
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                out.setdefault((found.st_dev, found.st_ino), Found(path, source, root, found))
    return out


def candidates(source: Source) -> Iterator[str]:
    """The paths that a source names now, sorted."""
    path = source.path
    if glob.has_magic(path):
        for match in sorted(glob.iglob(path, recursive=True, include_hidden=False)):
            if os.path.isdir(match):
                yield from _below(match, source)
            else:
                yield match
    elif os.path.isdir(path):
        yield from _below(path, source)
    elif os.path.lexists(path):
        yield path


def covers(source: Source, path: str) -> bool:
    """Whether `path` is one that the source names."""
    if glob.has_magic(source.path):
        return path in set(candidates(source)) if "**" in source.path else fnmatch.fnmatch(path, source.path)
    return path == source.path or (path.startswith(source.path.rstrip("/") + "/") and is_log(path, source))


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
        try:
            is_dir = entry.is_dir()
        except OSError:
            continue
        if is_dir:
            if not entry.name.startswith("."):
                yield from _below(entry.path, source, depth + 1, seen | {key})
        elif is_log(entry.path, source):
            yield entry.path


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
