"""Which files a `watch` entry means: a folder is everything below it that looks like a metric log, a glob is what it matches."""

from __future__ import annotations

import fnmatch
import glob
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from walert.clock import now
from walert.model import Source
from walert.tail.descriptors import Notice
from walert.tail.globs import expanded, glob_of

KNOWN = frozenset(
    {
        *("result.json", "progress.json", "metrics.json", "trainer_log.jsonl", "logging.jsonl", "log.txt"),
        *("training_metrics.json", "stats.jsonl"),
    }
)
_PACKED = (".gz", ".zst", ".bz2", ".xz")
_ROTATED = re.compile(r"\.jsonl(\.\d{1,4})?$")
_VERSION = re.compile(r"version_\d{1,9}")
_MAX_DEPTH = 32
_TOLD = 1000  # paths that are said to be skipped
_SETTLED = 2.0  # seconds after which a folder's mtime would tell of a change
_TRUSTED = 6  # walks, in one of which a folder is listed whether it changed or not


class Found(NamedTuple):
    """A log: where it is, the entry and folder it was found through, and what stat said; not `anew`, at an earlier look."""

    path: str
    source: Source
    root: str
    stat: os.stat_result
    anew: bool = True

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode."""
        return (self.stat.st_dev, self.stat.st_ino)


def root_of(source: Source) -> str:
    """The folder that is watched: the part of the path before the first wildcard."""
    path = source.path
    if not glob.has_magic(path):
        return os.path.dirname(path) if os.path.isfile(path) else path
    return glob_of(path).root


class Discovery:
    """Finds the logs of some sources, again and again. A folder that did not change since it was listed is not listed again."""

    def __init__(self, sources: Sequence[Source], notice: Callable[[Notice], None]) -> None:
        self._sources = sources
        self._notice = notice
        self._walk = Walk(self._closed)
        self._told: set[str] = set()
        self._last: dict[str, Found] = {}

    def all(self) -> dict[tuple[int, int], Found]:
        """Every log of every source, once each however many names it has; the first source that names it decides."""
        out: dict[tuple[int, int], Found] = {}
        self._walk.begin()
        for source in self._sources:
            self._collect(source, candidates(source, self._walk), out, self._walk)
        self._walk.end()
        self._last = {each.path: each._replace(anew=False) if each.anew else each for each in out.values()}
        return out

    def among(self, paths: Iterable[str]) -> dict[tuple[int, int], Found]:
        """As `all`, for what changed only: files that a source names, and what lies below folders."""
        out: dict[tuple[int, int], Found] = {}
        for path in paths:
            for source in self._sources:
                if covers(source, path) and not os.path.isdir(path):
                    self._collect(source, (path,), out)
                elif os.path.isdir(path):
                    self._collect(source, _in_folder(source, path), out)
        return out

    def _collect(
        self, source: Source, paths: Iterable[str], out: dict[tuple[int, int], Found], walk: Walk | None = None
    ) -> None:
        root = root_of(source)
        for path in paths:
            # In a folder that did not change, a name still is the file that it was.
            before = self._last.get(path) if walk is not None and walk.unchanged else None
            if before is not None and before.source is source:
                out.setdefault(before.key, before)
                continue
            if path.endswith(_PACKED):
                self._skipped(path, "is compressed: it is not read")
                continue
            try:
                found = os.stat(path)
            except OSError:
                if os.path.islink(path):
                    self._skipped(path, "leads nowhere: skipped until it does")
                continue
            if stat.S_ISREG(found.st_mode):
                key = (found.st_dev, found.st_ino)
                if key not in out:
                    out[key] = Found(path, source, root, found)
            elif not stat.S_ISDIR(found.st_mode):
                self._skipped(path, "is no regular file: skipped")

    def _skipped(self, path: str, why: str) -> None:
        self._say("skipped", path, why)

    def _closed(self, folder: str, error: OSError) -> None:
        self._say("unreadable", folder, f"cannot be listed: {error.strerror}; logs below it are not followed")

    def _say(self, kind: str, path: str, why: str) -> None:
        if path not in self._told and len(self._told) < _TOLD:
            self._told.add(path)
            self._notice(Notice(kind, path, why))


class _Listing(NamedTuple):
    """What a folder held when it was read: folders, logs, and symbolic links to either. `changed` is its mtime, nanoseconds.

    In the walks of its `turn` it is listed all the same.
    """

    changed: int
    turn: int
    folders: list[str]
    logs: list[str]
    links: list[str]


class Walk:
    """Walks below folders. Between `begin` and `end` it remembers what it listed, for the next time.

    `closed` hears of a folder that is there and cannot be listed.
    """

    def __init__(self, closed: Callable[[str, OSError], None] = lambda folder, error: None) -> None:
        self._closed = closed
        self._before: dict[tuple[str, str], _Listing] = {}
        self._now: dict[tuple[str, str], _Listing] = {}
        self._count = 0
        self._turns = itertools.cycle(range(_TRUSTED))
        self.unchanged = False  # whether the log that was given last lies in a folder as it was

    def begin(self) -> None:
        """A walk over everything begins. One folder in six is listed whatever its mtime: some file systems do not tell that a folder changed."""
        self._before, self._now = self._now, {}
        self._count += 1

    def end(self) -> None:
        """Folders that were not met are forgotten."""
        self._before = {}

    def below(self, folder: str, source: Source) -> Iterator[str]:
        """The logs below a folder, each folder sorted. Symbolic links come last, so that a log is called by its own name."""
        visited: set[tuple[int, int]] = set()
        links: list[str] = []
        yield from self._below(folder, source, 0, visited, links)
        self.unchanged = False
        while links:
            path, links = links[0], links[1:]
            if os.path.isdir(path):
                yield from self._below(path, source, path.count("/") - folder.count("/"), visited, links)
            elif is_log(path, source):
                yield path

    def _below(
        self, folder: str, source: Source, depth: int, visited: set[tuple[int, int]], links: list[str]
    ) -> Iterator[str]:
        # One loop and few calls: an idle walertd spends most of its time here.
        kind, before = _kind(source), self._before
        # A change within the clock's granularity after the look would not show: young folders are not trusted.
        settled = 0 if source.poll else int((now() - _SETTLED) * 1e9)
        turn = self._count % _TRUSTED
        to_do = [(folder, depth)]
        while to_do:
            path, depth = to_do.pop()
            try:
                here = os.stat(path)
                listing = before.get((path, kind))
                self.unchanged = listing is not None and listing.changed == here.st_mtime_ns and listing.turn != turn
                if listing is None or not self.unchanged:
                    turn_of_it = next(self._turns) if listing is None else listing.turn
                    listing = _listed(path, source, here.st_mtime_ns, turn_of_it)
            except OSError as error:
                if not isinstance(error, FileNotFoundError | NotADirectoryError):
                    self._closed(path, error)
                continue
            key = (here.st_dev, here.st_ino)
            if key in visited or depth > _MAX_DEPTH:
                continue
            visited.add(key)
            if listing.changed < settled:
                self._now[path, kind] = listing
            if listing.folders:
                to_do += [(name, depth + 1) for name in reversed(listing.folders)]
            links += listing.links
            yield from listing.logs


def _kind(source: Source) -> str:
    return source.format if source.format in ("csv", "tsv") else ""


def _listed(folder: str, source: Source, changed: int, turn: int) -> _Listing:
    listing = _Listing(changed, turn, [], [], [])
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            if entry.is_symlink():
                if not entry.name.startswith("."):
                    listing.links.append(entry.path)
            elif entry.is_dir():
                if not entry.name.startswith("."):
                    listing.folders.append(entry.path)
            elif is_log(entry.path, source):
                listing.logs.append(entry.path)
    return listing


def candidates(source: Source, walk: Walk) -> Iterator[str]:
    """The paths that a source names now, sorted within each folder."""
    path = source.path
    if glob.has_magic(path):
        yield from _matched(source, root_of(source), walk)
    elif os.path.isdir(path):
        yield from walk.below(path, source)
    elif os.path.lexists(path):
        yield path
        # What a rotation left of it: still to be read to its end.
        yield from sorted(p for p in glob.glob(glob.escape(path) + ".*") if p[len(path) + 1 :].isdigit())


def _matched(source: Source, folder: str, walk: Walk) -> Iterator[str]:
    """What the source's glob names in `folder` and below."""
    for path, named in expanded(glob_of(source.path), folder):
        if named:
            yield from walk.below(path, source)
        else:
            yield path


def _in_folder(source: Source, folder: str) -> Iterator[str]:
    """The paths that a source names in `folder` and below: it lies in the source's root, or the root in it."""
    root = root_of(source).rstrip("/") + "/"
    if root.startswith(folder.rstrip("/") + "/"):
        return candidates(source, Walk())
    if glob.has_magic(source.path):
        return _matched(source, folder, Walk())
    return Walk().below(folder, source) if (folder + "/").startswith(root) else iter(())


def covers(source: Source, path: str) -> bool:
    """Whether `path` is a file that the source would name."""
    if glob.has_magic(source.path):
        folder, name = os.path.split(path)
        pattern = glob_of(source.path)
        states = pattern.at(folder)
        named = pattern.names(states, name) and not name.endswith(_PACKED)
        return named or (pattern.is_named(states) and is_log(path, source))
    if path == source.path or (path.startswith(source.path + ".") and path[len(source.path) + 1 :].isdigit()):
        return True
    return path.startswith(source.path.rstrip("/") + "/") and is_log(path, source)


def is_log(path: str, source: Source) -> bool:
    """Whether a file below a watched folder looks like a metric log, by its name."""
    name = os.path.basename(path)
    if name.endswith(_PACKED) or name.startswith("."):
        return False
    if source.format in ("csv", "tsv"):
        return name.endswith(f".{source.format}")
    if name == "scalars.json":
        return os.path.basename(os.path.dirname(path)) == "vis_data"
    if name == "metrics.csv":  # Lightning's; tables of other names are followed when asked for
        return bool(_VERSION.fullmatch(os.path.basename(os.path.dirname(path))))
    return bool(_ROTATED.search(name)) or name in KNOWN or fnmatch.fnmatch(name, "progress-rank*.json")


def discover_logs(log: str) -> list[str]:
    """The logs of a LOG argument, sorted: a folder's, those that a glob names, or an explicit file whatever its name.

    Raises `OSError` for a folder in it that cannot be listed: logs would be missing without a word.
    """
    if os.path.lexists(log) and not os.path.isdir(log):
        return [log]
    if not os.path.lexists(log) and not glob.has_magic(log):
        return [log]
    found = candidates(Source(path=log), Walk(_refuse))
    return sorted(path for path in found if os.path.isfile(path) and not path.endswith(_PACKED))


def _refuse(folder: str, error: OSError) -> None:
    raise error
