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
from walert.model import Alert, AlertLevel, Curve, Delivered, Message, Outcome, Run


def known(names: Iterable[str], receivers: Iterable[str]) -> list[str]:
    """The names, once each. Raises `ExitCode` for one that no receiver has."""
    there = list(receivers)
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, there, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Receivers are: {', '.join(there)}."
            raise ExitCode(USAGE, f"walert: there is no receiver {name!r}. {hint}")
    return list(dict.fromkeys(names))


STRAIGHT = Curve("test", tuple(map(float, range(10))), tuple(map(float, range(10))))
"""A straight line: a plot that shows whether a receiver takes plots."""


def attempt(
    receiver: ReceiverConfig,
    title: str,
    text: str,
    level: AlertLevel,
    stream: TextIO | None = None,
    curves: tuple[Curve, ...] = (),
) -> Outcome:
    """Send a test message, now. `stream` stands for standard output where the receiver is the console.

    A plot of `curves` that a receiver refuses is told in the note of `Delivered`.
    """
    from walert.deliver.receiver import build_receiver

    message = _message(receiver.name, title, text, level, curves)
    return build_receiver(receiver.name, receiver.url, stream=stream).send(message)


def sentence(name: str, outcome: Outcome) -> str:
    """How it went."""
    if isinstance(outcome, Delivered) and outcome.note:
        return f"{name}: delivered {outcome.note}"
    return f"{name}: delivered" if isinstance(outcome, Delivered) else f"{name}: not delivered: {outcome.reason}"


def _message(receiver: str, title: str, text: str, level: AlertLevel, curves: tuple[Curve, ...]) -> Message:
    now, host = time.time(), socket.gethostname()
    alert = Alert(
        id=f"test-{os.getpid()}-{int(now)}", kind="test", run=Run("test", "test", host=host), title=title, level=level, text=text, values={},
        step=None, time=now, log="", origin=None, host=host, at=now, curves=curves,
    )  # fmt: skip
    return Message(0, receiver, alert, 1, now)
