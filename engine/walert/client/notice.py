"""One line on stderr, once a kind: all that walert ever prints into a training script."""

from __future__ import annotations

import sys

_said: set[str] = set()


def say(kind: str, text: str) -> None:
    """Print `walert: TEXT` unless a notice of this kind was printed before. Never raises: stderr may be closed or gone."""
    if kind in _said:
        return
    _said.add(kind)
    try:
        sys.stderr.write(f"walert: {_one_line(text)}\n")
        sys.stderr.flush()
    except Exception:  # None, closed, a broken pipe, a reentrant call from a signal handler: there is nobody to tell
        pass


def _one_line(text: str) -> str:
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
