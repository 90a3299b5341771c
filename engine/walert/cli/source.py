"""How logs would be read: format and options, which keys are step and time, what nulls mean, the first records, and what else they need.

  walert source detect PATH [--source KEY=VALUE]... [--json]

PATH is a log, or a folder: then every log that walertd would find in it. Only the beginning of a file is read, and nothing is kept.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from walert.cli.actions import action, actions
from walert.cli.common import print_rows, warn
from walert.cli.exits import FINE, PROBLEMS, USAGE, ExitCode
from walert.cli.sources import options_of, source_of
from walert.model import Record, Source
from walert.pipeline.replay import plain, spelled
from walert.records.detect import Detected, detect
from walert.records.hints import Hint, hints
from walert.tail.discover import Walk, candidates

LINES = 1_000  # of a file that are looked at
LINES_EACH = 200  # of each file of a folder
SIZE = 8 << 20  # bytes of a file that are looked at
MOST_FILES = 1_000
SHOWN = 5  # records and bad lines
PACKED = (".gz", ".zst", ".bz2", ".xz")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one file. `whole` tells that it was read to its end, `partial` that its last line has no newline yet."""

    path: str
    asked: Source
    detected: Detected
    wanted: Source
    hints: tuple[Hint, ...]
    whole: bool
    partial: bool

    @property
    def options(self) -> dict[str, Any]:
        """Those of the `watch` entry: what was asked for, and what the lines ask for."""
        return options_of(self.wanted)

    @property
    def told(self) -> dict[str, Any]:
        """What the file itself told, which needs no option."""
        asked = options_of(self.asked)
        found = options_of(self.detected.source)
        return {name: value for name, value in found.items() if name != "format" and asked.get(name) != value}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert source`."""
    parser.add_argument("--json", action="store_true", help="one JSON object a file")
    one = action(
        actions(parser), "detect", "tell how a log, or each log of a folder, would be read", "one object a file"
    )
    one.add_argument("path", metavar="PATH", help="a log or a folder")
    one.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of a `watch` entry, such as step=iteration or nulls=nan; may be repeated",
    )


def main(args: argparse.Namespace) -> int:
    """Detect. Exit code 0; 1 when there is no record; 2 when PATH or an option cannot be used."""
    from walert.cli import source_text

    source = source_of(args.path, args.source)
    if not os.path.exists(args.path):
        raise ExitCode(USAGE, f"walert: {args.path}: there is no such file or folder.")
    is_folder = os.path.isdir(args.path)
    looks = _folder(args.path, source) if is_folder else [look(args.path, source, LINES)]
    if args.json:
        print_rows(row(one) for one in looks)
    elif is_folder:
        source_text.print_folder(looks, args.path)
    else:
        source_text.print_file(looks[0])
    return FINE if any(one.detected.records for one in looks) else PROBLEMS


def _folder(folder: str, source: Source) -> list[Look]:
    """A look at each log of a folder; tables, which walertd follows only when asked, come with the option that asks for them."""
    found: dict[str, Source] = {}
    asked_for = [source]
    if source.format == "auto":
        asked_for += [replace(source, format="csv"), replace(source, format="tsv")]
    for asked in asked_for:
        for path in candidates(replace(asked, path=folder), Walk()):
            if os.path.isfile(path):
                found.setdefault(path, asked)
    if not found:
        warn(f"{folder}: there are no logs in it: walertd looks for *.jsonl and the names that frameworks use.")
    if len(found) > MOST_FILES:
        warn(f"{folder}: only the first {MOST_FILES:,} of its {len(found):,} logs are looked at.")
    looks = []
    for path, asked in sorted(found.items())[:MOST_FILES]:
        try:
            looks.append(look(path, asked, LINES_EACH))
        except ExitCode as error:
            warn(error.text.removeprefix("walert: "))
    return looks


def look(path: str, source: Source, most: int) -> Look:
    """Look at the beginning of one file. Raises `ExitCode` when it cannot be read, `ConfigError` for a prefix that cannot be used."""
    if not os.path.isfile(path):
        raise ExitCode(USAGE, f"walert: {path}: is neither a file nor a folder.")
    if path.endswith(PACKED):
        raise ExitCode(USAGE, f"walert: {path}: is compressed: it is not read. Unpack it first.")
    try:
        with open(path, "rb") as file:
            data = file.read(SIZE + 1)
    except OSError as error:
        raise ExitCode(USAGE, f"walert: {path}: {error.strerror}.") from None
    *lines, rest = data[:SIZE].split(b"\n")
    cut = len(data) > SIZE
    if cut and not lines:
        lines = [rest]  # one line of megabytes, or no text at all
    partial = bool(rest.strip()) and not cut
    detected = detect(path, lines[:most], source)
    wanted, found = hints(path, lines[:most], source)
    return Look(path, source, detected, wanted, found, not cut and len(lines) <= most, partial)


# --- as JSON


def row(one: Look) -> dict[str, Any]:
    """What was seen of a file, by stable names."""
    seen = one.detected
    return {
        "file": one.path,
        "format": seen.source.format,
        "told": one.told,
        "lines": seen.lines,
        "records": len(seen.records),
        "bad_lines": len(seen.bad),
        "ignored_lines": seen.ignored,
        "whole": one.whole,
        "partial": one.partial,
        "step": _keys(seen.steps),
        "time": _keys(seen.times),
        "nulls": {"policy": seen.source.nulls, "nan": _nulls(seen, True), "missing": _nulls(seen, False)},
        "first": [_record(record) for record in seen.records[:SHOWN]],
        "metrics": spelled(seen.metrics),
        "bad": [{"line": bad.line, "reason": bad.reason, "sample": bad.sample} for bad in seen.bad[:SHOWN]],
        "hints": [{"options": _options(one, hint), "why": hint.why} for hint in one.hints],
        "watch": {"path": os.path.abspath(one.path), **one.options},
    }


def _options(one: Look, hint: Hint) -> dict[str, Any]:
    return {name: one.options[name] for name in hint.options}


def _keys(counts: Mapping[str, int]) -> list[str]:
    """The keys that served, the most frequent first."""
    return [key for key, _ in sorted(counts.items(), key=lambda item: -item[1]) if key]


def _nulls(seen: Detected, nan: bool) -> list[str]:
    return sorted(name for name, is_nan in seen.nulls.items() if is_nan is nan)


def _record(record: Record) -> dict[str, Any]:
    return {
        "line": record.line,
        "step": plain(record.step) if record.has_step else None,
        "time": record.time,
        "metrics": spelled(record.metrics),
        "event": record.event.get("event") if record.event else None,
    }
