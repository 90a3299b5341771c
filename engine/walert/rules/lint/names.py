"""Names: which was meant by a slip of the finger, which only looks like another, and how a part of a condition is shown."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable

from walert.rules import terms as t
from walert.rules.hints import half_width
from walert.rules.spelling import spell

LONGEST = 60
MOST_PATTERNS = 300

# Letters that look like ASCII ones and are not: Cyrillic, then Greek. Those that nobody takes for Latin (б, λ) are no matter.
_ALIKE = dict(
    zip(
        "АВЕКМНОРСТХУІЈЅаеорсухіјѕԁһӏԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧορν",
        "ABEKMHOPCTXYIJSaeopcyxijsdhlqwABEZHIKMNOPTYXopv",
        strict=True,
    )
)
_WORD = re.compile(r"[^\W\d_]+")
_PART = re.compile(r"[/._\-]")


class NameSet:
    """Names and patterns: which names are among them. Of patterns, the first `MOST_PATTERNS` count."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        patterns = sorted(name for name in self._names if any(char in name for char in "*?["))
        self._patterns = [re.compile(fnmatch.translate(name)).match for name in patterns[:MOST_PATTERNS]]

    def __contains__(self, name: str) -> bool:
        return name in self._names or any(match(name) for match in self._patterns)


def spelt(node: t.Node) -> str:
    """A part of a condition, short enough to stand in a sentence."""
    text = spell(node)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def disguised(name: str, *, prose: bool = False) -> tuple[int, str] | None:
    """Where the first letter of `name` stands that looks like an ASCII one and is another, and what it looks like; None when none does.

    A word written wholly in another script is no disguise. Full-width letters are one in a metric's name, an input method left on, but none in
    prose, where they are typography.
    """
    for word in _WORD.finditer(name):
        mixed = any(char.isascii() for char in word[0])
        for at, char in enumerate(word[0], word.start()):
            styled = unicodedata.decomposition(char).startswith(("<wide>", "<font>"))
            looks = ("" if prose else half_width(char)) if styled else (_ALIKE.get(char, "") if mixed else "")
            if looks:
                return at, looks
    return None


def letter_name(char: str) -> str:
    """What a letter is called: `Cyrillic small letter o`."""
    return unicodedata.name(char, f"U+{ord(char):04X}").capitalize()


def meant(name: str, known: Iterable[str]) -> str | None:
    """Which of `known` was meant by `name`: the same letters in other case or with other separators, or one slip of the finger away.

    A slip is a letter too many, missing, wrong, or two swapped, not the first one, in names of four letters or more. Digits and parts of one or
    two letters tell names apart (`loss1` and `loss2`, `loss_g` and `loss_d`) and are none.
    """
    others = [each for each in known if each != name]
    letters = _letters(name)
    for each in others:
        if letters == _letters(each):
            return each
    return next((each for each in others if _slipped(name, each)), None)


def _letters(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _slipped(one: str, other: str) -> bool:
    if min(len(one), len(other)) < 4 or abs(len(one) - len(other)) > 1 or one[0] != other[0]:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    touched = a[:1] + b[:1]
    single = a[1:] == b[1:] or a[1:] == b or a == b[1:]
    swapped = len(a) > 1 and a[:2] == b[:2][::-1] and a[2:] == b[2:]
    return (single or swapped) and not any(c.isdigit() for c in touched) and not _tells_apart(one, other)


def _tells_apart(one: str, other: str) -> bool:
    """Whether the names differ in one short part only, as indices do."""
    parts, others = _PART.split(one), _PART.split(other)
    differing = [(a, b) for a, b in zip(parts, others, strict=False) if a != b]
    return len(parts) != len(others) or any(max(len(a), len(b)) <= 2 for a, b in differing)
