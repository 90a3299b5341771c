"""An alert as CommonMark, for the services that take it. Everything but walert's own words is escaped."""

from __future__ import annotations

import re

from walert.deliver import render_parts as parts
from walert.deliver.render_group import Gathered, Style, together
from walert.deliver.render_plain import fit
from walert.model import Alert

# What means something where it stands: an underscore within a word, a `<` before a space, a `#` within a line do not.
_SPECIAL = re.compile(r"[\\`*\[\]]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|(?<=~)~|<(?=[A-Za-z/!?@#:&])|\|(?=\|)|(?<=\|)\|")
_LINE_START = re.compile(r"^(\s*)(\d{1,9})([.)])|^(\s*)([-+=#>|])", re.MULTILINE)
_BREAK = re.compile(r"(?<!\n)\n(?!\n)")  # a line's end is a space in CommonMark, unless two spaces stand before it
_ENTITY = re.compile(r"&(?=#?\w{1,40};)")


def markdown(alert: Alert, limit: int | None = None) -> str:
    """Text and proof, without the title, in at most `limit` characters: the proof is cut before the text. Never
    empty.
    """
    text = _text(parts.text_of(alert)) or escape(parts.title_of(alert))
    return fit(text, [_line(fact) for fact in parts.proof(alert)], limit)


def markdown_group(group: Gathered, limit: int | None = None) -> str:
    """The alerts of a message, each with its proof, and what they share below, in at most `limit` characters."""
    style = Style(
        lambda heading: f"**{escape(parts.readable(heading))}**  ", lambda text: _text(parts.readable(text)), _line
    )
    return fit(together(group, limit, style), [_line(fact) for fact in group.facts], limit)


def _text(text: str) -> str:
    """An author's text, its lines kept apart."""
    return _BREAK.sub("  \n", escape(text))


def _line(fact: parts.Fact) -> str:
    return f"- **{fact.name}**: {escape(fact.value)}"


def escape(text: str) -> str:
    """Text that CommonMark shows as it is written."""
    marked = _SPECIAL.sub(r"\\\g<0>", _ENTITY.sub("&amp;", text))
    return _LINE_START.sub(_escaped_start, marked)


def _escaped_start(match: re.Match[str]) -> str:
    if match.group(2):
        return f"{match.group(1)}{match.group(2)}\\{match.group(3)}"
    return f"{match.group(4)}\\{match.group(5)}"
