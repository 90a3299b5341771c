"""What does not go together with the logs that the rules are for."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from walert.rules import terms as t
from walert.rules.blind import nearest_names
from walert.rules.expression import Condition
from walert.rules.lint.names import spelt
from walert.rules.lint.values import Logged, Remark, Stride, Written
from walert.template import FACTS, fields
from walert.units import Span, format_duration, parse_span

_MOST_FIELDS = 50  # of one text are looked at
_MOST_NEAREST = 50  # names for which the nearest is looked for
_MOST_METRICS = 2_000  # among which it is


class _Logs:
    """The logs, asked the same names again and again."""

    def __init__(self, logged: Logged) -> None:
        self.logged = logged
        self._found: dict[tuple[str, ...], str | None] = {}
        self._metrics = list(logged.metrics)[:_MOST_METRICS]
        self._searches = 0

    def bound(self, names: tuple[str, ...]) -> str | None:
        """The first logged metric that one of `names`, names and patterns, stands for."""
        if names not in self._found:
            self._found[names] = next((metric for name in names for metric in self._matching(name)), None)
        return self._found[names]

    def _matching(self, name: str) -> Sequence[str]:
        if any(char in name for char in "*?["):
            return fnmatch.filter(self.logged.metrics, name)
        return (name,) if name in self.logged.metrics else ()

    def stride(self, written: Written, name: str) -> Stride | None:
        """How the metric comes that `name` stands for in a rule."""
        metric = self.bound(written.names(name))
        return None if metric is None else self.logged.metrics[metric]

    def nearest(self, names: tuple[str, ...]) -> str:
        """A hint at the logged names most like one of `names`."""
        self._searches += 1
        near = nearest_names(names[:_MOST_NEAREST], self._metrics) if self._searches <= _MOST_NEAREST else ()
        if near:
            return f"Did you mean {' or '.join(near)}?"
        return "With spaces a slash divides." if any("/" in name for name in names) else ""


def lint_logged(rules: Sequence[Written], logged: Logged) -> Iterator[Remark]:
    """The remarks on rules that were written for these logs. Optional rules may stay without their metrics."""
    logs, timed = _Logs(logged), False
    for written in rules:
        if not written.enabled:
            continue
        yield from _unknown(written, logs)
        yield from _texts(written, logs)
        yield from _too_fine(written, logs)
        if not timed and logged.timeless == logged.records.count:
            without = list(_without_time(written))
            timed = bool(without)
            yield from without


# --- names


def _unknown(written: Written, logs: _Logs) -> Iterator[Remark]:
    if written.rule.optional:
        return
    told: set[str] = set()
    for key, condition in written.conditions():
        asked = _asked_for(condition)
        for name, offset in condition.mentions:
            if name in told or name in asked or logs.bound(written.names(name)):
                continue
            told.add(name)
            role = name in written.rule.aliases
            what = (
                f"none of the names of the role {name} is in the logs."
                if role
                else f"the logs hold no metric `{name}`."
            )
            yield Remark(written.path(key), offset, "unknown-metric", what, logs.nearest(written.names(name)))


def _asked_for(condition: Condition) -> frozenset[str]:
    """The metrics that the condition asks to be there at all."""
    return frozenset(n.metric for n in t.walk(condition.truth) if isinstance(n, t.Presence) and n.metric is not None)


def _texts(written: Written, logs: _Logs) -> Iterator[Remark]:
    """Values that a text fills in and that no log holds."""
    named = {name for _, condition in written.conditions() for name in condition.metrics}
    for field in fields(written.rule.text or "")[:_MOST_FIELDS]:
        known = field.name in FACTS or field.name in named or "(" in field.name
        if not known and logs.bound(written.names(field.name)) is None:
            what = f"the logs hold no metric `{field.name[:40]}`."
            hint = logs.nearest(written.names(field.name))
            yield Remark(written.path("text"), field.offset, "unknown-field", what, hint)


# --- how often samples come


def _too_fine(written: Written, logs: _Logs) -> Iterator[Remark]:
    for key, condition in written.conditions():
        for node in t.walk(condition.truth):
            what, hint = _window(written, node, logs)
            if what:
                yield Remark(written.path(key), condition.place(node), "window-finer-than-stride", what, hint)
    for key, text in (("for", written.rule.for_), ("keep_firing_for", written.rule.keep_firing_for)):
        span = parse_span(text) if text is not None else None
        stride = _finest(written, span, logs) if span is not None else None
        if span is not None and stride is not None and span.amount < stride:
            what = f"`{text}` is less than lies between two samples, {_shown(span, stride)}: two are always enough."
            hint = "Write 2, or a longer span."
            yield Remark(written.path(key), None, "for-finer-than-stride", what, hint)


def _window(written: Written, node: t.Node, logs: _Logs) -> tuple[str, str]:
    """(what is wrong with a window beside the distance of its samples, a hint); empty when nothing is."""
    if isinstance(node, t.Presence) and node.function == "stalled" and node.span is not None:
        stride = _along(node.span, logs.logged.records)
        if stride is not None and node.span.amount < stride:
            what = f"records come every {_shown(node.span, stride)}: a sound run is stalled by this."
            return what, "Give it several times as long."
    if isinstance(node, t.Feature) and node.span is not None and node.metric is not None and node.minimum != 1:
        own = logs.stride(written, node.metric)
        stride = _along(node.span, own) if own is not None else None
        if stride is not None and node.span.amount <= stride:
            apart = _shown(node.span, stride)
            what = f"{spelt(node)} holds one sample at a time, of those that come every {apart}: never two."
            return what, "Give it several times as long, or a number of samples."
    return "", ""


def _along(span: Span, stride: Stride) -> float | None:
    """The distance between two samples in the unit of `span`; None for a number of samples, and where it is not known."""
    return {"steps": stride.steps, "seconds": stride.seconds}.get(span.kind)


def _finest(written: Written, span: Span, logs: _Logs) -> float | None:
    """Between two judgements lies at most what lies between two samples of the metric that comes most often."""
    found = []
    for name in written.when.metrics:
        own = logs.stride(written, name)
        stride = _along(span, own) if own is not None else None
        if stride is None:
            return None
        found.append(stride)
    return min(found, default=None)


def _shown(span: Span, amount: float) -> str:
    return format_duration(amount) if span.kind == "seconds" else f"{amount:g} steps"


# --- time


def _without_time(written: Written) -> Iterator[Remark]:
    what = "the logs carry no time: live, arrival counts; in a replay this stands still."
    hint = "Log a timestamp, or count samples or steps."
    for key, condition in written.conditions():
        for node in t.walk(condition.truth):
            if isinstance(node, t.Feature | t.Presence) and node.span is not None and node.span.kind == "seconds":
                yield Remark(written.path(key), condition.place(node), "log-without-time", what, hint)
                return
    for key, text in (("for", written.rule.for_), ("keep_firing_for", written.rule.keep_firing_for)):
        if text is not None and parse_span(text).kind == "seconds":
            yield Remark(written.path(key), None, "log-without-time", what, hint)
            return
