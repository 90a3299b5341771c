"""How a run ends, as its log tells it: by the end of the script, an exception, an exit code, or without a word."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from training import events, logs, metrics, only_log, records, start, train

BEGIN = "import os, signal, sys, threading, walert\nrun = walert.init(project='p')\nwalert.log({'loss': 1.0})\n"


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("", 0, ("finished", 0, None)),
        ("sys.exit()", 0, ("finished", 0, None)),
        ("sys.exit(0)", 0, ("finished", 0, None)),
        ("sys.exit(3)", 3, ("failed", 3, None)),
        ("sys.exit('no data')", 1, ("failed", 1, "no data")),
        ("exit(3)", 3, ("finished", None, None)),
        ("raise SystemExit", 0, ("finished", None, None)),
        ("raise SystemExit(3)", 3, ("finished", None, None)),
        ("def main(): raise SystemExit(3)\nmain()", 3, ("finished", None, None)),
        ("try: sys.exit(3)\nexcept SystemExit: pass", 0, ("finished", 0, None)),
        ("with run: raise SystemExit(3)", 3, ("failed", 3, None)),
        ("raise ValueError('boom')", 1, ("failed", 1, "ValueError: boom")),
        ("class E(Exception):\n  def __str__(self): raise OSError\nraise E", 1, ("failed", 1, "E")),
        ("raise KeyboardInterrupt", -signal.SIGINT, ("failed", 130, "KeyboardInterrupt")),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, ("failed", 130, "KeyboardInterrupt")),
        ("walert.finish()\nraise ValueError", 1, ("finished", 0, None)),
        ("walert.finish(exit_code=2)", 0, ("failed", 2, None)),
        ("threading.Thread(target=lambda: sys.exit(1)).start()", 0, ("finished", 0, None)),
        ("with run: raise ValueError('in it')", 1, ("failed", 1, "ValueError: in it")),
        ("with run: sys.exit(4)", 4, ("failed", 4, None)),
        ("with run: pass\nraise ValueError", 1, ("finished", 0, None)),
        ("run.finish(); run.finish(1); walert.finish(1)", 0, ("finished", 0, None)),
    ],
)
def test_the_end_of_a_script_is_told(tmp_path: Path, end: str, code: int, told: tuple[Any, ...]) -> None:
    train(BEGIN + end, tmp_path, code=code)
    found = only_log(tmp_path)
    (finish,) = events(found, "finish")
    assert (finish["state"], finish["exit_code"], finish["error"]) == told
    assert found[-1]["_walert"] == finish


@pytest.mark.parametrize(("end", "code"), [("os._exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", -9)])
def test_a_process_that_is_gone_without_a_word_leaves_none(tmp_path: Path, end: str, code: int) -> None:
    train(BEGIN + "walert.alert('T', 'last words')\n" + end, tmp_path, code=code)
    found = only_log(tmp_path)
    assert (len(events(found, "alert")), events(found, "finish")) == (1, [])


WORKER = """
import multiprocessing, sys, walert
def work(end):
    walert.init(project='p', name='worker')
    walert.log({'loss': 1.0})
    exec(end)
if __name__ == '__main__':
    process = multiprocessing.get_context('METHOD').Process(target=work, args=(END,))
    process.start(); process.join(); sys.exit(process.exitcode)
"""


def test_a_worker_that_only_alerts_is_not_watched_by_its_pid(tmp_path: Path) -> None:
    """Pools end their workers without a word."""
    script = """
import multiprocessing, walert
def work(n): walert.alert('T', 'x')
if __name__ == '__main__':
    with multiprocessing.Pool(1) as pool: pool.map(work, [1])
"""
    train(script, tmp_path)
    assert events(only_log(tmp_path), "start")[0]["pid"] is None


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("pass", 0, ("finished", 0, None)),
        ("raise ValueError('boom')", 1, ("failed", 1, "ValueError: boom")),
        ("raise SystemExit(3)", 3, ("failed", 3, None)),
    ],
)
def test_a_worker_of_multiprocessing_tells_its_end(
    tmp_path: Path, method: str, end: str, code: int, told: tuple[Any, ...]
) -> None:
    train(WORKER.replace("METHOD", method).replace("END", repr(end)), tmp_path, code=code)
    (finish,) = events(only_log(tmp_path), "finish")
    assert (finish["state"], finish["exit_code"]) == told[:2]
    # Since Python 3.13 a worker does its last deeds when the exception is gone: the code is known, the words are not.
    assert finish["error"] == told[2] or (sys.version_info >= (3, 13) and finish["error"] is None)


# --- SIGTERM

SLURM = {"SLURM_JOB_ID": "1"}
TERM = "os.kill(os.getpid(), signal.SIGTERM)\nthreading.Event().wait(30)\n"


def test_a_schedulers_sigterm_is_written_down_and_ends_the_process_all_the_same(tmp_path: Path) -> None:
    train(BEGIN + TERM, tmp_path, SLURM, code=-signal.SIGTERM)
    (finish,) = events(only_log(tmp_path), "finish")
    assert (finish["state"], finish["exit_code"], finish["signal"]) == ("preempted", 143, 15)


def test_a_sigterm_of_nobody_known_ends_the_process_at_once(tmp_path: Path) -> None:
    train(BEGIN + "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n" + TERM, tmp_path, code=-signal.SIGTERM)
    assert events(only_log(tmp_path), "finish") == []


MINE = "import signal, sys\ndef mine(*a): print('mine', file=sys.stderr); sys.exit(4)\nsignal.signal(signal.SIGTERM, mine)\n"


@pytest.mark.parametrize("script", [MINE + BEGIN, BEGIN + MINE])
def test_a_scripts_own_handler_is_the_one_that_counts(tmp_path: Path, script: str) -> None:
    err = train(script + TERM, tmp_path, SLURM, code=4)
    assert err.count("mine") == 1
    assert events(only_log(tmp_path), "finish")[0]["state"] == "failed"


def test_a_handler_that_calls_the_one_before_it_decides_what_happens(tmp_path: Path) -> None:
    chain = (
        "before = signal.getsignal(signal.SIGTERM)\n"
        "def mine(*a): before(*a); walert.log({'loss': 2.0}); sys.exit(0)\nsignal.signal(signal.SIGTERM, mine)\n"
    )
    train(BEGIN + chain + TERM, tmp_path, SLURM)
    found = only_log(tmp_path)
    assert [m["loss"] for m in metrics(found)] == [1.0, 2.0]
    assert events(found, "finish")[0]["exit_code"] == 0


def test_a_forked_child_that_is_terminated_ends_nothing_but_itself(tmp_path: Path) -> None:
    child = "  pid = os.fork()\n  if not pid: threading.Event().wait(30); os._exit(1)\n  os.kill(pid, signal.SIGTERM)\n"
    loop = f"for _ in range(50):\n{child}  assert os.waitpid(pid, 0)[1] == signal.SIGTERM\n"
    train(BEGIN + loop, tmp_path, SLURM)
    assert [f["state"] for f in events(only_log(tmp_path), "finish")] == ["finished"]


def test_the_handler_goes_with_the_run(tmp_path: Path) -> None:
    end = "run.finish()\nassert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
    train(BEGIN + end, tmp_path, SLURM)
    other = "import walert, threading\nthreading.Thread(target=walert.init).start()\n"
    train(other, tmp_path / "2", SLURM)


# --- what was planned


@pytest.mark.parametrize(
    ("script", "plan"),
    [
        ("walert.init(steps=1000); walert.log({'a': 1}, step=311)", (1000, 312, "steps")),
        ("walert.init(steps=2)\nfor n in range(5): walert.log({'a': 1})", (2, 2, "steps")),
        ("walert.init(config={'max_steps': 100}); walert.log({'a': 1}, step=9)", (100, 10, "steps")),
        ("walert.init(config={'max_steps': 100}); walert.log({'a': 1})", None),
        ("walert.init(config={'max_steps': -1, 'num_train_epochs': 3}); walert.log({'epoch': 0.5}, step=9)", (3, 0.5, "epochs")),
        ("walert.init(config={'epochs': 10}); walert.log({'epoch': 9})", (10, 10, "epochs")),
        ("walert.init(config={'epochs': True}); walert.log({'epoch': 9})", None),
        ("walert.init(steps=5)", None),
    ],
)  # fmt: skip
def test_what_was_planned_and_reached_is_told(tmp_path: Path, script: str, plan: tuple[Any, ...] | None) -> None:
    train("import walert\n" + script, tmp_path)
    (finish,) = events(only_log(tmp_path), "finish")
    assert ((finish["planned"], finish["reached"], finish["unit"]) if "planned" in finish else None) == plan


@pytest.mark.parametrize("steps", ["many", 0, 1.5, True])
def test_a_plan_that_is_none_is_refused(tmp_path: Path, steps: object) -> None:
    script = f"import walert\ntry: walert.init(steps={steps!r})\nexcept (TypeError, ValueError) as e: print(e); raise SystemExit(5)"
    train(script, tmp_path, code=5)


def test_hooks_of_others_are_called_and_put_back(tmp_path: Path) -> None:
    err = train(
        "import sys\nmine = lambda *a: print('mine saw', a[0].__name__, file=sys.stderr)\nsys.excepthook = mine\nleave = sys.exit\n"
        + BEGIN
        + "walert.finish()\nassert (sys.excepthook, sys.exit) == (mine, leave)\nwalert.init()\n1 / 0",
        tmp_path,
        code=1,
    )
    assert err.count("mine saw ZeroDivisionError") == 1


def test_a_hook_put_on_top_is_kept_and_nothing_goes_in_circles(tmp_path: Path) -> None:
    err = train(
        BEGIN + "inner = sys.excepthook\n"
        "def outer(*a): print('outer saw it', file=sys.stderr); inner(*a)\nsys.excepthook = outer\n"
        "for _ in range(3): walert.finish(); walert.init()\n1 / 0",
        tmp_path,
        code=1,
    )
    assert err.count("outer saw it") == 1
    assert err.count("ZeroDivisionError: division by zero") == 1


def test_an_alert_without_init_makes_a_run_named_after_the_script(tmp_path: Path) -> None:
    err = train("import walert\nfor n in range(3): walert.alert('T', f'{n}')", tmp_path, name="evaluate.py")
    found = only_log(tmp_path)
    (begun,) = events(found, "start")
    assert (begun["name"], begun["project"], begun["ad_hoc"]) == ("evaluate", None, True)
    assert [a["text"] for a in events(found, "alert")] == ["0", "1", "2"]
    assert events(found, "finish")[0]["ad_hoc"] is True
    assert err.count("no walertd follows") == 1


def test_log_without_init_makes_one_too_and_init_ends_it(tmp_path: Path) -> None:
    train("import walert\nwalert.log({'a': 1})\nwalert.init(name='real')\nwalert.log({'a': 2})", tmp_path)
    found = {events(records(path), "start")[0]["name"]: records(path) for path in logs(tmp_path)}
    assert {name: [m["a"] for m in metrics(f)] for name, f in found.items()} == {"train": [1], "real": [2]}


def test_an_alert_after_the_end_is_not_lost_and_a_record_is_told(tmp_path: Path) -> None:
    err = train(
        BEGIN + "run.finish()\nrun.alert('T', 'late')\nrun.log({'loss': 2.0})\nrun.log({'loss': 3.0})", tmp_path
    )
    found = only_log(tmp_path)
    assert events(found, "alert")[0]["text"] == "late"
    assert len(metrics(found)) == 1
    assert err.count("log() after the run was finished") == 1


def test_alerts_of_the_interpreters_last_moments_are_written(tmp_path: Path) -> None:
    script = """
import atexit, walert
class Last:
    def __del__(self, alert=walert.alert):
        alert("deleted", "at the very end")
atexit.register(lambda: walert.alert("after", "registered before walert was"))
keep = Last()
run = walert.init(project="p")
atexit.register(lambda: walert.alert("before", "registered after"))
"""
    train(script, tmp_path)
    assert [a["title"] for a in events(only_log(tmp_path), "alert")] == ["before", "after", "deleted"]


def test_the_end_at_a_prompt_is_no_failure(tmp_path: Path) -> None:
    with start("", tmp_path):
        pass
    import subprocess
    import sys

    from training import environment

    said = subprocess.run(
        [sys.executable, "-i", "-c", "import walert; run = walert.init()"],
        input="1 / 0\nprint('on')\n",
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "on" in said.stdout
    assert events(only_log(tmp_path), "finish")[0]["state"] == "finished"


def test_rules_travel_with_the_run(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    for name in ("a.yaml", "b.yml", "a.test.yaml", "notes.txt"):
        (rules / name).write_text(f"# {name}\n")
    other = tmp_path / "other" / "a.yaml"
    other.parent.mkdir()
    other.write_text("# other\n")
    train(f"import walert; walert.init(rules=[{str(rules)!r}, {str(other)!r}, 'pack:training'])", tmp_path)
    copied = logs(tmp_path)[0].parent / "rules"
    assert sorted(p.name for p in copied.iterdir()) == ["a-2.yaml", "a.yaml", "b.yaml", "training.yaml"]
    assert [(copied / n).read_text() for n in ("a.yaml", "a-2.yaml", "b.yaml")] == [
        "# a.yaml\n",
        "# other\n",
        "# b.yml\n",
    ]


def test_the_first_rank_brings_the_rules_and_a_later_attempt_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# first\n")
    begin = f"import walert; walert.init(id='x', rules={str(tmp_path / 'a.yaml')!r})"
    train(begin, tmp_path, {"RANK": "1"})
    copy = logs(tmp_path)[0].parent / "rules"
    assert (copy / "a.yaml").read_text() == "# first\n"
    assert "begin with" not in train(begin, tmp_path, {"RANK": "0"})
    (tmp_path / "a.yaml").write_text("# another commit\n")
    assert "goes on by the rules it began with" in train(begin, tmp_path)
    assert (copy / "a.yaml").read_text() == "# first\n"
    assert sorted(p.name for p in copy.parent.iterdir() if "tmp" in p.name) == []


def test_a_finaliser_at_the_very_end_raises_nothing(tmp_path: Path) -> None:
    script = """
import walert
class Held:
    def __del__(self): walert.log({"n": 1}); walert.alert("late", "x"); walert.finish()
held = Held()
Held.itself = held
walert.init()
"""
    err = train(script, tmp_path)
    assert "Exception ignored" not in err
    assert "Traceback" not in err
