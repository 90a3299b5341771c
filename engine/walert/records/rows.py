"""CSV and TSV: a header row, then one record a row. A line is a row: no cell can hold a newline."""

from __future__ import annotations

import csv
from typing import Final

from walert.records.names import number

DELIMITERS: Final = {"csv": ",", "tsv": "\t"}
MAX_COLUMNS: Final = 10_000


class NotRow(ValueError):
    """The line is no row of this file; the text is the reason, one short sentence."""


class Rows:
    """Reads the rows of one stream. `columns` is the header now in force, empty before the first."""

    __slots__ = ("_delimiter", "columns")

    def __init__(self, kind: str, columns: tuple[str, ...] = ()) -> None:
        self._delimiter = DELIMITERS[kind]
        self.columns = columns

    def read(self, data: bytes) -> list[str] | None:
        """The cells of a row, as many as there are columns; None for a header row. Raises NotRow."""
        cells = self.cells(data)
        if not self.columns or self._is_new_header(cells):
            if not is_header(cells):
                raise NotRow("a row before the header with the column names")
            if len(cells) > MAX_COLUMNS:
                raise NotRow(f"a header of more than {MAX_COLUMNS:,} columns")
            self.columns = tuple(cells)
            return None
        if len(cells) != len(self.columns):  # torn or glued: its numbers cannot be trusted
            raise NotRow(f"a row of {len(cells)} cells under a header of {len(self.columns)}")
        return cells

    def cells(self, data: bytes) -> list[str]:
        """One line cut into its cells, without the spaces around them. Raises NotRow."""
        try:
            text = data.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise NotRow(f"not UTF-8: byte {data[error.start]:#04x} at offset {error.start}") from None
        if '"' not in text:
            return [cell.strip() for cell in text.split(self._delimiter)]
        try:
            return [cell.strip() for cell in next(csv.reader([text], delimiter=self._delimiter, strict=True))]
        except (csv.Error, StopIteration) as error:
            raise NotRow(f"not a row: {error}") from None

    def _is_new_header(self, cells: list[str]) -> bool:
        """A header inside the file names at least half of the present columns, and holds no number."""
        if number(cells[0]) is not None:
            return False
        columns = set(self.columns)
        return 2 * len(columns.intersection(cells)) >= len(columns) and is_header(cells)


def is_header(cells: list[str]) -> bool:
    """Whether cells can be column names: at least one is there, and none is a number."""
    return any(cells) and all(number(cell) is None for cell in cells if cell)
