"""The token pass before Python's own parser: metric names with slashes and dots become identifiers of the same length.

So columns stay right, and `train/loss`, `train.loss` and `val_loss / train_loss` mean what people mean by them: a slash or a dot between
two names without spaces belongs to the name; with spaces, before `(` or before a digit a slash divides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from walert.documents import hidden
from walert.rules.hints import character_hint
from walert.rules.problems import Finding

MAX_LENGTH = 2_000
MAX_NESTING = 50

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
    | (?P<name>[^\W\d]\w*(?:[/.][^\W\d]\w*)*)
    | (?P<string>"[^"\\\n]*"|'[^'\\\n]*')
    | (?P<operator>\*\*|//|<=|>=|==|!=|[-+*/%<>(),\[\]=])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Scanned:
    """Text that Python can parse, and the metric names by the offset (in characters) at which they begin."""

    text: str
    names: dict[int, str]


def normalise(name: str) -> str:
    """One spelling for a metric however it was logged or written: `.` and `/` are the same separator."""
    return name.replace(".", "/")


def scan(text: str) -> tuple[Scanned, list[Finding]]:
    """Replace names with separators by placeholders; findings name what cannot be part of a condition."""
    if len(text) > MAX_LENGTH:
        what = f"the condition has {len(text)} characters, at most {MAX_LENGTH} are allowed."
        return Scanned("", {}), [Finding(MAX_LENGTH, "too-long", what, "Split it into several rules.")]
    out: list[str] = []
    names: dict[int, str] = {}
    findings: list[Finding] = []
    at = depth = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            what = f"{text[at]!r} cannot stand here."
            findings.append(Finding(at, "unexpected-character", what, character_hint(text[at])))
            return Scanned("", {}), findings
        kind, word = token.lastgroup, token.group()
        if kind == "string" and (odd := hidden(word)) is not None:
            what = f"the character U+{ord(word[odd]):04X} cannot be seen, and cannot stand in a name."
            findings.append(Finding(at + odd, "hidden-character", what, "Delete it."))
        if kind == "name":
            word = _split_call(text, at, word)
            findings += _check_name(text, at, word)
            names[at] = normalise(word)
            out.append(re.sub(r"[/.]", "_", word))
        else:
            out.append(" " * len(word) if kind == "space" else word)
            depth += (word in "([") - (word in ")]") if kind == "operator" and len(word) == 1 else 0
        if depth > MAX_NESTING:
            return Scanned("", {}), [Finding(at, "too-deep", f"brackets nest deeper than {MAX_NESTING}.")]
        at += len(word)
    return Scanned("".join(out), names), findings


def _split_call(text: str, at: int, word: str) -> str:
    """`a/sqrt(b)` divides by a function: the last part before `(` is no part of the name."""
    after = text[at + len(word) : at + len(word) + 1]
    if after == "(" and "/" in word and "." not in word[word.rfind("/") :]:
        return word[: word.rfind("/")]
    return word


def _check_name(text: str, at: int, word: str) -> list[Finding]:
    called = text[at + len(word) : at + len(word) + 1] == "("
    if called and "." in word:
        where = at + word.rfind(".")
        return [
            Finding(
                where,
                "attribute",
                f"`{word}(` would call an attribute: values have none.",
                "Functions stand alone: mean(loss, 100).",
            )
        ]
    offset = at
    for part in re.split(r"[/.]", word):
        if part.startswith("__"):
            return [
                Finding(
                    offset, "hidden-name", f"a name part may not begin with two underscores: `{part}`.", 'Write m["…"].'
                )
            ]
        offset += len(part) + 1
    return []
