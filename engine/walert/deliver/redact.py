"""Secrets out of text: walert's own rule, because a library's own misses paths, headers and topics.

The rule: a URL is shown as its scheme alone, `slack://…`. Text from elsewhere loses every part of the receiver's URL
and everything that looks like a URL.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "…"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,29}(?=://)", re.IGNORECASE)
_URL = re.compile(r"\b([a-z][a-z0-9+.-]{1,29})://[^\s'\"<>]*", re.IGNORECASE)
_PART = re.compile(r"[^/:@?&=#,;\s]{3,}")
_PLAIN_WORDS = frozenset(
    {"mode", "ssl", "starttls", "smtp", "from", "name", "yes", "https", "http", "com", "org", "net", "localhost"}
)


def shown(url: str) -> str:
    """How a receiver's URL is named to people: its scheme, never more."""
    match = _SCHEME.match(url.strip())
    return f"{match.group().lower()}://" if match else "the URL"


def secrets_of(url: str) -> frozenset[str]:
    """The parts of a URL that must not be seen, as written and decoded: user, password, host, path and query values."""
    _, _, rest = url.partition("://")
    parts = {part for text in (rest, unquote(rest)) for part in _PART.findall(text)}
    return frozenset(part for part in parts if part.lower() not in _PLAIN_WORDS)


def redacted(text: str, secrets: frozenset[str]) -> str:
    """`text` without URLs and without any of `secrets`, longest first; control characters are spaces."""
    text = _URL.sub(rf"\1://{HIDDEN}", "".join(char if char.isprintable() else " " for char in text))
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
