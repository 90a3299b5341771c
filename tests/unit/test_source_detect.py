"""How a log would be read, told from its beginning, and the options that it needs; the options work when they are taken."""

from __future__ import annotations

import json
import os

import pytest

from walert.cli import main
from walert.config import read_config
from walert.model import Source
from walert.records.detect import detect
from walert.records.hints import hints


def lines(*records):
    return [json.dumps(record).encode() for record in records]


FAIRSEQ = [
    b"loading the data",
    *(
        b"2021-01-01 10:00:00 | INFO | train | " + line
        for line in lines(
            *({"epoch": 1, "train_loss": str(9 - n), "num_updates": str(n), "gnorm": "nan"} for n in range(4))
        )
    ),
]


def needed(found):
    """The options asked for."""
    return {name: value for hint in found for name, value in hint.options.items()}


# --- what a file tells


def test_the_keys_that_served_are_counted():
    seen = detect(
        "a.jsonl", lines({"_step": 1, "ts": 1.7e9, "loss": 1}, {"epoch": 2, "loss": 2}, {"loss": 3}), Source("/")
    )
    assert (seen.steps, seen.times) == ({"_step": 1, "epoch": 1, "": 1}, {"ts": 1, "": 2})
    assert [record.step for record in seen.records] == [1, 2, 3]


def test_iter_beside_epoch_is_no_step_and_seconds_per_iteration_are_no_time():
    seen = detect("a.jsonl", lines({"iter": 3, "epoch": 1, "time": 0.4, "loss": 1}), Source("/"))
    assert (seen.steps, seen.times) == ({"epoch": 1}, {"": 1})


def test_nulls_are_told_by_what_they_mean():
    records = lines({"acc": 0.5, "val": {"acc": None}}, {"acc": None, "val": {"acc": None}})
    assert detect("a.jsonl", records, Source("/")).nulls == {"acc": True, "val/acc": False}
    assert detect("a.jsonl", records, Source("/", nulls="missing")).nulls == {"acc": False, "val/acc": False}


def test_metrics_come_with_their_first_values_and_bad_lines_with_reasons():
    seen = detect("a.jsonl", [*lines({"loss": 3}, {"acc": 1, "loss": 2}), b"oops", b"", b"[1]"], Source("/"))
    assert seen.metrics == {"acc": 1, "loss": 3}
    assert [(bad.line, bad.sample) for bad in seen.bad] == [(3, "oops"), (5, "[1]")]
    assert (seen.lines, len(seen.records), seen.ignored) == (5, 2, 1)


def test_what_the_writer_tells_by_its_first_record_is_in_the_source():
    seen = detect("a.jsonl", lines({"step": 1, "data": {"actor/loss": 2.0}}), Source("/"))
    assert (seen.source.root, seen.metrics) == ("data", {"actor/loss": 2.0})


def test_lines_of_one_form_are_mapped_as_the_daemon_does():
    seen = detect("a.jsonl", lines(*({"step": n, "loss": n / 2} for n in range(500))), Source("/"))
    assert seen.steps == {"step": 500}
    assert [record.step for record in seen.records] == [float(n) for n in range(500)]


# --- what it asks for


def test_text_before_the_json_and_numbers_in_strings_are_found_together():
    wanted, found = hints("train.log", FAIRSEQ, Source("/"))
    assert needed(found) == {"prefix": "[^{]*", "strings": "numbers"}
    seen = detect("train.log", FAIRSEQ, wanted)
    assert (len(seen.records), len(seen.bad), seen.steps) == (4, 0, {"num_updates": 4})
    assert seen.metrics["train_loss"] == 9.0


def test_one_metric_a_line_is_a_pivot():
    wanted, found = hints(
        "a.jsonl", lines({"step": 1, "name": "loss", "value": 2.0}, {"step": 1, "name": "acc", "value": 1}), Source("/")
    )
    assert needed(found) == {"pivot": ("name", "value")}
    assert detect("a.jsonl", lines({"step": 1, "name": "loss", "value": 2.0}), wanted).metrics == {"loss": 2.0}


def test_a_counter_and_a_date_under_unknown_names_are_found():
    records = lines(*({"seen_tokens": 512 * n, "at": f"2025-03-0{n}T10:00:00Z", "loss": 1.0} for n in range(1, 4)))
    wanted, found = hints("a.jsonl", records, Source("/"))
    assert needed(found) == {"step": ("seen_tokens",), "time": ("at",)}
    seen = detect("a.jsonl", records, wanted)
    assert (seen.steps, seen.times) == ({"seen_tokens": 3}, {"at": 3})


@pytest.mark.parametrize(
    "records",
    [
        [{"step": 1, "timestamp": 1.7e9, "loss": 1.0}, {"step": 2, "timestamp": 1.7e9, "loss": 1.0}],
        [{"loss": 1.0}, {"loss": 2.0}],  # it rises, but two records are chance
        [{"loss": 1.5, "name": "run-1"}, {"loss": 1.2, "name": "run-1"}],
        [{"elapsed": "0:00:12", "loss": 1.0}],
        [{"host": "10", "loss": 1.0, "acc": 2.0}],  # most numbers are numbers
        [],
    ],
)
def test_nothing_is_asked_for_where_nothing_speaks_for_it(records):
    assert hints("a.jsonl", lines(*records), Source("/"))[1] == ()


def test_what_is_no_log_at_all_asks_for_nothing():
    assert hints("a.bin", [bytes(range(256))] * 5, Source("/"))[1] == ()
    assert hints("a.txt", [b"a { b } c"] * 5, Source("/"))[1] == ()


# --- the command


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in data))
    return path


def told(capsys, *arguments):
    """Exit code, standard output and error of `walert source detect`."""
    code = main(["source", "detect", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def pasted(out):
    """The sources that the printed `watch` entries mean, read as walert.yaml is."""
    config, problems = read_config(out[out.index("watch:") :], "walert.yaml", {})
    assert config is not None, problems
    return config.sources


def test_a_plain_log_needs_only_its_place(tmp_path, capsys):
    path = write(tmp_path / "a.jsonl", [*lines({"step": 10, "timestamp": 1.76e9, "loss": 0.5, "acc": None}), b"oops"])
    code, out, _ = told(capsys, path)
    assert code == 0
    assert f"{path}: jsonl, 2 lines: 1 record, 1 bad line" in out
    assert "step   step (1 record)" in out and "time   timestamp (1 record)" in out
    assert "auto: missing under acc" in out
    assert "1     10    2025-10-09 08:53:20Z  loss = 0.5" in out
    assert "not JSON" in out
    assert [source.path for source in pasted(out)] == [str(path)]


def test_the_entry_to_paste_reads_the_file(tmp_path, capsys):
    path = write(tmp_path / "odd [name] $x.log", FAIRSEQ)
    code, out, _ = told(capsys, path)
    assert code == 1  # as it is, nothing is a record
    (source,) = pasted(out)
    assert (source.prefix, source.strings) == ("[^{]*", "numbers")
    code, out, _ = told(capsys, path, "--source", f"prefix={source.prefix}", "--source", "strings=numbers")
    assert (code, "4 records, 0 bad lines" in out) == (0, True)
    assert pasted(out) == (source,)


def test_json_gives_one_object_with_everything(tmp_path, capsys):
    path = write(tmp_path / "a.jsonl", lines(*({"kimg": n, "loss": float("nan")} for n in range(6))))
    code, out, _ = told(capsys, path, "--json", "--source", "nulls=nan")
    (row,) = map(json.loads, out.splitlines())
    assert (code, row["format"], row["records"], row["bad_lines"], row["step"]) == (0, "jsonl", 6, 0, [])
    assert row["metrics"] == {"kimg": 0, "loss": "NaN"}
    assert row["first"][1] == {
        "line": 2,
        "step": None,
        "time": None,
        "metrics": {"kimg": 1, "loss": "NaN"},
        "event": None,
    }
    assert len(row["first"]) == 5
    assert row["watch"] == {"path": str(path), "step": "kimg", "nulls": "nan"}
    assert row["hints"] == [{"options": {"step": "kimg"}, "why": "`kimg` counts up from record to record"}]


def test_a_folder_lists_each_log_and_the_entries_that_they_need(tmp_path, capsys):
    write(tmp_path / "a" / "metrics.jsonl", lines({"step": 1, "loss": 1}))
    for name in ("b", "c"):
        write(tmp_path / name / "stats.jsonl", lines(*({"kimg": n, "loss": 1.5} for n in range(5))))
    write(tmp_path / "results.csv", [b"epoch,loss", b"1,2"])
    write(tmp_path / "notes.txt", [b"no log"])
    code, out, _ = told(capsys, tmp_path)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:5]] == [
        "a/metrics.jsonl",
        "b/stats.jsonl",
        "c/stats.jsonl",
        "results.csv",
    ]
    found = [(os.path.relpath(source.path, tmp_path), source.step, source.format) for source in pasted(out)]
    assert found == [("**/stats.jsonl", ("kimg",), "auto"), (".", (), "csv"), (".", (), "auto")]


def test_a_last_line_without_a_newline_waits(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"loss": 1}\n{"lo')
    code, out, _ = told(capsys, path)
    assert (code, "1 line: 1 record, 0 bad lines" in out, "no newline yet: it waits" in out) == (0, True, True)
    path.write_bytes(b'{"lo')
    assert told(capsys, path)[:2][0] == 1


def test_only_the_beginning_of_a_long_file_is_read(tmp_path, capsys):
    path = write(tmp_path / "a.jsonl", lines({"step": 1, "loss": 1}) * 3_000)
    assert "the first 1000 lines: 1000 records" in told(capsys, path)[1]


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path, capsys):
    path = write(tmp_path / "a.jsonl", [b'{"a\\u001b[2Jb": 1}', b"\x1b]0;owned\x07"])
    assert not set(told(capsys, path)[1]) & set("\x1b\x07")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["none.jsonl"], 2, "none.jsonl: there is no such file or folder"),
        (["a.jsonl", "--source", "step"], 2, "write KEY=VALUE"),
        (["a.jsonl", "--source", "nulls=maybe"], 2, "`maybe` is not one of auto, nan, missing"),
        (["a.jsonl", "--source", "prefix=("], 2, "no regular expression"),
        (["a.jsonl", "--source", "prefix=(a+)+"], 2, "repeats a group"),
        (["a.jsonl.gz"], 2, "is compressed"),
        (["empty"], 1, "there are no logs in it"),
        (["fifo"], 2, "neither a file nor a folder"),
    ],
)
def test_what_cannot_be_looked_at_is_told(tmp_path, capsys, monkeypatch, arguments, code, says):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.jsonl", lines({"loss": 1}))
    write(tmp_path / "a.jsonl.gz", [b"\x1f\x8b"])
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "fifo")
    found, _, err = told(capsys, *arguments)
    assert (found, says in err) == (code, True), err
