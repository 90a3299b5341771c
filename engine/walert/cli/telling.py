"""Problems as people, programs and GitHub read them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TextIO

from walert.cli.excerpt import excerpt
from walert.documents import mask_lines, printable
from walert.errors import Problem


def as_text(problems: Sequence[Problem], contents: Mapping[str, bytes], out: TextIO) -> None:
    """Each problem in one line, then its own line of the file with a caret."""
    lines = {file: _shown_lines(contents.get(file, b"")) for file in {p.file for p in problems}}
    for problem in problems:
        out.write(f"{printable(str(problem))}\n")
        out.writelines(f"{line}\n" for line in excerpt(lines.get(problem.file, []), problem.line, problem.column))


def _shown_lines(content: bytes) -> list[str]:
    return mask_lines(re.split(r"\r\n|\r|\n", content.decode("utf-8-sig", "replace")))


def as_json(problems: Sequence[Problem], out: TextIO) -> None:
    """One JSON object a problem."""
    out.writelines(json.dumps(asdict(problem), ensure_ascii=False) + "\n" for problem in problems)


def as_github(problems: Sequence[Problem], out: TextIO) -> None:
    """One annotation a problem, as GitHub Actions reads them from a log."""
    for p in problems:
        place = f"file={_property(p.file)},line={max(p.line, 1)},col={max(p.column, 1)},title={_property(p.code)}"
        out.write(f"::{p.severity} {place}::{_escaped(f'{p.what} {p.hint}'.strip())}\n")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
