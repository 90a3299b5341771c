"""A feed of the state file: what is new in it, again and again, whether a walertd runs or not."""

from __future__ import annotations

import os
import select
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from walert.cli.common import warn
from walert.errors import StoreError
from walert.store.reader import Reader
from walert.store.values import AlertRow

EVERY = 0.5  # seconds between two looks
REMEMBERED = 10_000  # alerts that are not printed again when a state file begins anew


def new_alerts(path: str, after: int, given: Iterable[str] = ()) -> Iterator[list[AlertRow]]:
    """The alerts that are decided after the one in row `after`, as they come, for ever.

    A state file that is away or cannot be read is said once and looked at again; one that was begun anew is read from its start, without
    what was `given` (ids) already. Ends when nobody reads standard output any more.
    """
    seen: OrderedDict[str, None] = OrderedDict.fromkeys(given)
    file, failing = _file(path), False
    while _is_read(EVERY):
        if _file(path) != file:
            file, after = _file(path), 0
        try:
            with Reader(path) as state:
                found = state.alerts_after(after)
            failing = False
        except StoreError as error:
            if not failing:
                warn(f"waiting for the state file: {error}")
            failing = True
            continue
        if found:
            after = found[-1][0]
            new = [row for _, row in found if row.alert.id not in seen]
            seen.update((row.alert.id, None) for row in new)
            while len(seen) > REMEMBERED:
                seen.popitem(last=False)
            yield new


def _file(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_read(seconds: float) -> bool:
    """Wait; False as soon as the other end of a pipe on standard output is closed."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return not any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(seconds * 1_000))
