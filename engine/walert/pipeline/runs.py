"""Whose log a file is: a run of walert's own writer, known by its start record, or a foreign file, named after its path."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from walert.model import Run, Source

_LETTERS = 200  # of a name, as of a rule's title
_TAGS = 100  # of a run


def identify(
    source: Source, root: str, path: str, event: Mapping[str, Any] | None, host: str | None, owner: int | None = None
) -> Run:
    """The run of the file at `path` below the watched folder `root`. `event` is the `_walert` object of its first record, if any.

    `owner` is the log's, where it is another user than this process's: his run is not that of anybody else who says the same id, so
    that nobody can hold back or close another user's alerts. The id of a foreign file is made of its real place, so that equal names
    below two folders are two runs.
    """
    if event is not None and is_start(event):
        return _own(source, root, path, event, host, owner)
    name = relative(root, path)
    if source.run:
        name = _named(source.run, name)
    key = hashlib.blake2b(os.path.abspath(path).encode(errors="surrogateescape"), digest_size=8).hexdigest()
    return Run(id=key, name=printable(name), project=source.project, tags=source.tags, host=host)


def is_start(event: Mapping[str, Any] | None) -> bool:
    """Whether a log that begins with this event is one of walert's own writer."""
    return event is not None and event.get("event") == "start"


def _own(source: Source, root: str, path: str, event: Mapping[str, Any], host: str | None, owner: int | None) -> Run:
    folder = relative(root, os.path.dirname(path) or os.curdir)
    tags = event.get("tags")
    words = [_word(tag) for tag in tags[:_TAGS]] if isinstance(tags, list | tuple) else []
    return Run(
        id=(_id(event.get("id")) or printable(folder)) + (f"@{owner}" if owner is not None else ""),
        name=_word(event.get("name")) or printable(folder),
        project=_word(event.get("project")) or source.project,
        tags=(*source.tags, *(word for word in words if word)),
        host=_word(event.get("host")) or host,
    )


def _id(value: object) -> str | None:
    """The run's id; of one that is too long the beginning and a hash, so that ids that begin alike stay two."""
    text = value if isinstance(value, str) else ""
    if len(text) <= _LETTERS:
        return _word(value)
    return f"{_word(text)}-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def _word(value: object) -> str | None:
    """What a start record says under a key, as it may be printed and kept; None where it says nothing that is a text or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return printable(str(value)[:_LETTERS]) or None


def is_supervisor(event: Mapping[str, Any] | None) -> bool:
    """Whether the log that begins with this event is that of `walert run`."""
    return event is not None and event.get("role") == "supervisor"


def relative(root: str, path: str) -> str:
    """`path` below `root`; the last name of `path` when the two are one."""
    name = os.path.relpath(path, root)
    return os.path.basename(os.path.abspath(path)) if name == "." or name.startswith("..") else name


def _named(pattern: str, name: str) -> str:
    pure = PurePath(name)
    fields = {"{parent}": pure.parent.name or pure.stem, "{stem}": pure.stem, "{name}": pure.name, "{path}": name}
    for field, value in fields.items():
        pattern = pattern.replace(field, value)
    return pattern


def head_of(first_line: bytes) -> str:
    """What tells a file from another at the same path, in an alert's id: its first line, however much of it was read at once."""
    return hashlib.blake2b(first_line, digest_size=12).hexdigest()


def printable(name: str) -> str:
    """A name that can be printed: control characters and broken UTF-8 are escaped."""
    text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
