"""Rounds over what is unread: each batch is judged and committed, or read again from the last committed place."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace

from walert.clock import Clock
from walert.daemon.log import Log
from walert.errors import StoreError
from walert.model import Batch, Checkpoint
from walert.pipeline.live import Pipeline
from walert.tail import Follower

TOGETHER_SECONDS = 0.02  # batches that are judged within so long are committed together: each commit waits for the disk
TOGETHER_LINES = 1_000  # and no more of them: while they are judged nobody else can write the state file


class Passes:
    """Hands batches to the pipeline and keeps the committed places. One thread owns it.

    `failing` is since when nothing can be committed, monotonic seconds; None while all is well.
    """

    def __init__(
        self,
        follower: Follower,
        pipeline: Pipeline,
        saved: Iterable[Checkpoint],
        log: Log,
        clock: Clock,
        *,
        own: Callable[[Batch], bool] = lambda batch: False,
    ) -> None:
        """`own` takes the batches that are no run's: nobody judges them."""
        self.follower = follower
        self.pipeline = pipeline
        self.log = log
        self.clock = clock
        self.failing: float | None = None
        self._own = own
        self.behind = True  # whether the last round left something unread
        self._committed = {place.stream: place for place in saved}
        self._judged: dict[str, Batch] = {}  # stream -> its newest batch that is judged and not committed
        self._lines = 0  # of them
        self._since = 0.0
        self._set_aside: set[str] = set()
        self._awake = False
        self._idle: Iterator[Batch] = iter(())

    def read(self, enough: Callable[[], bool]) -> Iterator[set[str]]:
        """One round, at most until `enough`; the receivers that each commit has something for."""
        self.behind, behind = True, False
        for batch in self.follower.read():
            if self._own(batch):
                continue
            if self._lines + len(batch.lines) > TOGETHER_LINES and not (yield from self._commit()):
                return
            if not self._judge(batch):
                return
            # What is not committed may have to be read again, and the file of an ended stream is let go of at the next step.
            if (batch.ended or enough() or self._is_time()) and not (yield from self._commit()):
                return
            behind |= not (batch.caught_up or batch.ended)
            if enough():
                return
        if (yield from self._commit()):
            self.behind = behind

    def _is_time(self) -> bool:
        return self.clock.monotonic() - self._since > TOGETHER_SECONDS

    def tick(self) -> set[str]:
        """What falls due in silence; files that had nothing new since the start are taken up by and by."""
        try:
            if not self._awake:
                for batch in self.follower.idle():
                    if self.pipeline.may_fall_due(batch.path):
                        self.pipeline.rest(batch)
            self._awake = True
            return self.pipeline.tick()
        except StoreError as error:
            self.log.note("state", f"cannot commit what fell due, trying again: {error}")
        except Exception as error:
            self.log.note("internal", f"what falls due in silence is not judged: {_described(error)}")
        return set()

    def look(self) -> set[str]:
        """How the runs stand. The logs of processes that seem to be gone are read once more before the next look judges them."""
        try:
            told = self.pipeline.look()
            self.follower.mark_dirty(self.pipeline.keeper.suspects())
            return told
        except StoreError as error:
            self.log.note("state", f"cannot commit how the runs stand, trying again: {error}")
        except Exception as error:
            self.log.note("internal", f"how the runs stand is not judged: {_described(error)}")
        return set()

    def end_silences(self) -> set[str]:
        """Tell what the silences held back that ended while nobody looked."""
        try:
            return self.pipeline.end_silences()
        except StoreError as error:
            self.log.note("state", f"cannot tell of silences that are over, trying again: {error}")
        return set()

    def caught_up(self) -> set[str]:
        """All is read: let go what was held as a backlog."""
        try:
            return self.pipeline.caught_up()
        except StoreError as error:
            self.log.note("state", f"cannot let a backlog go, trying again: {error}")
        return set()

    def rules_changed(self) -> None:
        """Files without anything new are to be taken up again: other rules may find them firing."""
        self._idle = self.follower.idle()

    def renew(self, enough: Callable[[], bool]) -> set[str]:
        """After a change of rules: take up the files, and rebuild what they lack, until it is `enough` for now."""
        try:
            for batch in self._idle:
                self.pipeline.wake_up(batch)
                if enough():
                    return set()
            return self.pipeline.renew(enough)
        except StoreError as error:
            self.log.note("state", f"cannot commit what was rebuilt, trying again: {error}")
        except Exception as error:
            self.log.note("internal", f"new rules are not rebuilt: {_described(error)}")
        return set()

    @property
    def renewing(self) -> bool:
        """Whether files wait for what `renew` does."""
        return self.pipeline.renewing

    def expire(self) -> None:
        """Forget the places of logs that the follower has forgotten."""
        known = self.follower.remembered()
        self._committed = {stream: place for stream, place in self._committed.items() if stream in known}
        self._set_aside &= known

    def _judge(self, batch: Batch) -> bool:
        """Whether it goes on: not when nothing can be written."""
        stream = batch.checkpoint.stream
        if stream in self._set_aside:
            return True
        if not self._judged:
            self._since = self.clock.monotonic()
        self._lines += len(batch.lines)
        self._judged[stream] = batch
        try:
            self.pipeline.process(batch)
        except StoreError as error:
            self._failed(error)
            return False
        except Exception as error:
            self._broken(error, batch)
        return True

    def _commit(self) -> Generator[set[str], None, bool]:
        """What was judged counts from here on, all of it or nothing. Whether it does."""
        if not self._judged:
            return True
        try:
            told = self.pipeline.commit()
        except StoreError as error:
            self._failed(error)
            return False
        self._recovered()
        judged = self._taken()
        self._committed |= {stream: batch.checkpoint for stream, batch in judged.items()}
        for stream in [stream for stream, batch in judged.items() if batch.ended]:
            del self._committed[stream]
        yield told
        return True

    def _taken(self) -> dict[str, Batch]:
        judged, self._judged, self._lines = self._judged, {}, 0
        return judged

    def _failed(self, error: StoreError) -> None:
        """Nothing was committed: the files are read again from the last committed places."""
        if self.failing is None:
            self.log.again("state", f"cannot commit, nothing is lost, trying again: {error}")
            self.failing = self.clock.monotonic()
        self._read_again()

    def _read_again(self) -> None:
        for stream, batch in self._taken().items():
            start = replace(batch.checkpoint, offset=0, line=0, discarding=False)
            self.follower.rewind(self._committed.get(stream) or start)

    def _recovered(self) -> None:
        if self.failing is not None:
            self.log.again("state", "committing again")
        self.failing = None

    def _broken(self, error: Exception, batch: Batch) -> None:
        """A mistake of walert's own costs this file until the next start, and no other. Nothing of the batch is committed."""
        self._set_aside.add(batch.checkpoint.stream)
        self._read_again()
        self.log.again("internal", f"{batch.path}: {_described(error)}. It is left alone until walertd is restarted.")


def _described(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {os.path.basename(frame.filename)}:{frame.lineno}: {error}"
