"""A receiver takes a whole message and answers with a named outcome. `build_receiver` makes one of a URL."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TextIO

from walert.config.receiver_url import is_pager
from walert.deliver import redact
from walert.deliver.console import ConsoleReceiver
from walert.errors import WalertError
from walert.model import ANY_TERMS, Message, Outcome, Permanent, Temporary, Terms

if TYPE_CHECKING:
    from walert.config.quiet import Quiet
    from walert.deliver.channel import Channel


class Receiver(Protocol):
    """Where messages go, under the name that rules and routes use."""

    @property
    def name(self) -> str:
        """The receiver's name in walert.yaml."""
        ...

    def send(self, message: Message) -> Outcome:
        """Hand the message over and say how it went. Never raises; may block for as long as the network does."""
        ...


class UnusableUrl(WalertError):
    """No message can go to this URL; the text says why and never holds the URL."""


class UrlReceiver:
    """A receiver behind an Apprise URL. Apprise is loaded at the first message, in the thread that sends it (0.3 s,
    40 MB).

    The URL is in no attribute that `repr`, logging or pickling shows.
    """

    per_second = 1.0  # what Slack asks for (https://docs.slack.dev/apis/web-api/rate-limits) and mail servers like

    def __init__(self, name: str, url: str, per_second: float | None = None, quiet: Quiet | None = None) -> None:
        self.name = name
        self.quiet = quiet
        self.singly = is_pager(url)
        self.per_second = type(self).per_second if per_second is None else per_second
        self._make: Callable[[], Channel] = lambda: _channel(url)
        self._shown = redact.shown(url)
        self._channel: Channel | None = None
        self._lock = threading.Lock()

    def send(self, message: Message) -> Outcome:
        """Deliver through Apprise. An unusable URL is permanent, whatever breaks inside is temporary."""
        try:
            return self._opened().send(message)
        except UnusableUrl as error:
            return Permanent(str(error))
        except Exception as error:
            return Temporary(f"{self._shown} could not be used: {type(error).__name__}")

    def __repr__(self) -> str:
        return f"UrlReceiver({self.name!r}, {self._shown!r})"

    def __reduce__(self) -> str:
        raise TypeError("a receiver holds a secret and is not pickled")

    def _opened(self) -> Channel:
        with self._lock:
            self._channel = self._channel or self._make()
            return self._channel


def build_receiver(
    name: str,
    url: str,
    *,
    per_second: float | None = None,
    stream: TextIO | None = None,
    quiet: Quiet | None = None,
) -> Receiver:
    """The receiver of a URL: `console://` (to `stream` if given), or any that Apprise knows. Raises nothing and opens
    nothing: an unusable URL shows in `validate` and in the outcome of `send`. `per_second` replaces its own pace,
    `quiet` are its quiet hours.
    """
    if _is_console(url):
        return ConsoleReceiver(name, stream, stderr=url.strip().rstrip("/").lower() == "console://stderr", quiet=quiet)
    return UrlReceiver(name, url, per_second, quiet)


def validate(url: str) -> str | None:
    """A sentence on why no message could go to this URL, without the URL; None when it can be used. Loads Apprise,
    opens nothing.
    """
    if _is_console(url):
        known = url.strip().rstrip("/").lower() in ("console:", "console://stdout", "console://stderr")
        return None if known else "console:// takes nothing, `stdout` or `stderr` after it"
    from walert.deliver import channel

    return channel.validate(url)


def pace_of(receiver: Receiver) -> float:
    """Messages a second that the receiver takes in the long run; infinite unless it says otherwise."""
    return float(getattr(receiver, "per_second", math.inf))


def terms_of(receiver: Receiver, now: float) -> Terms:
    """What the receiver takes at `now`, Unix seconds: everything, unless it has quiet hours."""
    quiet: Quiet | None = getattr(receiver, "quiet", None)
    terms = ANY_TERMS if quiet is None else quiet.terms(now)
    return replace(terms, digests=False) if getattr(receiver, "singly", False) else terms


def _is_console(url: str) -> bool:
    return url.strip().lower().startswith("console:")


def _channel(url: str) -> Channel:
    from walert.deliver import channel

    return channel.Channel(url)
