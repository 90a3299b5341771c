"""What to write instead: hints for what people bring from Python, SQL, PromQL and pandas into a condition."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from collections.abc import Mapping

from walert.rules.functions import SIGNATURES

_WINDOW = "Use a window function such as mean(loss, 100)."
REFUSED: Mapping[type[ast.AST], tuple[str, str, str]] = {
    ast.Attribute: ("attribute", "values have no attributes.", 'Write m["a.b"] for a metric of that name.'),
    ast.Lambda: ("not-allowed", "a lambda cannot stand in a condition.", ""),
    ast.ListComp: ("not-allowed", "a comprehension cannot stand in a condition.", _WINDOW),
    ast.GeneratorExp: ("not-allowed", "a comprehension cannot stand in a condition.", _WINDOW),
    ast.NamedExpr: ("not-allowed", "an assignment cannot stand in a condition.", "Compare with ==."),
    ast.List: ("not-allowed", "a list cannot stand in a condition.", ""),
    ast.Tuple: ("not-allowed", "a tuple cannot stand in a condition.", "Write 1000, or 1_000, for one thousand."),
    ast.Starred: ("not-allowed", "an unpacking cannot stand in a condition.", ""),
}
"""What is refused by its kind: code, what, hint."""

_SYNONYMS = {
    "average": "mean", "avg": "mean", "avg_over_time": "mean", "rolling_mean": "mean", "moving_average": "mean", "sma": "mean",
    "ewm": "ema", "ewma": "ema", "stdev": "std", "stddev": "std", "sum": "sum_over", "minimum": "min_over", "maximum": "max_over",
    "min_over_time": "min_over", "max_over_time": "max_over", "sum_over_time": "sum_over", "count_over_time": "count", "len": "count",
    "percentile": "quantile", "quantile_over_time": "quantile", "lag": "prev", "shift": "prev", "previous": "prev", "diff": "delta",
    "increase": "delta", "derivative": "slope", "deriv": "slope", "trend": "slope", "z_score": "zscore", "isna": "isnan",
    "isnull": "isnan", "is_nan": "isnan", "is_inf": "isinf", "finite": "isfinite", "is_finite": "isfinite", "ln": "log", "fabs": "abs",
    "changed": "delta", "exists": "seen", "missing": "absent", "best": "best_min", "patience": "since_best", "float": "", "int": "round",
}  # fmt: skip
_SIGNS = (("&&", "and"), ("||", "or"), ("=<", "<="), ("=>", ">="), ("<>", "!="))
_WORDS = re.compile(r"\b(AND|OR|NOT|And|Or|Not)\b")
_KEYWORD = re.compile(
    rf"\b({'|'.join(sorted(set(keyword.kwlist) - {'and', 'or', 'not', 'if', 'else', 'in', 'is'}))})\b"
)


_CHARACTERS = {
    "=": "Compare with ==.",
    "&": "Write `and`.",
    "|": "Write `or`.",
    "!": "Write `not`.",
    "#": "A condition holds no comment; put it into the YAML.",
    "'": "A string ends on its line and holds no backslash.",
    '"': "A string ends on its line and holds no backslash.",
    ":": "No lambda and no slice here.",
    ".": "A dot stands inside a name (`train.loss`) or a number.",
    "^": "A power is `**`.",
    "≤": "Write `<=`.",
    "≥": "Write `>=`.",
    "≠": "Write `!=`.",
    "−": "Write `-`.",
    "–": "Write `-`.",
    "×": "Write `*`.",
    "·": "Write `*`.",
    "÷": "Write `/`.",
    "∞": "Write `inf`.",
    "“": 'Write plain quotes: "10m".',
    "”": 'Write plain quotes: "10m".',
    "‘": "Write plain quotes.",
    "’": "Write plain quotes.",
    "$": 'A metric\'s name stands as it is, or as m["…"].',
    "{": "A metric's name stands without braces.",
}


def character_hint(char: str) -> str:
    """What to write instead of a character that cannot stand in a condition."""
    plain = half_width(char)
    return f"Write `{plain}`, half width." if plain else _CHARACTERS.get(char, "")


def half_width(char: str) -> str:
    """The ASCII character that a full-width or styled one stands for, as input methods write them; empty for any other."""
    plain = unicodedata.normalize("NFKC", char)
    return plain if plain != char and len(plain) == 1 and "!" <= plain <= "~" else ""


def function_hint(name: str) -> str:
    """What somebody meant who called the unknown function `name`."""
    folded = name[:60].casefold()
    if _SYNONYMS.get(folded):
        return f"Write {SIGNATURES[_SYNONYMS[folded]].example}."
    import difflib

    near = difflib.get_close_matches(folded, SIGNATURES, 1)
    return f"Did you mean {near[0]}?" if near else f"Functions are: {', '.join(sorted(SIGNATURES))}."


def syntax_hint(text: str, offset: int) -> str:
    """What to write where Python's parser found no sense at `offset` of `text`."""
    for wrong, right in _SIGNS:
        if wrong in text:
            return f"Write `{right}` for `{wrong}`."
    plain = half_width(text[offset : offset + 1] or " ")
    if plain:
        return f"Write `{plain}`, half width."
    word = _WORDS.match(text, offset) or _WORDS.search(text)
    if word:
        return f"Write `{word[0].lower()}` in small letters."
    taken = _KEYWORD.match(text, offset) or _KEYWORD.search(text)
    if taken:
        return f'`{taken[0]}` is a word of Python: write m["{taken[0]}"] for a metric of that name.'
    if re.search(r"\d\s*%\s*$", text[: offset + 1]):
        return "Write a share as a number: 0.8 for 80 %."
    if re.search(r"(?<![=<>!])=(?!=)", re.sub(r"\([^()]*\)", "", text)):
        return "Compare with ==."
    return ""
