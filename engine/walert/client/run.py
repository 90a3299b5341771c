"""One run, seen from the process that trains: what it logs, its alerts, and how it ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

from walert import clock
from walert.client import arguments, identity, lines, planned, rule_files
from walert.client.asked import Asked
from walert.client.earlier import last_step
from walert.client.ending import End, end_of, in_worker
from walert.client.extras import Settings
from walert.client.following import tell_if_unfollowed
from walert.client.ignored import stand_in
from walert.client.log_file import LogFile
from walert.client.notice import say
from walert.client.values import Values, recordable
from walert.client.worker import HEARTBEAT, Worker

if TYPE_CHECKING:
    from datetime import timedelta

    from walert.levels import AlertLevel

VERSION = 1  # of the objects below `_walert`
MAX_NOTES = 4096  # bytes
PATIENCE = 2.0  # seconds that the end of a run waits for the disk
_CLIENT = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(_CLIENT)


class Run:
    """A run of this process. `id`, `name`, `project`, `dir`, `tags`, `config` and `summary` can be read; `with run:` ends it.

    Methods raise `TypeError` and `ValueError` for wrong arguments only: what the disk does never reaches the training.
    """

    # wandb's; there is no server to have them
    url = project_url = sweep_id = sweep_url = None
    offline = True

    def __init__(
        self,
        asked: Asked,
        who: identity.Identity,
        *,
        ad_hoc: bool = False,
        on_end: Callable[[Run], None] | None = None,
    ) -> None:
        """`asked` names at least `name` and `runs`, the folder of all runs."""
        self.id = who.id
        self.project = asked.project
        self.entity, self.group, self.job_type = asked.entity, asked.group, asked.job_type
        self.config = Values("config", asked.config, self._config_set)
        self._config_new = False  # whether it was changed since it was last written
        self.ad_hoc = ad_hoc
        self.disabled = asked.disabled
        self.pid = os.getpid()
        self.runs = str(asked.runs)
        self.ended = False
        self.start_time = clock.now()
        self.starting_step: int | float = 0
        self._named: dict[str, Any] = {"name": str(asked.name), "tags": asked.tags, "notes": asked.notes}
        self._folder = identity.run_folder(self.runs, asked.project, self.name, who)
        self._who = who
        self._rules = list(asked.rules)
        self._resume = asked.resume
        self._on_end = on_end
        self._summary = Values("summary")
        self._latest: dict[str, Any] = {}
        self._step: int | float = 0
        self._last: int | float | None = None
        self._steps = asked.steps
        self._numbers = False  # whether the script numbers its steps itself
        self._attempt = 0
        place = identity.rank_of(os.environ)
        self._rank, self._world = place
        self._file = LogFile(self._folder, f"metrics.rank{self._rank}" if self._rank else "metrics", self._start_line)
        self._worker = Worker(self._file.sync, None if ad_hoc else self._file.beat)

    # --- what training code calls

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Append one record of numbers. Nested dicts are joined by `/`; what is no number is left out, with one notice.

        Steps count as wandb's do: without `step` a record gets the present one and the next follows; a greater `step` becomes the
        present one, with `commit=True` the next. A smaller one is recorded as it is. `sync` is wandb's and has no effect. Raises
        `TypeError` or `ValueError` for wrong arguments.
        """
        found = lines.parts(arguments.data(data), self._latest, _left_out)
        at = self._step if step is None else arguments.step(step)
        if at >= self._step:  # one that goes back is recorded, and does not turn the count back
            self._step = at + 1 if commit or (commit is None and step is None) else at
        self._last = at
        self._numbers = self._numbers or step is not None
        if self.disabled or not found:
            return
        if self.ended:
            say("ended", "log() after the run was finished: such records are not kept.")
            return
        if self._config_new:
            self._tell_config()
        for line in lines.metric_lines(at, clock.now(), found):
            self._file.write(line)

    def alert(
        self,
        title: str,
        text: str,
        level: AlertLevel | str | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Tell people. `level` is INFO if not given, `wait_duration` 60 s; 0 is no cooldown (in wandb it means 60 s).

        Writes one line and returns; a walertd delivers it. Raises `TypeError` or `ValueError` for wrong arguments.
        """
        event = {
            "v": VERSION,
            "event": "alert",
            "id": os.urandom(8).hex(),
            "title": arguments.title(title),
            "text": arguments.text(text),
            "level": arguments.level(level),
            "wait_duration": arguments.wait_duration(wait_duration),
            "source": _caller(),
        }
        self._event(event)
        if not self.disabled:
            self._worker.ask()

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: finished for exit code 0 or none, else failed. `quiet` is wandb's and has no effect."""
        self.end(End(arguments.exit_code(exit_code)))

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(end_of(error))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return stand_in(name)

    @property
    def summary(self) -> Values:
        """The last value of each metric, and what was set by hand. In memory only."""
        self._summary.take(self._latest)
        self._latest.clear()
        return self._summary

    @property
    def step(self) -> int | float:
        """The step that the next record without one gets."""
        return self._step

    @property
    def path(self) -> str:
        """The log that this process writes."""
        return self._file.path

    @property
    def dir(self) -> str:
        """The folder of the run. Of a disabled run, which has none, a temporary one for what a script saves."""
        if self.disabled and not os.path.isdir(self._folder):
            from tempfile import mkdtemp

            self._folder = mkdtemp(prefix="walert-")
        return self._folder

    sync_dir = dir

    @property
    def resumed(self) -> bool:
        """Whether the run was begun before, by an earlier process of the same id."""
        return self._attempt > 1

    @property
    def config_static(self) -> Values:
        """wandb's name for `config` as it is."""
        return self.config

    @property
    def settings(self) -> Settings:
        """wandb's settings, as far as they are known here."""
        return Settings(
            project=self.project, entity=self.entity, run_id=self.id, run_name=self.name, root_dir=self.runs
        )

    @property
    def name(self) -> str:
        """What people read. The log and its messages keep the name that the run began with."""
        return str(self._named["name"])

    @name.setter
    def name(self, name: str) -> None:
        self._rename("name", name)

    @property
    def tags(self) -> tuple[str, ...]:
        """Words by which rules choose runs. Rules see those that the run began with."""
        return tuple(self._named["tags"])

    @tags.setter
    def tags(self, tags: object) -> None:
        self._rename("tags", arguments.tags(tags))

    @property
    def notes(self) -> str | None:
        """A text about the run. The log keeps the one that the run began with."""
        found: str | None = self._named["notes"]
        return found

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._rename("notes", notes)

    def _rename(self, what: str, value: object) -> None:
        self._named[what] = value
        say(f"set-{what}", f"run.{what} is kept in memory: rules and messages go by the one given to init().")

    # --- how it begins and ends

    def begin(self) -> None:
        """Write the start record, before it the rules that travel with the run."""
        if self.disabled:
            return
        try:
            if self._rules:
                rule_files.copy(self._rules, self._folder)
            self._count_on()
            self._file.write_event(b"")
            if not self.ad_hoc:
                self._worker.start()
            if self._rank == 0 and self._file.writer == 1:
                tell_if_unfollowed(self.runs)
        except Exception as error:  # nothing that goes wrong here may stop the training
            say("begin", f"the run could not begin in {self._folder}: {error!r}")

    def _count_on(self) -> None:
        """A run that is resumed counts on from the newest step in its log."""
        last = last_step(self._file.path) if self._resume else None
        if last is not None:
            self.starting_step = self._step = last + 1

    def end(self, end: End) -> None:
        """Write how the run ended, once, and only in the process that began it; wait a moment for the disk."""
        if self.ended:
            return
        self.ended = True
        if not self.disabled and os.getpid() == self.pid:
            self._write_end(end)
        if self._on_end:
            self._on_end(self)

    def settle(self) -> bool:
        """Wait a moment until what was written is on disk. True when it is."""
        return self._worker.settle(PATIENCE)

    def _write_end(self, end: End) -> None:
        state = "preempted" if end.signal else "failed" if end.exit_code else "finished"
        event = {"v": VERSION, "event": "finish", "state": state, "exit_code": end.exit_code, "error": end.error}
        plan = planned.facts(self._steps, self.config, self._last, self._numbers, self.summary)
        more = {"signal": end.signal} if end.signal else {}
        self._event(
            {**event, **more, **plan, **self._place(), "lost": self._file.lost, "jupyter": identity.in_jupyter()}
        )
        self._worker.ask()
        if self.settle():
            self._file.close()
        self._worker.stop()
        if self._file.lost:
            say(
                f"lost:{self.id}",
                f"{self._file.lost} lines of the run {self.name} could not be written to {self._file.path}.",
            )

    # --- events

    def _config_set(self) -> None:
        self._config_new = not self.ended

    def _tell_config(self) -> None:
        """A configuration that was changed since the start goes with the next line, once for all changes."""
        self._config_new = False
        try:
            self._event({"v": VERSION, "event": "config", "config": recordable(dict(self.config))})
        except Exception as error:  # another thread changes it, or a stranger's value does not answer
            say("config", f"the changed config is not recorded: {error!r}")

    def _event(self, event: Mapping[str, Any]) -> None:
        if self.disabled:
            return
        if self._config_new:
            self._tell_config()
        try:
            self._file.write_event(lines.event_line(event, clock.now(), self._last))
        except Exception as error:
            say("event", f"an {event['event']} could not be written to {self._file.path}: {error!r}")

    def _start_line(self, file: LogFile) -> bytes:
        if not self._attempt:
            self._attempt = 1 + (_count_attempt(file) if self._who.restarts is None else self._who.restarts)
        event = {
            "v": VERSION,
            "event": "start",
            "id": self.id,
            "name": self.name,
            "project": self.project,
            "tags": list(self.tags),
            **{name: text for name, text in self._about().items() if text},
        }
        facts = {
            **event,
            **self._place(),
            **identity.process_facts(),
            **self._signs(),
            "config": recordable(self.config),
        }
        return lines.event_line(facts, clock.now())

    def _about(self) -> dict[str, str | None]:
        return {"group": self.group, "job_type": self.job_type, "notes": arguments.shorten(self.notes or "", MAX_NOTES)}

    def _signs(self) -> dict[str, Any]:
        """What a daemon may expect of this process: a touch of the log every so many seconds, a launcher that restarts it."""
        signs = {
            "heartbeat": None if self.ad_hoc else HEARTBEAT,
            "may_restart": identity.may_restart(os.environ),
        }
        # A pool ends its workers by a signal: that one which only alerts is gone is no news.
        return signs | ({"pid": None} if self.ad_hoc and in_worker() else {})

    def _place(self) -> dict[str, Any]:
        """Where this writer stands in the run. Rank -1 is a further process of a rank that has a living writer already."""
        rank = self._rank if self._file.writer == 1 else -1
        return {"attempt": max(self._attempt - 1, 0), "rank": rank, "world_size": self._world, "ad_hoc": self.ad_hoc}


def _count_attempt(file: LogFile) -> int:
    """How many attempts this log saw before: one byte each in a small file beside it, so that no log has to be read for it."""
    try:
        fd = os.open(
            os.path.join(file.folder, f".{file.name}.attempts"),
            os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC,
            0o666,
        )
    except OSError:
        return 0
    try:
        os.write(fd, b".")
        return max(0, os.fstat(fd).st_size - 1)
    except OSError:
        return 0
    finally:
        os.close(fd)


def _left_out(name: str, value: object) -> None:
    if name in lines.RESERVED:
        say("reserved", f"log(): {name!r} is walert's own name; such values are left out.")
    elif type(value).__module__ != "walert.client.ignored":
        say("left-out", f"log() keeps numbers: {name[:60]!r} ({arguments.kind(value)}) and the like are left out.")


def _caller() -> str | None:
    """FILE:LINE of the first caller outside walert."""
    frame = sys._getframe(1)
    while frame and _is_own(frame.f_code):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _is_own(code: CodeType) -> bool:
    return os.path.dirname(code.co_filename) in (_CLIENT, _PACKAGE)
