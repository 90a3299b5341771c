"""The folders that the daemon watches: what is told of those that go and come, and what stays counted when the watcher is another one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from walert.daemon.watch import Watch, missing
from walert.model import Source


class Told:
    """A `Watch` and what it told."""

    def __init__(self, folder: Path) -> None:
        self.notices: list[str] = []
        self.sources = [Source(path=str(folder / "a")), Source(path=str(folder / "b"))]
        self.watch = Watch(lambda notice: self.notices.append(f"{Path(notice.path).name}: {notice.text}"))

    def look(self) -> list[str]:
        """Refresh; what is new."""
        self.notices.clear()
        self.watch.refresh(self.sources)
        return list(self.notices)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    (tmp_path / "a").mkdir()
    watched = Told(tmp_path)
    yield watched
    watched.watch.close()


def test_a_folder_that_goes_and_comes_back_is_told_once_each_time(told: Told, tmp_path: Path) -> None:
    assert told.look() == []  # whoever read the configuration has told of what is missing
    (tmp_path / "a").rename(tmp_path / "away")
    assert told.look() == ["a: the folder is gone: it is followed again when it is back"]
    assert told.look() == []
    (tmp_path / "away").rename(tmp_path / "a")
    (tmp_path / "b").mkdir()
    assert told.look() == ["a: the folder is there: it is followed", "b: the folder is there: it is followed"]
    assert missing(told.sources) == []


def test_a_folder_of_another_configuration_neither_went_nor_came(told: Told, tmp_path: Path) -> None:
    told.look()
    told.sources = [Source(path=str(tmp_path / "a")), Source(path=str(tmp_path / "c"))]
    (tmp_path / "b").mkdir()
    assert told.look() == []


def test_lost_events_stay_counted_when_another_folder_is_watched(told: Told, tmp_path: Path) -> None:
    assert told.watch.status().mode == "sweep"  # before the first look
    told.look()
    for count in (1, 2):
        logging.getLogger("watchdog.observers.inotify_c").warning("the queue ran over")
        assert told.watch.status().overflows == count
        (tmp_path / "b").mkdir(exist_ok=True)
        told.look()
        assert (told.watch.status().overflows, told.watch.status().mode) == (count, "events")
