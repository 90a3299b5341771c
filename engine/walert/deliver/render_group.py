"""A message of several alerts as one alert, so that whatever shows an alert shows it: each is named with its own proof, a digest counts.

What all of them share (run, host) stays in the proof of the whole; what differs stands under each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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
_HARMLESS = str.maketrans({"<": "‹", ">": "›"})


def as_one(message: Message) -> Alert:
    """The alert of a message that tells one, and else a summary of all; its id is the message's own, such as `m17`."""
    if not message.others and message.digest is None:
        return message.alert
    alerts, head = message.alerts if message.digest is None else message.alerts[:_WORST], message.alert
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
        text="\n\n".join([*_counts(message.digest), *(_told(alert, same_run) for alert in alerts)]),
        values={},
        step=head.step if len({alert.step for alert in alerts}) == 1 else None,
        log=head.log if len({alert.log for alert in alerts}) == 1 else "",
        origin=None,
        suppressed=0,
        labels={},
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
    yield "\n".join(lines)
    yield "The worst of them:"


def _tally(tally: Tally) -> str:
    return f"{_sign(tally.level)} {tally.count} × {tally.title} ({_data(tally.run)})"


def _sign(level: AlertLevel) -> str:
    return {"INFO": "🔵", "WARN": "🟡", "ERROR": "🔴"}[level]


def _told(alert: Alert, same_run: bool) -> str:
    """One alert: its headline, its text, and the proof that is its own."""
    head = f"{parts.emoji(alert)} {parts.word(alert)}: {' '.join(alert.title.split())}"
    facts = [f"{fact.name}: {_data(fact.value)}" for fact in parts.proof(alert) if fact.name not in _shared(same_run)]
    text = parts.cut(alert.text.strip(), _MAX_TEXT)
    return "\n".join([head, *([text] if text else []), *facts])


def _shared(same_run: bool) -> frozenset[str]:
    """Facts that stand once, below the whole message."""
    return frozenset({"project", "host", "attempt", "labels"} | ({"run"} if same_run else set()))


def _data(text: str) -> str:
    return text.translate(_HARMLESS)
