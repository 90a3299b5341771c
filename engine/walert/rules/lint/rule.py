"""What one rule, looked at alone, most likely does not mean."""

from __future__ import annotations

from collections.abc import Iterator

from walert.documents import Path
from walert.rules import terms as t
from walert.rules.expression import Condition
from walert.rules.lint.bounds import bound
from walert.rules.lint.constant import oddities
from walert.rules.lint.names import disguised, letter_name, meant, spelt
from walert.rules.lint.values import Remark, Written
from walert.rules.plan import describe
from walert.template import FACTS, Field, fields

_MOST_FIELDS = 50  # of one text are looked at


def lint_rule(written: Written) -> Iterator[Remark]:
    """The remarks on a rule, whatever else its file holds."""
    for key, condition in written.conditions():
        yield from _condition(written.path(key), condition)
    yield from _clear(written)
    yield from _wait(written)
    yield from _stalled(written)
    yield from _title(written)
    yield from _text(written)


# --- conditions


def _condition(path: Path, condition: Condition) -> Iterator[Remark]:
    for odd in oddities(condition.truth):
        yield Remark(path, condition.place(odd.node), odd.code, odd.what, odd.hint)
    for node in t.walk(condition.truth):
        if isinstance(node, t.Feature):
            yield from _minimum(path, condition, node)
    told = set()
    for name, offset in condition.mentions:
        found = disguised(name)
        if found is not None and name not in told:
            told.add(name)
            yield Remark(path, offset, "disguised-name", *_disguise(name, *found))


def _minimum(path: Path, condition: Condition, node: t.Feature) -> Iterator[Remark]:
    if node.minimum and node.span and node.span.kind == "samples" and node.minimum >= node.span.amount:
        what = f"`min={node.minimum}` changes nothing: the window holds {node.span.amount:g} samples when it is full."
        yield Remark(path, condition.place(node), "min-without-effect", what, "Give fewer, or leave it out.")


def _disguise(name: str, at: int, looks: str) -> tuple[str, str]:
    what = f"in `{name[:40]}` the letter {at + 1} looks like `{looks}` and is {letter_name(name[at])}."
    return what, f"Write {name[:at]}{looks}{name[at + 1 :]}, if that is meant."


def _clear(written: Written) -> Iterator[Remark]:
    when = bound(written.when.truth)
    clear = bound(written.clear.truth) if written.clear is not None else None
    if when is None or clear is None or when.term != clear.term or "!=" in (when.operator, clear.operator):
        return
    if not when.interval.meet(clear.interval).empty:
        what = f"`clear` can hold while `when` does: {spelt(when.term)} can be both. There it counts for nothing."
        hint = "Hysteresis is the other way round: when: acc < 0.8, clear: acc > 0.82."
        yield Remark(written.path("clear"), None, "clear-overlaps", what, hint)


# --- how often and for how long


def _wait(written: Written) -> Iterator[Remark]:
    rule = written.rule
    if rule.wait_duration == 0 and rule.repeat != "never":
        what = "without a cooldown a rule that goes on firing sends a message at each sample."
        yield Remark(
            written.path("wait_duration"), None, "wait-zero-repeat", what, "Write repeat: never, or give a wait."
        )


def _stalled(written: Written) -> Iterator[Remark]:
    if written.rule.for_ is None or not any(_is_stalled(part) for part in _parts(written.when.truth)):
        return
    what = "`stalled` is true only while no sample comes, and `for` counts samples: this never fires."
    hint = "Leave `for` out; the time stands in stalled(…)."
    yield Remark(written.path("for"), None, "stalled-with-for", what, hint)


def _parts(truth: t.Truth) -> tuple[t.Truth, ...]:
    """What must all be true for `truth` to be."""
    return truth.args if isinstance(truth, t.All) else (truth,)


def _is_stalled(truth: t.Truth) -> bool:
    return isinstance(truth, t.Presence) and truth.function == "stalled"


# --- title and text


def _title(written: Written) -> Iterator[Remark]:
    odd = disguised(written.rule.title, prose=True)
    if odd is not None:
        yield Remark(written.path("title"), odd[0], "disguised-name", *_disguise(written.rule.title, *odd))


def _text(written: Written) -> Iterator[Remark]:
    text = written.rule.text or ""
    for field in fields(text)[:_MOST_FIELDS]:
        found = _absent(written, field) or _misspelt(written, field) or _whole(written, field)
        if found is not None:
            yield found


def _absent(written: Written, field: Field) -> Remark | None:
    """A value that is not there, by the rule's own condition."""
    for part in _parts(written.when.truth):
        gone = part if isinstance(part, t.Presence) and part.function == "absent" else None
        if isinstance(part, t.Not) and isinstance(part.arg, t.Presence) and part.arg.function == "seen":
            gone = part.arg
        if gone is not None and gone.metric == field.name:
            what = f"{field.name} was never logged when this fires: there is no value to fill in."
            hint = f"Write the name, {field.name}, without braces."
            return Remark(written.path("text"), field.offset, "absent-in-text", what, hint)
    return None


def _misspelt(written: Written, field: Field) -> Remark | None:
    """A value that nothing in the rule names, and that is near to one that something does; any kept value that its condition does not keep."""
    metrics = {name for _, condition in written.conditions() for name in condition.metrics}
    features = [node for node in t.walk(written.when.truth) if isinstance(node, t.Feature)]
    kept = [describe(node) for node in features if node.function != "last"]  # last(x) is x itself to a text
    if field.name in FACTS or field.name in metrics or field.name in kept:
        return None
    near = meant(field.name, [*sorted(metrics), *kept, *FACTS])
    if "(" in field.name:
        function = field.name.partition("(")[0]
        near = near or next((each for each in kept if each.startswith(f"{function}(")), None)
        what = f"`{field.name[:40]}` is not computed by this rule's condition."
        hint = f"Write {{{near}}}." if near else "A text fills in metrics, and what its own condition computes."
    elif near is None or near in kept:
        return None
    else:
        what, hint = f"nothing in this rule is named `{field.name[:40]}`.", f"Did you mean {{{near}}}?"
    return Remark(written.path("text"), field.offset, "unknown-field", what, hint)


def _whole(written: Written, field: Field) -> Remark | None:
    """A format for whole numbers of a value that may be none when this fires."""
    predicates = [node for node in t.walk(written.when.truth) if isinstance(node, t.Predicate)]
    asked = {inner.name for node in predicates for inner in t.walk(node) if isinstance(inner, t.Metric)}
    if not field.format.endswith("d") or field.name not in asked:
        return None
    what = f"{field.name} may be NaN here, which has no whole number."
    return Remark(written.path("text"), field.offset, "whole-number-format", what, "Write a format such as .3g.")
