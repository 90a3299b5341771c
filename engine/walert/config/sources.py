"""`watch` entries to sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from walert.documents import Path
from walert.model import Source


class Complain(Protocol):
    """Notes an error at a path of the document."""

    def __call__(self, path: Path, code: str, what: str, hint: str = "", /) -> None: ...


def read_sources(
    entries: Sequence[Any], absolute: Callable[[str, Path], str], complain: Complain
) -> tuple[Source, ...]:
    """The sources of `watch`, in order; `absolute` completes a path at its place. Entries that are None were unsound and are left out."""
    sources = []
    for at, entry in enumerate(entries):
        if isinstance(entry, str):
            sources.append(Source(path=absolute(entry, ("watch", at))))
        elif isinstance(entry, dict) and entry.get("path"):
            sources.append(_source(entry, absolute, ("watch", at), complain))
    return tuple(sources)


def _source(entry: Mapping[str, Any], absolute: Callable[[str, Path], str], path: Path, complain: Complain) -> Source:
    _check_prefix(entry.get("prefix"), (*path, "prefix"), complain)
    pivot = entry.get("pivot") or {}
    return Source(
        path=absolute(entry["path"], (*path, "path")),
        project=entry.get("project"),
        tags=_texts(entry.get("tags")),
        format=entry.get("format") or "auto",
        prefix=entry.get("prefix"),
        root=entry.get("root"),
        step=_texts(entry.get("step")),
        time=_texts(entry.get("time")),
        nulls=entry.get("nulls") or "auto",
        strings=entry.get("strings") or "keep",
        pivot=(pivot["name"], pivot["value"]) if pivot.get("name") and pivot.get("value") else None,
        rename={old: new for old, new in (entry.get("rename") or {}).items() if new},
        run=entry.get("run"),
        attempt_key=entry.get("attempt_key"),
        read_from=entry.get("read_from") or "auto",
        poll=bool(entry.get("poll")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    """One text, or several, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(v for v in value or () if v)


def _check_prefix(prefix: str | None, path: Path, complain: Complain) -> None:
    try:
        re.compile(prefix or "")
    except (re.error, OverflowError, RecursionError) as error:
        complain(path, "bad-regex", f"this is no regular expression: {error}.", "")
