"""Whole runs as other frameworks and other objectives log them: curves drawn, not trained, each under the names that its writer uses.

A style is a function of its seed. All of them are healthy: nothing is to be told of any.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from labelled_runs import Array, LabelledRun, Row

Rng = np.random.Generator


def decay(rng: Rng, n: int, start: float, end: float, power: float | None = None) -> Array:
    """A loss as scaling laws have it: from `start` to `end`, fast at first."""
    at = np.arange(n) / n
    k = power or float(rng.uniform(3, 40))
    shape = (1 + k * at) ** -float(rng.uniform(0.7, 1.5))
    shape = (shape - shape[-1]) / (1 - shape[-1])
    return end + (start - end) * shape


def noisy(rng: Rng, clean: Array, relative: float | None = None) -> Array:
    """With noise of batches: lognormal, or with rare high values."""
    share = float(rng.uniform(0.01, 0.15)) if relative is None else relative
    noise = rng.lognormal(0, share, len(clean))
    if rng.random() < 0.3:
        noise *= np.where(rng.random(len(clean)) < 0.02, rng.uniform(1.2, 2.5, len(clean)), 1)
    return clean * noise


def cosine(rng: Rng, n: int, peak: float) -> Array:
    """A learning rate that warms up and falls."""
    warm = max(2, int(n * float(rng.uniform(0.01, 0.1))))
    at = np.arange(n)
    return np.where(
        at < warm, peak * (at + 1) / warm, peak * 0.5 * (1 + np.cos(np.pi * (at - warm) / max(1, n - warm)))
    )


def norms(rng: Rng, n: int) -> Array:
    """Gradient norms with the spikes that clipping cuts."""
    base = float(rng.lognormal(0, 1)) * (1 + 4 * np.exp(-np.arange(n) / (0.05 * n)))
    spikes = np.where(rng.random(n) < 0.02, rng.uniform(3, 60, n), 1)
    return base * rng.lognormal(0, 0.3, n) * spikes


def rows_of(columns: dict[str, Array], by: int = 1, seconds: float = 1.0, digits: int | None = None) -> list[Row]:
    """A record a value; `by` steps lie between records."""
    n = len(next(iter(columns.values())))
    rows: list[Row] = []
    for i in range(n):
        row: Row = {"step": float((i + 1) * by), "time": 1.7e9 + i * by * seconds}
        row |= {name: round(float(v[i]), digits) if digits is not None else float(v[i]) for name, v in columns.items()}
        rows.append(row)
    return rows


def with_validation(rows: list[Row], name: str, values: Callable[[float], float], every: int, rng: Rng) -> list[Row]:
    """A record of validation after every so many."""
    out: list[Row] = []
    for i, row in enumerate(rows, 1):
        out.append(row)
        if i % every == 0:
            value = values(i / len(rows)) * float(rng.lognormal(0, 0.01))
            out.append({"step": row["step"], "time": row["time"] + 0.1, name: value})
    return out


def size(rng: Rng, low: int = 300, high: int = 1500) -> int:
    return int(rng.integers(low, high))


def hf_trainer(rng: Rng) -> list[Row]:
    n, end = size(rng, 60, 600), float(rng.uniform(0.1, 2.0))
    start = end * float(rng.uniform(1.3, 6))
    peak = float(rng.choice([1e-5, 2e-5, 1e-4, 5e-4]))
    rows = rows_of(
        {
            "loss": noisy(rng, decay(rng, n, start, end)),
            "grad_norm": norms(rng, n),
            "learning_rate": peak * (1 - np.arange(n) / n),
        },
        by=10,
        digits=None if rng.random() < 0.3 else 4,
    )
    for i, row in enumerate(rows):
        row["learning_rate"] = peak * (1 - i / n)
        row["epoch"] = round(3 * i / n, 2)
    rows = with_validation(rows, "eval_loss", lambda at: end + (start - end) * math.exp(-5 * at), max(5, n // 10), rng)
    rows.append(
        {
            "step": rows[-1]["step"],
            "time": rows[-1]["time"] + 1,
            "train_loss": (start + end) / 2,
            "train_runtime": 812.3,
            "train_samples_per_second": 90.1,
        }
    )
    return rows


def lightning(rng: Rng) -> list[Row]:
    epochs, each = size(rng, 5, 60), size(rng, 5, 30)
    n = epochs * each
    loss = noisy(rng, decay(rng, n, 2.3, float(rng.uniform(0.02, 0.8))), 0.2)
    rows: list[Row] = []
    for e in range(epochs):
        of_epoch = range(e * each, (e + 1) * each)
        rows += [
            {"step": i * 50.0 + 49, "time": 1.7e9 + i * 5, "train_loss_step": float(loss[i]), "epoch": e}
            for i in of_epoch
        ]
        last = rows[-1]
        mean = float(loss[e * each : (e + 1) * each].mean())
        rows.append(
            {
                "step": last["step"],
                "time": last["time"] + 1,
                "val_loss": mean * float(rng.normal(1.1, 0.03)),
                "val_acc": 1 - mean / 3,
            }
        )
        rows.append({"step": last["step"], "time": last["time"] + 2, "train_loss_epoch": mean, "epoch": e})
    return rows


def keras(rng: Rng) -> list[Row]:
    n = size(rng, 10, 150)
    loss = noisy(rng, decay(rng, n, float(rng.uniform(0.7, 5)), float(rng.uniform(0.01, 0.5))), 0.03)
    val = loss * rng.normal(1.15, 0.05, n) + 0.02
    return rows_of(
        {
            "loss": loss,
            "accuracy": 1 - loss / 6,
            "val_loss": val,
            "val_accuracy": 1 - val / 6,
            "learning_rate": np.full(n, 1e-3),
        },
        seconds=30,
    )


def rllib(rng: Rng) -> list[Row]:
    n = size(rng, 80, 500)
    returns = 20 + float(rng.uniform(50, 400)) / (1 + np.exp(-(np.arange(n) / n - 0.4) * 12)) * rng.normal(1, 0.08, n)
    vf = np.minimum(10, returns**2 / 1000) * rng.lognormal(0, 0.5, n)
    policy = rng.normal(-0.01, 0.02, n)
    rows = rows_of(
        {
            "env_runners/episode_return_mean": returns,
            "learners/default_policy/total_loss": policy + vf,
            "learners/default_policy/vf_loss": vf,
            "learners/default_policy/policy_loss": policy,
            "learners/default_policy/mean_kl_loss": np.abs(rng.normal(0.01, 0.008, n)),
        },
        by=4000,
        seconds=0.01,
    )
    for row in rows[: int(rng.integers(0, 4))]:
        row["env_runners/episode_return_mean"] = math.nan
    return rows


def mmengine(rng: Rng) -> list[Row]:
    n = size(rng)
    parts = {
        k: noisy(rng, decay(rng, n, float(rng.uniform(0.5, 2)), float(rng.uniform(0.05, 0.4))), 0.15)
        for k in ("loss_cls", "loss_bbox")
    }
    steps = 0.02 * 0.1 ** np.searchsorted([0.6, 0.85], np.arange(n) / n)
    rows = rows_of(
        {"lr": steps, **parts, "loss": parts["loss_cls"] + parts["loss_bbox"], "grad_norm": norms(rng, n)}, by=50
    )
    return with_validation(rows, "coco/bbox_mAP", lambda at: 0.4 * (1 - math.exp(-4 * at)), max(10, n // 12), rng)


def detectron2(rng: Rng) -> list[Row]:
    n = size(rng)
    parts = {
        k: noisy(rng, decay(rng, n, float(rng.uniform(0.2, 2)), float(rng.uniform(0.02, 0.4))), 0.25)
        for k in ("loss_cls", "loss_box_reg", "loss_rpn_cls", "loss_rpn_loc")
    }
    lr = cosine(rng, n, 0.02)
    return rows_of(
        {**parts, "total_loss": np.sum(list(parts.values()), 0), "lr": lr, "data_time": rng.lognormal(-5, 1, n)},
        by=20,
        seconds=0.4,
    )


def fastai(rng: Rng) -> list[Row]:
    n = size(rng, 5, 40)
    loss = decay(rng, n, float(rng.uniform(0.5, 3)), float(rng.uniform(0.05, 0.5))) * rng.normal(1, 0.02, n)
    return rows_of(
        {"train_loss": loss, "valid_loss": loss * rng.normal(1.05, 0.05, n), "error_rate": loss / 8},
        seconds=60,
        digits=6,
    )


def yolo(rng: Rng) -> list[Row]:
    """The last ten epochs are without mosaic: the losses drop, and so may the validation losses."""
    n = size(rng, 50, 300)
    drop = np.where(np.arange(n) >= n - 10, float(rng.uniform(0.6, 0.95)), 1.0)
    columns = {}
    for k in ("box_loss", "cls_loss", "dfl_loss"):
        columns[f"train/{k}"] = (
            decay(rng, n, float(rng.uniform(1.2, 4)), float(rng.uniform(0.4, 1))) * rng.normal(1, 0.02, n) * drop
        )
        columns[f"val/{k}"] = decay(rng, n, float(rng.uniform(1.2, 4)), float(rng.uniform(0.6, 1.1))) * rng.normal(
            1, 0.06, n
        )
    good = 0.6 * (1 - np.exp(-np.arange(n) / (0.2 * n))) * np.clip(rng.normal(1, 0.05, n), 0.5, 1.2)
    warm = np.minimum(1, np.arange(n) / 3)
    return rows_of(
        columns
        | {
            "metrics/mAP50(B)": good * 1.3,
            "metrics/mAP50-95(B)": good,
            "lr/pg0": 0.01 * warm * (1 - 0.99 * np.arange(n) / n),
        },
        seconds=90,
        digits=5,
    )


def lightgbm(rng: Rng) -> list[Row]:
    """Squared errors of any unit, a validation metric that ends flat."""
    n, unit = size(rng, 100, 1000), float(10 ** rng.uniform(-3, 6))
    train = decay(rng, n, 1.0, float(rng.uniform(0.001, 0.3)), 60) * unit
    valid = np.maximum(train, 0) + unit * float(rng.uniform(0.05, 0.3)) * (1 + 0.1 * np.arange(n) / n)
    return rows_of({"training/l2": train, "valid_0/l2": valid}, digits=6)


def nano_gpt(rng: Rng) -> list[Row]:
    n = size(rng, 300, 3000)
    clean = decay(rng, n, 10.9, float(rng.uniform(2.8, 4)), 200)
    rows = rows_of(
        {"train/loss": noisy(rng, clean, 0.02), "lr": cosine(rng, n, 6e-4), "mfu": rng.normal(38, 0.5, n)},
        by=10,
        seconds=0.25,
    )
    return with_validation(
        rows, "val/loss", lambda at: float(clean[min(n - 1, int(at * n))]) * 1.01, max(50, n // 8), rng
    )


def torchtitan(rng: Rng) -> list[Row]:
    n = size(rng, 200, 2000)
    loss = noisy(rng, decay(rng, n, 12.2, float(rng.uniform(2.2, 3.5)), 150), 0.01)
    return rows_of(
        {
            "loss_metrics/global_avg_loss": loss,
            "loss_metrics/global_max_loss": loss * rng.lognormal(0.1, 0.1, n),
            "grad_norm": norms(rng, n),
            "throughput(tps)": rng.normal(5800, 60, n),
            "mfu(%)": rng.normal(41, 0.4, n),
            "lr": cosine(rng, n, 3e-4),
        },
        by=10,
    )


def megatron(rng: Rng) -> list[Row]:
    """A loss scaler that doubles and halves; the gradient of what it skips is not logged as a number."""
    n = size(rng)
    loss = noisy(rng, decay(rng, n, 10.5, float(rng.uniform(2, 3)), 100), 0.02)
    grad = norms(rng, n)
    skipped = (rng.random(n) < 0.004) | (np.arange(n) < int(rng.integers(0, 12)))
    grad[skipped] = math.inf
    scale = 65536.0 * 2.0 ** rng.integers(0, 4, n)
    return rows_of(
        {
            "lm loss": loss,
            "grad-norm": grad,
            "loss-scale": scale,
            "learning-rate": cosine(rng, n, 1.5e-4),
            "iteration-time": rng.normal(2.4, 0.05, n),
        },
        by=100,
        seconds=2.4,
    )


def spikes(rng: Rng) -> list[Row]:
    """Pre-training with spikes that recover within thirty records."""
    n = size(rng, 600, 3000)
    loss = noisy(rng, decay(rng, n, 10.8, 2.4, 100), 0.01)
    for at in rng.integers(50, n - 40, int(rng.integers(1, 6))):
        height, length = float(rng.uniform(0.2, 4)), float(rng.uniform(2, 10))
        loss[at : at + 40] += height * np.exp(-np.arange(len(loss[at : at + 40])) / length)
    return rows_of({"train/loss": loss, "train/grad_norm": norms(rng, n), "train/learning_rate": cosine(rng, n, 3e-4)})


def grpo(rng: Rng) -> list[Row]:
    """The loss begins at exactly 0 and stays near it: it is no measure."""
    n = size(rng, 100, 800)
    reward = float(rng.uniform(0.1, 0.4)) + 0.5 * (1 - np.exp(-np.arange(n) / (0.4 * n))) + rng.normal(0, 0.08, n)
    kl = 0.02 * np.arange(n) / n * rng.lognormal(0, 0.5, n)
    loss = np.where(np.arange(n) < 2, 0.0, 0.04 * kl + rng.normal(0, 0.002, n))
    return rows_of(
        {
            "loss": loss,
            "grad_norm": norms(rng, n) / 10,
            "learning_rate": 1e-6 * (1 - np.arange(n) / n),
            "reward": reward,
            "reward_std": np.abs(rng.normal(0.3, 0.1, n)),
            "rewards/accuracy/mean": reward,
            "kl": kl,
            "completion_length": rng.normal(300, 60, n),
        },
        digits=4,
        seconds=30,
    )


def ppo_trl(rng: Rng) -> list[Row]:
    n = size(rng, 100, 500)
    value = np.abs(rng.normal(0.3, 0.1, n)) * rng.lognormal(0, 0.6, n)
    return rows_of(
        {
            "objective/scores": rng.normal(0, 0.3, n) + np.arange(n) / n,
            "objective/kl": 10 * np.arange(n) / n,
            "loss/policy_avg": rng.normal(-0.005, 0.01, n),
            "loss/value_avg": value,
            "policy/approxkl_avg": np.abs(rng.normal(0.02, 0.02, n)),
            "lr": 3e-6 * (1 - np.arange(n) / n),
        },
        seconds=20,
    )


def dpo(rng: Rng) -> list[Row]:
    n = size(rng, 60, 800)
    late = int(n * float(rng.uniform(0.05, 0.3)))
    margin = np.maximum(0, np.arange(n) - late) / n * float(rng.uniform(1, 8))
    loss = np.log1p(np.exp(-(margin + rng.normal(0, 0.05 + 0.5 * margin))))
    return rows_of(
        {
            "loss": loss,
            "rewards/chosen": margin / 2,
            "rewards/rejected": -margin / 2,
            "rewards/margins": margin,
            "rewards/accuracies": np.clip(0.5 + margin / 4, 0, 1),
            "grad_norm": norms(rng, n),
            "learning_rate": cosine(rng, n, 5e-7),
        },
        by=10,
        digits=4,
    )


def dpo_by_sums(rng: Rng) -> list[Row]:
    """Without length normalisation: losses of single pairs that go from nothing to ten and back."""
    n = size(rng, 100, 600)
    margin = np.maximum(0, np.arange(n) / n - 0.1) * 12
    loss = np.log1p(np.exp(-(margin + rng.normal(0, 0.05 + 0.6 * margin))))
    return rows_of({"loss": loss, "rewards/margins": margin, "learning_rate": cosine(rng, n, 5e-7)}, by=10)


def diffusion(rng: Rng) -> list[Row]:
    """Down to a floor within a few records, and noise from there on."""
    n, floor = size(rng), float(rng.uniform(0.01, 0.2))
    clean = floor + (1 - floor) * np.exp(-np.arange(n) / float(rng.uniform(3, 30)))
    return rows_of(
        {"train_loss": clean * rng.lognormal(0, float(rng.uniform(0.1, 0.6)), n), "lr": np.full(n, 1e-4)}, by=10
    )


def diffusion_tuned(rng: Rng) -> list[Row]:
    """Fine-tuned from a model that is there already: noise around a floor that hardly falls."""
    n, floor = size(rng), float(rng.uniform(0.03, 0.3))
    clean = floor * (1 - 0.05 * np.arange(n) / n)
    return rows_of({"step_loss": clean * rng.lognormal(0, float(rng.uniform(0.2, 0.7)), n), "lr": np.full(n, 1e-5)})


def gan(rng: Rng) -> list[Row]:
    """The generator's loss rises as the discriminator learns; both go on swinging."""
    n = size(rng)
    swing = np.cumsum(rng.normal(0, 0.05, n))
    g = (
        (0.7 + float(rng.uniform(1, 6)) * (1 - np.exp(-np.arange(n) / (0.1 * n))))
        * np.exp(0.3 * np.sin(swing))
        * rng.lognormal(0, 0.2, n)
    )
    d = 1.38 * np.exp(-np.arange(n) / (0.1 * n)) + 0.3 * rng.lognormal(0, 0.4, n)
    names = (
        ("train/g_loss", "train/d_loss"),
        ("loss_G", "loss_D"),
        ("Loss_G", "Loss_D"),
        ("g_loss", "d_loss"),
        ("train/gen_loss", "train/disc_loss"),
        ("loss/generator", "loss/discriminator"),
        ("train/generator_loss", "train/discriminator_loss"),
    )
    g_name, d_name = names[int(rng.integers(len(names)))]
    return rows_of({g_name: g, d_name: d, "D(x)": np.clip(rng.normal(0.7, 0.1, n), 0, 1)})


def wasserstein(rng: Rng) -> list[Row]:
    n = size(rng)
    d = -float(rng.uniform(5, 50)) * np.exp(-np.arange(n) / (0.3 * n)) * rng.lognormal(0, 0.2, n)
    g = np.cumsum(rng.normal(0, 0.4, n))
    return rows_of({"train/loss_d": d, "train/loss_g": g})


def contrastive(rng: Rng) -> list[Row]:
    """A loss that rises while the queue of negatives fills, and falls from there."""
    n, peak = size(rng, 200, 1500), float(rng.uniform(6, 10))
    rise = float(rng.uniform(5, 60))
    clean = peak * (1 - np.exp(-np.arange(1, n + 1) / rise)) * (1 - 0.3 * np.arange(n) / n)
    return rows_of({"train/loss": noisy(rng, clean, 0.02), "lr": cosine(rng, n, 0.03)})


def distillation(rng: Rng) -> list[Row]:
    """Self-distillation: it collapses a little while the temperature warms up, rises, and falls."""
    n = size(rng, 100, 800)
    at = np.arange(n) / n
    clean = 10.8 - 5 * np.exp(-((at - 0.1) ** 2) / 0.003) - 5 * np.maximum(0, at - 0.2)
    return rows_of({"train_loss": noisy(rng, clean, 0.01), "train_lr": cosine(rng, n, 5e-4)})


def scores_only(rng: Rng) -> list[Row]:
    n = size(rng, 20, 400)
    acc = 0.1 + 0.85 * (1 - np.exp(-np.arange(n) / (0.2 * n))) * rng.normal(1, 0.01, n)
    return rows_of({"train_acc": acc, "val_acc": acc - 0.02 + rng.normal(0, 0.01, n)}, seconds=60)


def late_learner(rng: Rng) -> list[Row]:
    """At ln 2, or ln of another number of classes, for hundreds of records, then it gets it."""
    n = size(rng, 600, 2000)
    late = float(rng.uniform(150, 450))
    start = math.log(int(rng.choice([2, 2, 10, 100])))
    clean = start * (0.03 + 0.97 / (1 + np.exp((np.arange(n) - late) / float(rng.uniform(10, 60)))))
    return rows_of({"loss": clean * rng.lognormal(0, float(rng.uniform(0.003, 0.1)), n), "lr": np.full(n, 1e-3)})


def cyclic(rng: Rng) -> list[Row]:
    n, cycle = size(rng, 500, 2000), int(rng.integers(60, 300))
    phase = np.abs((np.arange(n) / cycle) % 2 - 1)
    rate = 1e-3 * (0.05 + 0.95 * phase)
    clean = decay(rng, n, 2.3, 0.2) * (1 + float(rng.uniform(0.2, 1.2)) * phase)
    columns = {"train/loss": noisy(rng, clean, 0.06)}
    return rows_of(columns | ({"lr": rate} if rng.random() < 0.6 else {}))


def one_cycle(rng: Rng) -> list[Row]:
    """A rate so high in the middle that the loss rises, before all of it comes down."""
    n = size(rng, 200, 1000)
    at = np.arange(n) / n
    rate = np.where(at < 0.3, at / 0.3, np.maximum(0, 1 - (at - 0.3) / 0.7))
    clean = 2.3 * np.exp(-8 * at) + float(rng.uniform(0.2, 0.7)) * rate + 0.05
    return rows_of({"train_loss": noisy(rng, clean, 0.05), "lr": 0.01 * rate})


def sparse_validation(rng: Rng) -> list[Row]:
    n = size(rng, 3000, 6000)
    clean = decay(rng, n, 2.3, 0.3)
    rows = rows_of({"loss": noisy(rng, clean, 0.1)})
    return with_validation(rows, "val_loss", lambda at: float(clean[min(n - 1, int(at * n))]) * 1.05, 1000, rng)


def scaled(rng: Rng) -> list[Row]:
    """In bits, in thousands of dollars, in squared micrometres."""
    n, unit = size(rng), float(10 ** rng.uniform(-9, 9))
    clean = decay(rng, n, unit, unit * float(rng.uniform(0.001, 0.6)))
    rows = rows_of({"train/loss": noisy(rng, clean, 0.1), "lr": np.full(n, 1e-3)})
    return with_validation(rows, "val/loss", lambda at: float(clean[min(n - 1, int(at * n))]) * 1.1, 20, rng)


def negative(rng: Rng) -> list[Row]:
    """A likelihood of densities: from above zero to far below it, with single bad batches."""
    n = size(rng)
    clean = decay(rng, n, float(rng.uniform(-1, 5)), -float(rng.uniform(2, 400)))
    noise = rng.normal(0, 0.05 * float(np.ptp(clean)), n) + np.where(
        rng.random(n) < 0.01, rng.uniform(0, 0.5, n) * float(np.ptp(clean)), 0
    )
    name = str(rng.choice(["loss", "train/loss", "nll", "train/nll_loss", "train_loss"]))
    rows = rows_of({name: clean + noise, "lr": np.full(n, 1e-3)})
    return with_validation(rows, "val_loss", lambda at: float(clean[min(n - 1, int(at * n))]), 25, rng)


def evidence(rng: Rng) -> list[Row]:
    """The evidence bound itself, which is to rise."""
    n = size(rng)
    clean = -decay(rng, n, float(rng.uniform(300, 600)), float(rng.uniform(80, 120)))
    return rows_of(
        {"elbo": clean + rng.normal(0, 3, n), "train/kl": 20 * (1 - np.exp(-np.arange(n) / 50)) + rng.normal(0, 0.5, n)}
    )


def annealed_kl(rng: Rng) -> list[Row]:
    """A term whose weight grows while the rest falls: the sum rises by half, and that is meant."""
    n = size(rng)
    at = np.arange(n) / n
    clean = 100 * np.exp(-12 * at) + 40 + float(rng.uniform(5, 40)) * np.minimum(1, np.maximum(0, at - 0.2) * 3)
    return rows_of({"train/loss": noisy(rng, clean, 0.03)})


def curriculum(rng: Rng) -> list[Row]:
    """Data that get harder in steps: at each the loss jumps, by up to twice, and falls again."""
    n, parts = size(rng, 600, 2000), int(rng.integers(2, 5))
    clean = decay(rng, n, float(rng.uniform(2, 10)), float(rng.uniform(0.3, 1)))
    for k in range(1, parts):
        at = n * k // parts
        clean[at:] += (
            float(rng.uniform(0.2, 1.0)) * clean[at] * np.exp(-np.arange(n - at) / float(rng.uniform(20, 120)))
        )
    return rows_of({"loss": noisy(rng, clean, 0.05), "lr": np.full(n, 1e-3), "grad_norm": norms(rng, n)})


def longer_contexts(rng: Rng) -> list[Row]:
    """The loss falls and then stands for good at a higher level, where the mixture of data changed."""
    n = size(rng, 600, 2000)
    clean = decay(rng, n, float(rng.uniform(8, 11)), float(rng.uniform(1.8, 2.5)), 100)
    clean[n // 2 :] += float(rng.uniform(0.1, 0.5)) * float(clean[n // 2])
    return rows_of({"train/loss": noisy(rng, clean, 0.02), "train/learning_rate": cosine(rng, n, 3e-4)})


def many_terms(rng: Rng) -> list[Row]:
    """Terms alone, no sum: one falls, one rises to its level, one is zero until it is switched on."""
    n = size(rng)
    on = int(n * float(rng.uniform(0.1, 0.5)))
    late = np.where(np.arange(n) < on, 0.0, 0.3 * (1 + np.exp(-(np.arange(n) - on) / 40)))
    return rows_of(
        {
            "train/recon_loss": noisy(rng, decay(rng, n, 1.0, 0.1), 0.1),
            "train/kl_loss": 3 * (1 - np.exp(-np.arange(n) / 60)) * rng.lognormal(0, 0.1, n),
            "train/adv_loss": late * rng.lognormal(0, 0.1, n),
        }
    )


def learned_to_zero(rng: Rng) -> list[Row]:
    """A task that is learned altogether: the loss is rounded to nothing, at last always."""
    n = size(rng, 200, 1000)
    clean = 0.7 * np.exp(-np.arange(n) / float(rng.uniform(15, 60)))
    return rows_of(
        {"loss": clean * rng.lognormal(0, 0.4, n), "grad_norm": norms(rng, n)}, digits=int(rng.choice([3, 4, 6]))
    )


def hinge(rng: Rng) -> list[Row]:
    """Margins met: more and more batches cost nothing at all."""
    n = size(rng)
    at = np.arange(n) / n
    return rows_of(
        {
            "train_loss": np.where(
                rng.random(n) < np.minimum(0.98, 1.6 * at), 0.0, rng.exponential(0.3, n) * (1 - 0.7 * at)
            )
        }
    )


def converged(rng: Rng) -> list[Row]:
    """Full batches: without noise, and at last still to four digits."""
    n = size(rng, 200, 1000)
    floor = float(rng.uniform(0.05, 1))
    return rows_of(
        {"loss": floor + float(rng.uniform(1, 3)) * np.exp(-np.arange(n) / float(rng.uniform(10, 40)))},
        digits=int(rng.choice([4, 6, 12])),
    )


def running_mean(rng: Rng) -> list[Row]:
    """A progress bar's mean since the epoch began: it jumps back with each one."""
    epochs, each = int(rng.integers(4, 12)), int(rng.integers(40, 120))
    loss = noisy(rng, decay(rng, epochs * each, 2.3, 0.2), 0.2).reshape(epochs, each)
    return rows_of({"running_loss": (loss.cumsum(1) / np.arange(1, each + 1)).ravel()})


def summed_loss(rng: Rng) -> list[Row]:
    """A sum since the epoch began, as many first scripts log it: it climbs from nothing, epoch by epoch."""
    epochs, each = int(rng.integers(4, 12)), int(rng.integers(20, 60))
    loss = noisy(rng, decay(rng, epochs * each, 2.3, 0.2), 0.2).reshape(epochs, each)
    return rows_of({"running_loss": loss.cumsum(1).ravel()})


def multi_task(rng: Rng) -> list[Row]:
    """Batches of several tasks in turn, each with a loss of its own size."""
    n = size(rng)
    sizes = rng.lognormal(0, 1.2, 4)
    return rows_of({"train/loss": decay(rng, n, 2.0, 0.4) * sizes[rng.integers(4, size=n)] * rng.lognormal(0, 0.1, n)})


def heavy_tails(rng: Rng) -> list[Row]:
    """Losses of single samples, some of them a hundred times the others."""
    n = size(rng)
    return rows_of({"loss": decay(rng, n, 1.0, 0.2) * rng.lognormal(0, float(rng.uniform(0.8, 1.8)), n)})


def off_policy(rng: Rng) -> list[Row]:
    """A critic's loss that rises with the returns, and no name that says so but those of actor and critic."""
    n = size(rng)
    rise = np.exp(3 * np.arange(n) / n)
    names = (
        ("train/actor_loss", "train/critic_loss"),
        ("actor_loss", "critic_loss"),
        ("losses/actor_loss", "losses/qf_loss"),
        ("loss/actor", "loss/critic"),
    )
    actor, critic = names[int(rng.integers(len(names)))]
    return rows_of({actor: -3 * rise + rng.normal(0, 1, n), critic: 0.5 * rise * rng.lognormal(0, 0.4, n)}, by=1000)


def few_shot(rng: Rng) -> list[Row]:
    """Fine-tuning on next to nothing: from low to lower, in few and noisy records."""
    n = size(rng, 20, 150)
    return rows_of(
        {
            "loss": decay(rng, n, float(rng.uniform(0.8, 2)), float(rng.uniform(0.5, 0.78))) * rng.lognormal(0, 0.2, n),
            "learning_rate": cosine(rng, n, 1e-5),
        }
    )


def pretrained(rng: Rng) -> list[Row]:
    """Pre-training that goes on: two percent in a thousand records, means of many batches."""
    n = size(rng, 600, 2500)
    clean = float(rng.uniform(1.5, 3)) * (1 - 0.02 * np.sqrt(np.arange(n) / n))
    return rows_of(
        {"lm loss": clean * rng.normal(1, float(rng.uniform(0.003, 0.02)), n), "learning rate": cosine(rng, n, 3e-5)}
    )


STYLES: dict[str, Callable[[Rng], list[Row]]] = {
    "HF Trainer": hf_trainer,
    "Lightning": lightning,
    "Keras": keras,
    "RLlib": rllib,
    "mmengine": mmengine,
    "detectron2": detectron2,
    "fastai": fastai,
    "YOLO": yolo,
    "LightGBM": lightgbm,
    "nanoGPT": nano_gpt,
    "torchtitan": torchtitan,
    "Megatron": megatron,
    "spikes that recover": spikes,
    "GRPO": grpo,
    "PPO": ppo_trl,
    "DPO": dpo,
    "DPO by sums": dpo_by_sums,
    "diffusion": diffusion,
    "diffusion, tuned": diffusion_tuned,
    "GAN": gan,
    "Wasserstein GAN": wasserstein,
    "contrastive": contrastive,
    "self-distillation": distillation,
    "scores only": scores_only,
    "late learner": late_learner,
    "cyclic rate": cyclic,
    "one cycle": one_cycle,
    "sparse validation": sparse_validation,
    "any unit": scaled,
    "negative loss": negative,
    "evidence bound": evidence,
    "annealed KL": annealed_kl,
    "curriculum": curriculum,
    "other mixture": longer_contexts,
    "many terms": many_terms,
    "learned to zero": learned_to_zero,
    "hinge": hinge,
    "converged": converged,
    "running mean": running_mean,
    "running sum": summed_loss,
    "several tasks": multi_task,
    "heavy tails": heavy_tails,
    "actor and critic": off_policy,
    "few samples": few_shot,
    "pre-trained": pretrained,
}


def styled(name: str, seed: int) -> LabelledRun:
    """The run of a style and a seed."""
    return LabelledRun(name, seed, STYLES[name](np.random.default_rng([seed, 11, len(name), sum(map(ord, name))])))
