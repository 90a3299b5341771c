"""Whatever the text, reading it ends, raises nothing, and every place is in the file."""

from __future__ import annotations

import string

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from walert.documents import load_document
from walert.resources import schema
from walert.rules.load import load_rules

BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
YAMLISH = st.text(st.sampled_from("abx01.:-?[]{},#&*!|>'\"%@` \n\t\r\\~é日😀"), max_size=80)
WORDS = st.text(st.sampled_from("ab <>()+é日😀'\"\\"), min_size=1, max_size=12)


@BOUNDED
@given(st.text(max_size=200) | YAMLISH | st.binary(max_size=200))
@example("a: >\n\n  b\n")
def test_any_text_is_answered(text: str | bytes) -> None:
    document = load_document(text, "f", schema("rules"))
    lines = document.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in document.problems:
        assert 0 <= problem.line <= len(lines)
        assert problem.line == 0 or 1 <= problem.column <= len(lines[problem.line - 1]) + 1


@BOUNDED
@given(st.text(max_size=100), st.text(max_size=60), st.text(max_size=20))
def test_any_rule_is_answered(when: str, title: str, span: str) -> None:
    text = f"version: 1\nrules:\n  - title: {title!r}\n    when: {when!r}\n    for: {span!r}\n"
    loaded = load_rules(text, "f")
    assert loaded.rules or loaded.problems


def plain(word: str) -> str | None:
    safe = word.strip() == word and word[0] in string.ascii_letters + "<(+é日😀"
    return word if safe and "#" not in word and ": " not in word else None


@BOUNDED
@given(
    st.lists(
        st.tuples(WORDS, st.integers(0, 3), st.sampled_from(["plain", "single", "double", "literal", "folded"])),
        max_size=6,
    )
)
def test_places_are_where_the_text_was_put(entries: list[tuple[str, int, str]]) -> None:
    lines: list[str] = []
    expected = []
    for at, (word, blank, style) in enumerate(entries):
        lines += ["# é"] * blank
        key = f"k{at}: "
        if style == "plain" and plain(word):
            lines.append(key + word)
            places = [(len(lines), len(key) + 1 + i) for i in range(len(word))]
        elif style in ("literal", "folded") and word.strip() == word:
            lines += [key + ("|-" if style == "literal" else ">-"), "  " + word]
            places = [(len(lines), 3 + i) for i in range(len(word))]
        else:
            quoted = [("''" if c == "'" else c) for c in word]
            if style == "double":
                quoted = [{"\\": "\\\\", '"': '\\"', "é": "\\u00e9", "😀": "\\U0001F600"}.get(c, c) for c in word]
            quote = '"' if style == "double" else "'"
            lines.append(key + quote + "".join(quoted) + quote)
            places = [(len(lines), len(key) + 2 + sum(map(len, quoted[:i]))) for i in range(len(word))]
        expected.append((f"k{at}", word, places))
    document = load_document("\n".join(lines), "f", None)
    assert document.problems == ()
    for key, word, places in expected:
        assert document.data[key] == word
        assert [document.locate((key,), i) for i in range(len(word))] == places


@BOUNDED
@given(
    st.lists(st.text(st.sampled_from("ab "), max_size=6), min_size=1, max_size=8),
    st.sampled_from(["|", ">", "|-", ">-", "|+", ">+"]),
)
def test_characters_of_a_block_are_found_where_they_stand(body: list[str], style: str) -> None:
    text = "\n".join([f"k: {style}", *("  " + line if line.strip() else "" for line in body)])
    document = load_document(text, "f", None)
    value = (document.data or {}).get("k")
    if not isinstance(value, str):
        return
    source = text.split("\n")
    for at, char in enumerate(value):
        line, column = document.locate(("k",), at)
        found = source[line - 1][column - 1 : column]
        assert found == char or (char in " \n" and found == "")


@BOUNDED
@given(
    st.lists(st.text(st.sampled_from("ab"), min_size=1, max_size=4) | st.just(""), min_size=1, max_size=6),
    st.sampled_from(["", "'", '"']),
)
def test_characters_of_folded_flow_texts_are_found_where_they_stand(body: list[str], quote: str) -> None:
    text = f"k: {quote}x\n" + "\n".join("  " + line if line else "" for line in body) + quote + "\n"
    document = load_document(text, "f", None)
    source = text.split("\n")
    for at, char in enumerate((document.data or {}).get("k") or ""):
        line, column = document.locate(("k",), at)
        found = source[line - 1][column - 1 : column]
        assert found == char or (char in " \n" and found == "")
