"""`config` and `summary`: dicts that also answer by attribute, as wandb's do; and what of them a record may hold."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from walert.client.arguments import shorten
from walert.client.lines import as_number, spelled
from walert.client.notice import say

MAX_KEYS = 500
MAX_LOOKED_AT = 5000
MAX_ITEMS = 32
MAX_TEXT = 1000
_SECRET = re.compile(r"(^|[^a-z])(password|passwd|secret|token|api[-_]?key|credentials?|webhook)$", re.IGNORECASE)


class Values(dict[str, Any]):
    """A dict with attributes. `on_set` hears that a value is set; without it they live in memory, and one notice naming `what` says so."""

    __slots__ = ("_on_set", "_what")

    def __init__(
        self, what: str, values: Mapping[str, Any] | None = None, on_set: Callable[[], None] | None = None
    ) -> None:
        super().__init__(values or {})
        object.__setattr__(self, "_what", what)
        object.__setattr__(self, "_on_set", on_set)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{self._what} has no {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        self.pop(name, None)

    def take(self, values: Mapping[str, Any]) -> None:
        """Take over walert's own values: what was logged."""
        super().update(values)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if self._on_set:
            self._on_set()
        else:
            say(self._what, f"{self._what} is kept in memory; the log holds the config and what is logged.")

    def update(self, values: Any = (), /, allow_val_change: bool | None = None, **more: Any) -> None:
        """Take over values from a mapping, pairs, or an object with attributes such as `argparse.Namespace`.

        `allow_val_change` is wandb's and has no effect: values may be changed.
        """
        given = vars(values) if hasattr(values, "__dict__") and not isinstance(values, Mapping) else values
        for name, value in dict(given, **more).items():
            self[name] = value

    def setdefaults(self, values: Any) -> None:
        """Take over what is not there yet."""
        given = vars(values) if hasattr(values, "__dict__") and not isinstance(values, Mapping) else values
        self.update({name: value for name, value in dict(given).items() if name not in self})

    def persist(self) -> None:
        """wandb's; has no effect."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Values, (self._what, dict(self))

    def as_dict(self) -> dict[str, Any]:
        """A plain copy."""
        return dict(self)


def recordable(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a log holds of a configuration: numbers, flags, short texts and short lists, nested names joined by `/`.

    Values under names like `api_key` or `hf_token` are masked: a log is no place for secrets.
    """
    kept: dict[str, Any] = {}
    for name, value in itertools.islice(_flat("", values, 0), MAX_LOOKED_AT):
        small = _small(name, value)
        if small is _NOTHING or len(kept) >= MAX_KEYS:
            say(
                "config-left-out",
                f"config: what is no number, flag, short text or list is not recorded: {name[:60]!r}, …",
            )
        else:
            kept[shorten(name, MAX_TEXT)] = small
    return kept


_NOTHING = object()


def _flat(prefix: str, values: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and depth < MAX_ITEMS:
            yield from _flat(f"{prefix}{key}/", value, depth + 1)
        else:
            yield f"{prefix}{key}", value


def _small(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) <= MAX_ITEMS:
        items = [_scalar(item) for item in value]
        return _NOTHING if any(item is _NOTHING for item in items) else items
    if isinstance(value, str) and value and _SECRET.search(name):
        return "***"
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return shorten(str(value), MAX_TEXT)
    number = as_number(value)
    if number is None:
        return _NOTHING
    text = spelled(number)
    return text.strip('"') if text.startswith('"') else number
