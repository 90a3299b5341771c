"""One message's way through Apprise, as it is seen from both of its ends: what is to be told, who took it, what the wire answered."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from walert.deliver import answers
from walert.deliver.aside import Aside
from walert.deliver.render_group import Gathered, as_one, gathered
from walert.model import Alert, Message, Outcome


@dataclass(slots=True)
class Call:
    """`accepted` are the targets that took the message, in this try or an earlier one, each with its own reference of it.

    `alert` is what is told: the message's alert, or all of them as one, and then `group` has each. `failures` name what kept a request
    from being answered. What comes after the message is done `aside`; `note` says what the message goes without.
    """

    message: Message
    accepted: dict[str, str | None]
    aside: Aside
    alert: Alert = field(init=False)
    group: Gathered | None = field(init=False)
    answers: list[answers.Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        self.alert, self.group = as_one(self.message), gathered(self.message)

    def follow_up(self, what: Callable[[Call], str | None]) -> str | None:
        """Do something for a message that is delivered, with a call of its own; why it could not be done, or None."""

        def work() -> str | None:
            with under_way(Call(self.message, {}, self.aside)) as call:
                return what(call)

        return self.aside.run(work)

    def without_plot(self, reason: str | None) -> None:
        """The message goes without its plot, for `reason`; nothing if that is None."""
        self.note = f"without its plot: {reason}" if reason else self.note

    def forget(self) -> None:
        """What was seen on the wire so far is over: the next request is judged alone."""
        self.answers.clear()
        self.failures.clear()


_current: contextvars.ContextVar[Call | None] = contextvars.ContextVar("walert_delivery", default=None)


def current() -> Call | None:
    """The call that this thread is in."""
    return _current.get()


def required() -> Call:
    """The call that this thread is in: walert's own services are spoken to by `Channel.send` only."""
    call = _current.get()
    assert call is not None, "a message is sent by Channel.send only"
    return call


@contextmanager
def under_way(call: Call) -> Iterator[Call]:
    """This thread sends `call`."""
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
