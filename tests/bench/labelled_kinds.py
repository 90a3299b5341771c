"""The kinds of labelled runs: whole ones that look odd, and one kind a fault. A kind is a function of its seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from labelled_runs import (
    NAMES,
    LabelledRun,
    Plan,
    Row,
    Training,
    column,
    data,
    first_not_finite,
    overfitted,
    risen,
)

ERROR, WARN = "ERROR", "WARN"
TASKS = ("classes", "rough", "chain", "density")
SCHEDULES = ("constant", "warm-up and cosine", "restarts", "steps", "linear")


def plan_of(rng: np.random.Generator) -> Plan:
    """A plan as people choose them: any task, optimiser, schedule and batch, at a rate that the task bears."""
    optimizer = str(rng.choice(["sgd", "momentum", "adam"]))
    task = str(rng.choice(TASKS))
    rate = {"sgd": 0.08, "momentum": 0.01, "adam": 0.004}[optimizer] * float(rng.lognormal(0, 0.4))
    if task == "density":
        rate = min(rate * 0.05, 0.003)
    if task == "rough":
        rate *= 0.3
    return Plan(
        rng, task, steps=int(rng.integers(300, 601)), batch=int(rng.choice([1, 4, 16, 64])), optimizer=optimizer, rate=rate,
        schedule=str(rng.choice(SCHEDULES)), clip=float(rng.choice([0.0, 1.0])), validate=int(rng.choice([0, 10, 25])),
        names=NAMES[int(rng.integers(len(NAMES)))], logs_rate=bool(rng.random() < 0.6), logs_gradient=bool(rng.random() < 0.7),
        digits=int(rng.choice([4, 6])) if rng.random() < 0.2 else None,
    )  # fmt: skip


def is_healthy(rows: list[Row], plan: Plan) -> bool:
    """What the label says: all numbers finite, the loss ends clearly below its beginning, validation does not end far above its best."""
    losses, _ = column(rows, plan.names[0])
    validation, _ = column(rows, plan.names[1])
    if len(losses) < 20 or not np.isfinite(losses + validation).all():
        return False
    n = max(len(losses) // 10, 5)
    start, end = float(np.mean(losses[:n])), float(np.mean(losses[-n:]))
    return end < start - 0.15 * abs(start) and overfitted(validation) is None


def healthy(kind: str, seed: int, change: Callable[[Plan], Plan] = lambda p: p) -> LabelledRun:
    """A run that meets the label, the first of those that the seed draws."""
    rng = np.random.default_rng([seed, 1])
    while True:
        plan = change(plan_of(rng))
        rows = list(Training(plan).rows())
        if is_healthy(rows, plan):
            return LabelledRun(kind, seed, rows)


def epochs(plan: Plan) -> Plan:
    return replace(plan, average=8, steps=8 * 150, validate=8, batch=16, train_size=768)


def small_batches(plan: Plan) -> Plan:
    return replace(plan, batch=1, schedule="constant", steps=600)


def restarts(plan: Plan) -> Plan:
    return replace(plan, task="classes", schedule="restarts", batch=32, steps=600)


def loss_scaler(plan: Plan) -> Plan:
    return replace(plan, fault="loss scaler", height=float(plan.rng.integers(1, 16)), logs_gradient=True)


def fine_tuning(seed: int) -> LabelledRun:
    """A run that begins where another ended, at a third of its rate and with a quarter of its samples new: noise, and a small fall."""
    rng = np.random.default_rng([seed, 2])
    while True:
        plan = replace(plan_of(rng), task="chain", schedule="constant", validate=25)
        training, other = Training(plan), data(plan)
        list(training.rows())
        for target, source in zip((training.data.x, training.data.y), (other.x, other.y), strict=True):
            target[: len(target) // 4] = source[: len(target) // 4]
        plan.rate *= 0.3
        rows = list(training.rows())
        losses, _ = column(rows, plan.names[0])
        if np.mean(losses[-50:]) < 0.97 * np.mean(losses[:10]):
            return LabelledRun("fine-tuning", seed, rows)


def resumed(seed: int, kind: str = "resumed", factor: float = 1.0, repeats: bool = False) -> LabelledRun:
    """A run that is killed, goes back a little and goes on: as before, or at another rate, or over a handful of samples for ever."""
    rng = np.random.default_rng([seed, 3])
    whole = factor == 1.0 and not repeats
    while True:
        plan = replace(
            plan_of(rng), schedule="constant", logs_rate=True, validate=25, batch=16, steps=600, task="classes"
        )
        training = Training(plan)
        cut = int(rng.integers(250, 350))
        rows = list(training.rows(1, cut))
        plan.rate *= factor
        training.time += 300.0
        if repeats:
            training.data.x, training.data.y = training.data.x[:8], training.data.y[:8]
        rows += list(training.rows(cut - int(rng.integers(5, 40)), 600))
        if not whole or is_healthy(rows, plan):
            break
    at = next(i for i, row in enumerate(rows, 1) if i > 1 and row["step"] < rows[i - 2]["step"])
    return LabelledRun(kind, seed, rows, None if whole else WARN, None if whole else at)


def reinforcement(seed: int) -> LabelledRun:
    """A policy that learns to go on without a slip, by REINFORCE: as returns rise, so does the loss of the critic."""
    rng = np.random.default_rng([seed, 4])
    logits, value = np.zeros(6), 0.0
    rate, rows = float(rng.uniform(0.02, 0.08)), []
    returns: list[float] = []
    for i in range(1, 401):
        p = 1 / (1 + np.exp(-logits))
        states = rng.integers(6, size=(8, 200))
        right = rng.random((8, 200)) < p[states]
        length = np.where(right.all(1), 200, right.argmin(1)).astype(float)
        advantage = (length - value) / (length.std() + 1.0)
        gradient = np.zeros(6)
        for e in range(8):
            lived = int(min(length[e] + 1, 200))
            s, r = states[e, :lived], right[e, :lived]
            np.add.at(gradient, s, advantage[e] * (r - p[s]))
        critic = float(((length - value) ** 2).mean())
        policy = -float((advantage * np.log(p.mean())).mean())
        logits += rate * gradient / 8
        value += 0.1 * (float(length.mean()) - value)
        returns = [*returns[-99:], *length]
        entropy = -float((p * np.log(p + 1e-9) + (1 - p) * np.log(1 - p + 1e-9)).mean())
        rows.append(
            {"time/total_timesteps": i * 512.0, "step": i * 512.0, "time": 1.7e9 + i, "rollout/ep_rew_mean": float(np.mean(returns)),
             "train/loss": policy + 0.5 * critic, "train/value_loss": critic, "train/entropy_loss": -entropy,
             "train/learning_rate": rate}
        )  # fmt: skip
    return LabelledRun("reinforcement", seed, rows)


def boosted(seed: int, kind: str = "boosted", fault: str = "", noise: float = 0.0) -> LabelledRun:
    """Gradient boosting of stumps. NaN gradients leave no split: the trees stay what they are, and so do the metrics."""
    rng = np.random.default_rng([seed, 5])
    size = 80 if noise else 400
    x = rng.normal(size=(size + 300, 6))
    y = ((x @ rng.normal(size=6) + 0.5 * x[:, 0] * x[:, 1] + 0.5 * rng.normal(size=len(x))) > 0).astype(float)
    y = np.where(rng.random(len(y)) < noise, 1 - y, y)
    score, rate = np.zeros(len(x)), 1.0 if noise else float(rng.uniform(0.05, 0.3))
    at, rows = int(rng.integers(30, 150)), []
    for i in range(300):
        if not (fault == "nan" and i >= at):
            residual = y[:size] - 1 / (1 + np.exp(-score[:size]))
            best = (math.inf, 0, 0.0, 0.0, 0.0)
            for f in range(6):
                for cut in rng.choice(x[:size, f], 6):
                    left = x[:size, f] < cut
                    a, b = (
                        residual[left].mean() if left.any() else 0.0,
                        residual[~left].mean() if not left.all() else 0.0,
                    )
                    best = min(
                        best, (float(((residual - np.where(left, a, b)) ** 2).sum()), f, float(cut), float(a), float(b))
                    )
            _, f, cut, a, b = best
            score += rate * 4 * np.where(x[:, f] < cut, a, b)
        losses = np.logaddexp(0, np.where(y > 0, -score, score))
        rows.append({"step": float(i), "time": 1.7e9 + i, "train/logloss": float(losses[:size].mean()),
                     "valid/logloss": float(losses[size:].mean())})  # fmt: skip
    if fault:
        return LabelledRun(kind, seed, rows, ERROR, at + 1)
    late = overfitted(column(rows, "valid/logloss")[0])
    return LabelledRun(kind, seed, rows, WARN if late is not None else None, None if late is None else late + 1)


def faulty(kind: str, seed: int, change: Callable[[Plan], Plan], due: str | None = ERROR) -> LabelledRun:
    """A run with a fault, drawn again until the fault shows (`knowable`) where one is due."""
    rng = np.random.default_rng([seed, 6])
    while True:
        plan = change(plan_of(rng))
        rows = list(Training(plan).rows())
        losses, at = column(rows, plan.names[0])
        shown = risen(losses, plan.at)
        if due is None:
            return LabelledRun(kind, seed, rows)
        if shown is not None and shown + 40 < len(losses) and stays_lost(losses):
            others = [i for name in plan.names[1:3] if (i := not_finite(rows, name)) is not None]
            return LabelledRun(kind, seed, rows, due, min([at[shown], *others]))


def stays_lost(losses: list[float]) -> bool:
    """Whether the loss ends as no number, or far above the best that it was for twenty records."""
    if not np.isfinite(losses[-20:]).all():
        return True
    means = np.convolve(np.array(losses)[np.isfinite(losses)], np.full(20, 0.05), "valid")
    return bool(np.median(losses[-20:]) > means.min() + 2 * abs(means.min()))


def not_finite(rows: list[Row], name: str) -> int | None:
    values, at = column(rows, name)
    found = first_not_finite(values)
    return None if found is None else at[found]


def at_random(plan: Plan) -> int:
    return int(plan.rng.integers(2, int(plan.steps * 0.8)))


def nan_batch(plan: Plan) -> Plan:
    return replace(plan, fault="nan batch", at=at_random(plan))


def too_high(plan: Plan) -> Plan:
    """A rate that is too high from the first step."""
    return replace(
        plan, rate=plan.rate * float(plan.rng.choice([30, 100, 300, 1000])), clip=0.0, task="rough", batch=16
    )


def blown(plan: Plan) -> Plan:
    return replace(
        plan, fault="rate", height=300.0, at=at_random(plan), clip=0.0, optimizer="sgd", task="rough", batch=16
    )


def fast_ascent(plan: Plan) -> Plan:
    return replace(plan, fault="ascent", height=1.0, at=max(60, at_random(plan)), batch=16, schedule="constant")


def slow_ascent(plan: Plan) -> Plan:
    height = float(plan.rng.uniform(0.05, 0.3))
    return replace(plan, fault="ascent", height=height, at=int(plan.rng.integers(100, 300)), batch=16, schedule="constant",
                   steps=900, task="classes")  # fmt: skip


def filtered(seed: int) -> LabelledRun:
    """As `nan batch`, through a trainer that logs 0 for a mean of losses that are no numbers."""
    run = faulty("NaN written as zero", seed, nan_batch)
    for row in run.rows:
        for name in NAMES:
            if name[0] in row and not math.isfinite(row[name[0]]):
                row[name[0]] = 0.0
            row.pop(name[1], None)
    run.rows = [row for row in run.rows if len(row) > 2]
    lost = [
        i for i, row in enumerate(run.rows, 1) if 0.0 in row.values() or any(not math.isfinite(v) for v in row.values())
    ]
    run.knowable = lost[0]
    return run


def poisoned(plan: Plan) -> Plan:
    height = float(plan.rng.choice([20, 100, 1000]))
    return replace(plan, fault="poisoned batch", height=height, at=at_random(plan), optimizer=str(plan.rng.choice(["adam", "momentum"])),
                   task=str(plan.rng.choice(["classes", "chain", "rough"])), clip=1.0, schedule="constant")  # fmt: skip


def recovered(seed: int) -> LabelledRun:
    """A poisoned batch from which the run recovers within 60 records."""
    rng = np.random.default_rng([seed, 7])
    while True:
        plan = poisoned(plan_of(rng))
        plan.steps = plan.at + 200
        rows = list(Training(plan).rows())
        losses, _ = column(rows, plan.names[0])
        before, after = float(np.median(losses[max(0, plan.at - 30) : plan.at])), losses[plan.at - 1 :]
        back = np.median(after[60:]) < 1.2 * before + 0.05
        if np.isfinite(losses).all() and max(after) > 3 * before and back:
            return LabelledRun("recovered", seed, rows)


def overfit(seed: int) -> LabelledRun:
    """A few samples with wrong labels among them, learned by heart."""
    rng = np.random.default_rng([seed, 8])
    while True:
        plan = replace(plan_of(rng), task="classes", train_size=60, label_noise=0.3, hidden=64, schedule="constant", validate=20,
                       steps=900, batch=16)  # fmt: skip
        rows = list(Training(plan).rows())
        values, at = column(rows, plan.names[1])
        found = overfitted(values)
        if found is not None and found < len(values) - 12 and min(values[found:]) > 1.4 * min(values):
            return LabelledRun("overfit", seed, rows, WARN, at[found], plan.names[1])


def never(seed: int) -> LabelledRun:
    """A rate of nothing, a rate that moves nothing, or labels that mean nothing."""
    rng = np.random.default_rng([seed, 9])
    plan = replace(plan_of(rng), task="classes", batch=64, schedule="constant", steps=600)
    match seed % 3:
        case 0:
            plan = replace(plan, rate=0.0)
        case 1:
            plan = replace(plan, rate=1e-7, optimizer="sgd")
        case _:
            plan = replace(plan, fault="wrong labels", at=1, rate=min(plan.rate, 0.02))
    return LabelledRun("never learns", seed, list(Training(plan).rows()), WARN, 300)


def killed(seed: int) -> LabelledRun:
    run = healthy("killed", seed)
    run.rows = run.rows[: int(np.random.default_rng(seed).integers(30, len(run.rows)))]
    return run


def stalled(seed: int) -> LabelledRun:
    """Two hours of silence, and on it goes."""
    run = healthy("stalled", seed)
    at = len(run.rows) // 2
    run.rows = [*run.rows[:at], *({**row, "time": row["time"] + 7200.0} for row in run.rows[at:])]
    return run


def plateau(seed: int) -> LabelledRun:
    """The rate falls to nothing after a third of the run."""
    rng = np.random.default_rng([seed, 10])
    while True:
        plan = replace(plan_of(rng), fault="rate", height=0.001, schedule="constant")
        plan.at = plan.steps // 3
        rows = list(Training(plan).rows())
        if np.isfinite(column(rows, plan.names[0])[0]).all():
            return LabelledRun("plateau", seed, rows)


HEALTHY: dict[str, Callable[[int], LabelledRun]] = {
    "healthy": lambda seed: healthy("healthy", seed),
    "by the epoch": lambda seed: healthy("by the epoch", seed, epochs),
    "batches of one": lambda seed: healthy("batches of one", seed, small_batches),
    "cosine restarts": lambda seed: healthy("cosine restarts", seed, restarts),
    "loss scaler": lambda seed: healthy("loss scaler", seed, loss_scaler),
    "fine-tuning": fine_tuning,
    "resumed": resumed,
    "reinforcement": reinforcement,
    "boosted": boosted,
}
TROUBLED: dict[str, Callable[[int], LabelledRun]] = {
    "recovered": recovered,
    "plateau": plateau,
    "killed": killed,
    "stalled": stalled,
}
RUINED: dict[str, Callable[[int], LabelledRun]] = {
    "NaN from a batch": lambda seed: faulty("NaN from a batch", seed, nan_batch),
    "NaN written as zero": filtered,
    "rate too high": lambda seed: faulty("rate too high", seed, too_high),
    "rate blown up": lambda seed: faulty("rate blown up", seed, blown),
    "diverges": lambda seed: faulty("diverges", seed, fast_ascent),
    "diverges slowly": lambda seed: faulty("diverges slowly", seed, slow_ascent),
    "frozen": lambda seed: boosted(seed, "frozen", "nan"),
}
WRONG: dict[str, Callable[[int], LabelledRun]] = {
    "overfit": overfit,
    "boosted too long": lambda seed: boosted(seed, "boosted too long", noise=0.35),
    "never learns": never,
    "wrong rate after resume": lambda seed: resumed(seed, "wrong rate after resume", 0.1 if seed % 2 else 10.0),
    "same samples after resume": lambda seed: resumed(seed, "same samples after resume", repeats=True),
}
KINDS = HEALTHY | TROUBLED | RUINED | WRONG


def make(kind: str, seed: int) -> LabelledRun:
    """The run of this kind and seed; NaN and overflow are what some of them are made for."""
    with np.errstate(all="ignore"):
        return KINDS[kind](seed)
