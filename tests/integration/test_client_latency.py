"""What the calls cost the training loop. The bounds are far above what is measured, for busy machines."""

from __future__ import annotations

import json
import os
from pathlib import Path

from training import start

SCRIPT = """
import json, os, sys, time, walert
walert.init(project="p", name="n")
data = {"loss": 0.123456789, "grad_norm": 1.5, "lr": 3e-4}
fd = os.open("plain.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def plain(n):
    os.write(fd, (json.dumps({"_step": n, "_timestamp": time.time(), **data}) + "\\n").encode())

def ours(n):
    walert.log(data, step=n)

def cost(act, calls=2000):
    began = time.perf_counter()
    for n in range(calls): act(n)
    return (time.perf_counter() - began) / calls

def alert():
    began = time.perf_counter()
    walert.alert("T", "x" * 200)
    return time.perf_counter() - began

pairs = [(cost(plain), cost(ours)) for _ in range(5)]
alerts = sorted(alert() for _ in range(1000))
print(json.dumps({"plain": min(p for p, _ in pairs), "log": min(o for _, o in pairs), "p99": alerts[990]}))
"""


def test_log_costs_at_most_twice_a_plain_write_and_alert_under_50_ms(tmp_path: Path) -> None:
    with start(SCRIPT, tmp_path, cwd=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == os.EX_OK, err
    took = json.loads(out)
    assert took["log"] < 2 * took["plain"]
    assert took["p99"] < 0.05
