"""All receivers at once: a worker and a thread each, started, woken, exchanged, drained and stopped together."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterable, Mapping

from walert.deliver.outbox import Clock, Outbox
from walert.deliver.receiver import Receiver
from walert.deliver.worker import Limits, Worker


class Delivery:
    """The delivering half of the daemon. Its methods are called from one thread."""

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        outbox_factory: Callable[[], Outbox],
        clock: Clock,
        *,
        random: Callable[[], float] = random.random,
        limits: Limits | None = None,
        owner: str | None = None,
        digests: bool = True,
    ) -> None:
        """`outbox_factory` is called in each worker's thread. `owner` marks this process's leases; by default its
        pid. Without `digests` each message goes by itself, in quiet hours, too.
        """
        self._outbox_factory = outbox_factory
        self._clock = clock
        self._random = random
        self._limits = limits
        self._digests = digests
        self._owner = owner or f"walertd-{os.getpid()}"
        self._workers: dict[str, Worker] = {}
        self._threads: dict[Worker, threading.Thread] = {}
        self._started = False
        self.set_receivers(receivers)

    def start(self) -> None:
        """Start one thread a receiver. Nothing is sent before."""
        self._started = True
        for worker in self._workers.values():
            self._launch(worker)

    def wake(self, receiver_names: Iterable[str] | None = None) -> None:
        """There may be new messages for these receivers; for all, if None."""
        for name in self._workers if receiver_names is None else receiver_names:
            if name in self._workers:
                self._workers[name].wake()

    def set_receivers(self, receivers: Mapping[str, Receiver]) -> None:
        """Take over a new configuration: the next message of each name goes through its new receiver. A name that is
        gone is let go after the message under way.
        """
        for name in [name for name in self._workers if name not in receivers]:
            self._workers.pop(name).stop()
        for name, receiver in receivers.items():
            if name in self._workers:
                self._workers[name].replace(receiver)
            else:
                self._add(name, receiver)

    def drain(self, deadline: float) -> bool:
        """Try everything that is due once, and what falls due meanwhile; True when nothing is due any more.

        `deadline` is on the clock's monotonic scale. What a receiver answered with Retry-After or a failure is not
        due, so True does not say that all was delivered: the outbox does.
        """
        asked = {worker: worker.ask() for worker in self._workers.values()}
        return all(self._done_by(deadline, worker, number) for worker, number in asked.items())

    def _done_by(self, deadline: float, worker: Worker, asked: int) -> bool:
        return worker.done(asked, max(0.0, deadline - self._clock.monotonic()))

    def stop(self, grace: float) -> bool:
        """Stop leasing, wait up to `grace` seconds for the messages under way; True when every thread ended.

        A message cut off here keeps its lease, and is sent again when that ends.
        """
        for worker in self._threads:
            worker.stop()
        end = self._clock.monotonic() + grace
        for thread in self._threads.values():
            thread.join(max(0.0, end - self._clock.monotonic()))
        return not any(thread.is_alive() for thread in self._threads.values())

    def moved(self) -> dict[str, float]:
        """When each receiver's loop last turned, monotonic seconds. One that is older than `Limits.answer` and
        `sweep` hangs.
        """
        return {name: worker.moved for name, worker in self._workers.items()}

    def _add(self, name: str, receiver: Receiver) -> None:
        if receiver.name != name:
            raise ValueError(f"the receiver of {name} calls itself {receiver.name}")
        worker = Worker(
            receiver,
            self._outbox_factory,
            clock=self._clock,
            random=self._random,
            owner=self._owner,
            limits=self._limits,
            digests=self._digests,
        )
        self._workers[name] = worker
        if self._started:
            self._launch(worker)

    def _launch(self, worker: Worker) -> None:
        self._threads = {worker: thread for worker, thread in self._threads.items() if thread.is_alive()}
        thread = threading.Thread(target=worker.run, name=f"walert-deliver-{worker.name}", daemon=True)
        self._threads[worker] = thread
        thread.start()
