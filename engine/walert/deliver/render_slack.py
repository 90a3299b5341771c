"""An alert as a Slack message: top-level text that pings and previews, blocks to read, a coloured attachment with the
proof.

Mentions work in the top level only (in attachments they show but do not ping), so title and text stand there. What an
author wrote in Slack's own syntax passes; every other `&`, `<`, `>` becomes an entity, as
https://docs.slack.dev/messaging/formatting-message-text asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from walert.deliver import render_parts as parts
from walert.deliver.render_group import Gathered
from walert.model import Alert

MAX_TOP_TEXT = 40_000
MAX_SECTION = 3_000
_MAX_TEXT_SECTIONS = 8
_SHARED = "#cccccc"

_BARE = re.compile(r"&(?!(?:amp|lt|gt);)|[<>]")
_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ATOM = re.compile(f"(?:{parts.SLACK_TOKEN.pattern})|&(?:amp|lt|gt);|.", re.DOTALL)


def slack_payload(alert: Alert) -> dict[str, Any]:
    """The body of `chat.postMessage` or of an incoming webhook, within Slack's limits; without a channel."""
    title, text = _title(alert), mrkdwn(alert.text).strip()
    top = f"{title}\n{text}" if text else title
    sections = [title, *pieces(shorten(text, MAX_SECTION * _MAX_TEXT_SECTIONS // 2), MAX_SECTION)]
    return {
        "text": shorten(top, MAX_TOP_TEXT),
        "blocks": [_section(piece) for piece in sections],
        "attachments": [
            {
                "color": parts.colour(alert),
                "fallback": _data(alert.run.name),
                "blocks": _proof_blocks(parts.proof(alert)),
            }
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def slack_group(group: Gathered) -> dict[str, Any]:
    """As `slack_payload`, for several alerts: each has its title and text among the blocks, and an attachment in its own colour."""
    title = _title(group.whole)
    counts = mrkdwn("\n".join(group.counts))
    told = [shorten(f"{_title(each.alert)}\n{mrkdwn(each.text)}".strip(), MAX_SECTION) for each in group.told]
    sections = [title, *([shorten(counts, MAX_SECTION)] if counts else []), *told]
    proofs = [_attachment(parts.colour(each.alert), parts.title_of(each.alert), each.facts) for each in group.told]
    return {
        "text": shorten("\n".join(sections), MAX_TOP_TEXT),
        "blocks": [_section(section) for section in sections],
        "attachments": [*proofs, _attachment(_SHARED, "", group.facts)] if group.facts else proofs,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _attachment(colour: str, title: str, facts: Sequence[parts.Fact]) -> dict[str, Any]:
    """The proof of one alert among several, under its title, which pings nobody a second time."""
    heading = [f"*{_data(title)}*"] if title else []
    return {"color": colour, "fallback": _data(title or "all of them"), "blocks": _proof_blocks(facts, heading)}


def slack_text(alert: Alert) -> str:
    """Title and text alone, in Slack's syntax: for workflows, which take variables instead of blocks."""
    text = mrkdwn(alert.text).strip()
    return shorten(f"{_title(alert)}\n{text}" if text else _title(alert), MAX_TOP_TEXT)


def mrkdwn(text: str) -> str:
    """An author's text with its well-formed Slack tokens kept and everything else escaped. Entities that are there
    already stay.
    """
    out, at = [], 0
    text = parts.safe(parts.cut(text, MAX_TOP_TEXT))
    for match in parts.SLACK_TOKEN.finditer(text):
        out += [_escape(text[at : match.start()]), match.group()]
        at = match.end()
    return "".join([*out, _escape(text[at:])])


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters of mrkdwn, cut between tokens and entities and never inside one."""
    return text if len(text) <= limit else pieces(text, limit - 1)[0] + "…"


def pieces(text: str, limit: int) -> list[str]:
    """Mrkdwn in pieces of at most `limit` characters, none of which breaks a token or an entity."""
    if len(text) <= limit:
        return [text] if text else []
    done: list[str] = []
    piece: list[str] = []
    size = 0
    for whole in (match.group() for match in _ATOM.finditer(text)):
        atom = whole if len(whole) <= limit else "…"
        if size + len(atom) > limit:
            end = _break(piece)
            done.append("".join(piece[:end]))
            piece = piece[end:]
            size = sum(map(len, piece))
        piece.append(atom)
        size += len(atom)
    return [*done, "".join(piece)]


def _break(piece: list[str]) -> int:
    """Where to end a full piece: after a line or a word that ends in its last quarter, else where it is."""
    for mark in ("\n", " "):
        for at in range(len(piece) - 1, len(piece) * 3 // 4, -1):
            if piece[at] == mark:
                return at + 1
    return len(piece)


def _title(alert: Alert) -> str:
    title = shorten(" ".join(mrkdwn(alert.title).split()), parts.MAX_TITLE) or "(no title)"
    return f"{parts.emoji(alert)} *{parts.word(alert)}: {title}*"


def _proof_blocks(facts: Sequence[parts.Fact], heading: Sequence[str] = ()) -> list[dict[str, Any]]:
    shown: list[str] = []
    size = 0
    for line in (*heading, *map(_proof_line, facts)):
        size += len(line) + 1
        if size > MAX_SECTION:
            break
        shown.append(line)
    section = _section("\n".join(shown))
    section["text"]["verbatim"] = True  # or Slack makes links of whatever in a run's name looks like one
    return [section]


def _proof_line(fact: parts.Fact) -> str:
    value = _data(fact.value, MAX_SECTION // 3)
    return f"*{fact.name}* " + (f"<{value}>" if fact.name == "runbook" and parts.WEB.fullmatch(fact.value) else value)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _data(text: str, limit: int = parts.MAX_FIELD) -> str:
    """Data is escaped whole: an entity in it is shown as it was logged."""
    escaped = re.sub("[&<>]", lambda match: _ENTITY[match.group()], parts.one_line(text, limit))
    return shorten(escaped, limit) or "-"


def _escape(text: str) -> str:
    return _BARE.sub(lambda match: _ENTITY[match.group()], text)
