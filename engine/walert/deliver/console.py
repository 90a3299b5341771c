"""The receiver that needs no account: `console://` writes to standard output, `console://stderr` to standard error."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from walert.deliver import render_parts as parts
from walert.deliver.render_group import gathered
from walert.deliver.render_plain import plain, plain_group
from walert.model import Alert, Delivered, Message, Outcome, Temporary

if TYPE_CHECKING:
    from walert.config.quiet import Quiet

_PAINT = {"INFO": "36", "WARN": "33", "ERROR": "31"}
_OVER = {"resolved": "32", "closed": "2"}
_lock = threading.Lock()


class ConsoleReceiver:
    """Writes each message as a few readable lines, whole: two receivers on one terminal do not interleave.

    Coloured on a terminal only, and never under NO_COLOR (https://no-color.org). Nothing in a message can drive the
    terminal.
    """

    def __init__(
        self,
        name: str,
        stream: TextIO | None = None,
        *,
        stderr: bool = False,
        environ: Mapping[str, str] = os.environ,
        quiet: Quiet | None = None,
    ) -> None:
        self.name = name
        self.quiet = quiet
        self._stream = stream
        self._stderr = stderr
        self._environ = environ

    def send(self, message: Message) -> Outcome:
        """Write it. A closed or full console is temporary."""
        stream = self._stream or (sys.stderr if self._stderr else sys.stdout)
        if stream is None:  # as Python has it when the process was started without
            return Temporary(f"{self._named} is closed: walertd was started without one")
        try:
            with _lock:
                stream.write(_encodable(shown(message, colour=self._coloured(stream)), stream))
                stream.flush()
        except BrokenPipeError:
            return Temporary(f"{self._named} is a pipe that nobody reads any more")
        except ValueError:
            return Temporary(f"{self._named} is closed")
        except OSError as error:
            return Temporary(f"{self._named} does not take it: {os.strerror(error.errno or 0)}")
        return Delivered()

    @property
    def _named(self) -> str:
        return "standard error" if self._stderr else "standard output"

    def __repr__(self) -> str:
        return f"ConsoleReceiver({self.name!r})"

    def _coloured(self, stream: TextIO) -> bool:
        return not self._environ.get("NO_COLOR") and self._environ.get("TERM") != "dumb" and stream.isatty()


def shown(message: Message, *, colour: bool) -> str:
    """The lines of a message, of one alert or of several."""
    group = gathered(message)
    return render(message.alert, colour=colour) if group is None else _lines(group.whole, plain_group(group), colour)


def render(alert: Alert, *, colour: bool) -> str:
    """The lines of `alert`, with ANSI colours if `colour`, ending in a newline."""
    return _lines(alert, plain(alert), colour)


def _lines(alert: Alert, text: str, colour: bool) -> str:
    paint = _OVER.get(alert.kind) or _PAINT[alert.level]
    word, title = _painted(parts.word(alert), f"1;{paint}", colour), _painted(parts.title_of(alert), "1", colour)
    body = (f"   {line}" if line else "" for line in text.split("\n"))
    return "\n".join([f"{parts.emoji(alert)} {word}  {title}", *body, "", ""])


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def _encodable(text: str, stream: TextIO) -> str:
    """A terminal without UTF-8 gets escapes for what it cannot show, instead of an exception."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
