"""How a file is read is told by its name and its first record; twelve of nineteen writers need no option."""

from __future__ import annotations

import json
import math

import pytest

from walert.model import BadLine, Record, Source
from walert.records import Decoder, guess

AUTO = Source(path="/logs")


@pytest.mark.parametrize(
    ("path", "head", "expected"),
    [
        ("metrics.jsonl", [], "jsonl"),
        ("/a/b.csv/metrics.JSONL", [], "jsonl"),
        ("metrics.jsonl.2", [b"step,loss"], "jsonl"),
        ("result.json", [b"step,loss"], "jsonl"),
        ("results.csv", [b'{"a": 1}'], "csv"),
        ("x.TSV", [], "tsv"),
        ("log.txt", [b'{"epoch": 1, "loss": 2}'], "jsonl"),
        ("log.txt", [b"", b"epoch,loss"], "csv"),
        ("progress.txt", [b"Epoch\tLoss\tepoch"], "tsv"),
        ("train.log", [b"loading data, then training, then epoch one"], "jsonl"),
        ("train.log", [b"1,2,3"], "jsonl"),
        ("train.log", [], "jsonl"),
    ],
)
def test_the_format_is_told_by_the_name_and_else_by_the_first_line(path: str, head: list[bytes], expected: str) -> None:
    assert guess(path, head, AUTO).format == expected


def test_what_the_source_says_stands() -> None:
    source = Source(path="/logs", format="jsonl")
    assert guess("metrics.csv", [b'{"step": 1, "data": {"actor/loss": 1}}'], source) is source
    rooted = Source(path="/logs", root="other")
    assert guess("m.jsonl", [b'{"step": 1, "data": {"actor/loss": 1}}'], rooted).root == "other"


# Writer: (file name, lines, step of the last, time of the last, some of its metrics)
WRITERS = {
    "home-made": (
        "metrics.jsonl",
        ['{"step": 1, "timestamp": 1795457186.5, "loss": 2.5}'],
        1,
        1795457186.5,
        {"loss": 2.5},
    ),
    "ray tune": (
        "result.json",
        [
            (
                '{"loss": "null", "val": {"acc": 0.5}, "timestamp": 1795457178, "checkpoint_dir_name": null, "done": false,'
                ' "training_iteration": 7, "date": "2026-11-23_18-06-18", "config": {"lr": 0.5, "name": "x"}}'
            ),
        ],
        7,
        1795457178,
        {"loss": math.nan, "val/acc": 0.5, "config/lr": 0.5},
    ),
    "detectron2": (
        "metrics.json",
        ['{"iteration": 19, "total_loss": 1.5, "time": 0.2}'],
        19,
        None,
        {"total_loss": 1.5, "time": 0.2},
    ),
    "mmengine": (
        "scalars.json",
        ['{"lr": 0.05, "data_time": 0.01, "loss": 2.2, "time": 0.03, "epoch": 1, "iter": 40, "step": 40}'],
        40,
        None,
        {"loss": 2.2, "time": 0.03},
    ),
    "stable-baselines3": (
        "progress.json",
        ['{"train/loss": NaN, "rollout/ep_rew_mean": 9.5, "time/fps": 500, "time/total_timesteps": 128}'],
        128,
        None,
        {"train/loss": math.nan, "rollout/ep_rew_mean": 9.5},
    ),
    "llama-factory": (
        "trainer_log.jsonl",
        ['{"current_steps": 5, "total_steps": 50, "loss": 1.5, "epoch": 0.1, "elapsed_time": "0:00:12"}'],
        5,
        None,
        {"loss": 1.5, "total_steps": 50},
    ),
    "ms-swift": (
        "logging.jsonl",
        ['{"loss": 1.5, "epoch": 0.1, "global_step/max_steps": "10/100"}'],
        10,
        None,
        {"loss": 1.5},
    ),
    "verl": (
        "exp.jsonl",
        ['{"step": 1, "data": {"actor/pg_loss": 0.5}}', '{"step": 2, "data": {"actor/pg_loss": null}}'],
        2,
        None,
        {"actor/pg_loss": math.nan},
    ),
    "lingua": (
        "metrics.jsonl",
        ['{"global_step": 10, "loss/out": 2.5, "created_at": "2026-11-23T12:00:00+00:00"}'],
        10,
        1795435200,
        {"loss/out": 2.5},
    ),
    "tinker-cookbook": (
        "metrics.jsonl",
        ['{"env/reward": 1.5}', '{"env/reward": NaN}'],
        2,
        None,
        {"env/reward": math.nan},
    ),
    "dreamer v3": ("metrics.jsonl", ['{"step": 1000, "episode/score": 5}'], 1000, None, {"episode/score": 5}),
    "maxtext": ("metrics.txt", ['{"step": 3.0, "learning/loss": 9.5}'], 3, None, {"learning/loss": 9.5}),
    "detr": (
        "log.txt",
        ['{"train_loss": 7.5, "test_coco": [0.1], "epoch": 3, "n_parameters": 5}'],
        3,
        None,
        {"train_loss": 7.5},
    ),
    "dinov2": (
        "training_metrics.json",
        ['{"iteration": 10, "iter_time": 0.5, "total_loss": 8.5}'],
        10,
        None,
        {"total_loss": 8.5},
    ),
    "stylegan3": (
        "stats.jsonl",
        [
            (
                '{"Loss/G/loss": {"num": 4, "mean": 0.5, "std": 0.1}, "Progress/kimg": {"num": 1, "mean": 12.5, "std": 0},'
                ' "timestamp": 1795457186.5}'
            ),
        ],
        12.5,
        1795457186.5,
        {"Loss/G/loss/mean": 0.5},
    ),
    "torchtitan": (
        "rank0.jsonl",
        ['{"event_name": "loss", "value": 2.5, "step": 4, "rank": 0, "time": 1795457186, "time_us": 1795457186500000}'],
        4,
        1795457186.5,
        {"loss": 2.5},
    ),
    "levanter": (
        "log.jsonl",
        ['{"tracker": "json", "event": "log", "step": 4, "metrics": {"train/loss": 2.5}}'],
        4,
        None,
        {"train/loss": 2.5},
    ),
    "xgboost hook": (
        "evals.jsonl",
        ['{"iteration": 0, "time": 1795457548.5, "train": {"logloss": 0.5}}'],
        0,
        1795457548.5,
        {"train/logloss": 0.5},
    ),
    "keras": ("training.csv", ["epoch,loss,val_loss", "3,0.5,0.25"], 3, None, {"loss": 0.5, "val_loss": 0.25}),
    "walert": (
        "metrics.jsonl",
        ['{"_walert": {"event": "start"}}', '{"_step": 3, "_timestamp": 1795457186.5, "loss": "NaN"}'],
        3,
        1795457186.5,
        {"loss": math.nan},
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_writer_needs_no_option(writer: str) -> None:
    name, lines, step, time, some = WRITERS[writer]
    decoder = Decoder(AUTO, name)
    outcomes = [decoder.decode(line.encode(), number, 0) for number, line in enumerate(lines, 1)]
    last = outcomes[-1]
    assert isinstance(last, Record)
    assert (last.step, last.time) == (step, time)
    assert {key: last.metrics.get(key) for key in some} == pytest.approx(some, nan_ok=True)


def test_the_guess_is_what_the_decoder_does() -> None:
    for name, lines, *_ in WRITERS.values():
        decoder = Decoder(AUTO, name)
        for line in lines:
            decoder.decode(line.encode(), 1, 0)
        assert guess(name, [line.encode() for line in lines], AUTO) == decoder.source


def test_data_alone_is_no_root() -> None:
    record = Decoder(AUTO, "m.jsonl").decode(b'{"step": 1, "data": {"loss": 2}}', 1, 0)
    assert isinstance(record, Record)
    assert record.metrics == {"data/loss": 2.0}


def test_a_writer_is_known_by_the_first_line_that_is_a_record() -> None:
    decoder = Decoder(AUTO, "exp.jsonl")
    assert isinstance(decoder.decode(b'{"step": 1, "da', 1, 0), BadLine)
    resumed = Decoder(AUTO, "exp.jsonl", json.loads(json.dumps(decoder.state())))
    for number in (2, 3, 4, 5):
        resumed = Decoder(AUTO, "exp.jsonl", json.loads(json.dumps(resumed.state())))
        record = resumed.decode(b'{"step": 1, "data": {"actor/loss": 2}}', number, 0)
        assert isinstance(record, Record)
        assert record.metrics == {"actor/loss": 2.0}


def test_an_option_added_later_comes_before_what_the_file_told() -> None:
    decoder = Decoder(AUTO, "exp.jsonl")
    line = b'{"step": 1, "data": {"actor/loss": 2, "x": {"loss": 3}}}'
    decoder.decode(line, 1, 0)
    record = Decoder(Source(path="/logs", root="data/x"), "exp.jsonl", decoder.state()).decode(line, 2, 0)
    assert isinstance(record, Record)
    assert record.metrics == {"loss": 3.0}


def test_a_healthy_mmengine_file_counts_epochs_on_its_validation_lines() -> None:
    decoder = Decoder(AUTO, "scalars.json")
    train = b'{"loss": 2, "data_time": 0.1, "time": 0.2, "epoch": 1, "iter": 40, "step": 40}'
    val = b'{"acc": 50, "data_time": 0.1, "time": 0.2, "step": 1}'
    outcomes = [decoder.decode(line, 1, 0) for line in [train] * 5 + [val] + [train] * 5 + [val]]
    assert [outcome.step for outcome in outcomes if isinstance(outcome, Record)] == [40.0] * 5 + [1.0] + [40.0] * 5 + [
        1.0
    ]
