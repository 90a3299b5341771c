"""`walert check --explain`: what each code means, with the same thing written wrong and right."""

from __future__ import annotations

import difflib
import textwrap
from typing import TextIO

from walert.cli.exits import FINE, USAGE, ExitCode
from walert.cli.explanations import conditions, configuration, files, rules, runs, tests, warnings
from walert.cli.explanations.values import Explanation

__all__ = ["EXPLANATIONS", "Explanation", "explain"]

_WIDTH = 79  # of a terminal that nobody widened
_GROUPS = (
    ("every file", files.ENTRIES),
    ("conditions", conditions.ENTRIES),
    ("rules", rules.ENTRIES),
    ("walert.yaml", configuration.ENTRIES),
    ("tests of rules", tests.ENTRIES),
    ("runs and their logs", runs.ENTRIES),
    ("warnings", warnings.ENTRIES),
)

EXPLANATIONS: dict[str, Explanation] = {entry.code: entry for _, entries in _GROUPS for entry in entries}
"""Every code that a problem can have."""


def explain(code: str, out: TextIO) -> int:
    """Print what `code` means, or, when it is empty, all codes. Raises `ExitCode` 2 when there is no such code."""
    if not code:
        out.write("\n".join(_list()) + "\n\n`walert check --explain CODE` tells what one means.\n")
        return FINE
    code = code.partition("[")[2].rstrip("]") or code  # as it is printed: error[CODE]
    entry = EXPLANATIONS.get(code)
    if entry is None:
        near = difflib.get_close_matches(code[:60], EXPLANATIONS, 1, 0.5)
        hint = f"Did you mean {near[0]}?" if near else "`walert check --explain` lists all."
        raise ExitCode(USAGE, f"walert check: there is no code `{code[:60]}`. {hint}")
    out.write("\n".join(_paragraphs(entry)) + "\n")
    return FINE


def _list() -> list[str]:
    lines = []
    for name, entries in _GROUPS:
        codes = ", ".join(sorted(entry.code for entry in entries))
        lines += [f"{name}:", *_filled(codes)]
    return lines


def _paragraphs(entry: Explanation) -> list[str]:
    lines = [f"{entry.code} ({entry.severity})", "", *textwrap.wrap(entry.text, _WIDTH)]
    for name, example in (("wrong", entry.wrong), ("right", entry.right)):
        if example:
            shown = f"when: {example}" if entry.shown == "when" else example.rstrip("\n")
            lines += ["", f"{name}:", *(f"    {line}" for line in _visible(shown).split("\n"))]
    return lines


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def _visible(text: str) -> str:
    """What nobody sees, as an escape; a line that is made to be too long, cut."""
    text = "\n".join(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 2]} …" for line in text.split("\n"))
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)
