"""What several verbs share: the configuration, the state file, rows of JSON, tables for people."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walert.cli.exits import NOT_RUNNING, ExitCode
from walert.errors import ConfigError

if TYPE_CHECKING:  # verbs that use neither configuration nor state file start without them
    from walert.config import Config
    from walert.store.reader import Reader


def configuration(named: str | None) -> Config:
    """The configuration that `--config` or the usual places give. Raises `ConfigError` with every problem."""
    from walert.config import find_config, load_config

    return load_config(find_config(os.environ, named), os.environ)


def state_configuration(named: str | None) -> Config:
    """As `configuration`, for those who only look into the state file: secrets that are not set in this shell are no matter to them."""
    from walert.config import find_config, inspect_config

    try:
        return configuration(named)
    except ConfigError as error:
        place = find_config(os.environ, named)
        if place is None or any(p.severity == "error" and p.code not in _BEARABLE for p in error.problems):
            raise
        text = Path(place).read_bytes()
        lines = text.split(b"\n")
        if any(0 < p.line <= len(lines) and b"state:" in lines[p.line - 1] for p in error.problems):
            raise
        return inspect_config(text, place, os.environ)[0]


_BEARABLE = frozenset({"unset-variable", "empty-url", "receiver-url"})


def reader(config: Config) -> Reader:
    """The state file, opened for reading; exit code 3 when there is none yet."""
    from walert.store.reader import Reader

    if not os.path.exists(config.state):
        raise ExitCode(NOT_RUNNING, f"walert: there is no state file {config.state} yet: start walertd first.")
    return Reader(config.state)


def print_rows(rows: Iterable[Any]) -> None:
    """One JSON object a line; frozen values by their fields, non-finite numbers as strings."""
    for row in rows:
        print(encodable(json.dumps(_jsonable(row), ensure_ascii=False, default=str)))
    sys.stdout.flush()


def _jsonable(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = (f.name for f in dataclasses.fields(value) if f.metadata.get("listed", True))
        return {name: _jsonable(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as they need to be, control characters of data made harmless."""
    cells = [[safe(str(c)) for c in row] for row in (header, *rows)]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print("  ".join(c + " " * (w - _width(c)) for c, w in zip(row, widths, strict=True)).rstrip())
    sys.stdout.flush()


def _width(text: str) -> int:
    """Columns on a terminal: wide characters of East Asian scripts take two."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def encodable(text: str) -> str:
    """JSON as it can be printed: a file's name may hold bytes that are no text, written \\udcXX there as in Python."""
    return text.encode(errors="backslashreplace").decode()


def safe(text: str) -> str:
    """Text from data as it may be printed: no control character reaches the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def age(then: float | None) -> str:
    """How long ago, as people say it."""
    if then is None:
        return "never"
    from walert.units import format_duration

    seconds = max(0.0, time.time() - then)
    rounded = int(seconds) if seconds < 3600 else int(seconds // 60 * 60)
    return f"{format_duration(rounded)} ago"


def plural(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def warn(text: str) -> None:
    """A sentence on stderr."""
    print(f"walert: {text}", file=sys.stderr)
