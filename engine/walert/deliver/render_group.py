"""A message of several alerts: what is told of each, and what all of them share.

`gathered` is for renderers that show alerts one below the other; `as_one` is the same in one text, for all the others. What all alerts
share (run, host, and at one moment the step, time and line) stands once, below; what differs stands under each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from walert.deliver import render_parts as parts
from walert.levels import AlertLevel
from walert.model import Alert, Digest, Message, Run, Tally

_WHY = {
    "moment": "at one moment",
    "flood": "in a flood",
    "backlog": "written while walertd was down",
    "quiet": "held in quiet hours",
}
_OVER = frozenset({"resolved", "closed"})
_MAX_TEXT = 600  # characters of each alert's own text
_WORST = 5  # alerts that a digest shows beside its counts
_WHERE = frozenset({"step", "run", "project", "late", "time", "host", "attempt", "log", "labels"})
_HARMLESS = str.maketrans({"<": "‹", ">": "›"})


@dataclass(frozen=True, slots=True)
class Told:
    """One alert of several: its own text, bounded, and the facts that are its alone."""

    alert: Alert
    text: str
    facts: tuple[parts.Fact, ...]


@dataclass(frozen=True, slots=True)
class Gathered:
    """A message of several alerts. `whole` is the message as an alert without a text; `counts` are a digest's lines, or none.

    `facts` are what all alerts share, and the id of the message.
    """

    whole: Alert
    counts: tuple[str, ...]
    told: tuple[Told, ...]
    facts: tuple[parts.Fact, ...]


def gathered(message: Message) -> Gathered | None:
    """The alerts of a message that tells several, the worst first; None for one that tells a single alert."""
    if not message.others and message.digest is None:
        return None
    alerts = _shown(message)
    whole = _whole(message)
    shared = _common(alerts)
    told = tuple(
        Told(
            alert,
            parts.cut(alert.text.strip(), _MAX_TEXT),
            tuple(fact for fact in parts.proof(alert) if fact not in shared),
        )
        for alert in alerts
    )
    # Its number is what `walert explain` knows a digest by: not all of its alerts are named.
    return Gathered(whole, tuple(_counts(message.digest)), told, (*shared, parts.Fact("message", whole.id)))


def as_one(message: Message) -> Alert:
    """The alert of a message that tells one, and else a summary of all; its id is the message's own, such as `m17`."""
    all_of_it = gathered(message)
    if all_of_it is None:
        return message.alert
    return replace(all_of_it.whole, text=together(all_of_it, None, Style()))


@dataclass(frozen=True, slots=True)
class Style:
    """How a service shows the parts of an alert among others: its heading, its text, and a fact of its proof."""

    heading: Callable[[str], str] = lambda heading: heading
    text: Callable[[str], str] = lambda text: text
    fact: Callable[[parts.Fact], str] = lambda fact: f"{fact.name}: {_data(fact.value)}"


_NEEDED = frozenset({"values", "alert"})
_BREVITY: tuple[tuple[Callable[[parts.Fact], bool], bool], ...] = (
    (lambda fact: True, True),
    (lambda fact: fact.name in _NEEDED, True),
    (lambda fact: False, True),
    (lambda fact: False, False),
)
"""Which facts are shown, and whether texts are: ever less, until it fits. That every alert is named comes first."""


def together(group: Gathered, limit: int | None, style: Style) -> str:
    """Counts and alerts one below the other, in at most `limit` characters."""
    counts = [style.text("\n".join(group.counts)), style.text("The worst of them:")] if group.counts else []
    said = ""
    for shows, with_text in _BREVITY:
        said = "\n\n".join([*counts, *(_paragraph(told, style, shows, with_text) for told in group.told)])
        if limit is None or len(said) <= limit:
            return said
    return parts.cut(said, limit or 0)


def _paragraph(told: Told, style: Style, shows: Callable[[parts.Fact], bool], with_text: bool) -> str:
    text = [style.text(told.text)] if told.text and with_text else []
    return "\n".join(
        [style.heading(heading(told.alert)), *text, *(style.fact(fact) for fact in told.facts if shows(fact))]
    )


def _shown(message: Message) -> tuple[Alert, ...]:
    return message.alerts if message.digest is None else message.alerts[:_WORST]


def _whole(message: Message) -> Alert:
    """The message without what it tells of each alert; what all alerts share is its own proof."""
    alerts, head = _shown(message), message.alert
    runs = {alert.run.id: alert.run for alert in alerts}
    tallies = message.digest.tallies if message.digest is not None else ()
    same_run = len(runs) == 1 and len({tally.run for tally in tallies}) <= 1
    kinds = {alert.kind for alert in alerts}
    return replace(
        head,
        id=f"m{message.id}",
        kind=head.kind if len(kinds) == 1 or head.kind in _OVER else "firing",
        run=head.run if same_run else Run("walertd", _runs(message), host=head.host),
        title=_title(message),
        text="",
        values={},
        step=head.step if len({alert.step for alert in alerts}) == 1 else None,
        time=head.time if len({alert.time for alert in alerts}) == 1 else None,
        log=head.log if len({alert.log for alert in alerts}) == 1 else "",
        origin=None,
        suppressed=0,
        labels=head.labels if all(alert.labels == head.labels for alert in alerts) else {},
        runbook=None,
        late=all(alert.late for alert in alerts),
        sparkline=None,
    )


def number_of(message: Message) -> int:
    """How many alerts it stands for."""
    return message.digest.total if message.digest is not None else len(message.alerts)


def _title(message: Message) -> str:
    if message.digest is not None and message.digest.why != "moment":
        return f"{message.digest.total} alerts {_WHY[message.digest.why]}"
    return f"{number_of(message)} alerts: {', '.join(dict.fromkeys(alert.title for alert in message.alerts))}"


def _runs(message: Message) -> str:
    tallies = message.digest.tallies if message.digest is not None else ()
    names = dict.fromkeys([*(tally.run for tally in tallies), *(alert.run.name for alert in message.alerts)])
    shown = list(names)[:5]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _counts(digest: Digest | None) -> Iterator[str]:
    """The counts by title, and between when the alerts were decided."""
    if digest is None:
        return
    lines = [f"{parts.moment(digest.first)} to {parts.moment(digest.last)}:"]
    lines += [_tally(tally) for tally in digest.tallies]
    if digest.more:
        lines.append(f"and {digest.more} more titles")
    yield from lines


def _tally(tally: Tally) -> str:
    return f"{_sign(tally.level)} {tally.count} × {tally.title} ({_data(tally.run)})"


def _sign(level: AlertLevel) -> str:
    return {"INFO": "🔵", "WARN": "🟡", "ERROR": "🔴"}[level]


def heading(alert: Alert) -> str:
    """Sign, word and title of an alert among others; the title as its author wrote it."""
    return f"{parts.emoji(alert)} {parts.word(alert)}: {' '.join(alert.title.split())}"


def _common(alerts: Sequence[Alert]) -> tuple[parts.Fact, ...]:
    """The facts that every alert has, and that say where and when rather than what."""
    proofs = [parts.proof(alert) for alert in alerts]
    return tuple(fact for fact in proofs[0] if fact.name in _WHERE and all(fact in proof for proof in proofs))


def _data(text: str) -> str:
    return text.translate(_HARMLESS)
