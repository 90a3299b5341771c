"""Lines -> records: `Decoder` for a stream, `guess` for what a file's name and first lines tell about it.

    line -> (prefix dropped) -> JSON object or table row -> flat numbers -> step, time, epoch, metrics

Everything here is a pure function of the bytes, so that live, restart, test and replay see the same records. Lines are
hostile: every bound is a constant, and no bytes raise.
"""

from __future__ import annotations

from walert.records.decoder import MAX_LINE, Decoder
from walert.records.known import guess
from walert.records.shapes import Form

__all__ = ["MAX_LINE", "Decoder", "Form", "guess"]
