"""Names in the letters that a plot has, and within the room that it has."""

from __future__ import annotations

import unicodedata

from walert.deliver.plot.canvas import width_of

_MOST = 200  # characters, more than fit into any picture


def legible(name: str) -> str:
    """A name in the letters that there are; none where most of it would be lost: the message itself says it in full."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    kept = sum(" " <= c <= "~" for c in plain)
    return "".join(c if " " <= c <= "~" else "·" for c in plain) if 2 * kept >= len(plain) else ""


def fitted(text: str, width: int) -> str:
    """As much of a text's end as fits: the last part of a metric's name tells the most."""
    if width_of(text) <= width:
        return text
    text = text[-_MOST:]
    while text and width_of("…" + text) > width:
        text = text[1:]
    return "…" + text
