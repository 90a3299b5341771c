"""A table that grows and is written anew whenever a column appears: every row is given once, in order, whatever was looked at when."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from following import Tail
from hypothesis import given, settings
from hypothesis import strategies as st

from walert.model import Source

CELL = st.one_of(
    st.floats(-1e3, 1e3).map(lambda x: repr(round(x, 4))), st.sampled_from(["nan", "inf", "1e-05", "a,b", 'say "x"'])
)
ROWS = st.lists(st.dictionaries(st.sampled_from("abcdef"), CELL, min_size=1), min_size=1, max_size=25)


def written(rows: list[dict[str, str]], columns: list[str], line_end: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=columns, lineterminator=line_end)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def understood(lines: list[str]) -> list[dict[str, str]]:
    """The rows of what was given, read under the headers among them: each cell that holds something."""
    found: list[dict[str, str]] = []
    columns: list[str] = []
    for line in lines:
        (cells,) = csv.reader([line])
        if cells[0] == "step":
            columns = cells
        else:
            found.append({name: cell for name, cell in zip(columns, cells, strict=True) if cell})
    return found


@settings(deadline=None, max_examples=60)
@given(rows=ROWS, looks=st.lists(st.booleans(), min_size=25, max_size=25), line_end=st.sampled_from(["\n", "\r\n"]))
def test_every_row_is_given_once(rows: list[dict[str, str]], looks: list[bool], line_end: str) -> None:
    rows = [{"step": str(n), **row} for n, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        with Tail(Source(path=str(path), format="csv")) as tail:
            columns = ["step"]
            for n, row in enumerate(rows):
                new = sorted(set(row) - set(columns))
                if new or n == 0:
                    columns = ["step", *sorted({*columns, *new} - {"step"})]
                    path.write_bytes(written(rows[: n + 1], columns, line_end))
                else:
                    with open(path, "ab") as file:
                        file.write(written([row], columns, line_end).partition(line_end.encode())[2])
                if looks[n]:
                    tail.scan()
            tail.settle()
            assert understood(tail.read) == rows
            assert tail.told("rewritten") == []
