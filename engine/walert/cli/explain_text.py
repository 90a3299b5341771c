"""What `walert explain` prints: a rule's judgements as lines for people and as objects for machines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from walert.cli.common import plural
from walert.dispatch.desk import Said, Told
from walert.model import Rule
from walert.pipeline.explain import Cooling, Explained, Moment
from walert.pipeline.replay import plain
from walert.rules.explaining import Judgement, Looked, said
from walert.rules.machine import Phase
from walert.template import number
from walert.units import format_duration


def moment(time: float | None) -> str:
    """A time as people read it, in UTC; empty for none."""
    if time is None:
        return ""
    try:
        return dt.datetime.fromtimestamp(time, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return ""


# --- for people


def lines(each: Explained) -> Iterator[str]:
    """One rule on one file."""
    yield f"{each.shown}, {each.file}: {each.rule.title} [{each.rule.level}], {each.rule.origin}"
    yield f"  {_asks(each.rule)}"
    shown = f", the last {plural(len(each.moments), 'moment')}:" if each.moments else ""
    yield f"  {plural(each.judgements, 'judgement')}{shown}"
    for one in each.moments:
        yield from _moment(one)
    yield f"  now, after line {each.now.line}:"
    yield from _comparisons(each.now)
    yield f"    state: {_state(each)}"
    yield f"    cooldown: {_cooldown(each.cooling)}"


def _asks(rule: Rule) -> str:
    parts = (("when", rule.when), ("for", rule.for_), ("clear", rule.clear), ("keep_firing_for", rule.keep_firing_for))
    return "; ".join(f"{key}: {value}" for key, value in parts if value is not None)


def _moment(one: Moment) -> Iterator[str]:
    place = f"line {one.line}, step {number(one.step)}" + (f", {moment(one.time)}" if one.time is not None else "")
    if one.judgement is None:
        yield f"  {place}"
    else:
        judged = one.judgement
        counts = "" if judged.counts else ", decides nothing"
        yield f"  {place}: {said(judged.verdict)}{counts}; {judged.state}"
        yield from _comparisons(judged)
    for t in one.transitions:
        due = " (fell due by time)" if t.by == "timer" else ""
        yield f"    => {t.happening}: {t.why}{due}"
    yield from (f"    {_said(each)}" for each in one.said)


def _comparisons(judged: Judgement) -> Iterator[str]:
    width = max((len(c.text) for c in judged.comparisons), default=0)
    for c in judged.comparisons:
        clear = "clear: " if c.part == "clear" else ""
        yield f"    {said(c.truth):<7}  {clear}{c.text:<{width}}  {'; '.join(_facts(c))}".rstrip()


def _facts(c: Looked) -> Iterator[str]:
    values = {**c.values, **c.sides}
    if values:
        yield ", ".join(f"{name} = {_value(value)}" for name, value in values.items())
    yield from c.why
    if c.waits:
        yield f"waits for {', '.join(c.waits)}"
    if c.second:
        yield f"but {c.second}"


def _value(value: float | None) -> str:
    return "MISSING" if value is None else number(value)


def _said(each: Said) -> str:
    if isinstance(each, Told):
        count = f", {each.alert.suppressed} suppressed before it" if each.alert.suppressed else ""
        return f"message ({each.alert.kind}; {each.why}{count})"
    return f"suppressed ({each.why}), {each.suppressed} since the last message"


def _state(each: Explained) -> str:
    since = each.since
    if each.now.phase is Phase.FIRING and since is not None:
        when = f", {moment(since.time)}" if since.time is not None else ""
        return f"{each.now.state} since line {since.line}, step {number(since.step)}{when}"
    return each.now.state


def _cooldown(cooling: Cooling) -> str:
    last = cooling.last
    if last is None:
        parts = ["no message of this title yet"]
    else:
        parts = [f"last message at line {last.line}, step {number(last.step)}"]
    if cooling.muted:
        parts.append("a rule of the same group speaks for it")
    elif cooling.never:
        parts.append("`repeat: never`: this episode was told")
    elif cooling.left > 0:
        parts.append(f"{format_duration(cooling.left)} of {format_duration(cooling.wait)} left")
    else:
        parts.append("nothing holds the next one back")
    return "; ".join([*parts, f"{cooling.suppressed} suppressed"] if cooling.suppressed else parts)


# --- for machines


def rows(each: Explained) -> Iterator[dict[str, Any]]:
    """One object a moment, then one for how things stand."""
    base = {
        "run": each.shown, "file": each.file, "rule": each.rule.origin, "title": each.rule.title, "level": str(each.rule.level),
    }  # fmt: skip
    for one in each.moments:
        more = _judgement_row(one.judgement) if one.judgement is not None else {"judged": False}
        place = {"line": one.line, "step": plain(one.step), "time": one.time}
        yield {"kind": "judgement", **base, **place, **more, "happenings": _happenings(one)}
    since = each.since if each.now.phase is Phase.FIRING else None
    yield {
        "kind": "now", **base, "line": each.now.line, "step": plain(each.now.step), "time": each.now.time,
        **_judgement_row(each.now), "judgements": each.judgements,
        "since": None if since is None else {"line": since.line, "step": plain(since.step), "time": since.time},
        "cooldown": _cooling_row(each.cooling),
    }  # fmt: skip


def _judgement_row(judged: Judgement) -> dict[str, Any]:
    return {
        "judged": True, "verdict": judged.verdict, "clear": judged.clear, "counts": judged.counts, "phase": str(judged.phase),
        "state": judged.state, "comparisons": [_comparison_row(c) for c in judged.comparisons],
    }  # fmt: skip


def _comparison_row(c: Looked) -> dict[str, Any]:
    return {
        "part": c.part, "comparison": c.text, "verdict": c.truth, "recomputed": c.fresh, "values": _plain(c.values),
        "sides": _plain(c.sides), "why": list(c.why), "waits": list(c.waits), "second_opinion": c.second,
    }  # fmt: skip


def _plain(values: Mapping[str, float | None]) -> dict[str, Any]:
    return {name: plain(value) for name, value in values.items()}


def _happenings(one: Moment) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [{"happening": str(t.happening), "why": t.why, "by": t.by} for t in one.transitions]
    for each in one.said:
        told = isinstance(each, Told)
        suppressed = each.alert.suppressed if isinstance(each, Told) else each.suppressed
        out.append({"happening": "message" if told else "suppressed", "why": each.why, "suppressed": suppressed})
    return out


def _cooling_row(cooling: Cooling) -> dict[str, Any]:
    last = cooling.last
    return {
        "last": None if last is None else {"line": last.line, "step": plain(last.step), "time": last.time},
        "left": cooling.left, "wait": cooling.wait, "suppressed": cooling.suppressed, "muted": cooling.muted, "never": cooling.never,
    }  # fmt: skip
