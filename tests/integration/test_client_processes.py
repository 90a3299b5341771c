"""Many at once: processes, threads, forks and signal handlers. No line is lost, torn or doubled, and nothing hangs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from training import events, logs, metrics, only_log, records, start, train


def test_sixteen_processes_of_one_run_lose_and_tear_nothing(tmp_path: Path) -> None:
    script = """
import os, sys, walert
me = int(os.environ["ME"])
walert.init(project="p", name="n", id="one")
for n in range(100):
    walert.log({"n": n, "pad": 0.5}, step=n)
    walert.alert(f"{me}", f"{n} " + "x" * (n * 37 % 5000))
"""
    running = [start(script, tmp_path, {"ME": str(me)}, name=f"train{me}.py") for me in range(16)]
    for process in running:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
    found = [records(path) for path in logs(tmp_path)]
    alerts = [a for log in found for a in events(log, "alert")]
    assert Counter(a["title"] for a in alerts) == {str(me): 100 for me in range(16)}
    assert len({a["id"] for a in alerts}) == 1600
    assert sum(len(metrics(log)) for log in found) == 1600
    for log in found:
        assert sum(len(events(log, kind)) for kind in ("start", "finish")) % 2 == 0
        for writer in {a["title"] for a in events(log, "alert")}:
            texts = [int(a["text"].split()[0]) for a in events(log, "alert") if a["title"] == writer]
            assert texts == list(range(100))


@pytest.mark.parametrize("begin", ["walert.init(project='p')", ""])
def test_threads_lose_and_tear_nothing(tmp_path: Path, begin: str) -> None:
    script = f"""
import threading, walert
{begin}
gate = threading.Barrier(8)
def work(me):
    gate.wait()
    for n in range(100):
        walert.log({{f"m{{me}}": n}}, step=n)
        walert.alert(f"{{me}}", f"{{n}}")
threads = [threading.Thread(target=work, args=(me,)) for me in range(8)]
for t in threads: t.start()
for t in threads: t.join()
"""
    train(script, tmp_path)
    found = only_log(tmp_path)
    assert Counter(a["title"] for a in events(found, "alert")) == {str(me): 100 for me in range(8)}
    assert len(metrics(found)) == 800
    assert [next(iter(r["_walert"].values())) for r in (found[0], found[-1])] == [1, 1]
    assert (len(events(found, "start")), len(events(found, "finish"))) == (1, 1)
    assert "start" in str(found[0])


def test_forked_children_write_into_the_run_and_do_not_end_it(tmp_path: Path) -> None:
    script = """
import os, sys, walert
walert.init(project="p")
walert.alert("parent", "before")
children = []
for child in range(8):
    pid = os.fork()
    if pid == 0:
        for n in range(50):
            walert.log({"n": n}, step=n)
            walert.alert(f"child {child}", str(n))
        if child == 1: walert.finish(1)
        if child == 2: raise ValueError("a child fails")
        if child == 3: os._exit(0)
        sys.exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
walert.alert("parent", "after")
"""
    train(script, tmp_path)
    found = only_log(tmp_path)
    assert Counter(a["title"] for a in events(found, "alert")) == {"parent": 2, **{f"child {c}": 50 for c in range(8)}}
    assert len(metrics(found)) == 400
    assert (len(events(found, "start")), events(found, "finish")[0]["state"]) == (1, "finished")
    assert "finish" in str(found[-1])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_multiprocessing_can_alert(tmp_path: Path, method: str) -> None:
    script = f"""
import multiprocessing, walert
def work(n):
    walert.alert(f"worker {{n}}", "from a worker")
    return n
if __name__ == "__main__":
    walert.init(project="p")
    walert.log({{"loss": 1.0}})
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        assert pool.map(work, range(10)) == list(range(10))
        pool.close()
        pool.join()
"""
    train(script, tmp_path)
    alerts = [a["title"] for path in logs(tmp_path) for a in events(records(path), "alert")]
    assert sorted(alerts) == [f"worker {n}" for n in range(10)]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_spawned_worker_writes_into_the_run_of_its_parent(tmp_path: Path, method: str) -> None:
    script = f"""
import multiprocessing, subprocess, sys, walert
def work(n):
    walert.log({{"n": n}})
    walert.alert("bad sample", str(n))
if __name__ == "__main__":
    run = walert.init(project="p", name="n")
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        pool.map(work, range(8))
        pool.close()
        pool.join()
    subprocess.run([sys.executable, "-c", "import walert; walert.alert('of another program', 'x')"], check=True)
"""
    err = train(script, tmp_path)
    folder, other = sorted({path.parent for path in logs(tmp_path)}, key=lambda path: path.parent.name, reverse=True)
    begun = [events(records(path), "start")[0] for path in sorted(folder.iterdir()) if path.suffix == ".jsonl"]
    assert {start["id"] for start in begun} == {folder.name.removeprefix("n-")}
    assert {start["rank"] for start in begun} == {-1, 0}
    told = [e["text"] for path in sorted(folder.glob("*.jsonl")) for e in events(records(path), "alert")]
    assert sorted(told) == [str(n) for n in range(8)]
    assert [e["title"] for e in events(records(next(other.glob("*.jsonl"))), "alert")] == ["of another program"]
    assert err.count("no walertd follows") == 2


def test_a_fork_amid_busy_threads_does_not_hang(tmp_path: Path) -> None:
    script = """
import os, threading, walert
walert.init(project="p")
stop = threading.Event()
def busy():
    while not stop.is_set(): walert.alert("busy", "x")
threads = [threading.Thread(target=busy) for _ in range(3)]
for t in threads: t.start()
children = []
for child in range(30):
    pid = os.fork()
    if pid == 0:
        walert.alert(f"child {child}", "x")
        walert.finish()
        os._exit(0)
    children.append(pid)
for pid in children: assert os.waitpid(pid, 0)[1] == 0
stop.set()
for t in threads: t.join()
"""
    train(script, tmp_path)
    titles = {a["title"] for a in events(only_log(tmp_path), "alert")}
    assert titles == {"busy", *(f"child {child}" for child in range(30))}


def test_signal_handlers_may_alert_at_any_moment(tmp_path: Path) -> None:
    script = """
import signal, walert
seen = 0
def ring(*_):
    global seen
    seen += 1
    walert.log({"rung": seen}, step=seen)
    walert.alert("rung", str(seen))
walert.alert, walert.log  # loaded: no import can be interrupted by one of itself
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0007)
walert.alert("main", "the first line is interrupted, too")
for n in range(4000):
    walert.log({"n": n}, step=n)
    if n % 10 == 0: walert.alert("main", "x")
for _ in range(5):
    walert.finish()
    walert.init(id="one")
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(seen)
"""
    with start(script, tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    found = [record for path in logs(tmp_path) for record in records(path)]
    titles = Counter(a["title"] for a in events(found, "alert"))
    assert titles == {"main": 401, "rung": int(out)}
    assert titles["rung"] > 10
    assert sum("n" in m for m in metrics(found)) == 4000


def test_a_daemonized_process_that_closed_its_descriptors_writes_into_no_strange_file(tmp_path: Path) -> None:
    script = """
import os, walert
walert.init(project="p")
walert.alert("T", "before")
os.closerange(3, 256)
weights = os.open("weights.bin", os.O_CREAT | os.O_RDWR)
more = [os.open(f"weights{n}.bin", os.O_CREAT | os.O_RDWR) for n in range(20)]
walert.alert("T", "after")
walert.log({"loss": 1.0})
walert.finish()
os.fstat(weights)
"""
    train(script, tmp_path, cwd=tmp_path)
    assert [p.stat().st_size for p in tmp_path.glob("weights*.bin")] == [0] * 21
    found = only_log(tmp_path)
    assert [a["text"] for a in events(found, "alert")] == ["before", "after"]
    assert len(metrics(found)) == 1


def test_a_log_moved_or_deleted_meanwhile_is_begun_anew_at_the_next_alert(tmp_path: Path) -> None:
    script = """
import os, walert
run = walert.init(project="p", name="n", id="one")
walert.log({"loss": 1.0})
os.rename(run.path, run.path + ".1")
walert.log({"loss": 2.0})
walert.alert("T", "in the new file")
walert.log({"loss": 3.0})
"""
    train(script, tmp_path)
    found = only_log(tmp_path)
    assert (found[0]["_walert"]["event"], found[0]["_walert"]["attempt"]) == ("start", 0)
    assert [m["loss"] for m in metrics(found)] == [3.0]
    old = records(tmp_path / "runs/p/n-one/metrics.jsonl.1")
    assert [m["loss"] for m in metrics(old)] == [1.0, 2.0]
