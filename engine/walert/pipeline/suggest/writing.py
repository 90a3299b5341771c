"""Suggested rules as a YAML file to review: the same logs give the same text, to the letter. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from walert.pipeline.suggest.learning import spread
from walert.pipeline.suggest.values import Basis, Subject, Suggestion

WIDTH = 140
GROUP = "learned"  # one failure moves many metrics: their rules speak once
_SHOWN_LOGS = 10
_SHOWN_ASIDE = 20
_PLAIN = re.compile(r"[A-Za-z(][\w ()./*<>=,+-]*", re.ASCII)
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


def rule_file(basis: Basis, suggestions: Sequence[Suggestion], dropped: Sequence[str]) -> str:
    """The text of the file. `dropped` are sentences on rules that could not be made."""
    lines = [*_header(basis, dropped), "version: 1", *_aliases(basis.subjects), "rules:"]
    grouped = sum(bool(each.learned.subject) for each in suggestions) > 1
    subject: str | None = None
    for each in suggestions:
        if each.learned.subject != subject:
            subject = each.learned.subject
            lines += [*_wrapped(f"--- {basis.notes.get(subject, 'the run itself')}", "  "), ""]
        lines += [*_rule(each, grouped, each.learned.subject in basis.partial), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _header(basis: Basis, dropped: Sequence[str]) -> Iterator[str]:
    logs = ", ".join(basis.logs[:_SHOWN_LOGS]) + (", ..." if len(basis.logs) > _SHOWN_LOGS else "")
    taken = f"{_count(basis.runs, 'run')} taken for healthy, {_count(len(basis.logs), 'log')}, {_count(basis.records, 'record')}"
    yield from _wrapped(f"Learned by `walert suggest` from {taken}.")
    yield from _wrapped(f"Logs: {logs}")
    yield "#"
    yield from _wrapped(
        "Each threshold lies beyond the worst of all logs, by as much as the worst lies beyond the median of them, by a quarter of the way "
        "from what is usual at least, and by more the fewer logs there are. Replayed against the same logs, no rule fires. "
        "Review it: a run that was not healthy, or a kind of run that was not among them, makes it too lax or too strict."
    )
    for sentence in [*dropped, *_aside(basis)]:
        yield from _wrapped(sentence)


def _aside(basis: Basis) -> Iterator[str]:
    if basis.set_aside:
        more = len(basis.set_aside) - _SHOWN_ASIDE
        shown = "; ".join(basis.set_aside[:_SHOWN_ASIDE]) + (f"; and {more} more" if more > 0 else "")
        yield f"No rule was made for: {shown}."


def _aliases(subjects: Sequence[Subject]) -> Iterator[str]:
    roles = [each for each in subjects if each.is_role]
    if roles:
        yield "aliases:"
        for each in roles:
            yield f"  {each.name}: [{', '.join(map(scalar, each.names))}]"


def _rule(each: Suggestion, grouped: bool, optional: bool) -> Iterator[str]:
    rule = each.learned
    yield f"  - title: {scalar(rule.title)}"
    yield from _wrapped(why(each), "    ")
    yield f"    when: {scalar(each.when)}"
    if rule.for_:
        yield f"    for: {rule.for_}"
    yield f"    level: {rule.level}"
    if rule.level != "ERROR":
        yield "    repeat: never"
    yield f"    text: {json.dumps(text_of(each), ensure_ascii=False)}"
    if grouped and rule.subject:
        yield f"    group: {GROUP}"
    if optional:
        yield "    optional: true"


def text_of(each: Suggestion) -> str:
    """The rule's text, its threshold filled in."""
    return each.learned.text.replace("{x}", number(each.threshold))


def why(each: Suggestion) -> str:
    """What the threshold was learned from, in sentences."""
    rule = each.learned
    if not rule.extremes:
        return rule.why
    sentences = [f"{rule.why}: {spread(rule.extremes, rule.upper)}."]
    if each.threshold == rule.least:
        sentences.append(f"No healthy run calls for {number(rule.least)}: under it no rule of this kind says much.")
    if each.left_out is not None:
        of = f"{each.left_out} of {len(rule.extremes)}" if each.left_out else "none"
        sentences.append(f"Each log held against the threshold of the others alone: {of} crosses it.")
    if each.widened:
        sentences.append(
            f"Widened {'once' if each.widened == 1 else f'{each.widened} times'} more: it fired when replayed."
        )
    return " ".join(sentences)


def number(value: float | None) -> str:
    """A threshold as people write it."""
    return "" if value is None else f"{value:.15g}"


def scalar(text: str) -> str:
    """A text as a YAML scalar, quoted where it could mean anything else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and text == text.strip():
        return text
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    """A comment. Whatever a log's or a metric's name holds, it stays one: no line break, no character that nobody sees."""
    import textwrap

    clean = "".join(c if c.isprintable() else "?" for c in text)
    for line in textwrap.wrap(clean, WIDTH - len(indent) - 2, break_long_words=False, break_on_hyphens=False):
        yield f"{indent}# {line}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
