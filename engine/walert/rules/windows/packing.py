"""Steps and times in little room: as whole numbers and their differences where that is exact, as they are where it is not.

Steps are mostly whole, and a double between 2^30 and 2^31 (a Unix time from 2004 to 2038) is a multiple of 2^-22: differences of such
take 1 to 5 bytes in msgpack, a double 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

_UNITS: Final = (1.0, 2.0**22)
_EXACT: Final = 2.0**53


def pack_marks(marks: Iterable[float | None]) -> list[Any]:
    """`[unit, first, difference, ...]` when that is exact, else `[0.0, mark, mark, ...]`; None stands for no time."""
    plain = list(marks)
    for unit in _UNITS:
        whole = _whole(plain, unit)
        if whole is not None:
            return [unit, *whole[:1], *(b - a for a, b in pairwise(whole))]
    return [0.0, *plain]


def unpack_marks(packed: Sequence[Any]) -> list[float | None]:
    """What `pack_marks` was given, bit for bit (but for the sign of a zero)."""
    unit, *rest = packed
    return rest if unit == 0.0 else [number / unit for number in accumulate(rest)]


def _whole(marks: list[float | None], unit: float) -> list[int] | None:
    whole: list[int] = []
    for mark in marks:
        if mark is None:
            return None
        scaled = mark * unit
        if not -_EXACT < scaled < _EXACT or not scaled.is_integer():
            return None
        whole.append(int(scaled))
    return whole
