"""What every rendering shares: the words and emoji of a message, its proof as lines, and text made safe to show.

In `title` and `text` an author may write Slack's own tokens (`<@U…>`, `<!here>`, `<#C…>`, `<url|label>`); data that
was filled in arrives with `&`, `<`, `>` as entities. Both are undone here for receivers that are not Slack.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from walert.model import Alert, AlertLevel

MAX_TITLE = 300
MAX_TEXT = 20_000
MAX_VALUES = 20
MAX_FIELD = 300
"""Characters that a run name, a path or any other field of the proof may have before it is cut."""

_EMOJI = {AlertLevel.INFO: "🔵", AlertLevel.WARN: "🟡", AlertLevel.ERROR: "🔴"}
_COLOUR = {AlertLevel.INFO: "#3aa3e3", AlertLevel.WARN: "#e8a317", AlertLevel.ERROR: "#d32f2f"}
_QUIET = {"resolved": ("✅", "#2e9e4f"), "closed": ("⚪", "#888888")}

SLACK_TOKEN = re.compile(
    r"<(?:"
    r"(?P<user>@[UW][A-Z0-9]{2,30})"
    r"|(?P<everyone>!(?:here|channel|everyone))"
    r"|(?P<group>!subteam\^[A-Z0-9]{2,30})"
    r"|(?P<channel>\#[CG][A-Z0-9]{2,30})"
    r"|(?P<url>(?:https?://|mailto:)[^\s<>|]{1,2000})"
    r")(?:\|(?P<label>[^<>|\n]{0,300}))?>"
)
"""The tokens that Slack documents, and nothing that merely looks like one."""

WEB = re.compile(r"https?://[^\s<>|]{1,1000}")
"""What may become a link: a rule's runbook, when it is a web address."""

_ENTITY = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
_PING = re.compile(r"@(?=everyone|here|channel|all|room)", re.IGNORECASE)


def emoji(alert: Alert) -> str:
    """One sign that is understood at a glance: the level's colour, or a tick when it is over."""
    return _QUIET[alert.kind][0] if alert.kind in _QUIET else _EMOJI[alert.level]


def colour(alert: Alert) -> str:
    """The same as a hex colour."""
    return _QUIET[alert.kind][1] if alert.kind in _QUIET else _COLOUR[alert.level]


def word(alert: Alert) -> str:
    """What kind of news this is, in one or two words: the level while it is bad, `RESOLVED` and `CLOSED` when it is
    over.
    """
    named = {"resolved": "RESOLVED", "closed": "CLOSED", "test": "TEST"}.get(alert.kind, str(alert.level))
    return f"{named}, still firing" if alert.kind == "repeat" else named


def safe(text: str) -> str:
    """Text without what could act instead of being read: control and bidi characters and lone surrogates become
    U+FFFD; \\r\\n is \\n.
    """
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, limit: int = MAX_FIELD) -> str:
    """`safe`, on one line, cut to `limit` characters."""
    return cut(" ".join(safe(text).split()), limit)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them `…` when something was cut."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"[:limit]


def readable(text: str) -> str:
    """An author's text for receivers that are not Slack: tokens as people read them, entities as characters."""
    shown = SLACK_TOKEN.sub(_token_as_text, safe(text))
    return re.sub("&(?:amp|lt|gt);", lambda match: _ENTITY[match.group()], shown)


def title_of(alert: Alert) -> str:
    """The title on one line, readable; never empty, because some services refuse an empty one."""
    return one_line(readable(alert.title), MAX_TITLE) or "(no title)"


def text_of(alert: Alert) -> str:
    """The text, readable and bounded."""
    return cut(readable(alert.text).strip(), MAX_TEXT)


def data(text: str, limit: int = MAX_FIELD) -> str:
    """A field that comes from data, for people: on one line, and an `@everyone` in it pings nobody."""
    return _PING.sub("@\u200b", one_line(text, limit))


def number(value: float) -> str:
    """Six significant digits; whole numbers without a point."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the proof: `name` is walert's own word, `value` is data, not yet escaped for anyone."""

    name: str
    value: str


def proof(alert: Alert) -> tuple[Fact, ...]:
    """Everything that lets a reader check the message, most telling first: what is cut for length is cut from the
    end.
    """
    return tuple(fact for fact in _facts(alert) if fact.value)


def _facts(alert: Alert) -> Iterator[Fact]:
    run = alert.run
    yield Fact("values", _values(alert.values))
    yield Fact("trend", data(alert.sparkline or ""))
    yield Fact("step", number(alert.step) if alert.step is not None else "")
    yield Fact("run", data(run.name))
    yield Fact("project", data(run.project or ""))
    yield Fact("held back", _suppressed(alert.suppressed))
    yield Fact("late", "written while walertd was down or behind" if alert.late else "")
    yield Fact("time", moment(alert.time))
    yield Fact("host", data(alert.host or run.host or ""))
    yield Fact("attempt", str(run.attempt) if run.attempt else "")
    yield Fact("log", data(alert.log))
    yield Fact("rule", data(alert.origin or ""))
    yield Fact("runbook", data(alert.runbook or ""))
    yield Fact("labels", data(", ".join(f"{name}={value}" for name, value in alert.labels.items())))
    yield Fact("alert", data(alert.id))


def _values(values: Mapping[str, float]) -> str:
    shown = [f"{data(name, 100)} = {number(value)}" for name, value in list(values.items())[:MAX_VALUES]]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _suppressed(count: int) -> str:
    return f"{count} similar suppressed since the last message" if count > 0 else ""


def moment(time: float | None) -> str:
    """Unix seconds as `2025-03-01 12:00:00 UTC`; empty for none, and for what no calendar holds."""
    if time is None or not math.isfinite(time):
        return ""
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return ""


def _token_as_text(match: re.Match[str]) -> str:
    label, url = match.group("label"), match.group("url")
    if url:
        address = url.removeprefix("mailto:")
        return f"{label} ({address})" if label and label != address else address
    if label:
        return label if label[0] in "@#" else f"{'#' if match.group('channel') else '@'}{label}"
    if group := match.group("group"):
        return f"@{group.removeprefix('!subteam^')}"
    token = match.group("user") or match.group("everyone") or match.group("channel")
    return token.replace("!", "@")
