"""The kernel's queue of events runs over while the process is stopped: nothing is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

FOLLOW = """
import sys
from walert.clock import SystemClock
from walert.model import Source
from walert.tail import Follower, open_waker
sources = [Source(path=sys.argv[1])]
waker, follower = open_waker(sources), Follower(sources, clock=SystemClock())
follower.scan()
print("following", flush=True)
read, overflows = set(), 0
while len(read) < int(sys.argv[2]):
    dirty = waker.wait(0.5)
    if dirty is None:
        overflows += 1
        follower.scan()
    else:
        follower.mark_dirty(dirty)
    while follower.pending():
        read.update(line for batch in follower.read() for line in batch.lines)
print(len(read), overflows, waker.mode)
waker.close()
follower.close()
"""


def test_twenty_thousand_files_made_while_the_process_was_stopped_are_all_read(tmp_path):
    """Catalogue 51."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    count = max(20_000, limit // 2 + 1000)
    command = [sys.executable, "-c", FOLLOW, str(tmp_path), str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "following\n"
    process.send_signal(signal.SIGSTOP)
    for n in range(count):
        fd = os.open(tmp_path / f"{n}.jsonl", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, b'{"n": %d}\n' % n)
        os.close(fd)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    read, overflows, mode = out.split()
    assert (int(read), mode, err) == (count, "events", "")
    assert int(overflows) >= 1
