"""What a schema does not allow, as sentences, each at its place."""

from __future__ import annotations

import pytest

from walert.documents import Document, load_document

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version"],
    "properties": {
        "version": {"const": 1},
        "level": {"enum": ["INFO", "WARN"]},
        "names": {"type": "array", "maxItems": 2, "items": {"type": "string", "minLength": 2, "maxLength": 4}},
        "flag": {"type": "boolean"},
        "size": {"type": "number", "minimum": 1, "maximum": 9},
        "map": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$", "errorMessage": "Use small letters."}},
        "either": {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}},
            ]
        },
        "word": {"type": "string", "pattern": "^x", "errorMessage": "it begins with x.", "examples": ["xy"]},
    },
}


def load(text: str) -> Document:
    return load_document(text, "f.yaml", SCHEMA)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("levle: INFO", "2:1: error[unknown-key]: there is no key `levle` here. Did you mean `level`?"),
        ("zzz: 1", "2:1: error[unknown-key]: there is no key `zzz` here."),
        ("level: warn", "2:8: error[not-allowed]: `warn` is not one of INFO, WARN. Did you mean `WARN`?"),
        ("names: a", "2:8: error[wrong-type]: expected a list, found a text."),
        ("names: [abc, 3]", "2:14: error[wrong-type]: expected a text, found the number 3. Put it into quotes."),
        ("names: [a]", "2:9: error[not-allowed]: the text has fewer than 2 characters."),
        ("names: [abcde]", "2:9: error[not-allowed]: the text has more than 4 characters."),
        ("names: [aa, bb, cc]", "2:8: error[not-allowed]: the list has more than 2 items."),
        ("flag: yes", "2:7: error[wrong-type]: expected true or false, found a text. Write true."),
        ("flag: 1", "2:7: error[wrong-type]: expected true or false, found the number 1."),
        ("size: true", "2:7: error[wrong-type]: expected a number, found true."),
        ("size: 0", "2:7: error[not-allowed]: the number is below 1."),
        ("size: 10", "2:7: error[not-allowed]: the number is above 9."),
        ("size:", "2:6: error[wrong-type]: expected a number, found nothing."),
        ("map: {Ab: 1}", "2:7: error[bad-name]: `Ab` cannot be a name here. Use small letters."),
        ("either: [1]", "2:9: error[wrong-type]: expected a text or a mapping, found a list."),
        ("either: {path: 3}", "2:16: error[wrong-type]: expected a text, found the number 3. Put it into quotes."),
        ("either: {}", "2:9: error[missing-key]: `path` is missing."),
        ("word: ab", "2:7: error[not-allowed]: `ab`: it begins with x. For example: xy."),
    ],
)
def test_each_finding_is_a_sentence_at_its_place(line: str, problem: str) -> None:
    assert [str(p) for p in load(f"version: 1\n{line}\n").problems] == [f"f.yaml:{problem}"]


def test_all_findings_come_in_one_pass_in_file_order() -> None:
    problems = load("levle: 1\nflag: 2\nnames: [a, 3]\nsize: x\nsize: 3\n").problems
    assert [p.code for p in problems] == [
        "missing-key",
        "unknown-key",
        "wrong-type",
        "not-allowed",
        "wrong-type",
        "wrong-type",
        "duplicate-key",
    ]
    assert list(problems) == sorted(problems)


def test_a_refused_value_is_not_complained_of_twice() -> None:
    assert [p.code for p in load("version: 1\nnames: *x\nsize: !!int 3\n").problems] == ["alias", "tag"]


def test_an_url_in_a_wrong_value_is_not_repeated() -> None:
    problems = load(
        "version: 1\nlevel: slack://token/secret\n'slack://token/secret': 1\nword: slack://token/secret"
    ).problems
    assert len(problems) == 3
    assert not any("token" in str(p) or "secret" in str(p) for p in problems)


def test_a_document_tells_what_is_sound() -> None:
    document = load("version: 1\nnames: [aa, 3]\neither: {path: 3, other: 1}\nflag: true\n")
    assert document.sound(("flag",))
    assert document.sound(("names", 0))
    assert document.sound(("either", "other"))
    assert not document.sound(("names", 1))
    assert not document.sound(("names",))
    assert not document.sound(("either", "path"))


def test_a_syntax_error_is_told_alone() -> None:
    assert [p.code for p in load("levle: [1\n").problems] == ["syntax"]


def test_thousands_of_findings_are_cut() -> None:
    assert len(load("names:\n" + "  - 1\n" * 20_000).problems) <= 1_001
