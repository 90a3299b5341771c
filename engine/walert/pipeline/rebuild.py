"""The state that a new rule would have had: the file's bytes folded again, silently, and joined with what was kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from walert.model import BadLine, Batch
from walert.records import Decoder
from walert.rules.fold import Fold
from walert.tail import iter_file


def rebuilt(fold: Fold, kept: Mapping[str, Any], batch: Batch) -> Fold | None:
    """`fold` completed from the bytes before `batch`; None where they are no longer all there."""
    again = Fold(fold.rules)
    decoder = Decoder(batch.source, batch.path)
    try:
        for earlier in iter_file(batch.path, batch.source, batch.root):
            offset = earlier.first_offset
            for number, data in enumerate(earlier.lines, earlier.first_line):
                if offset >= batch.first_offset:
                    break
                record = decoder.decode(data, number, offset)
                if record is not None and not isinstance(record, BadLine):
                    again.step(record)
                offset += len(data) + 1
            if offset >= batch.first_offset:
                break
    except OSError:
        return None
    if again.records != kept["records"]:
        return None
    return Fold.load(fold.rules, _joined(again.dump(), kept))


def _joined(again: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """What was kept, and for what it lacks the newly folded."""
    out = dict(kept)
    for part in ("inner", "latches", "machines"):
        out[part] = {**again[part], **kept[part]}
    out["shelves"] = {key: {**shelf, **kept["shelves"].get(key, {})} for key, shelf in again["shelves"].items()}
    held = {(row[0], tuple(row[1])) for row in kept["slots"]}
    out["slots"] = [*kept["slots"], *(row for row in again["slots"] if (row[0], tuple(row[1])) not in held)]
    return out
