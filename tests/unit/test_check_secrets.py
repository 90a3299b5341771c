"""Lines of a configuration are shown with their problems; what is secret in them is not."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from walert.cli import check
from walert.documents import mask, mask_lines

SECRETS = [
    "me: {url: 'slack://SECRET/SECRET', min_level: x}",
    'me: {"url": "SECRET, and SECRET", min_level: x}',
    "url: SECRET, SECRET # SECRET",
    "url : SECRET",
    "- url: >-\n    SECRET\n    SECRET\n  x: y",
    "me:\n  url:\n    SECRET\n\n    SECRET\n  x: y",
    "me:\n  url: 'SECRET\n    SECRET'\n  x: y",
    "me: {url: SECRET,\n  x: y}",
    "me: slack://SECRET",
    "a: {url: SECRET}, b: {url: SECRET}",
    "url: ${TOKEN:-SECRET}",
    "URL: SECRET",
    "url: https://user:SECRET@host/x",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_of_a_line_are_starred_out_and_columns_kept(text: str) -> None:
    lines = text.split("\n")
    shown = mask_lines(lines)
    assert "SECRET" not in "\n".join(shown)
    assert [len(line) for line in shown] == [len(line) for line in lines]


def test_what_is_no_secret_stays() -> None:
    assert mask_lines(["url: ${SLACK_URL}", "b: {url: '${X}', min_level: loud}", "x: y"]) == [
        "url: ${SLACK_URL}",
        "b: {url: '${X}', min_level: loud}",
        "x: y",
    ]
    assert mask("slack://a b") == "slack://* b"


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("format", ["text", "json", "github"])
def test_no_check_prints_a_secret(tmp_path: Path, text: str, format: check.Format) -> None:
    path = tmp_path / "walert.yaml"
    for whole in ("receivers:\n" + "".join(f"  {line}\n" for line in text.split("\n")), text + "\n]", text):
        path.write_text(whole)
        out = io.StringIO()
        check.run([str(path)], format=format, config=None, out=out, environ={})
        assert "SECRET" not in out.getvalue()


def test_an_escape_in_a_value_reaches_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        'version: 1\nrules:\n  - {title: "\\e[31m{a}", when: "\\e[2J", level: "\\e[3m", "\\u202e": 1, receivers: ["\\e://"]}\n'
    )
    out = io.StringIO()
    assert check.run([str(path)], format="text", config=None, out=out, environ={}) == 1
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
