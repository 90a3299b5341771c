"""An alert as an email: a short subject in any script, a text part and an HTML part that say the same, the plot within the latter."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from walert.deliver import render_parts as parts
from walert.deliver.plot import Picture
from walert.deliver.render_group import Gathered
from walert.deliver.render_plain import headline, plain, plain_group
from walert.model import Alert

MAX_SUBJECT = 99
"""Characters: some servers refuse longer encoded subjects."""

PICTURE_ID = "plot@walert"
"""The Content-ID of the plot: it has to be known within one mail only."""

_LINK = "color:#3b82f6"  # can be read on white and on black
_CELL = "padding:2px 14px 2px 0;vertical-align:top"


@dataclass(frozen=True, slots=True)
class Email:
    """The words of one mail. `thread` is the Message-ID that all mails of the run refer to, with its angle brackets.

    `key` is the same for what says the same, on every host: the number of a message is not, and a digest that is sent again may tell more.
    `picture` is what the HTML part shows as `PICTURE_ID`.
    """

    subject: str
    text: str
    html: str
    thread: str
    key: str
    picture: Picture | None = None


def email(alert: Alert, picture: Picture | None = None, group: Gathered | None = None) -> Email:
    """Render `alert`, or `group`, whose summary it is; the subject is under 100 characters, its title cut before the level and the run."""
    body = plain(alert) if group is None else plain_group(group)
    html = _html(alert, picture) if group is None else _group_html(group, picture)
    return Email(
        _subject(alert), f"{headline(alert)}\n\n{body}\n", html, thread_id(alert.run.id), _key(alert, group), picture
    )


def _key(alert: Alert, group: Gathered | None) -> str:
    if group is None:
        return alert.id
    return "\0".join([*(told.alert.id for told in group.told), *group.counts])


def thread_id(run_id: str) -> str:
    """The one Message-ID that the mails of a run share as their root; it tells nothing of the run's name."""
    return f"<run-{hashlib.sha256(run_id.encode('utf-8', 'replace')).hexdigest()[:24]}@walert>"


def message_id(key: str, recipient: str, domain: str) -> str:
    """The same for every copy of a mail to one recipient, so that one sent twice is shown once."""
    digest = hashlib.sha256(f"{key}\0{recipient}".encode("utf-8", "replace")).hexdigest()[:32]
    return f"<{digest}@{domain}>"


def _subject(alert: Alert) -> str:
    head = f"[{parts.word(alert)}] "
    tail = f" · {parts.data(alert.run.name, 24)}"
    return head + parts.cut(parts.title_of(alert), MAX_SUBJECT - len(head) - len(tail)) + tail


def _html(alert: Alert, picture: Picture | None) -> str:
    return _page(_card(alert, alert.text, parts.proof(alert), _image(picture)))


def _group_html(group: Gathered, picture: Picture | None) -> str:
    """Counts first, then the plot of all, then a card an alert, then what they share."""
    counts = "".join(f"<br>{escape(parts.readable(line))}" for line in group.counts).removeprefix("<br>")
    cards = "".join(_card(told.alert, told.text, told.facts) for told in group.told)
    return _page(
        f'<p style="margin:0 0 12px">{_headline(group.whole)}</p>'
        + (f'<p style="margin:0 0 12px">{counts}</p>' if counts else "")
        + _image(picture)
        + cards
        + _table(group.facts)
    )


def _page(content: str) -> str:
    return (
        '<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>'
        f'<body style="font-family:sans-serif;font-size:14px">{content}</body></html>\n'
    )


def _card(alert: Alert, text: str, facts: Sequence[parts.Fact], image: str = "") -> str:
    """An alert beside a stripe in its colour."""
    said = f'<p style="white-space:pre-wrap;margin:0 0 12px">{_rich(text)}</p>' if text else ""
    return (
        f'<div style="border-left:4px solid {parts.colour(alert)};padding-left:12px;margin:0 0 16px">'
        f'<p style="margin:0 0 8px">{_headline(alert)}</p>{said}{image}{_table(facts)}</div>'
    )


def _headline(alert: Alert) -> str:
    word = f"{parts.emoji(alert)} {escape(parts.word(alert))}"
    return f'<span style="color:{parts.colour(alert)};font-weight:bold">{word}</span> <b>{escape(parts.title_of(alert))}</b>'


def _table(facts: Sequence[parts.Fact]) -> str:
    rows = "".join(
        f'<tr><td style="{_CELL};color:#808080">{escape(fact.name)}</td><td style="{_CELL}">{_value(fact)}</td></tr>'
        for fact in facts
    )
    return f'<table style="border-collapse:collapse;font-size:13px">{rows}</table>'


def _image(picture: Picture | None) -> str:
    if picture is None:
        return ""
    size = f'width="{picture.width}" height="{picture.height}"'
    style = "display:block;max-width:100%;height:auto;margin:0 0 12px"
    return f'<img src="cid:{PICTURE_ID}" {size} alt="{escape(parts.data(picture.words))}" style="{style}">'


def _value(fact: parts.Fact) -> str:
    value = escape(fact.value)
    return (
        f'<a style="{_LINK}" href="{value}">{value}</a>'
        if fact.name == "runbook" and parts.WEB.fullmatch(fact.value)
        else value
    )


def _rich(text: str) -> str:
    """The author's text with its links clickable."""
    out, at, text = [], 0, parts.safe(parts.cut(text, parts.MAX_TEXT)).strip()
    for match in parts.SLACK_TOKEN.finditer(text):
        out += [escape(parts.readable(text[at : match.start()])), _linked(match)]
        at = match.end()
    return "".join([*out, escape(parts.readable(text[at:]))])


def _linked(match: re.Match[str]) -> str:
    url = match.group("url")
    if not url:
        return escape(parts.readable(match.group()))
    label = match.group("label") or url.removeprefix("mailto:")
    return f'<a style="{_LINK}" href="{escape(parts.readable(url))}">{escape(parts.readable(label))}</a>'
