"""What a message costs in its receiver's thread: its words, its plot, and the import of what draws. See README.md here.

    python tests/bench/messages.py

Processor time, the median of many.
"""

from __future__ import annotations

import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from loopback import CURVE, alert, message

from walert.deliver.mail import letters
from walert.deliver.picturing import picture_of
from walert.deliver.render_email import email
from walert.deliver.render_group import gathered
from walert.deliver.render_markdown import markdown
from walert.deliver.render_plain import plain
from walert.deliver.render_slack import slack_group, slack_payload
from walert.dispatch.sparkline import sparkline
from walert.model import Curve

NAMES = ("train/loss", "val/acc", "grad_norm", "lr")


def curves(count: int) -> tuple[Curve, ...]:
    """Noisy courses of 120 samples."""
    chance = random.Random(1)
    steps = tuple(float(step) for step in range(1_000, 2_200, 10))
    return tuple(
        Curve(name, steps, tuple(math.sin(s / 90) + chance.gauss(0, 0.1) for s in steps), (0.5,))
        for name in NAMES[:count]
    )


def median(call: Callable[[], object], times: int = 60) -> float:
    """Milliseconds of processor time."""
    took = []
    for _ in range(times):
        began = time.process_time()
        call()
        took.append((time.process_time() - began) * 1e3)
    return statistics.median(took)


def mails() -> None:
    """The bytes of a mail with its plot, for one recipient."""
    told = message(curves=curves(1))
    words = email(told.alert, picture_of(told))
    letters(words, told.alert, ("walert", "a@example.com"), [(False, "b@example.com")], ((), ()), (), {}, {})


def imported(name: str, after: str) -> float:
    """Milliseconds of processor time that importing `name` takes once `after` is there, the least of nine."""
    code = f"import {after}, time; t = time.process_time(); import {name}; print((time.process_time() - t) * 1e3)"
    command = [sys.executable, "-c", code]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(9))


def main() -> None:
    """Print the table."""
    one, four = message(curves=(curves(1))), message(curves=curves(4))
    group = gathered(replace(one, others=tuple(alert(id=str(n), title=str(n)) for n in range(4))))
    assert group is not None
    rows = [
        ("sparkline of 120 samples", median(lambda: sparkline(curves(1)))),
        ("plain text", median(lambda: plain(one.alert))),
        ("markdown", median(lambda: markdown(one.alert))),
        ("Slack's blocks", median(lambda: slack_payload(one.alert))),
        ("Slack's blocks of five alerts", median(lambda: slack_group(group))),
        ("plot of one metric", median(lambda: picture_of(one))),
        ("plot of four metrics", median(lambda: picture_of(four))),
        ("plot of three samples", median(lambda: picture_of(message(curves=(CURVE,))))),
        ("mail with its plot", median(mails)),
        ("import of Apprise and the services", imported("walert.deliver.channel", "walert.deliver.picturing")),
        ("import of what draws", imported("walert.deliver.picturing", "walert.deliver")),
    ]
    for what, milliseconds in rows:
        print(f"{what:40} {milliseconds:8.2f} ms")


if __name__ == "__main__":
    main()
