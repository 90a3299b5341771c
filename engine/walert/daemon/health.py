"""Whether walertd does its work: passes complete, commits succeed, every receiver's worker turns, and the canary is read back.

The watchdog's ping, the heartbeat and the line that `systemctl status` shows all ask here, so that none of them says more than is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from walert.units import format_duration

TURN = 30.0  # seconds that a turn of the loop may take: reading gives way after each batch
COMMIT = 90.0  # seconds since the last commit, of which one comes every 30 also when nothing happens
WORKER = 120.0  # seconds since a worker turned: one send may take 60, a wait 10, a locked state file 5
CANARY = 60.0  # seconds until a line that the daemon writes for itself must have been read


@dataclass(slots=True)
class Health:
    """What last moved when, in monotonic seconds. Written by the loop, read by any thread.

    `failing` is since when nothing can be committed, None while it can. `workers` tells when each receiver's worker last turned. `unread` is
    since when a line of the canary waits to be read. `lost` is the path of a state file that is not the one that is open any more: what is
    committed goes with the process.
    """

    turned: float
    committed: float
    failing: float | None = None
    workers: Mapping[str, float] = field(default_factory=dict)
    unread: float | None = None
    lost: str | None = None

    def wrong(self, now: float) -> str | None:
        """What does not move at `now`, in one sentence; None when all does."""
        if now - self.turned > TURN:
            return f"no pass has completed for {_ago(now, self.turned)}"
        if (failing := self.failing) is not None:
            return f"nothing can be committed to the state file for {_ago(now, failing)}"
        if (lost := self.lost) is not None:
            return f"the state file {lost} was removed, replaced or emptied: restart walertd"
        if now - self.committed > COMMIT:
            return f"nothing was committed for {_ago(now, self.committed)}"
        for name, turned in self.workers.items():
            if now - turned > WORKER:
                return f"the worker of the receiver {name} has not turned for {_ago(now, turned)}"
        if (unread := self.unread) is not None and now - unread > CANARY:
            return f"what is written to the canary's log has not been read for {_ago(now, unread)}"
        return None


def _ago(now: float, then: float) -> str:
    return format_duration(max(1, int(now - then)))
