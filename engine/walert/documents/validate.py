"""jsonschema's one door: every finding of a schema, each as a sentence with the path it is about.

A schema may carry `errorMessage` beside `anyOf` or `pattern`: the sentence to say when it does not fit.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from walert.documents.compose import Path
from walert.documents.fit import fits
from walert.documents.mask import mask

MAX_FINDINGS = 1_000


class Finding(NamedTuple):
    """One thing the schema does not allow; `at_key` when the key at `path` is wrong and not its value."""

    path: Path
    code: str
    what: str
    hint: str = ""
    at_key: bool = False


def findings(data: Any, schema: Mapping[str, Any]) -> list[Finding]:
    """Everything in `data` that `schema` (draft-07) does not allow, without doubles, at most `MAX_FINDINGS`."""
    if fits(data, schema):
        return []
    import jsonschema

    errors = jsonschema.Draft7Validator(schema).iter_errors(data)
    found = dict.fromkeys(itertools.islice(_all(errors), MAX_FINDINGS))
    return list(found)


def _all(errors: Iterator[Any]) -> Iterator[Finding]:
    for error in errors:
        yield from _worded(error)


def _worded(error: Any) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        what = f"`{shown(error.instance)}` cannot be a name here."
        yield Finding((*path, str(error.instance)), "bad-name", what, error.schema.get("errorMessage", ""), True)
        return
    yield from _WORDS.get(error.validator, _other)(error, path)


def _unknown_key(error: Any, path: Path) -> Iterator[Finding]:
    known = list(error.schema.get("properties", {}))
    for key in error.instance:
        if key not in known:
            yield Finding((*path, key), "unknown-key", f"there is no key `{shown(key)}` here.", meant(key, known), True)


def _missing_key(error: Any, path: Path) -> Iterator[Finding]:
    for key in error.validator_value:
        if key not in error.instance:
            yield Finding((*path, key), "missing-key", f"`{key}` is missing.", _first_sentence(error.schema, key))


def _first_sentence(schema: Mapping[str, Any], key: str) -> str:
    text: str = schema.get("properties", {}).get(key, {}).get("description", "")
    return f"{key}: {text.split('. ')[0].rstrip('.')}." if text else ""


def _type(error: Any, path: Path) -> Iterator[Finding]:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    yield _wrong_type(error, path, wanted)


def _wrong_type(error: Any, path: Path, wanted: Sequence[str]) -> Finding:
    expected = " or ".join(dict.fromkeys(_TYPES.get(w, w) for w in wanted))
    return Finding(
        path, "wrong-type", f"expected {expected}, found {_found(error.instance)}.", _type_hint(error, wanted)
    )


def _type_hint(error: Any, wanted: Sequence[str]) -> str:
    if "string" in wanted and isinstance(error.instance, bool | int | float):
        return "Put it into quotes."
    if "boolean" in wanted and isinstance(error.instance, str):
        return _BOOLEANS.get(error.instance.lower(), "")
    if "string" in wanted and error.instance == {}:
        return "Put a text that begins with { into quotes."
    return _examples(error.schema)


_BOOLEANS = {"yes": "Write true.", "on": "Write true.", "no": "Write false.", "off": "Write false."}


def _enum(error: Any, path: Path) -> Iterator[Finding]:
    allowed = [str(v) for v in error.validator_value]
    what = f"`{shown(error.instance)}` is not one of {', '.join(allowed)}."
    yield Finding(path, "not-allowed", what, meant(str(error.instance), allowed))


def _const(error: Any, path: Path) -> Iterator[Finding]:
    yield Finding(path, "not-allowed", f"this must be {error.validator_value}, not `{shown(error.instance)}`.")


def _any_of(error: Any, path: Path) -> Iterator[Finding]:
    branches: dict[int, list[Any]] = {}
    for child in error.context:
        branches.setdefault(child.relative_schema_path[0], []).append(child)
    fitting = [b for b in branches.values() if not any(c.validator == "type" and not c.relative_path for c in b)]
    if "errorMessage" in error.schema:
        yield Finding(path, "not-allowed", _message(error), _meant_in(error))
    elif len(fitting) == 1:
        yield from _all(iter(fitting[0]))
    else:
        wanted = [b.get("type") for b in error.validator_value if isinstance(b.get("type"), str)]
        yield _wrong_type(error, path, wanted)


def _meant_in(error: Any) -> str:
    allowed = [str(v) for branch in error.validator_value for v in branch.get("enum", ())]
    return (meant(error.instance, allowed) or _respelt(error)) if isinstance(error.instance, str) else ""


_UNITS = {
    "m(?:illi)?sec(?:ond)?s?": "ms", "s(?:ec(?:ond)?s?)?": "s", "min(?:ute)?s?": "m", "h(?:ou)?rs?": "h", "days?": "d", "weeks?": "w",
    "iter(?:ation)?s?|updates?|batch(?:es)?": " steps", "samples?|times|records|points": " samples",
}  # fmt: skip


def _respelt(error: Any) -> str:
    """`10 minutes` as `10m`, where that would be allowed."""
    import jsonschema

    text = error.instance[:64]
    for words, unit in _UNITS.items():
        text = re.sub(rf"(?<=\d)\s*(?:{words})(?![a-z])\s*", unit, text, flags=re.IGNORECASE)
    fits = text != error.instance and jsonschema.Draft7Validator(error.schema).is_valid(text)
    return f"Did you mean `{text}`?" if fits else ""


def _pattern(error: Any, path: Path) -> Iterator[Finding]:
    yield Finding(path, "not-allowed", _message(error), _examples(error.schema))


def _message(error: Any) -> str:
    said = error.schema.get("errorMessage", "this value is not allowed.")
    found = error.instance
    return f"`{shown(found)}`: {said}" if isinstance(found, str | int | float) else f"found {_found(found)}: {said}"


def _size(sentence: str) -> Callable[[Any, Path], Iterator[Finding]]:
    def worded(error: Any, path: Path) -> Iterator[Finding]:
        yield Finding(path, "not-allowed", sentence.format(limit=error.validator_value), _examples(error.schema))

    return worded


def _other(error: Any, path: Path) -> Iterator[Finding]:
    yield Finding(path, "not-allowed", f"this does not fit `{error.validator}` of the schema.", _examples(error.schema))


_WORDS: dict[str, Callable[[Any, Path], Iterator[Finding]]] = {
    "additionalProperties": _unknown_key,
    "required": _missing_key,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "anyOf": _any_of,
    "oneOf": _any_of,
    "pattern": _pattern,
    "minLength": _size("the text has fewer than {limit} characters."),
    "maxLength": _size("the text has more than {limit} characters."),
    "minItems": _size("the list has fewer than {limit} items."),
    "maxItems": _size("the list has more than {limit} items."),
    "minProperties": _size("the mapping has fewer than {limit} entries."),
    "maxProperties": _size("the mapping has more than {limit} entries."),
    "minimum": _size("the number is below {limit}."),
    "maximum": _size("the number is above {limit}."),
    "exclusiveMinimum": _size("the number must be above {limit}."),
}

_TYPES = {
    "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a mapping", "null": "nothing",
}  # fmt: skip


def _found(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {shown(value)}"
        case str():
            return "a text"
        case list():
            return "a list"
    return "a mapping"


def shown(value: Any) -> str:
    """A value fit to stand in a sentence: short, on one line, no URL in it."""
    text = mask(re.sub(r"\s+", " ", value if isinstance(value, str) else _spelt(value)))
    return text if len(text) <= 40 else text[:39] + "…"


def _spelt(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value) if isinstance(value, int | float) else _TYPES["array" if isinstance(value, list) else "object"]


def meant(word: str, known: Sequence[str]) -> str:
    """`Did you mean …?` with the nearest of `known`, case aside; empty when none is near."""
    import difflib

    folded = {k.lower(): k for k in reversed(known)}
    near = difflib.get_close_matches(word[:60].lower(), list(folded), n=1, cutoff=0.6)
    return f"Did you mean `{folded[near[0]]}`?" if near else ""


def _examples(schema: Mapping[str, Any]) -> str:
    examples = schema.get("examples", [])
    return (
        f"For example: {', '.join(_spelt(e) if not isinstance(e, str) else e for e in examples)}." if examples else ""
    )
