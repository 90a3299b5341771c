"""A test message, and one try of sending it: what `send` and `receivers test` share."""

from __future__ import annotations

import difflib
import os
import socket
import time
from collections.abc import Iterable
from typing import TextIO

from walert.cli.exits import USAGE, ExitCode
from walert.config import ReceiverConfig
from walert.model import Alert, AlertLevel, Delivered, Message, Outcome, Run


def known(names: Iterable[str], receivers: Iterable[str]) -> list[str]:
    """The names, once each. Raises `ExitCode` for one that no receiver has."""
    there = list(receivers)
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, there, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Receivers are: {', '.join(there)}."
            raise ExitCode(USAGE, f"walert: there is no receiver {name!r}. {hint}")
    return list(dict.fromkeys(names))


def attempt(
    receiver: ReceiverConfig, title: str, text: str, level: AlertLevel, stream: TextIO | None = None
) -> Outcome:
    """Send a test message, now. `stream` stands for standard output where the receiver is the console."""
    from walert.deliver.receiver import build_receiver

    return build_receiver(receiver.name, receiver.url, stream=stream).send(_message(receiver.name, title, text, level))


def sentence(name: str, outcome: Outcome) -> str:
    """How it went."""
    return f"{name}: delivered" if isinstance(outcome, Delivered) else f"{name}: not delivered: {outcome.reason}"


def _message(receiver: str, title: str, text: str, level: AlertLevel) -> Message:
    now, host = time.time(), socket.gethostname()
    alert = Alert(
        id=f"test-{os.getpid()}-{int(now)}", kind="test", run=Run("test", "test", host=host), title=title, level=level, text=text, values={},
        step=None, time=now, log="", origin=None, host=host, at=now,
    )  # fmt: skip
    return Message(0, receiver, alert, 1, now)
