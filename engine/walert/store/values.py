"""What goes into the store in one commit, and what comes back: frozen values, no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from walert.model import Alert, Checkpoint, Run


@dataclass(frozen=True, slots=True)
class StreamState:
    """All that judging one stream needs to go on where it stopped.

    `fold`, `decoder` and `extra` are builtins; tuples in them come back as lists. `rules` is the checksum of the rule
    set that the fold belongs to; `started` is when the stream was first read, Unix seconds of the daemon's clock.
    """

    run: Run
    fold: Any
    decoder: Any
    rules: str
    started: float
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunState:
    """A run's present state (running, finished, ...), since when, and builtins that the lifecycle judges it by."""

    state: str
    since: float
    detail: Any = None


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fires in a stream now. `rule` names the rule within the stream; `since` is Unix seconds or None."""

    stream: str
    rule: str
    run_id: str
    title: str
    level: str
    since: float | None
    values: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """What matches is not sent between `starts` and `ends`, Unix seconds. None matches everything.

    `held` counts the alerts that it held back; `told` is when its end was told, and None before.
    """

    id: int
    title: str | None
    run: str | None
    project: str | None
    level: str | None
    comment: str
    starts: float
    ends: float
    made: float
    held: int = 0
    told: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A silence that is over, and how many alerts of which title it held back, most first."""

    silence: Silence
    titles: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a receiver stands for which something waits or is dead; times are Unix seconds.

    `failing` counts the messages that were tried in vain and wait, `died_at` when the newest died, `delivered_at` when the
    newest arrived, `reason` the newest reason of a failure.
    """

    receiver: str
    waiting: int
    dead: int
    failing: int
    died_at: float | None
    delivered_at: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class GaveWay:
    """What was given up because too much waited for a receiver: severity to a number of messages."""

    receiver: str
    levels: Mapping[int, int]

    @property
    def number(self) -> int:
        """All of them."""
        return sum(self.levels.values())


@dataclass(frozen=True, slots=True)
class Moved:
    """So many messages waited for a receiver that is no more."""

    receiver: str
    number: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message to be: `alerts` by id, the one it is filed under first, for `receiver`.

    With `collect` (`backlog`, or `flood` and a run) it waits for others of the same word, at the latest until `hold`, Unix seconds, and
    goes with them as one digest.
    """

    receiver: str
    alerts: tuple[str, ...]
    collect: str | None = None
    hold: float = 0.0


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that one pass changes; `Store.commit` applies all of it or nothing.

    at: the daemon's clock, Unix seconds; stamps rows that bring no time of their own.
    checkpoint: how far the stream was read.
    run: the run, added or brought up to date.
    stream_state: the state of the checkpoint's stream (needs `checkpoint`); adds its run too.
    firing: every rule that fires in the checkpoint's stream now, or None when that did not change.
    cooldowns: (run id, title) to builtins; None deletes the key.
    alerts: each with the names of its receivers, () for one that is only listed; one whose id is known adds nothing.
    parcels: the messages that the alerts become; None for one a receiver and alert.
    verdicts: alert id to (verdict, why): granted, history, ...
    silenced: alert id to (silence id, why): an alert that has the verdict `silenced`, and counts with its silence.
    reasons: (alert id, receiver) to the reason for this route.
    evidence: alert id to builtins: the cut of the log from which plots are drawn.
    happenings: (kind, at, run id, JSON-able payload); non-finite numbers in a payload become strings.
    counters: name to increment.
    run_states: run id to its new state.
    landmarks: (stream, line, offset): where a line begins.
    rulesets: checksum to builtins: rule snapshots by content.
    facts: name to builtins, for `walert status`; None deletes the fact.
    forget: streams to delete, with all that hangs on them.
    """

    at: float = 0.0
    checkpoint: Checkpoint | None = None
    run: Run | None = None
    stream_state: StreamState | None = None
    firing: Sequence[Firing] | None = None
    cooldowns: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    alerts: Sequence[tuple[Alert, tuple[str, ...]]] = ()
    parcels: Sequence[Parcel] | None = None
    verdicts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    silenced: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    happenings: Sequence[tuple[str, float, str, Mapping[str, Any]]] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    run_states: Mapping[str, RunState] = field(default_factory=dict)
    landmarks: Sequence[tuple[str, int, int]] = ()
    rulesets: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    forget: Sequence[str] = ()


# --- rows for people: field names are stable, times are Unix seconds --------------------------------------------------


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as it stands. `due` is its next try; `state` is waiting, delivered, dead or dropped.

    `alert` is the worst of the `alerts` that it carries, `title` and `level` are that one's. `collect` is what it is collected for: a flood
    or a backlog. `bundle` is the message under whose number it was sent together with others.
    """

    id: int
    receiver: str
    state: str
    kind: str
    title: str
    level: str
    run: str
    alert: str
    tries: int
    born: float
    due: float | None
    reason: str | None
    reference: str | None
    route: str | None
    alerts: int = 1
    collect: str | None = None
    bundle: int | None = None


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message with every alert that it tells, oldest first."""

    message: MessageRow
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert with what became of it. `verdict` and `why` are None while nothing was decided about its messages."""

    alert: Alert
    verdict: str | None
    why: str | None
    messages: tuple[MessageRow, ...]


@dataclass(frozen=True, slots=True)
class HappeningRow:
    """One entry of the feed. `payload` is JSON as it was written."""

    seq: int
    at: float
    kind: str
    run: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as last seen. `streams` counts its logs, `firing` its rules that fire, `fires` names those by title.

    `read` is when its newest line was read, Unix seconds of the daemon's clock, and `step` the step of that line (its
    ordinal, where it has none).
    """

    id: str
    name: str
    project: str | None
    tags: tuple[str, ...]
    host: str | None
    attempt: int
    state: str | None
    since: float | None
    first_seen: float
    last_seen: float
    streams: int
    firing: int
    step: float | None = None
    read: float | None = None
    fires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A log that is followed: how far it was read, and since when its file is gone, if it is."""

    stream: str
    path: str
    run: str | None
    offset: int
    line: int
    seen: float
    gone_since: float | None


@dataclass(frozen=True, slots=True)
class ReceiverRow:
    """What waits and what is dead for one receiver, with the newest reason of a failure."""

    receiver: str
    waiting: int
    dead: int
    delivered: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole state at one moment. `updated` is the newest happening or commit; `runs` counts runs by state."""

    path: str
    version: int
    streams: int
    gone: int
    runs: dict[str, int]
    firing: tuple[Firing, ...]
    receivers: tuple[ReceiverRow, ...]
    silences: tuple[Silence, ...]
    counters: dict[str, int]
    facts: dict[str, Any]
    updated: float | None
