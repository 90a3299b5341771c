"""Whether data fits a JSON Schema, asked before jsonschema is: most files do, and loading it takes as long as all else that `walert check` does.

The answer is yes, or nothing: what does not fit, and what is written with a keyword that is not known here, is jsonschema's to judge. So
a file is never refused here, and is accepted only where draft-07 accepts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Schema = Mapping[str, Any] | bool


def fits(data: Any, schema: Schema) -> bool:
    """Whether `data` fits `schema` (draft-07) for certain."""
    try:
        return _Fit(schema).value(data, schema)
    except _Unsure:
        return False


class _Unsure(Exception):
    """The schema says something that is not known here."""


class _Fit:
    def __init__(self, root: Schema) -> None:
        self.root = root

    def value(self, data: Any, schema: Schema) -> bool:
        """Whether a value fits one schema of those below the root."""
        if isinstance(schema, bool):
            return schema
        if "$ref" in schema:  # what stands beside it does not count in draft-07
            return self.value(data, self._referred(schema["$ref"]))
        return all(self._meets(data, schema, word) for word in schema if word not in _SILENT)

    def _meets(self, data: Any, schema: Mapping[str, Any], word: str) -> bool:
        wanted = schema[word]
        if word in _OF_VALUES:
            return _OF_VALUES[word](data, wanted)
        match word:
            case "anyOf":
                return any(self.value(data, each) for each in wanted)
            case "allOf":
                return all(self.value(data, each) for each in wanted)
            case "if":
                branch = "then" if self.value(data, wanted) else "else"
                return self.value(data, schema.get(branch, True))
            case "items" if not isinstance(wanted, list):
                return not isinstance(data, list) or all(self.value(item, wanted) for item in data)
            case "propertyNames":
                return not isinstance(data, dict) or all(self.value(name, wanted) for name in data)
            case "properties":
                return not isinstance(data, dict) or all(
                    self.value(data[name], each) for name, each in wanted.items() if name in data
                )
            case "additionalProperties":
                known = schema.get("properties", {})
                return not isinstance(data, dict) or all(
                    self.value(value, wanted) for name, value in data.items() if name not in known
                )
        raise _Unsure

    def _referred(self, reference: str) -> Schema:
        found: Any = self.root
        root, *names = reference.split("/")
        if root != "#":
            raise _Unsure
        for name in names:
            if not isinstance(found, Mapping) or name not in found:
                raise _Unsure
            found = found[name]
        return found  # type: ignore[no-any-return]


_SILENT: Final = frozenset(
    {"$schema", "$id", "$comment", "title", "description", "default", "examples", "definitions", "errorMessage", "then", "else"}
)  # fmt: skip
"""Keywords that allow everything by themselves."""


def _is_number(data: Any) -> bool:
    return isinstance(data, int | float) and not isinstance(data, bool)


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda data: isinstance(data, str),
    "number": _is_number,
    "integer": lambda data: _is_number(data) and (isinstance(data, int) or data.is_integer()),
    "boolean": lambda data: isinstance(data, bool),
    "array": lambda data: isinstance(data, list),
    "object": lambda data: isinstance(data, dict),
    "null": lambda data: data is None,
}


def _is_of(data: Any, wanted: str | list[str]) -> bool:
    return any(_TYPES[name](data) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _is_same(data: Any, wanted: Any) -> bool:
    """true is not 1; lists and mappings are left to jsonschema."""
    if isinstance(data, list | dict) and isinstance(wanted, list | dict):
        raise _Unsure
    return isinstance(data, bool) is isinstance(wanted, bool) and bool(data == wanted)


def _sized(
    kind: type[str] | type[list[Any]] | type[dict[Any, Any]], within: Callable[[int, int], bool]
) -> Callable[[Any, Any], bool]:
    return lambda data, wanted: not isinstance(data, kind) or within(len(data), wanted)


def _measured(beyond: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    """NaN is beyond nothing."""
    return lambda data, wanted: not _is_number(data) or not beyond(data, wanted)


_OF_VALUES: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "type": _is_of,
    "const": _is_same,
    "enum": lambda data, wanted: any(_is_same(data, each) for each in wanted),
    "pattern": lambda data, wanted: not isinstance(data, str) or re.search(wanted, data) is not None,
    "required": lambda data, wanted: not isinstance(data, dict) or all(name in data for name in wanted),
    "minLength": _sized(str, int.__ge__),
    "maxLength": _sized(str, int.__le__),
    "minItems": _sized(list, int.__ge__),
    "maxItems": _sized(list, int.__le__),
    "minProperties": _sized(dict, int.__ge__),
    "maxProperties": _sized(dict, int.__le__),
    "minimum": _measured(lambda data, least: data < least),
    "maximum": _measured(lambda data, most: data > most),
    "exclusiveMinimum": _measured(lambda data, below: data <= below),
    "exclusiveMaximum": _measured(lambda data, above: data >= above),
}
