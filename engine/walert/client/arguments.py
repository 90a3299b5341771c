"""What the public calls take. A wrong type is a `TypeError`, a wrong value a `ValueError`; both name what is allowed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

LEVELS = ("INFO", "WARN", "ERROR")
DEFAULT_WAIT = 60.0  # seconds, as wandb.alert's
MAX_TITLE = 1024  # bytes of UTF-8
MAX_TEXT = 64 * 1024  # bytes of UTF-8
CUT = "…"


def title(value: object) -> str:
    """The title of an alert: text that is not blank, cut at `MAX_TITLE` bytes."""
    if not isinstance(value, str):
        raise TypeError(f"title must be a str, not {kind(value)}")
    if not value.strip():
        raise ValueError("title must not be empty: it is what people read and what the cooldown goes by")
    return shorten(value, MAX_TITLE)


def text(value: object) -> str:
    """The text of an alert, cut at `MAX_TEXT` bytes with a mark that tells how much is missing."""
    if not isinstance(value, str):
        raise TypeError(f"text must be a str, not {kind(value)}")
    short = shorten(value, MAX_TEXT)
    return short if short is value else f"{short} [cut: {len(value)} characters in all]"


def level(value: object) -> str:
    """INFO, WARN or ERROR from an `AlertLevel` (walert's or wandb's), a string in any case, or None for INFO."""
    if value is None:
        return "INFO"
    word = value if isinstance(value, str) else getattr(value, "value", None)
    if not isinstance(word, str):
        raise TypeError(f"level must be an AlertLevel or one of {', '.join(LEVELS)}, not {kind(value)}")
    if word.upper() not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {word[:40]!r}")
    return word.upper()


def wait_duration(value: object) -> float:
    """Seconds from an int, a float, a `timedelta` or a NumPy number; None is 60 s; 0 is no cooldown at all."""
    if value is None:
        return DEFAULT_WAIT
    allowed = "seconds as int or float, or a timedelta"
    seconds = _plain(value.total_seconds() if hasattr(value, "total_seconds") else value)
    if seconds is None:
        raise TypeError(f"wait_duration must be {allowed}, not {kind(value)}")
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(f"wait_duration must be {allowed}: finite and not negative, not {seconds}")
    return seconds


def step(value: object) -> int | float:
    """The step of a record: a finite number, whole ones as int."""
    if type(value) is int and -(2**53) <= value <= 2**53:
        return value
    number = _plain(value)
    if number is None:
        raise TypeError(f"step must be an int or a float, not {kind(value)}")
    if not isfinite(number):
        raise ValueError(f"step must be finite, not {number}")
    return int(number) if number.is_integer() else number


def steps(value: object) -> int | None:
    """How many steps a run plans: a whole number from 1, or None."""
    if value is None:
        return None
    number = step(value)
    if number != int(number) or number < 1:
        raise ValueError(f"steps must be a whole number from 1, not {number}")
    return int(number)


def data(value: object) -> Mapping[str, Any]:
    """What `log()` takes: a mapping. (Its keys are looked at one by one.)"""
    if isinstance(value, Mapping):
        return value
    raise TypeError(f"log() takes a dict of names and numbers, not {kind(value)}")


def name(value: object, what: str) -> str | None:
    """A project, a name or an id: text, or None; an empty one is none."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, not {kind(value)}")
    return value.strip() or None


def tags(value: object) -> tuple[str, ...]:
    """Tags from a sequence of texts, or one text."""
    if value is None:
        return ()
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    for tag in found:
        if not isinstance(tag, str):
            raise TypeError(f"tags must be a sequence of str, not of {kind(tag)}")
    return found


def folder(value: object) -> str | None:
    """A path made absolute, since training code may change its working directory; None if not given."""
    if value is None or value == "":
        return None
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"dir must be a str or a path, not {kind(value)}")
    path = os.path.expanduser(os.fsdecode(value))
    try:
        return os.path.abspath(path)
    except OSError:  # the working directory is gone
        return path


def config(value: object) -> dict[str, Any]:
    """A configuration from a mapping or an object with attributes, such as `argparse.Namespace`."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, str | bytes | int | float | list | tuple | set) or not hasattr(value, "__dict__"):
        raise TypeError(f"config must be a dict or an object with attributes, not {kind(value)}")
    return dict(vars(value))


def exit_code(value: object) -> int:
    """An exit code; None is 0."""
    if value is None:
        return 0
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"exit_code must be an int, not {kind(value)}")


def shorten(value: str, limit: int) -> str:
    """`value` itself if its UTF-8 has at most `limit` bytes, else cut between two characters, with a mark."""
    if len(value) * 4 <= limit:
        return value
    encoded = value.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return value
    return encoded[: limit - len(CUT.encode())].decode("utf-8", "ignore") + CUT


def kind(value: object) -> str:
    """The name of a value's type, for messages."""
    return type(value).__name__


def _plain(value: object) -> float | None:
    if isinstance(value, bool | str | bytes):
        return None
    try:
        item = value.item() if hasattr(value, "item") else value
        return None if isinstance(item, bool) or not isinstance(item, int | float) else float(item)
    except OverflowError:
        return float("inf")
    except Exception:  # a stranger's `item` may raise anything; then it is no number
        return None
