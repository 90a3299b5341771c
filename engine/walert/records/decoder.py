"""One stream's lines -> records. A pure function of the bytes, the file's name and the source: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from walert.model import BadLine, Record, Source
from walert.records.events import RESERVED, clean, flaw
from walert.records.flatten import Flat, Flattener
from walert.records.json_lines import FAILURES, MAX_DEPTH, JsonReader, NotJson, too_deep
from walert.records.known import format_of, recognise
from walert.records.plan import Plan, Planner, take_epoch, take_step, take_time
from walert.records.prefix import Prefix
from walert.records.rows import NotRow, Rows
from walert.records.shapes import MAX_KEYS, MAX_TEXT, Form, Shape, blueprint, compiled, merged, shape_of

MAX_LINE: Final = 1 << 20
"""Bytes of the longest line that is read."""
SAMPLE: Final = 200
"""Characters of a bad line that are shown."""

_BOM: Final = b"\xef\xbb\xbf"
_MAX_SHAPES: Final = 128
_MAX_SHAPE_KEYS: Final = 512
_READERS: Final = 4  # tried on a line; a miss costs about as much as a hit
_PLAIN_LINES: Final = 64  # without NaN or Infinity, after which lines are no longer searched for them
_COMPILED_AT_ONCE: Final = 16
_LINES_A_COMPILATION: Final = 256  # so that a file of ever new keys spends its time on its lines
_KINDS: Final = {list: "an array", type(None): "null"}

_new = tuple.__new__  # half the price of Record(...), and this is the hottest line of all


class Decoder:
    """Decodes the lines of one stream, in order. Raises ConfigError if the source's `prefix` cannot be used.

    `path` is the file's name, which may tell its format. `state` is what `state()` gave: a decoder restored from it
    goes on exactly as the first would have. A record's step without a step key is its ordinal: 1 for the file's first
    record; records that carry an event and no metric are not counted. The metrics of a JSON record are in order of name,
    however the writer mixed its keys (stable-baselines3 does).
    """

    def __init__(self, source: Source, path: str = "", state: Mapping[str, Any] | None = None) -> None:
        state = state or {}
        self._path = path
        self._ordinal: int = state.get("ordinal", 0)
        self._prefix = Prefix(source.prefix) if source.prefix else None
        self._reader = JsonReader()
        self._compiled = self._plain = 0
        self._settled = source.format != "auto"
        if not self._settled and state.get("options"):
            source, self._settled = _restored(source, state["options"]), state["settled"]
        nulls = frozenset(state.get("nulls", ()))
        firsts = {name: name in nulls for name in state.get("names", ())}
        self._adopt(source, firsts, state.get("ignored", 0), tuple(state.get("columns", ())))

    def decode(self, data: bytes, line: int, offset: int) -> Record | BadLine | None:
        """The meaning of one line (without its newline). None: blank, a table's header, or deliberately no record.

        Never raises on any bytes; the work is bounded by the line's length.
        """
        if self._forms and len(data) <= MAX_LINE:
            prepare = self._reader.prepare
            prepared = data if prepare is None else prepare(data)
            try:
                record = self._forms[0].read(prepared, line, offset, self._ordinal)
            except FAILURES:
                record = None
            if record is None:
                record = self._read_by_another(prepared, line, offset)
            if record is not None:
                self._ordinal += 1
                if prepared is data and prepare is not None:
                    self._note_plain_line()
                return record
        return self._any_line(data, line, offset)

    def again(self, data: bytes) -> Record | BadLine | None:
        """The meaning of a line that was decoded before, without its place; it is not counted a second time."""
        ordinal = self._ordinal
        try:
            return self.decode(data, 0, 0)
        finally:
            self._ordinal = ordinal

    def state(self) -> dict[str, Any]:
        """What restores this decoder, in plain builtins."""
        firsts = self._flattener.firsts
        return {
            "ordinal": self._ordinal,
            "names": list(firsts),
            "nulls": [name for name, null in firsts.items() if null],
            "ignored": self._flattener.ignored,
            "columns": list(self._rows.columns) if self._rows else [],
            "settled": self._settled,
            "options": _options(self._source),
        }

    @property
    def form(self) -> Form | None:
        """The form of the newest line that had one."""
        return self._forms[0] if self._forms else None

    @property
    def prepare(self) -> Callable[[bytes], bytes] | None:
        """What is done to a line before its form reads it."""
        return self._reader.prepare

    @property
    def records(self) -> int:
        """How many records there were: the ordinal of the newest."""
        return self._ordinal

    def pass_over(self, count: int) -> None:
        """So many lines were records of the present form, which others have read."""
        self._ordinal += count

    @property
    def source(self) -> Source:
        """The source with what the file has told of itself; its `format` stays `auto` until the first line."""
        return self._source

    @property
    def ignored(self) -> int:
        """How many values were left out because of a bound: 10,000 names a file, 512 characters a name, 32 levels."""
        return self._flattener.ignored

    # --- what the source and the first line tell ---

    def _adopt(self, source: Source, firsts: dict[str, bool], ignored: int, columns: tuple[str, ...]) -> None:
        self._source = source
        self._planner = Planner(source)
        self._flattener = Flattener(source, self._planner, firsts, ignored)
        self._rows = Rows(source.format, columns) if source.format in ("csv", "tsv") else None
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._forms: list[Form] = []
        self._sightings: dict[tuple[str, ...], tuple[int, Shape | None, Form | None]] = {}
        self._learns = not (source.prefix or source.pivot or source.strings == "numbers")

    def _settle(self, source: Source) -> None:
        self._adopt(source, self._flattener.firsts, self._flattener.ignored, ())

    def _recognise(self, record: Mapping[str, Any]) -> None:
        self._settled = True
        self._settle(recognise(record, self._source))

    # --- any line ---

    def _any_line(self, data: bytes, line: int, offset: int) -> Record | BadLine | None:
        if len(data) > MAX_LINE:
            return _bad(data, line, offset, "longer than 1 MiB")
        content = data.strip().removeprefix(_BOM).strip()
        if content[:1] == b"\0":  # the hole that a truncation leaves under a writer that does not append
            content = content.strip(b"\0 \t\r")
            if not content:
                return _bad(data, line, offset, "nothing but NUL bytes")
        if self._prefix:
            content = self._prefix.drop(content).strip()
        if not content:
            return None
        if self._source.format == "auto":
            form = format_of(self._path, content)
            self._settled = form != "jsonl"
            self._settle(replace(self._source, format=form))
        if self._rows:
            return self._row(self._rows, content, data, line, offset)
        if self._prefix and content[:1] != b"{":
            return None  # a log's own text beside the records
        return self._json(content, data, line, offset)

    def _row(self, rows: Rows, content: bytes, data: bytes, line: int, offset: int) -> Record | BadLine | None:
        try:
            cells = rows.read(content)
        except NotRow as error:
            return _bad(data, line, offset, str(error))
        if cells is None:
            return None
        flat = self._flattener.row(rows.columns, cells)
        return None if flat is None else self._flat_record(flat, None, line, offset)

    def _json(self, content: bytes, data: bytes, line: int, offset: int) -> Record | BadLine | None:
        try:
            value = self._reader.read(content)
        except NotJson as error:
            return _bad(data, line, offset, str(error))
        if (content.find(b"{", 1) > 0 or b"[" in content) and too_deep(content):
            return _bad(data, line, offset, f"nested deeper than {MAX_DEPTH} levels")
        if not isinstance(value, dict):
            return _bad(data, line, offset, f"{_KINDS.get(type(value), 'a single value')}, not an object")
        if not self._settled:
            self._recognise(value)
        event = value.pop(RESERVED, _ABSENT)
        if event is _ABSENT:
            record = self._object(value, None, line, offset)
            if self._learns and record is not None:
                self._learn(value)
            return record
        wrong = flaw(event)
        return _bad(data, line, offset, wrong) if wrong else self._object(value, clean(event), line, offset)

    def _object(
        self, value: Mapping[str, Any], event: Mapping[str, Any] | None, line: int, offset: int
    ) -> Record | None:
        flat = self._flattener.object(value)
        if flat is None:
            if event is None:
                return None
            flat = Flat({}, {})
        flat = Flat(dict(sorted(flat.numbers.items())), flat.texts)
        return self._flat_record(flat, event, line, offset)

    # --- lines that look alike ---

    def _read_by_another(self, data: bytes, line: int, offset: int) -> Record | None:
        """The record of a line that the last form refused, and whose form is now first; None if none takes it."""
        for form in self._forms[1:]:
            try:
                record = form.read(data, line, offset, self._ordinal)
            except FAILURES:
                continue
            if record is not None:
                self._put_first(form)
                return record
        return None

    def _put_first(self, form: Form, instead_of: Form | None = None) -> None:
        others = [other for other in self._forms if other is not form and other is not instead_of]
        self._forms = [form, *others[: _READERS - 1]]

    def _note_plain_line(self) -> None:
        """Stops the search for NaN and Infinity after many lines without one."""
        self._plain += 1
        if self._plain >= _PLAIN_LINES:
            self._plain = 0
            self._reader.prepare = None

    def _learn(self, record: Mapping[str, Any]) -> None:
        """Counts the lines that went the general way, and compiles a reader for keys that go on coming."""
        keys = tuple(record)
        if len(keys) > MAX_KEYS or sum(map(len, keys)) > MAX_TEXT:
            return
        seen, shape, form = self._sightings.get(keys, (0, None, None))
        seen += 1
        if (
            seen > 1
            and seen & (seen - 1) == 0
            and self._compiled <= _COMPILED_AT_ONCE + self._ordinal // _LINES_A_COMPILATION
        ):
            found = shape_of(record)
            shape = merged(shape, found) if shape and found else found
            plan = blueprint(record, shape, self._planner, self._flattener) if shape else None
            made = compiled(plan) if plan else None
            if made is not None:
                self._compiled += 1
                self._put_first(made, instead_of=form)
                form = made
        if len(self._sightings) >= _MAX_SHAPES:
            self._sightings.clear()
        self._sightings[keys] = (seen, shape, form)

    def _flat_record(self, flat: Flat, event: Mapping[str, Any] | None, line: int, offset: int) -> Record:
        keys = tuple(flat.numbers)
        plan = self._plans.get(keys)
        if plan is None:
            plan = self._planner.plan(keys)
            if len(keys) <= _MAX_SHAPE_KEYS:
                if len(self._plans) >= _MAX_SHAPES:
                    self._plans.clear()
                self._plans[keys] = plan
        return self._record(flat.numbers, flat.texts, plan, event, line, offset)

    def _record(
        self,
        numbers: dict[str, float],
        texts: dict[str, str] | None,
        plan: Plan,
        event: Mapping[str, Any] | None,
        line: int,
        offset: int,
    ) -> Record:
        epoch = take_epoch(numbers, plan)
        step = take_step(numbers, plan)
        time = self._planner.time(numbers, texts) if texts else take_time(numbers, plan.times)
        if numbers or event is None:
            self._ordinal += 1
        has_step = step is not None
        if step is None:
            step = float(self._ordinal)
        return _new(Record, (line, offset, step, has_step, time, epoch, numbers, event))


_ABSENT: Final = object()


def _bad(data: bytes, line: int, offset: int, reason: str) -> BadLine:
    return BadLine(line, offset, reason, _sample(data))


def _sample(data: bytes) -> str:
    """The beginning of a line as people may see it: no control character, no undecodable byte."""
    text = data[: 4 * SAMPLE].decode("utf-8", "replace")[:SAMPLE]
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _options(source: Source) -> dict[str, Any]:
    if source.format == "auto":
        return {}
    pivot = list(source.pivot) if source.pivot else None
    return {"format": source.format, "root": source.root, "step": list(source.step), "pivot": pivot}


def _restored(source: Source, options: Mapping[str, Any]) -> Source:
    """The source with what was told by the file's beginning; what the source itself says now comes first."""
    pivot = (options["pivot"][0], options["pivot"][1]) if options["pivot"] else None
    return replace(
        source,
        format=options["format"],
        root=source.root or options["root"],
        step=source.step or tuple(options["step"]),
        pivot=source.pivot or pivot,
    )
