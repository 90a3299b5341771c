"""An alert as plain text: for consoles, logs, SMS and every service that takes neither markdown nor Slack's blocks."""

from __future__ import annotations

from walert.deliver import render_parts as parts
from walert.deliver.render_group import Gathered, Style, together
from walert.model import Alert


def headline(alert: Alert) -> str:
    """One line: sign, level and title."""
    return f"{parts.emoji(alert)} {parts.word(alert)}: {parts.title_of(alert)}"


def plain(alert: Alert, limit: int | None = None) -> str:
    """Text and proof, without the headline, in at most `limit` characters: the proof goes first, the text last. Never
    empty.
    """
    text = parts.text_of(alert) or parts.title_of(alert)
    facts = [_line(fact) for fact in parts.proof(alert)]
    return fit(text, facts, limit)


def plain_group(group: Gathered, limit: int | None = None) -> str:
    """The alerts of a message, each with its proof, and what they share below, in at most `limit` characters."""
    style = Style(text=parts.readable, heading=parts.readable, fact=_line)
    return fit(together(group, limit, style), [_line(fact) for fact in group.facts], limit)


def _line(fact: parts.Fact) -> str:
    return f"{fact.name}: {fact.value}"


def fit(text: str, facts: list[str], limit: int | None) -> str:
    """`text`, an empty line, and as many of `facts` from the front as `limit` characters leave room for."""
    if limit is None:
        return "\n".join([text, "", *facts]) if facts else text
    shown, left = [], limit - len(text) - 1
    for fact in facts:
        left -= len(fact) + 1
        if left < 0:
            break
        shown.append(fact)
    return "\n".join([text, "", *shown]) if shown else parts.cut(text, limit)
