"""One receiver's worker: lease a message, send it, settle it, in order, in a thread of its own.

A receiver that fails or hangs delays no other, and its own queue no longer than it must. Nothing here ends the loop
but being told to: an outbox that raises is asked again, a receiver that raises has failed, a send without an answer
is left behind in its thread.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from walert.deliver import policy
from walert.deliver.outbox import Clock, Outbox
from walert.deliver.receiver import Receiver, pace_of, terms_of
from walert.model import Delivered, Message, Outcome, Permanent, Temporary, Terms

log = logging.getLogger("walert.deliver")

_CRASHES = 5
"""Tries that a message may take down the sender's code before it is dead."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one worker, seconds except `abandoned`.

    `answer`: how long one send may take. `abandoned`: how many threads that hang may be left behind at a time; with
    that many the receiver is left alone until one comes back. `sweep`: the longest sleep; a wake-up is only a hint.
    `mend`: the pause after the outbox itself failed. `give_up_after`: age at which a failing message is dead.
    """

    answer: float = 60.0
    abandoned: int = 3
    sweep: float = 10.0
    mend: float = 1.0
    give_up_after: float = policy.GIVE_UP_AFTER


@dataclass(frozen=True, slots=True)
class _Settlement:
    message: Message
    outcome: Outcome
    verdict: policy.Verdict | None


class Worker:
    """Delivers the messages of one receiver. `run` is the loop; every other method may be called from any thread."""

    def __init__(
        self,
        receiver: Receiver,
        make_outbox: Callable[[], Outbox],
        *,
        clock: Clock,
        random: Callable[[], float],
        owner: str,
        limits: Limits | None = None,
        digests: bool = True,
    ) -> None:
        self.name = receiver.name
        self._receiver = receiver
        self._make_outbox = make_outbox
        self._outbox: Outbox | None = None
        self._clock = clock
        self._random = random
        self._owner = owner
        self._limits = limits or Limits()
        self._digests = digests
        self._sender = _Sender(f"walert-send-{receiver.name}")
        self._pace = policy.Pace(pace_of(receiver))
        self._changed = threading.Condition()
        self._woken = False
        self._stopping = False
        self._asked = 0  # how often someone waited for all that is due, and up to which of these it was done
        self._answered = 0
        self._failures = 0
        self._closed_until = 0.0  # monotonic: the receiver's own Retry-After
        self._resting_until = 0.0  # monotonic: walert's own rest after failures in a row
        self._owed: _Settlement | None = None
        self._moved = clock.monotonic()

    # --- for other threads -------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look into the outbox now."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def replace(self, receiver: Receiver) -> None:
        """Send the next message through `receiver`, which has the same name; what was wrong with the old one is
        forgotten, unless it is the same one.
        """
        if receiver is self._receiver:
            return
        with self._changed:
            self._receiver = receiver
            self._pace = policy.Pace(pace_of(receiver))
            self._failures, self._closed_until, self._resting_until = 0, 0.0, 0.0
        self.wake()

    def stop(self) -> None:
        """End the loop after the message under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def ask(self) -> int:
        """Ask for everything that is due to be tried; `done` answers when. Rests after failures are skipped for it."""
        with self._changed:
            self._asked += 1
            self._woken = True
            self._changed.notify_all()
            return self._asked

    def done(self, asked: int, timeout: float) -> bool:
        """Whether nothing is due any more, at some moment after `ask` gave `asked`; waits `timeout` real seconds for
        it.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._answered >= asked, timeout)

    @property
    def moved(self) -> float:
        """When the loop last turned with an outbox that could be used, monotonic seconds: an honest heartbeat needs it."""
        return self._moved

    # --- the loop ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until `stop`. Owns the outbox that it makes."""
        while not self._stopping:
            self._sleep(self._safe_turn())
        self._sender.leave()
        self._close_outbox()

    def _safe_turn(self) -> float:
        try:
            seconds = self._turn()
            self._moved = self._clock.monotonic()
            return seconds
        except Exception as error:  # the outbox is locked, full or gone: it is asked again, and nothing was lost
            log.warning("receiver %s: the outbox cannot be used (%s: %s)", self.name, type(error).__name__, error)
            self._close_outbox()
            return self._limits.mend

    def _turn(self) -> float:
        """One message at most; the seconds to sleep before the next turn."""
        asked = self._asked
        outbox = self._outbox = self._outbox or self._make_outbox()
        self._pay(outbox)
        if (wait := self._wait(asked)) > 0:
            if self._closed_until > self._clock.monotonic():
                self._answer(asked)  # nothing is due for who asked to be left alone
            return wait
        now = self._clock.now()
        terms = terms_of(self._receiver, now) if self._digests else Terms(digests=False)
        for message in outbox.lease(self.name, now, self._owner, self._limits.answer + 30.0, 1, terms):
            self._try(outbox, message)
            return 0.0
        self._answer(asked)
        due = outbox.next_due(self.name, None, terms.least)
        return self._limits.sweep if due is None else min(max(due - now, 0.05), self._limits.sweep)

    def _wait(self, asked: int) -> float:
        """Seconds until the receiver may be spoken to."""
        now = self._clock.monotonic()
        if self._sender.hanging >= self._limits.abandoned:
            return self._limits.mend
        rest = 0.0 if asked > self._answered else self._resting_until - now
        return min(max(self._closed_until - now, rest, self._pace.wait(now), 0.0), self._limits.sweep)

    def _try(self, outbox: Outbox, message: Message) -> None:
        receiver = self._receiver
        outcome = self._sender.send(receiver, message, self._limits.answer)
        now = self._clock.now()
        verdict = self._judge(message, outcome, now)
        if receiver is self._receiver:
            self._learn(outcome)
        _tell(self.name, message, outcome, verdict)
        self._owed = _Settlement(message, outcome, verdict)
        self._pay(outbox)

    def _judge(self, message: Message, outcome: Outcome, now: float) -> policy.Verdict | None:
        if isinstance(outcome, Delivered):
            return None
        return policy.next_try(
            message.tries, message.born, now, outcome, random=self._random(), give_up_after=self._limits.give_up_after
        )

    def _learn(self, outcome: Outcome) -> None:
        """What one outcome says about the receiver rather than about the message."""
        now = self._clock.monotonic()
        self._pace = self._pace.spent(now)
        self._failures = self._failures + 1 if isinstance(outcome, Temporary) else 0
        self._resting_until = now + policy.rest(self._failures)
        if isinstance(outcome, Temporary):
            self._closed_until = now + policy.wished(outcome)

    def _pay(self, outbox: Outbox) -> None:
        """Settle the last try. Until that has worked nothing else is sent: an unsettled message would be sent again."""
        if (owed := self._owed) is not None:
            outbox.settle(owed.message.id, owed.outcome, owed.verdict, self._clock.now())
            self._owed = None

    def _answer(self, asked: int) -> None:
        with self._changed:
            self._answered = max(self._answered, asked)
            self._changed.notify_all()

    def _sleep(self, seconds: float) -> None:
        with self._changed:
            if seconds > 0:
                self._changed.wait_for(lambda: self._woken or self._stopping, seconds)
            self._woken = False

    def _close_outbox(self) -> None:
        outbox, self._outbox = self._outbox, None
        if outbox is not None:
            try:
                outbox.close()
            except Exception as error:
                log.warning("receiver %s: the outbox did not close (%s)", self.name, type(error).__name__)


def _tell(name: str, message: Message, outcome: Outcome, verdict: policy.Verdict | None) -> None:
    what = f"receiver {name}: message {message.id} (alert {message.alert.id}), try {message.tries}"
    fields = {"receiver": name, "message": message.id, "alert": message.alert.id, "tries": message.tries}
    if isinstance(outcome, Delivered):
        said = f"delivered {outcome.note}" if outcome.note else "delivered"
        level = logging.WARNING if outcome.note else logging.INFO
        log.log(
            level, "%s: %s", what, said, extra={"fields": {**fields, "outcome": "delivered", "reason": outcome.note}}
        )
    elif isinstance(verdict, policy.Dead):
        log.error(
            "%s: dead: %s",
            what,
            verdict.reason,
            extra={"fields": {**fields, "outcome": "dead", "reason": verdict.reason}},
        )
    else:
        extra = {"fields": {**fields, "outcome": "failed", "reason": outcome.reason}}
        log.warning("%s: will be tried again: %s", what, outcome.reason, extra=extra)


# --- sending, with a limit ---------------------------------------------------------------------------------------

_Job = tuple[Receiver, Message, "queue.SimpleQueue[Outcome]"]


class _Sender:
    """A thread that sends, so that one that never comes back can be left behind and replaced."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] | None = None
        self._thread: threading.Thread | None = None
        self._left: list[threading.Thread] = []

    @property
    def hanging(self) -> int:
        """How many threads were left behind and still hang."""
        self._left = [thread for thread in self._left if thread.is_alive()]
        return len(self._left)

    def send(self, receiver: Receiver, message: Message, limit: float) -> Outcome:
        """The outcome of `receiver.send(message)`, or Temporary when there is none within `limit` seconds."""
        answer: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._started().put((receiver, message, answer))
        try:
            return answer.get(timeout=limit)
        except queue.Empty:
            if self._thread is not None:
                self._left.append(self._thread)
            self.leave()
            return Temporary(f"no answer in {limit:g} s")

    def leave(self) -> None:
        """Let the present thread end as soon as it can, without waiting for it."""
        if self._jobs is not None:
            self._jobs.put(None)
        self._jobs = self._thread = None

    def _started(self) -> queue.SimpleQueue[_Job | None]:
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            self._thread = threading.Thread(target=_send_all, args=(self._jobs,), name=self._name, daemon=True)
            self._thread.start()
        return self._jobs


def _send_all(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        receiver, message, answer = job
        answer.put(_sent(receiver, message))
        del job, receiver, message, answer  # nothing of the last message is held while waiting for the next


def _sent(receiver: Receiver, message: Message) -> Outcome:
    """A receiver promises not to raise; one that does all the same must not take the loop down. Its text may hold a
    secret.
    """
    try:
        return receiver.send(message)
    except BaseException as error:
        reason = f"walert could not send it ({type(error).__name__})"
        return Permanent(reason) if message.tries >= _CRASHES else Temporary(reason)
