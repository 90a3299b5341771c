"""Whose turn it is to be read: files without a name first, then those that are nearly read, then one of those with a backlog."""

from __future__ import annotations

from walert.tail.streams import Stream


class Turns:
    """The streams that have something to read. A quiet file waits for one turn of a loud one, however many are loud."""

    __slots__ = ("_backlog", "_fresh", "nameless")

    def __init__(self) -> None:
        self.nameless: dict[
            str, Stream
        ] = {}  # what they hold may be read on under another name: they come before unknown files
        self._fresh: dict[str, Stream] = {}
        self._backlog: dict[str, Stream] = {}

    def __bool__(self) -> bool:
        return bool(self.nameless or self._fresh or self._backlog)

    def __contains__(self, stream: Stream) -> bool:
        return any(stream.id in queue for queue in (self.nameless, self._fresh, self._backlog))

    def add(self, stream: Stream) -> None:
        """It has something to read."""
        if stream.gone is not None:
            self.drop(stream)
            self.nameless[stream.id] = stream
        elif stream.id not in self._backlog:
            self.nameless.pop(stream.id, None)
            self._fresh[stream.id] = stream

    def again(self, stream: Stream) -> None:
        """It had a turn and has more."""
        (self.nameless if stream.gone is not None else self._backlog)[stream.id] = stream

    def drop(self, stream: Stream) -> None:
        """It has nothing to read."""
        for queue in (self.nameless, self._fresh, self._backlog):
            queue.pop(stream.id, None)

    def take(self) -> list[Stream]:
        """The streams of the next round, still queued: each is dropped when its turn comes."""
        return [*self.nameless.values(), *self._fresh.values(), *list(self._backlog.values())[:1]]
