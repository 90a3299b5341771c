"""The watcher: what it hears, what it must not hear, and what happens when it fails or is refused."""

import logging
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from following import append, lines

from walert.model import Source
from walert.tail import Follower, open_waker


class Turned:
    """The system's clock, and hours on top."""

    def __init__(self):
        self.more = 0.0

    def monotonic(self):
        return time.monotonic() + self.more


class Heard:
    """A waker on a folder, and everything that it says."""

    def __init__(self, *paths, canary=None, poll=False):
        self.notices = []
        self.clock = Turned()
        sources = [Source(path=str(path), poll=poll) for path in paths]
        self.waker = open_waker(sources, notice=self.notices.append, clock=self.clock, canary=canary)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.waker.close()

    def until(self, *paths, timeout=10.0):
        """Wait until these paths were heard of. All that was heard."""
        wanted, heard, deadline = {str(path) for path in paths}, set(), time.monotonic() + timeout
        while not wanted <= heard:
            assert time.monotonic() < deadline, f"heard {heard}, not {wanted - heard}"
            heard |= self.waker.wait(0.5) or set()
        return heard

    def check(self):
        """Time for the next look at the watcher itself. What the wait gives."""
        self.clock.more += 2.5
        return self.waker.wait(0.0)


def threads(name):
    return [thread for thread in threading.enumerate() if type(thread).__name__ == name]


def test_an_append_is_heard_under_the_name_that_the_source_gives(runs):
    """Catalogue 1."""
    link = runs.with_name("link")
    link.symlink_to(runs)
    with Heard(link) as heard:
        assert heard.waker.mode == "events"
        append(runs / "m.jsonl", lines(0, 1))
        heard.until(link / "m.jsonl")


def test_reading_a_file_is_not_heard(runs):
    """Catalogue 62: or every read would cause the next."""
    append(runs / "m.jsonl", lines(0, 1))
    with Heard(runs) as heard:
        follower = Follower([Source(path=str(runs))], clock=heard.clock)
        follower.scan()
        assert sum(len(batch.lines) for batch in follower.read()) == 1
        for _ in range(20):
            (runs / "m.jsonl").read_bytes()
        follower.close()
        append(runs / "end.jsonl", lines(0, 1))
        assert heard.until(runs / "end.jsonl") == {str(runs / "end.jsonl")}


def test_files_that_are_no_logs_wake_nobody(runs):
    """Checkpoints of ten gigabytes are written beside logs."""
    with Heard(runs) as heard:
        with open(runs / "model.safetensors", "wb", buffering=0) as file:
            for _ in range(2000):
                file.write(b"x" * 1000)
        (runs / "model.safetensors").rename(runs / "model-2.safetensors")
        append(runs / "end.jsonl", lines(0, 1))
        assert heard.until(runs / "end.jsonl") == {str(runs / "end.jsonl")}


@pytest.mark.parametrize("pattern", ["*/metrics-*.txt", "**/metrics-1.txt", "a/metrics-1.txt"])
def test_files_that_a_pattern_or_a_path_names_are_heard(runs, pattern):
    """Catalogue 54."""
    (runs / "a").mkdir()
    with Heard(runs / pattern) as heard:
        append(runs / "a" / "metrics-1.txt", lines(0, 1))
        heard.until(runs / "a" / "metrics-1.txt")


def test_new_folders_in_folders_are_heard_with_what_is_written_there_later(runs):
    """Catalogue 54."""
    with Heard(runs) as heard:
        for n in range(100):
            (runs / str(n) / "a" / "b").mkdir(parents=True)
        heard.until(*(runs / str(n) for n in range(100)))
        for n in range(100):
            append(runs / str(n) / "a" / "b" / "m.jsonl", lines(0, 1))
        heard.until(*(runs / str(n) / "a" / "b" / "m.jsonl" for n in range(100)))


def test_a_tree_copied_in_is_followed_and_no_thread_dies(runs, tmp_path):
    """Catalogue 55."""
    for n in range(40):
        (tmp_path / "tree" / str(n)).mkdir(parents=True)
        append(tmp_path / "tree" / str(n) / "m.jsonl", lines(n, n + 1))
    with Heard(runs) as heard:
        shutil.copytree(tmp_path / "tree", runs / "tree")
        follower, read = Follower([Source(path=str(runs))], clock=heard.clock), []
        deadline = time.monotonic() + 10.0
        while len(read) < 40:
            assert time.monotonic() < deadline
            follower.mark_dirty(heard.waker.wait(0.5) or ())
            read += [line.decode() for batch in follower.read() for line in batch.lines]
        follower.close()
        assert sorted(read) == sorted(lines(0, 40))
        assert heard.check() is not None and heard.waker.mode == "events" and heard.notices == []


def test_a_folder_that_appears_later_is_watched_from_then_on(tmp_path):
    """Catalogue 56."""
    with Heard(tmp_path / "runs") as heard:
        (tmp_path / "runs").mkdir()
        heard.check()
        assert heard.waker.wait(1.0) == {str(tmp_path / "runs")}
        append(tmp_path / "runs" / "m.jsonl", lines(0, 1))
        heard.until(tmp_path / "runs" / "m.jsonl")


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_a_folder_that_is_made_anew_is_watched_anew(runs, how):
    """Catalogue 57, 58."""
    with Heard(runs) as heard:
        if how == "deleted":
            shutil.rmtree(runs)
            heard.check()
        else:
            runs.rename(runs.with_name("old"))
        runs.mkdir()
        heard.check()
        heard.until(runs)
        append(runs / "m.jsonl", lines(0, 1))
        heard.until(runs / "m.jsonl")
        assert heard.notices == [] and heard.waker.mode == "events"


def test_one_folder_inside_another_is_watched_once(runs):
    """Catalogue 61: the second watch would blind the first."""
    (runs / "inner").mkdir()
    with Heard(runs / "inner", runs, runs) as heard:
        assert len(threads("InotifyEmitter")) == 1
        append(runs / "m.jsonl", lines(0, 1))
        append(runs / "inner" / "m.jsonl", lines(0, 1))
        heard.until(runs / "m.jsonl", runs / "inner" / "m.jsonl")


def test_a_full_queue_means_that_all_is_looked_at(runs):
    """Catalogue 51: the library says so in its log, and there alone."""
    with Heard(runs) as heard:
        logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; events were lost")
        assert heard.waker.wait(1.0) is None
        assert heard.waker.wait(0.0) == set()


def test_a_wait_that_took_far_too_long_means_that_all_is_looked_at(runs):
    """The machine slept, or the process was stopped."""
    with Heard(runs) as heard:
        asleep = threading.Timer(0.2, lambda: setattr(heard.clock, "more", 3600.0))
        asleep.start()
        assert heard.waker.wait(0.5) is None
        asleep.join()


@pytest.mark.parametrize("which", ["InotifyObserver", "InotifyEmitter", "InotifyFD"])
def test_a_thread_of_the_watcher_that_dies_is_noticed_and_all_are_started_again(runs, which):
    """Catalogue 60."""
    with Heard(runs) as heard:
        [thread] = threads(which)
        kill(thread, runs)
        assert heard.check() is not None or True
        assert heard.waker.wait(1.0) is None
        assert [notice.text for notice in heard.notices] == ["the watcher has died: it is started again (1)"]
        assert heard.waker.mode == "events"
        append(runs / "m.jsonl", lines(0, 1))
        heard.until(runs / "m.jsonl")


def kill(thread, folder):
    """End one thread of the library, as an exception in it would."""
    thread.stopped_event.set()
    if hasattr(thread, "event_queue"):
        thread.event_queue.put(thread.stop_event)
    else:
        append(folder / "last-words.jsonl", lines(0, 1))
    thread.join(5.0)
    assert not thread.is_alive()


def test_a_watcher_that_keeps_dying_is_given_up_and_said_so(runs):
    """Catalogue 60, 69."""
    with Heard(runs) as heard:
        for _ in range(4):
            [thread] = threads("InotifyObserver")
            kill(thread, runs)
            heard.check()
        assert heard.waker.mode == "sweep"
        assert len(heard.notices) == 4 and "every two seconds" in heard.notices[-1].text
        assert threads("InotifyObserver") == threads("InotifyFD") == []
        heard.check()
        assert heard.waker.wait(0.0) is not None or True


def test_a_canary_that_is_not_heard_means_that_the_watcher_hangs(runs, tmp_path):
    """Catalogue 60, 103: its folder is taken away, so that nothing that is written there is heard."""
    canary = tmp_path / "state" / "canary"
    with Heard(runs, canary=str(canary)) as heard:
        heard.check()
        deadline = time.monotonic() + 5.0
        while not list(canary.rglob("canary")):
            assert time.monotonic() < deadline
        heard.clock.more += 11.0
        time_to_hear = threading.Event()
        time_to_hear.wait(0.3)
        heard.waker.wait(0.0)
        assert heard.notices == []
        for folder in canary.glob("*/*"):
            shutil.rmtree(folder)
            folder.mkdir()
        time_to_hear.wait(0.3)
        for _ in range(3):
            heard.clock.more += 11.0
            heard.waker.wait(0.0)
            time_to_hear.wait(0.1)
        assert [notice.text for notice in heard.notices] == ["the watcher has died: it is started again (1)"]
    assert not canary.exists()


def test_folders_marked_poll_are_not_watched(runs):
    """Catalogue 64, 69: file systems of other machines tell nothing."""
    with Heard(runs, poll=True) as heard:
        assert heard.waker.mode == "sweep" and threads("InotifyObserver") == []
        heard.waker.wake()
        assert heard.waker.wait(5.0) == set()


def test_a_wake_before_the_wait_ends_it_and_one_after_the_close_is_harmless(runs):
    heard = Heard(runs)
    heard.waker.wake()
    assert heard.waker.wait(30.0) == set()
    heard.waker.close()
    heard.waker.wake()


LIMITED = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from walert.model import Source
from walert.tail import open_waker
runs, late = Path(sys.argv[2]), sys.argv[3] == "late"
notices = []
make = lambda count: [(runs / str(n)).mkdir(parents=True, exist_ok=True) for n in range(count)]
runs.mkdir(exist_ok=True)
make(2 if late else 200)
waker = open_waker([Source(path=str(runs))], notice=notices.append, canary=str(runs.parent / "canary"))
print(waker.mode)
make(200)
end = time.monotonic() + 30
while waker.mode == "events" and time.monotonic() < end:
    waker.wait(0.5)
waker.wait(0.1)
print(waker.mode, len(notices), notices[0].text if notices else "")
waker.close()
"""


def limited(tmp_path, sysctl, value, when):
    """Watch 200 folders in a user namespace where the kernel allows little."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    probe = f"echo {value} > /proc/sys/user/{sysctl}"
    if subprocess.run(["unshare", "-Ur", "sh", "-c", probe], capture_output=True).returncode:
        pytest.skip("user namespaces are not permitted here")
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    script = ["unshare", "-Ur", "sh", "-c", f'{probe} && exec "$@"', "sh", sys.executable, "-c", LIMITED]
    done = subprocess.run(
        [*script, here, str(tmp_path / "runs"), when], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_limit_of_watched_folders_at_the_start_leads_to_sweeps_and_is_said_once(tmp_path):
    """Catalogue 52."""
    before, after = limited(tmp_path, "max_inotify_watches", 50, "at once")
    assert before == "sweep"
    assert after.startswith("sweep 1 ") and "fs.inotify.max_user_watches" in after


def test_the_limit_of_watched_folders_reached_later_is_noticed_too(tmp_path):
    """Catalogue 52: below a root no refused watch is told."""
    before, after = limited(tmp_path, "max_inotify_watches", 50, "late")
    assert before == "events"
    assert after.startswith("sweep 1 ") and "fs.inotify.max_user_watches" in after


def test_the_limit_of_watchers_leads_to_sweeps_and_is_said_once(tmp_path):
    """Catalogue 53."""
    before, after = limited(tmp_path, "max_inotify_instances", 0, "at once")
    assert before == "sweep"
    assert after.startswith("sweep 1 ") and "fs.inotify.max_user_instances" in after
