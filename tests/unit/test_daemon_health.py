"""What counts as alive: passes, commits, workers, and the canary that is read back by a real follower."""

from __future__ import annotations

from pathlib import Path

import pytest
from loopback import HandClock

from walert.daemon.canary import AGAIN, EVERY, MOST, Canary
from walert.daemon.health import CANARY, COMMIT, TURN, WORKER, Health
from walert.model import Source
from walert.tail import Follower

NOW = 1_000.0


def healthy(**changes: object) -> Health:
    return Health(**{"turned": NOW, "committed": NOW, "workers": {"ml-team": NOW}} | changes)  # type: ignore[arg-type]


def test_all_that_moves_is_well() -> None:
    assert healthy().wrong(NOW) is None
    assert healthy(unread=NOW - CANARY, committed=NOW - COMMIT, turned=NOW - TURN).wrong(NOW) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"turned": NOW - TURN - 1}, "no pass has completed for 31s"),
        ({"failing": NOW - 90}, "nothing can be committed to the state file for 1m30s"),
        ({"committed": NOW - COMMIT - 1}, "nothing was committed for 1m31s"),
        ({"workers": {"a": NOW, "b": NOW - WORKER - 1}}, "the worker of the receiver b has not turned for 2m1s"),
        ({"unread": NOW - CANARY - 1}, "what is written to the canary's log has not been read for 1m1s"),
    ],
)
def test_what_does_not_move_is_named(changes: dict[str, object], said: str) -> None:
    assert healthy(**changes).wrong(NOW) == said


class Nest:
    """A canary and the follower that must read it."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.health = Health(turned=self.clock.ticks, committed=self.clock.ticks)
        self.canary = Canary(str(folder / "w[1].db.pulse"), self.health)
        sources = (self.canary.source, Source(path=str(folder)))
        self.follower = Follower(sources, clock=self.clock)

    def sing(self, seconds: float = EVERY) -> None:
        self.clock.turn(seconds)
        self.canary.sing(self.clock.ticks)

    def read(self) -> list[bytes]:
        """One look; the lines that are no canary's."""
        self.follower.scan()
        batches = list(self.follower.read())
        return [line for batch in batches if not self.canary.hear(batch) for line in batch.lines]


def test_a_line_counts_as_unread_until_the_follower_gives_it(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    for _ in range(3):
        nest.sing()
        assert nest.health.unread == nest.clock.ticks
        assert nest.read() == [] and nest.health.unread is None
    nest.follower.close()


def test_the_canary_is_no_run_even_where_its_folder_is_watched(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"loss": 1}\n')
    nest.sing()
    assert nest.read() == [b'{"loss": 1}']
    nest.follower.close()


def test_a_line_that_is_not_read_is_noticed_and_followed_by_another(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    nest.sing()
    first = nest.clock.ticks
    nest.sing()
    assert nest.health.unread == first  # not written again so soon
    nest.sing(AGAIN)
    assert nest.health.unread == first and nest.health.wrong(first + CANARY + 1) is not None
    nest.read()
    assert nest.health.unread is None
    nest.follower.close()


def test_what_a_killed_process_left_is_nobody_s_line(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    left = tmp_path / "w[1].db.pulse" / "1-1.canary"
    left.parent.mkdir()
    left.write_bytes(b'{"canary": "1-7"}\n')
    assert nest.read() == [] and nest.health.unread is None
    nest.sing()
    assert nest.health.unread == nest.clock.ticks and not left.exists()
    assert nest.read() == [] and nest.health.unread is None
    nest.follower.close()


def test_a_line_that_is_read_late_leaves_the_one_after_it(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    nest.sing()
    (file,) = (tmp_path / "w[1].db.pulse").iterdir()
    first = file.read_bytes()
    nest.sing(AGAIN)
    both = file.read_bytes()
    file.write_bytes(first)
    nest.read()
    assert nest.health.unread == nest.clock.ticks
    file.write_bytes(both)
    nest.read()
    assert nest.health.unread is None
    nest.follower.close()


def test_a_canary_that_cannot_be_written_is_not_well(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    (tmp_path / "w[1].db.pulse").write_text("a file where the folder should be")
    nest.sing()
    nest.read()
    assert nest.health.unread == nest.clock.ticks
    nest.follower.close()


def test_its_file_is_begun_anew_before_it_grows_large_and_taken_away_at_the_end(tmp_path: Path) -> None:
    nest = Nest(tmp_path)
    folder = tmp_path / "w[1].db.pulse"
    nest.sing()
    nest.read()
    (before,) = folder.iterdir()
    with open(before, "ab") as file:
        file.truncate(MOST)
    nest.sing()
    (after,) = folder.iterdir()
    assert after != before and after.stat().st_size < 100
    nest.read()
    assert nest.health.unread is None
    nest.canary.remove()
    assert not folder.exists()
    nest.follower.close()
