"""A rule and a few records in, transitions out: what the tests of the fold are written in."""

from __future__ import annotations

from walert.model import Happening, Record, Rule
from walert.rules.fold import Fold
from walert.rules.plan import RuleSet


def rule(when, **more):
    """A rule titled T."""
    return Rule(title=more.pop("title", "T"), when=when, file="rules.yaml", line=more.pop("line", 1), **more)


def records(rows):
    """Rows are metrics; `step`, `time` and `event` among them are the record's own."""
    out = []
    for i, row in enumerate(rows, 1):
        row = dict(row)
        step, time, event = row.pop("step", None), row.pop("time", None), row.pop("event", None)
        metrics = {k: float(v) for k, v in row.items()}
        out.append(Record(i, i * 100, float(i if step is None else step), step is not None, time, None, metrics, event))
    return out


def fold(rules, rows, *, restart_at=None):
    """The reported transitions as (line, happening, title); with `restart_at`, the state is dumped and loaded before that line."""
    rules = RuleSet(rules if isinstance(rules, list) else [rules])
    folded = Fold(rules)
    out = []
    for record in records(rows):
        if record.line == restart_at:
            folded = Fold.load(rules, folded.dump())
        out += [
            (t.line, str(t.happening), t.rule.title)
            for t in folded.step(record)
            if t.happening is not Happening.CONFIRMED
        ]
    return out


def states(rules, rows, **more):
    """As `fold`, for one rule: (line, happening)."""
    return [(line, happening) for line, happening, _ in fold(rules, rows, **more)]


def series(name, values, **more):
    """One record a value, `None` for a record without the metric."""
    return [({name: v} if v is not None else {"other": 0}) | more for v in values]


def said(rules, rows, *, stream="s", desk=None, receivers=("r",)):
    """What the desk says of the records, as (line, kind or `suppressed`, title, count) in order."""
    from walert.dispatch.desk import Desk, HeldBack, Place
    from walert.model import Run

    rules = RuleSet(rules if isinstance(rules, list) else [rules])
    folded = Fold(rules)
    desk = desk or Desk(Run("id", "run"), lambda alert, own: receivers)
    out = []
    for record in records(rows):
        place = Place(stream, "log.jsonl", "log.jsonl", "head", clock=record.time)
        for one in desk.line(place, record, folded.step(record)):
            if isinstance(one, HeldBack):
                out.append((record.line, "suppressed", one.title, one.suppressed))
            else:
                out.append((record.line, one.alert.kind, one.alert.title, one.alert.suppressed))
    return out


def call(title, time, level="WARN", wait=None):
    """A record of an `alert()`."""
    return {
        "time": float(time),
        "event": {"event": "alert", "title": title, "text": "t", "level": level, "wait_duration": wait},
    }


def timed(name, pairs):
    """Records at (time, value)."""
    return [{name: value, "time": float(time)} for time, value in pairs]
