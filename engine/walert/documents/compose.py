"""yaml's one door: text to data and places, over the parser's events.

PyYAML's own composer reads `1e-3` as a text and `on` as true, takes duplicate keys silently, expands alias bombs, and its C form crashes
on deep nesting. This one consumes events, so that depth, size and number of values are bounded before anything is built. Refused:
aliases, anchors, tags, duplicate keys, several documents.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from walert.documents.mask import mask
from walert.documents.reading import MAX_BYTES
from walert.documents.scalars import core_scalar

MAX_DEPTH = 20
MAX_VALUES = 50_000

Path = tuple[str | int, ...]

# What the parser takes for a line break or refuses; NEL, LS and PS would count as lines here and as none in an editor. What turns the
# reading direction (U+202A to U+202E, U+2066 to U+2069) makes a reviewer read another rule than the one that is there.
_READABLE = "\t\n\r\x20-\x7e"
_READABLE_BEYOND_ASCII = "\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_BREAK = re.compile(r"\r\n|\r|\n")


class Place(NamedTuple):
    """Where a value stands: indices into the text. `style` is of a scalar ('' plain, quotes, `|`, `>`), `key` of its key."""

    start: int
    end: int
    style: str
    value: str
    key: int | None = None


class Slip(NamedTuple):
    """Something that is wrong at index `at` of the text; -1 for the whole file."""

    at: int
    code: str
    what: str
    hint: str = ""


@dataclass(slots=True)
class Composed:
    """What the text holds; `unreadable` when it holds no data. `broken` are the paths of values that were refused."""

    text: str = ""
    lines: list[int] = field(default_factory=lambda: [0])
    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    slips: list[Slip] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)
    unreadable: bool = False


def compose(source: str | bytes) -> Composed:
    """The data and places of one YAML document; everything wrong with it is a slip."""
    composed = Composed()
    text = _text(source, composed)
    if text is None:
        composed.unreadable = True
        return composed
    composed.text = text
    composed.lines = [0, *(m.end() for m in _BREAK.finditer(text))]
    composed.unreadable = not (_readable(text, composed) and _Composer(composed).run())
    return composed


def _text(source: str | bytes, composed: Composed) -> str | None:
    if len(source) > MAX_BYTES:
        what = f"the file has {len(source):,} bytes; at most {MAX_BYTES:,} are read."
        composed.slips.append(Slip(-1, "too-large", what, "Split it into several files."))
        return None
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        composed.slips.append(Slip(-1, "encoding", f"line {line} is not UTF-8.", "Save the file as UTF-8."))
        return None


def _readable(text: str, composed: Composed) -> bool:
    # For most files the short class says the same; the long one takes 5 ms to compile.
    beyond = "" if text.isascii() else _READABLE_BEYOND_ASCII
    bad = re.search(f"[^{_READABLE}{beyond}]", text)
    if bad:
        what = f"the character U+{ord(bad[0]):04X} cannot stand in a YAML file."
        composed.slips.append(
            Slip(bad.start(), "bad-character", what, "Delete it, or write it as an escape in double quotes.")
        )
    return bad is None


class _Stop(Exception):
    """Nothing more can be read; the slip says why."""


class _Composer:
    def __init__(self, composed: Composed) -> None:
        import yaml

        self.yaml = yaml
        self.out = composed
        self.values = 0
        self.events: Iterator[Any] = iter(
            yaml.parse(composed.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        )

    def run(self) -> bool:
        """Fill in the data; False when the text is no single YAML document."""
        try:
            self.document()
        except _Stop:
            return False
        except self.yaml.MarkedYAMLError as error:
            self.out.slips.append(_syntax_slip(error, self.out.text))
            return False
        except (self.yaml.YAMLError, UnicodeError, RecursionError):
            self.out.slips.append(Slip(-1, "syntax", "the file is no YAML."))
            return False
        finally:
            self.events.close()  # type: ignore[attr-defined]
        return True

    def document(self) -> None:
        """The one document of the stream."""
        for event in self.events:
            if isinstance(event, self.yaml.DocumentStartEvent):
                self.out.data = self.node(next(self.events), (), None)
                break
        for event in self.events:
            if isinstance(event, self.yaml.DocumentStartEvent):
                self.stop(event, "many-documents", "a second document begins here.", "Put it into a file of its own.")

    def node(self, event: Any, path: Path, key: int | None) -> Any:
        """The value that begins with `event`."""
        self.bound(event, path)
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, self.yaml.AliasEvent):
            self.out.places[path] = Place(start, end, "*", "", key)
            self.refuse(
                event,
                path,
                "alias",
                "aliases are not read.",
                "Write the value out; a text that begins with * needs quotes.",
            )
            return None
        if event.anchor is not None:
            self.refuse(event, path, "anchor", "anchors are not read.", "A text that begins with & needs quotes.")
        if event.tag is not None:
            self.refuse(event, path, "tag", "tags are not read.", "A text that begins with ! needs quotes.")
        if isinstance(event, self.yaml.ScalarEvent):
            self.out.places[path] = Place(start, end, event.style or "", event.value, key)
            return event.value if event.style else core_scalar(event.value)
        self.out.places[path] = Place(start, end, "{", "", key)
        return self.sequence(path) if isinstance(event, self.yaml.SequenceStartEvent) else self.mapping(path)

    def sequence(self, path: Path) -> list[Any]:
        """The items up to the sequence's end."""
        items: list[Any] = []
        for event in self.events:
            if isinstance(event, self.yaml.SequenceEndEvent):
                break
            items.append(self.node(event, (*path, len(items)), None))
        return items

    def mapping(self, path: Path) -> dict[str, Any]:
        """The entries up to the mapping's end; of a key that comes twice, the first one's value."""
        entries: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, self.yaml.MappingEndEvent):
                break
            key = self.key(event, path, entries)
            if key is None:
                self.aside(next(self.events), path)
            else:
                entries[key] = self.node(next(self.events), (*path, key), event.start_mark.index)
        return entries

    def key(self, event: Any, path: Path, entries: dict[str, Any]) -> str | None:
        """The key that `event` is, or None when its entry cannot be kept."""
        if not isinstance(event, self.yaml.ScalarEvent):
            self.slip(event, "bad-key", "a key must be a text.", "A text that begins with [, { or * needs quotes.")
            self.aside(event, path)
            return None
        self.bound(event, path)
        if event.anchor is not None or event.tag is not None:
            self.slip(event, "anchor" if event.anchor else "tag", "a key has no anchor and no tag.")
        key: str = event.value
        if key not in entries:
            return key
        line = self.line(self.out.places[*path, key].key or 0)
        self.slip(
            event, "duplicate-key", f"`{mask(key[:40])}` is already there in line {line}.", "Keep one of the two."
        )
        return None

    def aside(self, event: Any, path: Path) -> None:
        """Read a value that nobody will use, for the slips in it."""
        places, broken = self.out.places, self.out.broken
        self.out.places, self.out.broken = {}, set()
        self.node(event, (*path, ""), None)
        self.out.places, self.out.broken = places, broken

    def bound(self, event: Any, path: Path) -> None:
        """Stop when there is more than anyone writes by hand."""
        self.values += 1
        if self.values > MAX_VALUES:
            self.stop(
                event,
                "too-many-values",
                f"the file has more than {MAX_VALUES:,} values.",
                "Split it into several files.",
            )
        if len(path) > MAX_DEPTH:
            self.stop(event, "too-deep", f"values nest deeper than {MAX_DEPTH}.")

    def slip(self, event: Any, code: str, what: str, hint: str = "") -> None:
        """Note what is wrong where `event` begins."""
        self.out.slips.append(Slip(event.start_mark.index, code, what, hint))

    def refuse(self, event: Any, path: Path, code: str, what: str, hint: str) -> None:
        """Note it, and that the value at `path` is not to be relied on."""
        self.slip(event, code, what, hint)
        self.out.broken.add(path)

    def stop(self, event: Any, code: str, what: str, hint: str = "") -> None:
        """Note it, and read no further."""
        self.slip(event, code, what, hint)
        raise _Stop

    def line(self, index: int) -> int:
        """The 1-based line of an index."""
        return bisect.bisect_right(self.out.lines, index)


_ADVICE = (
    ("exceeded maximum nesting depth", "brackets nest too deep.", ""),
    ("mapping values are not allowed", "a `: ` cannot stand here.", "Put a text that holds `: ` into quotes."),
    ("alphabetic or numeric character", "a `*` or `&` begins an alias or anchor here.", "Put a text that begins with * or & into quotes."),
    ("cannot start any token", "a value cannot begin with this character.", "Indent with spaces; quote a text that begins with @, ` or %."),
    ("comment or line break", "this does not belong to the value before it.", "Put the text into quotes as a whole."),
    ("unexpected end of stream", "a quote or bracket is never closed.", ""),
    ("did not find expected ',' or", "a `,` or closing bracket is missing.", "Quote a text that holds brackets, braces or commas."),
    ("did not find expected key", "a key with a value was expected here.", "Check the indentation, or quote the text before it as a whole."),
    ("<block end>", "this does not belong to the lines above it.", "Check the indentation, or quote the text before it as a whole."),
    ("'-' indicator", "an item that begins with `- ` was expected here.", "Check the indentation."),
    ("could not find expected ':'", "a `:` after the key is missing.", ""),
    ("unknown escape character", "there is no such escape.", "Use single quotes, in which a backslash is a backslash."),
    ("did not find expected node content", "a value was expected here.", "Put a text that begins with one of , ] } % @ ` into quotes."),
)  # fmt: skip


def _syntax_slip(error: Any, text: str) -> Slip:
    mark = error.problem_mark or error.context_mark
    index = min(mark.index, len(text)) if mark is not None else -1
    problem = error.problem or error.context or "no YAML"
    for sign, what, hint in _ADVICE:
        if sign in problem:
            return Slip(index, "syntax", what, hint)
    return Slip(index, "syntax", f"this is no YAML: {problem}.", "")
