"""A model of a Unix file under everything that writers and rotators do to it, against the real follower on a real file system.

Every complete line is read exactly once, in order, whatever happens between two looks; only lines that were destroyed unread may be missing.
"""

import gzip
import os
import shutil
import tempfile
from pathlib import Path

from following import HandTurned
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from walert.model import Source
from walert.tail import Follower


class FileLife(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="walert-tail-"))
        self.root = self.folder / "runs"
        self.root.mkdir()
        self.path = self.root / "m.jsonl"
        self.clock = HandTurned()
        self.saved = {}
        self.max_open = None
        self.read = []
        self.written = []
        self.may_miss = set()
        self.may_repeat = set()
        self.unread = {}  # inode -> lines not read yet
        self.partial = ""
        self.count = self.copies = 0
        self.running = True
        self.rotated = None
        self.follower = self._follower()

    def _follower(self):
        sources = [Source(path=str(self.root))]
        made = Follower(sources, self.saved.values(), clock=self.clock, max_open=self.max_open)
        made.scan()
        return made

    def teardown(self):
        self.follower.close()
        shutil.rmtree(self.folder)

    # --- the writer

    def _append(self, path, text):
        with open(path, "ab", buffering=0) as file:
            file.write(text.encode())
        return os.stat(path).st_ino

    def _line(self):
        self.count += 1
        return f'{{"n": {self.count}, "pad": "{"x" * (self.count * 7 % 40)}"}}'

    def _lines(self, path, count):
        for _ in range(count):
            line = self._line()
            whole = self.partial + line if path == self.path else line
            inode = self._append(path, line + "\n")
            if path == self.path:
                self.partial = ""
            self.written.append(whole)
            self.unread.setdefault(inode, []).append(whole)

    @rule(count=st.integers(1, 4))
    def write(self, count):
        self._lines(self.path, count)

    @rule()
    def write_a_part(self):
        if not self.partial:
            self.partial = f'{{"part": {self.count}, '
            self._append(self.path, self.partial)

    @precondition(lambda self: self.rotated is not None and self.rotated.exists())
    @rule()
    def write_late_into_the_rotated_file(self):
        self._lines(self.rotated, 1)

    # --- what happens to files

    def _lose_partial(self):
        self.partial = ""

    @precondition(lambda self: self.path.exists())
    @rule()
    def rotate(self):
        for number in (2, 1):
            older = self.root / f"m.jsonl.{number}"
            if older.exists():
                oldest = self.root / f"m.jsonl.{number + 1}"
                if oldest.exists() and os.stat(oldest).st_nlink == 1:
                    self._destroy(os.stat(oldest).st_ino)
                older.rename(oldest)
        if self.partial:
            self._lines(self.path, 1)
        self.rotated = self.root / "m.jsonl.1"
        self.path.rename(self.rotated)

    @precondition(lambda self: self.path.exists())
    @rule()
    def truncate(self):
        self._destroy(os.stat(self.path).st_ino)
        os.truncate(self.path, 0)
        self._lose_partial()

    @precondition(lambda self: self.path.exists())
    @rule(count=st.integers(1, 30))
    def truncate_and_regrow(self, count):
        self.truncate()
        self._lines(self.path, count)

    @precondition(lambda self: self.path.exists() and not self.partial)
    @rule()
    def copytruncate_in_the_folder(self):
        self.copies += 1
        copy = self.root / f"m-{self.copies}.jsonl"
        shutil.copy(self.path, copy)
        inode = os.stat(self.path).st_ino
        self.unread.setdefault(os.stat(copy).st_ino, []).extend(self.unread.pop(inode, []))
        os.truncate(self.path, 0)

    @precondition(lambda self: self.running and self.path.exists() and not self.partial and self.has_one_name())
    @rule(early=st.booleans(), heard=st.booleans(), between=st.integers(0, 3), late=st.booleans())
    def copytruncate_that_is_heard(self, early, heard, between, late):
        """Events name the copy while it is empty or when it is done; lines follow before the truncation, which may be heard, too."""
        if not set(self.path.read_text().splitlines()) & set(self.read):
            self._hint(self.path)  # of a log that nobody knew before, the copy is another log
        self.copies += 1
        copy = self.root / f"m-{self.copies}.jsonl"
        copy.touch()
        if early:
            self._hint(copy)
        shutil.copy(self.path, copy)
        if heard or (between and late):
            self._hint(copy)
        inode = os.stat(self.path).st_ino
        copied = list(self.unread.get(inode, []))
        self._lines(self.path, between)
        if between and late:
            self._hint(self.path)
        still = self.unread.pop(inode, [])
        self.may_miss.update(line for line in still if line not in copied)
        self.unread.setdefault(os.stat(copy).st_ino, []).extend(line for line in copied if line in still)
        os.truncate(self.path, 0)
        if late:
            self._hint(self.path)
            # That more was read than the copy holds is known for as long as it waits; a stop would forget it.
            self.look(False)
            self.look(False)

    @precondition(lambda self: self.path.exists() and not self.partial and self.has_one_name())
    @rule(heard=st.booleans())
    def write_all_of_it_anew(self, heard):
        """As a script does that keeps its history in memory: caught in the middle, it looks like a truncation."""
        content = self.path.read_bytes()
        os.truncate(self.path, 0)
        if heard and self.running:
            self._hint(self.path)
        self._append(self.path, content.decode())
        self._lines(self.path, 1)

    def _hint(self, path):
        self.follower.mark_dirty([str(path)])
        self._read_all()

    @precondition(lambda self: self.path.exists() and not self.partial and self.has_one_name())
    @rule()
    def replace_by_a_longer_copy(self):
        new = self.folder / "new"
        shutil.copy(self.path, new)
        inode = os.stat(self.path).st_ino
        line = self._line()
        after = self._append(new, line + "\n")
        self.written.append(line)
        self.unread[after] = [*self.unread.pop(inode, []), line]
        os.replace(new, self.path)

    @precondition(lambda self: self.path.exists())
    @rule(count=st.integers(0, 20))
    def delete_and_recreate(self, count):
        self._destroy(os.stat(self.path).st_ino)
        self.path.unlink()
        self._lose_partial()
        if count:
            self._lines(self.path, count)

    @precondition(lambda self: self.path.exists())
    @rule()
    def give_it_another_name(self):
        link = self.root / "m.linked.jsonl"
        if not link.exists():
            os.link(self.path, link)

    @precondition(lambda self: (self.root / "m.linked.jsonl").exists())
    @rule()
    def take_the_other_name_away(self):
        link = self.root / "m.linked.jsonl"
        if os.stat(link).st_nlink == 1:
            self._destroy(os.stat(link).st_ino)
        link.unlink()

    @rule()
    def point_a_link_at_it(self):
        link = self.root / "latest.jsonl"
        if not link.is_symlink():
            link.symlink_to("m.jsonl")

    @rule()
    def point_a_link_at_its_folder(self):
        link = self.root / "a-link"
        if not link.is_symlink():
            link.symlink_to(".")

    @precondition(lambda self: self.path.exists() and not self.partial)
    @rule(count=st.integers(0, 3))
    def rotate_and_compress(self, count):
        inode = os.stat(self.path).st_ino
        if os.stat(self.path).st_nlink == 1:
            self._destroy(inode)
        with open(self.path, "rb") as plain, gzip.open(self.root / "m.jsonl.1.gz", "wb") as packed:
            packed.write(plain.read())
        self.path.unlink()
        self._lines(self.path, count)

    @precondition(lambda self: self.path.exists() and not self.partial and self.has_one_name())
    @rule(keep=st.integers(1, 6))
    def cut_to_where_a_training_resumes(self, keep):
        """Lines that are kept may be read again, if the place was not remembered; none that follow may be missing."""
        kept = self.path.read_bytes().splitlines(keepends=True)[:-keep]
        after = sum(map(len, kept))
        gone = self.path.read_bytes()[after:].decode().splitlines()
        inode = os.stat(self.path).st_ino
        self.may_miss.update(line for line in self.unread.get(inode, []) if line in gone)
        self.unread[inode] = [line for line in self.unread.get(inode, []) if line not in gone]
        self.may_repeat.update(line.decode().rstrip("\n") for line in kept)
        os.truncate(self.path, after)

    def has_one_name(self):
        return os.stat(self.path).st_nlink == 1

    def _destroy(self, inode):
        self.may_miss.update(self.unread.pop(inode, []))

    # --- the reader

    @precondition(lambda self: self.running)
    @rule(scan=st.booleans())
    def look(self, scan):
        self.clock.seconds += 2.0
        self.follower.scan() if scan else self.follower.sweep()
        self._read_all()

    @precondition(lambda self: self.running)
    @rule()
    def a_hint(self):
        self._hint(self.path)

    def _read_all(self):
        for _ in range(50):
            for batch in self.follower.read(budget=100):
                self.read += [line.decode() for line in batch.lines if line.strip()]
                self.saved[batch.checkpoint.stream] = batch.checkpoint
            if not self.follower.pending():
                break
        seen = set(self.read)
        self.unread = {inode: [x for x in lines if x not in seen] for inode, lines in self.unread.items()}

    @precondition(lambda self: self.running)
    @rule()
    def stop(self):
        self.follower.close()
        self.running = False

    @precondition(lambda self: not self.running)
    @rule(max_open=st.sampled_from([None, 2]))
    def start(self, max_open):
        self.max_open = max_open
        self.follower = self._follower()
        self.running = True
        self._read_all()

    @invariant()
    def nothing_is_read_twice(self):
        once = [line for line in self.read if line not in self.may_repeat]
        assert len(once) == len(set(once)), [x for x in once if once.count(x) > 1][:3]

    @precondition(lambda self: self.running)
    @rule()
    def in_the_end_everything_is_read(self):
        for _ in range(4):
            self.look(True)
        missing = set(self.written) - set(self.read) - self.may_miss
        assert not missing, sorted(missing)[:3]


FileLife.TestCase.settings = settings(
    max_examples=120, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
test_every_line_is_read_once = FileLife.TestCase
