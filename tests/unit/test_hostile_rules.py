"""Rule files made to hurt: refused or without effect, with a place, within a second and 200 MB.

All cases are checked in one process of its own, whose memory is bounded, so that one that gets through hurts nobody else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from walert import template
from walert.documents import load_document

SECONDS = 1.0
MEGABYTES = 200

DRIVER = """
import io, json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from walert.cli import check
def checked(path, format="json"):
    out = io.StringIO()
    code = check.run([path], format=format, config=None, out=out, environ={})
    return code, out.getvalue()
checked(sys.argv[1])
for path in sys.argv[1:]:
    began = time.process_time()
    code, told = checked(path)
    checked(path, "text")
    seconds = (time.process_time() - began) / 2
    print(json.dumps({"path": path, "code": code, "told": told, "seconds": seconds}))
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")][0]  # ru_maxrss would count the parent's
print(json.dumps({"megabytes": int(peak.split()[1]) / 1024}))
"""


def one_rule(**keys: object) -> bytes:
    """A rule file of one rule; JSON is YAML, and writes what YAML's own writers would not."""
    rule = {"title": "T", "when": "loss > 1", **keys}
    return b"version: 1\nrules:\n  - " + json.dumps(rule).encode() + b"\n"


@dataclass(frozen=True)
class Case:
    """What is checked, the codes of which at least one must be told, and how the check ends."""

    content: bytes
    codes: tuple[str, ...]
    ends: int = 1


CONDITIONS = {
    "import": ('__import__("os").system("id") > 1', "hidden-name"),
    "subclasses": ("().__class__.__bases__[0].__subclasses__() > 1", "unexpected-character"),
    "class": ("loss.__class__ > 1", "hidden-name"),
    "globals": ("mean.__globals__ > 1", "hidden-name"),
    "bound_method": ('loss.format("x") > 1', "attribute"),
    "eval": ('eval("1") > 1', "unknown-function"),
    "open": ('open("/etc/passwd") > 1', "unknown-function"),
    "getattr": ('getattr(loss, "real") > 1', "unknown-function"),
    "lambda": ("(lambda: 1)() > 1", "unexpected-character"),
    "comprehension": ("[x for x in loss] > 1", "not-allowed"),
    "generator": ("max(x for x in loss) > 1", "wrong-arguments"),
    "walrus": ("(x := 3) > 1", "unexpected-character"),
    "statement": ("loss > 1; import os", "unexpected-character"),
    "f_string": ('f"{loss}" > 1', "not-allowed"),
    "bytes": ('b"x" > 1', "not-a-number"),
    "yield": ("(yield) > 1", "not-allowed"),
    "await": ("(await loss) > 1", "not-allowed"),
    "unpacking": ("max(*loss, 1) > 1", "not-allowed"),
    "keywords": ("mean(loss, **loss) > 1", "wrong-arguments"),
    "tower": ("loss > 9**9**9", "not-finite"),
    "tower_of_floats": ("loss > 9e99**9e99", "not-finite"),
    "power": ("loss > 4000000**4000000", "not-finite"),
    "digits": (f"loss > {'9' * 1900}", "not-finite"),
    "hexadecimal": (f"loss > 0x{'f' * 1900}", "not-finite"),
    "percent": ("'%0300000000d' % 1 > 1", "not-a-number"),
    "repeated_text": ('"a" * 1000000000 > 1', "not-a-number"),
    "repeated_list": ("[0] * 1000000000 > 1", "not-allowed"),
    "computed_window": ("mean(loss, 10**9) > 1", "not-a-literal"),
    "huge_window": ("mean(loss, 1000000000) > 1", "bad-window"),
    "huge_window_in_words": ('mean(loss, "1000000000 samples") > 1', "bad-window"),
    "endless_window": ("mean(loss, 1e400) > 1", "bad-window"),
    "endless_steps": ('mean(loss, "1e400 steps") > 1', "bad-window"),
    "centuries": ('mean(loss, "99999999d") > 1', "bad-window"),
    "endless_lag": ("prev(loss, 1e400) > 1", "bad-window"),
    "endless_minimum": ("mean(loss, 10, min=1e400) > 1", "bad-window"),
    "endless_wait": ("absent(loss, 1e400)", "bad-window"),
    "wait_of_many_digits": (f"stalled({'9' * 500})", "bad-window"),
    "share_of_many_digits": (f"quantile(loss, 10, {'9' * 500}) > 1", "bad-share"),
    "fifty_kilobytes": ("loss + " * 7_000 + "1 > 1", "not-allowed"),
    "two_kilobytes": ("loss + " * 290 + "1 > 1", "too-long"),
    "long_name": ("x" * 2_001, "too-long"),
    "brackets": ("(" * 900 + "loss" + ")" * 900 + " > 1", "too-deep"),
    "open_brackets": ("(" * 1_900, "too-deep"),
    "minuses": ("-" * 1_900 + "loss > 1", "too-long"),
    "nots": ("not " * 450 + "loss > 1", "too-long"),
    "negations_below_the_bound": ("-" * 150 + "loss > 1", "too-deep"),
    "choices": ("1 if loss > 1 else " * 100 + "2 > 1", "too-long"),
    "streaks": ("streak(" * 40 + "loss > 1" + ") > 1" * 40, "too-deep"),
    "many_mistakes": ("loss and " * 200 + "loss", "not-a-condition"),
    "nul": ("loss\0 > 1", "unexpected-character"),
    "nul_in_a_name": ('m["lo\0ss"] > 1', "hidden-character"),
    "bidi": ("\u202eloss > 1", "unexpected-character"),
    "bidi_in_a_name": ('m["\u2066loss"] > 1', "hidden-character"),
    "zero_width": ('m["lo\u200bss"] > 1', "hidden-character"),
    "surrogate": ('m["\ud800"] > 1', "syntax"),
    "escape_sequence": ('m["\x1b[31m"] > 1', "hidden-character"),
    "full_width": ("loss \uff1e 1", "unexpected-character"),
    "confusable": ("l\u043ess > 1", "disguised-name"),
    "fraction_slash": ("val\u2044loss > 1", "unexpected-character"),
    "not_a_condition": ("\uff4coss", "not-a-condition"),
}  # fmt: skip

KEYS = {
    "bidi_title": ({"title": "Loss\u202e hgih"}, "hidden-character"),
    "nul_title": ({"title": "Loss\0"}, "hidden-character"),
    "header_title": ({"title": "Loss\r\nBcc: everyone@example.org"}, "hidden-character"),
    "zero_width_title": ({"title": "Lo\u200bss"}, "hidden-character"),
    "long_title": ({"title": "x" * 100_000}, "not-allowed"),
    "confusable_title": ({"title": "L\u043ess"}, "disguised-name"),
    "bidi_group": ({"group": "a\u202eb"}, "hidden-character"),
    "bidi_label": ({"labels": {"a\u202e": "b"}}, "hidden-character"),
    "bidi_tag": ({"runs": {"tags": ["\u202ea"]}}, "hidden-character"),
    "wide_format": ({"text": "{loss:>1000000000}"}, "text-template"),
    "precise_format": ({"text": "{loss:.1000000000f}"}, "text-template"),
    "nested_format": ({"text": "{loss:{step}}"}, "text-template"),
    "attribute_in_text": ({"text": "{loss.__class__.__init__.__globals__}"}, "text-template"),
    "index_in_text": ({"text": "{loss[0]}"}, "text-template"),
    "position_in_text": ({"text": "{0}"}, "text-template"),
    "nothing_in_text": ({"text": "{}"}, "text-template"),
    "conversion_in_text": ({"text": "{loss!r}"}, "text-template"),
    "braces_in_text": ({"text": "{" * 9_999}, "text-template"),
    "escape_in_text": ({"text": "\x1b]0;pwned\x07"}, "hidden-character"),
    "long_text": ({"text": "x" * 500_000}, "not-allowed"),
    "endless_cooldown": ({"wait_duration": "9" * 60 + "w"}, "bad-duration"),
    "huge_for": ({"for": 10**9}, "not-allowed"),
    "huge_k_of_n": ({"for": "1 of 999999999"}, "bad-span"),
    "url": ({"receivers": ["slack://xoxb/secret"]}, "url-in-rule"),
    "script_runbook": ({"runbook": "javascript:alert(1)"}, "bad-runbook"),
    "file_runbook": ({"runbook": "../" * 9 + "\x00etc/passwd"}, "hidden-character"),
    "many_labels": ({"labels": {f"l{i}": "x" for i in range(5_000)}}, "not-allowed"),
    "many_receivers": ({"receivers": ["x"] * 20_000}, "not-allowed"),
}
WARNINGS = {"disguised-name", "text-template"}

LAUGHS = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'lol'}]\n" for i in range(30))
FILES = {
    "alias_bomb": (LAUGHS.encode(), ("alias", "anchor")),
    "alias_to_itself": (b"version: 1\nrules: &a [*a]\n", ("alias", "anchor")),
    "merge_key": (b"version: 1\ndefaults: &d {level: WARN}\nrules:\n  - {<<: *d, title: T, when: a > 1}\n", ("alias", "anchor")),
    "python_tag": (b"version: 1\nrules: !!python/object/apply:os.system [id]\n", ("tag",)),
    "flow_nesting": (b"version: 1\nrules: " + b"[" * 400_000, ("too-deep", "syntax")),
    "flow_nesting_closed": (b"version: 1\nrules: " + b"[" * 900 + b"]" * 900, ("too-deep", "syntax")),
    "block_nesting": (b"".join(b" " * i + b"a:\n" for i in range(1_000)), ("too-deep",)),
    "dashes": (b"- " * 200_000, ("too-deep", "syntax")),
    "questions": (b"? " * 200_000, ("too-deep", "syntax", "bad-key")),
    "too_large": (b"# " + b"x" * (2 << 20), ("too-large",)),
    "many_values": (b"version: 1\nrules: [" + b"1," * 200_000 + b"]", ("too-many-values",)),
    "many_keys": (b"".join(b"k%d: 1\n" % i for i in range(60_000)), ("too-many-values",)),
    "many_documents": (b"---\n" * 100_000, ("many-documents",)),
    "long_number": (b"version: " + b"9" * 1_000_000 + b"\nrules: []\n", ("not-allowed",)),
    "long_key": (b"x" * 900_000 + b": 1\n", ("unknown-key", "syntax")),
    "long_line": (b"version: 1\nrules: [{title: " + b"x" * 900_000 + b", when: a > 1}]\n", ("not-allowed",)),
    "unclosed_quote": (b'version: 1\nrules: "' + b"x " * 400_000, ("syntax",)),
    "nul_bytes": (b"version: 1\nrules: []\0\0\0\n", ("bad-character",)),
    "all_nul": (b"\0" * 100_000, ("bad-character",)),
    "utf_16": ("version: 1\nrules: []\n".encode("utf-16"), ("encoding",)),
    "binary": (bytes(range(256)) * 100, ("encoding", "bad-character")),
    "bidi_comment": ("version: 1\nrules: [] # \u202e\n".encode(), ("bad-character",)),
    "surrogate_bytes": (b"version: 1\nrules: [] # \xed\xa0\x80\n", ("encoding",)),
    "surrogate_escape": (b'version: 1\nrules: [{title: "\\ud800", when: a > 1}]\n', ("hidden-character", "syntax")),
    "many_roles": (b"version: 1\nrules: []\naliases: {" + b", ".join(b"a%d: b" % i for i in range(5_000)) + b"}\n", ("not-allowed",)),
    "many_names": (b"version: 1\nrules: []\naliases: {a: [" + b", ".join(b"b%d" % i for i in range(20_000)) + b"]}\n", ("not-allowed",)),
}  # fmt: skip

CASES = {
    **{
        f"when_{name}": Case(one_rule(when=when), (code,), int(code not in WARNINGS))
        for name, (when, code) in CONDITIONS.items()
    },
    **{
        f"rule_{name}": Case(one_rule(**keys), (code,), int(code not in WARNINGS))
        for name, (keys, code) in KEYS.items()
    },
    **{f"file_{name}": Case(content, codes) for name, (content, codes) in FILES.items()},
}
CASES["rule_escape_in_text"] = Case(CASES["rule_escape_in_text"].content, ("hidden-character",), 0)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("hostile")
    for name, case in CASES.items():
        (folder / f"{name}.yaml").write_bytes(case.content)
    paths = [str(folder / f"{name}.yaml") for name in CASES]
    done = subprocess.run([sys.executable, "-c", DRIVER, *paths], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-2_000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(row.get("path", "process")).stem: row for row in rows}


@pytest.mark.parametrize("name", CASES)
def test_what_is_made_to_hurt_is_told_with_its_place(name: str, results: dict[str, dict[str, object]]) -> None:
    row, case = results[name], CASES[name]
    problems = [json.loads(line) for line in str(row["told"]).splitlines()]
    told = [p for p in problems if p["code"] in case.codes]
    assert told, [f"{p['code']}: {p['what']}" for p in problems]
    assert row["code"] == case.ends
    lines = len(load_document(case.content, "f", None).text.splitlines())
    assert all(p["line"] <= lines + 1 and p["column"] >= 1 for p in told if p["line"])
    assert told[0]["line"] or told[0]["code"] in ("too-large", "encoding", "syntax")


@pytest.mark.parametrize("name", CASES)
def test_what_is_made_to_hurt_costs_less_than_a_second(name: str, results: dict[str, dict[str, object]]) -> None:
    assert float(str(results[name]["seconds"])) < SECONDS


def test_all_that_is_made_to_hurt_fits_into_little_memory(results: dict[str, dict[str, object]]) -> None:
    assert float(str(results["process"]["megabytes"])) < MEGABYTES


@pytest.mark.parametrize("name", CASES)
def test_what_is_told_is_short_and_steers_no_terminal(name: str, results: dict[str, dict[str, object]]) -> None:
    for line in str(results[name]["told"]).splitlines():
        problem = json.loads(line)
        assert len(problem["what"]) + len(problem["hint"]) < 700
        assert (problem["what"] + problem["hint"]).isprintable()


@pytest.mark.parametrize("text", [str(keys["text"]) for keys, _ in KEYS.values() if "text" in keys])
def test_a_hostile_text_is_filled_in_all_the_same_and_stays_short(text: str) -> None:
    filled = template.fill(text, {"loss": 1e308, "step": 3})
    assert len(filled) <= 200_000
    assert "class '" not in filled
    assert "object at" not in filled


def test_the_most_that_formats_can_ask_for_is_bounded() -> None:
    assert len(template.fill("{loss:.99f}" * 5_000, {"loss": 1.7e308})) < 1_000_000
