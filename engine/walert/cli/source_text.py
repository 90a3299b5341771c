"""What `walert source detect` says to people: of one file everything, of a folder a line a file, and the `watch` entry to paste."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from walert.cli.common import plural, print_table, safe
from walert.cli.sources import entry_of
from walert.dispatch.wording import moment
from walert.model import Record
from walert.records.detect import Detected
from walert.template import number

if TYPE_CHECKING:
    from walert.cli.source import Look

SHOWN = 5  # records, bad lines, names in a row
MOST_NAMES = 40  # metrics that are listed


def print_file(one: Look) -> None:
    """Everything about one file."""
    seen = one.detected
    for line in _facts(one):
        print(safe(line))
    if seen.records:
        print()
        print_table(("line", "step", "time", "metrics"), [_cells(record) for record in seen.records[:SHOWN]])
    if seen.metrics:
        print()
        print_table(("metric", "first value"), [(n, number(v)) for n, v in list(seen.metrics.items())[:MOST_NAMES]])
        _print_more(len(seen.metrics) - MOST_NAMES)
    if seen.bad:
        print("\nbad lines:")
        print_table(("line", "why", "begins"), [(b.line, b.reason, b.sample[:60]) for b in seen.bad[:SHOWN]])
        _print_more(len(seen.bad) - SHOWN)
    if seen.records or one.hints or not seen.bad:
        _print_entries([entry_of(glob.escape(os.path.abspath(one.path)), one.options)], [h.why for h in one.hints])


def print_folder(looks: Sequence[Look], folder: str) -> None:
    """A line a file, and the entries that they need: those with options first, since the first entry that names a file decides."""
    if not looks:
        return
    header = ("file", "format", "records", "bad", "step", "time", "metrics", "options")
    print_table(header, [_line(one, folder) for one in looks])
    needy = {str(one.options): one.options for one in looks if one.options}
    entries = [
        entry
        for options in needy.values()
        for entry in _entries(options, [o for o in looks if o.options == options], folder)
    ]
    plain = [entry_of(glob.escape(os.path.abspath(folder)), {})] if any(not one.options for one in looks) else []
    _print_entries([*entries, *plain], list(dict.fromkeys(hint.why for one in looks for hint in one.hints)))


def _facts(one: Look) -> Iterator[str]:
    seen = one.detected
    first = "" if one.whole else "the first "
    yield f"{one.path}: {seen.source.format}, {first}{plural(seen.lines, 'line')}: {_counts(seen)}"
    if one.partial:
        yield "its last line has no newline yet: it waits"
    if not seen.records:
        yield "nothing in it is a record" if seen.lines else "there is no complete line in it yet"
        return
    yield f"step   {_keys(seen.steps, 'none is known: the number of the record counts')}"
    yield f"time   {_keys(seen.times, 'none: live, the arrival counts; in a replay, waits and time windows stand still')}"
    yield f"nulls  {_nulls(seen)}"
    for name, value in one.told.items():
        yield f"{name:<6} {value} (told by its first record: no option is needed)"


def _counts(seen: Detected) -> str:
    counts = [plural(len(seen.records), "record"), plural(len(seen.bad), "bad line")]
    if seen.ignored:
        counts.append(f"{plural(seen.ignored, 'line')} left out (blank, a header, or no record)")
    return ", ".join(counts)


def _keys(counts: Mapping[str, int], none: str) -> str:
    """Which keys served how many records."""
    named = [f"{key} ({plural(count, 'record')})" for key, count in sorted(counts.items(), key=lambda i: -i[1]) if key]
    if not named:
        return none
    return ", ".join(named) + (f"; {plural(counts[''], 'record')} without" if counts.get("") else "")


def _nulls(seen: Detected) -> str:
    """What null means in this file."""
    if seen.source.format != "jsonl":
        return "empty cells are missing"
    nan, missing = (
        _some([name for name, is_nan in seen.nulls.items() if is_nan is wanted]) for wanted in (True, False)
    )
    told = [text for text in (f"NaN under {nan}" if nan else "", f"missing under {missing}" if missing else "") if text]
    return f"{seen.source.nulls}: {'; '.join(told) or 'there are none among these lines'}"


def _cells(record: Record) -> tuple[object, ...]:
    """A record as it was mapped."""
    step = number(record.step) if record.has_step else f"({number(record.step)})"
    values = _some([f"{name} = {number(value)}" for name, value in record.metrics.items()])
    event = f"event {record.event.get('event')}" if record.event else ""
    return (record.line, step, moment(record.time) or "", ", ".join(part for part in (event, values) if part))


def _line(one: Look, folder: str) -> tuple[object, ...]:
    seen = one.detected
    name = os.path.relpath(one.path, folder)
    keys = (_some([key for key in counts if key]) or "none" for counts in (seen.steps, seen.times))
    options = ", ".join(one.options) or "none needed"
    return (name, seen.source.format, len(seen.records), len(seen.bad), *keys, len(seen.metrics), options)


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - SHOWN
    return ", ".join(texts[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _print_more(count: int) -> None:
    if count > 0:
        print(f"… and {count} more (--json has all)")


# --- what to paste


def _entries(options: Mapping[str, Any], looks: Sequence[Look], folder: str) -> list[str]:
    """The entries for files that need the same options."""
    top = glob.escape(os.path.abspath(folder))
    if options.keys() <= {"format"}:
        return [entry_of(top, options)]
    names = {os.path.basename(one.path) for one in looks}
    if len(looks) > 1 and len(names) == 1:
        return [entry_of(f"{top}/**/{glob.escape(names.pop())}", options)]
    return [entry_of(glob.escape(os.path.abspath(one.path)), options) for one in looks]


def _print_entries(entries: Sequence[str], why: Sequence[str]) -> None:
    print()
    for reason in why:
        print(safe(f"# {reason}"))
    print("watch:")
    for entry in entries:
        print(safe(f"  {entry}"))
