"""The values that flow through walert: frozen, slotted, no behaviour beyond their own spelling.

bytes -> `Batch` (tail) -> `Record` (records) -> `Transition` (rules) -> `Alert` and `Message` (dispatch) -> `Outcome` (deliver)
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from walert.levels import AlertLevel as AlertLevel

# --- sources and bytes -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """One `watch` entry: which files, and how their lines are read.

    `path` is absolute: a folder (every `*.jsonl` below it and the file names known by name) or a glob with `*`, `?`, `**`.
    """

    path: str
    project: str | None = None
    tags: tuple[str, ...] = ()
    format: Literal["auto", "jsonl", "csv", "tsv"] = "auto"
    prefix: str | None = None
    root: str | None = None
    step: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    nulls: Literal["auto", "nan", "missing"] = "auto"
    strings: Literal["keep", "numbers"] = "keep"
    pivot: tuple[str, str] | None = None  # (name key, value key)
    rename: Mapping[str, str] = field(default_factory=dict)
    run: str | None = None
    attempt_key: str | None = None
    read_from: Literal["auto", "start", "end"] = "auto"
    poll: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far one stream (one inode's worth of log) was read, and the marks by which it is known again.

    `offset` is always at the beginning of a line, or inside an over-long one while `discarding`. `head` is a hash of the first
    `head_length` bytes (at most 256), `mark` one of the up to 64 bytes before `offset`; together they outlive a reused inode.
    """

    stream: str
    path: str
    device: int
    inode: int
    birth: float | None
    head: str
    head_length: int
    mark: str
    offset: int
    line: int
    discarding: bool = False


class Flaw(NamedTuple):
    """Bytes that could not become a line: an over-long line, a hole of NULs, bytes lost to a truncation."""

    line: int
    offset: int
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Complete lines of one stream, read in one turn, in file order and contiguous.

    Line i of `lines` (no newline, may be blank) has the physical number `first_line + i`; `first_offset` is the offset of the first.
    `flaws` lie after the last line. `checkpoint` is the place after both. `fresh` marks the first batch of a stream never read
    before; `ended` its last: the file is gone and drained. `caught_up` tells that the file was read to its end. `replaces` is the
    stream that this path held before, when this one took its place. `modified` is the mtime at the look, Unix seconds.
    """

    source: Source
    root: str
    path: str
    lines: list[bytes]
    first_line: int
    first_offset: int
    flaws: tuple[Flaw, ...]
    checkpoint: Checkpoint
    modified: float
    fresh: bool = False
    ended: bool = False
    caught_up: bool = False
    replaces: str | None = None


# --- records -----------------------------------------------------------------------------------------------------


class Record(NamedTuple):
    """One line's meaning. `metrics` maps flattened names (`train/loss`) to floats, non-finite ones included.

    `step` is the ordinal of the record in its file when no key named one (`has_step` is False then). `time` is Unix seconds
    or None. `event` is the object below `_walert`, if any. Metrics that were null and count as missing are not in `metrics`.
    """

    line: int
    offset: int
    step: float
    has_step: bool
    time: float | None
    epoch: float | None
    metrics: dict[str, float]
    event: Mapping[str, Any] | None


class BadLine(NamedTuple):
    """A line that is no record: counted, sampled to the log, skipped."""

    line: int
    offset: int
    reason: str
    sample: str


# --- judgements --------------------------------------------------------------------------------------------------


class Happening(enum.StrEnum):
    """What replay, the feed and the store call an event in the life of a rule or a message."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CONFIRMED = "confirmed"  # true again while firing: the cooldown hears of it, people do not
    MESSAGE = "message"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as written, checked and with its defaults filled in; durations are seconds."""

    title: str
    when: str
    file: str
    line: int
    level: AlertLevel = AlertLevel.WARN
    text: str | None = None
    for_: str | None = None
    clear: str | None = None
    keep_firing_for: str | None = None
    wait_duration: float = 300.0
    repeat: Literal["backoff", "always", "never"] = "backoff"
    runs: Mapping[str, Any] = field(default_factory=dict)  # project, name: glob; tags: tuple of str
    group: str | None = None
    receivers: tuple[str, ...] = ()
    resolved: bool = False
    optional: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str | None = None
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """FILE:LINE of the rule, as messages and replay print it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Transition:
    """A rule's state changed on a record (or, `by` the timer, when something fell due, or `by` a rebuild of it), with its proof.

    `values` are the judged values by the name under which they were logged; `rank` orders the rules of a set as their files do.
    """

    rule: Rule
    happening: Happening
    values: Mapping[str, float]
    step: float
    time: float | None
    line: int
    offset: int
    why: str
    names: Mapping[str, float] = field(default_factory=dict)  # what a text may fill in: as the rule file writes it
    since: float | None = None  # event time of the episode's first confirming sample
    by: Literal["record", "timer", "rebuild"] = "record"
    rank: int = 0
    key: str = ""  # of the rule's state: what it judges, not what it is called


@dataclass(frozen=True, slots=True)
class Run:
    """Who a log belongs to. `id` is unique on this host; `name` is what people read; `root` is the watched folder."""

    id: str
    name: str
    project: str | None = None
    tags: tuple[str, ...] = ()
    host: str | None = None
    attempt: int = 0


# --- alerts and messages -----------------------------------------------------------------------------------------

MessageKind = Literal["firing", "repeat", "resolved", "closed", "alert", "lifecycle", "test"]


@dataclass(frozen=True, slots=True)
class Curve:
    """The samples of one metric up to an alert's moment, oldest first, `steps` beside `values`, non-finite ones included.

    `limits` are the constants that the rule compares it with.
    """

    name: str
    steps: tuple[float, ...]
    values: tuple[float, ...]
    limits: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """Something worth telling, decided once: by a rule's transition, an `alert()` call or a run's end.

    `id` is the same whenever the same bytes are judged again. `text` is rendered; `values` are the proof; `log` is FILE:LINE of
    the log, `origin` FILE:LINE of the rule or None for `alert()`. `suppressed` counts what the cooldown held back before it.
    """

    id: str
    kind: MessageKind
    run: Run
    title: str
    level: AlertLevel
    text: str
    values: Mapping[str, float]
    step: float | None
    time: float | None
    log: str
    origin: str | None
    suppressed: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str | None = None
    late: bool = False
    sparkline: str | None = None  # of the judged metrics, cut from the log
    host: str | None = None
    at: float = 0.0  # the daemon's clock at the decision, Unix seconds
    # What a plot is drawn from; kept as evidence, not with the alert, and in no listing.
    curves: tuple[Curve, ...] = field(default=(), metadata={"listed": False})


@dataclass(frozen=True, slots=True)
class Tally:
    """How many alerts of one title of one run a message stands for, and the highest level among them."""

    title: str
    run: str
    level: AlertLevel
    count: int


Collected = Literal["moment", "flood", "backlog", "quiet"]
"""Why one message tells many alerts: they came at one moment, in a flood, while walertd was down, or in quiet hours."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Too many alerts to show each: `total` of them, decided between `first` and `last` (Unix seconds), counted by title.

    `tallies` are the worst first, then the most; `more` titles are beyond them.
    """

    why: Collected
    total: int
    tallies: tuple[Tally, ...]
    more: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Message:
    """What one receiver gets: a row of the outbox, or several rows that go as one. `id` is unique; `tries` counts attempts begun.

    `alert` is the worst of what it tells and `others` the rest, worst first; at most `MAX_SHOWN` in all. With a `digest` there are more
    than those, and it counts them.
    """

    id: int
    receiver: str
    alert: Alert
    tries: int
    born: float
    others: tuple[Alert, ...] = ()
    digest: Digest | None = None
    thread: str | None = None  # the reference that the receiver gave to what it took of this run before

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Every alert that it shows, worst first."""
        return (self.alert, *self.others)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a receiver takes at a moment. `least` is the lowest severity that may go now.

    What was born within `held`, (from, until) in Unix seconds, and is below the severity `passing`, goes as one digest. Without `digests`
    every row of the outbox goes alone.
    """

    least: int = 0
    held: tuple[float, float] | None = None
    passing: int = 0
    digests: bool = True


ANY_TERMS = Terms()
"""It takes everything, now."""

MAX_SHOWN = 20
"""Alerts of one message that are shown with their proof; a digest counts the others."""
MAX_TALLIES = 50
"""Titles that a digest names."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it. `reference` is its own name of the thread in which it told the run: the next message brings it back."""

    reference: str | None = None
    note: str | None = None  # what it went without, and why: a plot that was refused


@dataclass(frozen=True, slots=True)
class Temporary:
    """It may go through later. `retry_after` is the receiver's own wish, seconds."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Permanent:
    """It never will, as things stand: refused login, unknown channel, bad URL."""

    reason: str


Outcome = Delivered | Temporary | Permanent
