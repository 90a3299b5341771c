"""A configuration file to a `Config`: variables, paths, names, defaults; all problems in one pass."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping
from pathlib import Path as FilePath
from typing import Any

from walert.config.lifecycle import DEFAULTS, News, read_news
from walert.config.quiet import Quiet, is_zone, minutes
from walert.config.receiver_url import CONSOLE, check_receiver_url
from walert.config.sources import read_sources
from walert.config.values import Config, Heartbeat, ReceiverConfig, RouteConfig
from walert.config.variables import fill
from walert.documents import Document, Path, load_document, mask, read_bounded
from walert.errors import ConfigError, Problem
from walert.model import AlertLevel, Source
from walert.resources import pack_names, schema
from walert.units import parse_duration

PACK = "pack:"
DEFAULT_PACK = "pack:training"


def find_config(environ: Mapping[str, str], named: str | None = None) -> str | None:
    """The configuration file to use: `named`, `$WALERT_CONFIG`, or the first of the usual places that exists; None when there is none."""
    asked = named or environ.get("WALERT_CONFIG")
    if asked:
        return asked
    from walert.paths import config_candidates

    return next((str(place) for place in config_candidates() if FilePath(place).is_file()), None)


def load_config(path: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Config:
    """The configuration in the file `path`, or the defaults when it is None.

    Raises `ConfigError` with every problem of the file.
    """
    if path is None:
        return _Reader(load_document("{}", "", None), None, environ).config()
    try:
        text = read_bounded(path)
    except OSError as error:
        problem = Problem(str(path), 0, 0, "cannot-read", f"the file cannot be read: {error.strerror}.")
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", (problem,)) from None
    config, problems = read_config(text, str(path), environ)
    if config is None:
        errors = sum(1 for p in problems if p.severity == "error")
        raise ConfigError(f"{path} cannot be used: it has {errors} {'error' if errors == 1 else 'errors'}.", problems)
    return config


def read_config(text: str | bytes, file: str, environ: Mapping[str, str]) -> tuple[Config | None, tuple[Problem, ...]]:
    """The configuration in `text`, the content of `file`, and everything wrong with it; None when an error is among that."""
    config, problems = inspect_config(text, file, environ)
    return (None if any(p.severity == "error" for p in problems) else config), problems


def inspect_config(text: str | bytes, file: str, environ: Mapping[str, str]) -> tuple[Config, tuple[Problem, ...]]:
    """As `read_config`, but with the configuration as far as it can be read: with an error it has holes and is not to be run.

    For those who check what it refers to all the same.
    """
    reader = _Reader(load_document(text, file, schema("config")), file, environ)
    config = reader.config()
    return config, tuple(sorted({*reader.document.problems, *reader.problems}))


class _Reader:
    """Reads one document; every value asked for is sound and has its variables filled in, or is its default."""

    def __init__(self, document: Document, file: str | None, environ: Mapping[str, str]) -> None:
        self.document = document
        self.file = file
        self.folder = FilePath(file).absolute().parent if file else FilePath.cwd()
        self.environ = environ
        self.problems: list[Problem] = []
        self.data = self.filled(document.data if isinstance(document.data, dict) else {}, ()) or {}

    def config(self) -> Config:
        """The whole configuration."""
        receivers = self.receivers()
        return Config(
            file=str(FilePath(self.file).absolute()) if self.file else None,
            sources=self.sources(),
            rule_paths=self.rule_paths(),
            routes=self.routes(receivers),
            default_receivers=self.default_receivers(receivers),
            receivers=receivers,
            state=self.state(),
            heartbeat=self.heartbeat(),
            lifecycle=self.lifecycle(receivers),
            run_timeout=self.duration(self.data, "run_timeout", ("run_timeout",), 86400.0),
        )

    # --- what is followed, and by which rules

    def sources(self) -> tuple[Source, ...]:
        """The `watch` entries; the folder of walert's own records when there are none."""
        if self.data.get("watch") is None:
            from walert.paths import runs_dir

            return (Source(path=str(runs_dir())),)
        return read_sources(self.data["watch"], self.absolute, self.complain)

    def rule_paths(self) -> tuple[str, ...]:
        """Absolute paths and globs of rule files, and packs by name."""
        if self.data.get("rules") is None:
            return (DEFAULT_PACK,)
        paths = [(at, path) for at, path in enumerate(self.data["rules"]) if path]
        for at, path in paths:
            name = path.removeprefix(PACK)
            if path.startswith(PACK) and name not in pack_names():
                self.complain(
                    ("rules", at), "unknown-pack", f"there is no pack `{mask(name[:40])}`.", _meant(name, pack_names())
                )
        return tuple(path if path.startswith(PACK) else self.absolute(path, ("rules", at)) for at, path in paths)

    def state(self) -> str:
        """The absolute path of the state file."""
        if self.data.get("state"):
            return self.absolute(self.data["state"], ("state",))
        from walert.paths import state_path

        return str(state_path())

    # --- whom it tells

    def receivers(self) -> dict[str, ReceiverConfig]:
        """Receivers by name, in file order, with the console, which needs no set-up."""
        found = {name: self.receiver(name, entry) for name, entry in (self.data.get("receivers") or {}).items()}
        return {**found, **({} if CONSOLE in found else {CONSOLE: ReceiverConfig(CONSOLE, f"{CONSOLE}://")})}

    def receiver(self, name: str, entry: Mapping[str, Any] | None) -> ReceiverConfig:
        """One receiver. Problems with its URL never repeat it. An unsound one keeps its name, for those who refer to it."""
        path: Path = ("receivers", name)
        entry = entry or {}
        url = entry.get("url")
        wrong = check_receiver_url(url) if url is not None and self.complete(url, (*path, "url")) else None
        if wrong:
            what, _, hint = wrong.partition(". ")
            self.complain((*path, "url"), "receiver-url", f"{what.rstrip('.')}.", hint)
        level, flood = self.level(entry, "min_level") or AlertLevel.INFO, entry.get("flood")
        most = float("inf") if flood == "never" else flood
        return ReceiverConfig(name, (url or "").strip(), level, entry.get("rate"), most, self.quiet(entry, path))

    def quiet(self, entry: Mapping[str, Any], path: Path) -> Quiet | None:
        """The quiet hours of a receiver."""
        hours = entry.get("quiet") or {}
        begin, end = (minutes(hours.get(key) or "") for key in ("from", "to"))
        if begin is None or end is None:
            return None
        zone = hours.get("zone")
        if zone is not None and not is_zone(zone):
            hint = "Write a name such as Europe/Berlin. Where the host has no time zones, `pip install tzdata` brings them."
            self.complain((*path, "quiet", "zone"), "unknown-zone", f"there is no time zone `{mask(zone)[:40]}`.", hint)
            return None
        if begin == end:
            what, hint = (
                "quiet hours end when they begin.",
                "A receiver that is never told is removed from the routes instead.",
            )
            self.complain((*path, "quiet", "to"), "bad-quiet", what, hint)
            return None
        return Quiet(begin, end, zone, self.level(hours, "pass"))

    def routes(self, receivers: Collection[str]) -> tuple[RouteConfig, ...]:
        """The routes, every receiver of which exists."""
        routes = []
        for at, entry in enumerate(self.data.get("routes") or ()):
            if not entry:
                continue
            names = self.names(entry, ("routes", at, "receivers"), receivers)
            tags, labels = tuple(t for t in entry.get("tags") or () if t), dict(entry.get("labels") or {})
            routes.append(
                RouteConfig(names, entry.get("project"), entry.get("name"), tags, self.level(entry, "level"), labels)
            )
        return tuple(routes)

    def default_receivers(self, receivers: Collection[str]) -> tuple[str, ...]:
        """As given; else all receivers of the file, so that nothing ends with nobody; else the console."""
        if self.data.get("default_receivers") is not None:
            return self.names(self.data, ("default_receivers",), receivers)
        own = tuple(self.data.get("receivers") or ())
        return own or (CONSOLE,)

    def names(self, entry: Mapping[str, Any], path: Path, receivers: Collection[str]) -> tuple[str, ...]:
        """Names of receivers, each of which must exist."""
        names = entry.get(str(path[-1])) or ()
        for at, name in enumerate(names):
            if name and name not in receivers:
                hint = _meant(name, receivers) or "Write it under `receivers`."
                self.complain((*path, at), "unknown-receiver", f"there is no receiver `{mask(name)[:40]}`.", hint)
        return tuple(name for name in names if name)

    def heartbeat(self) -> Heartbeat | None:
        """The heartbeat, whose URL is a web address and a secret."""
        entry = self.data.get("heartbeat")
        if not entry:
            return None
        path: Path = ("heartbeat", "url")
        url = (entry.get("url") or "").strip()
        if entry.get("url") is not None and self.complete(url, path) and not url.startswith(("https://", "http://")):
            self.complain(path, "heartbeat-url", "a heartbeat's URL begins with https:// or http://.")
        every = self.duration(entry, "every", ("heartbeat", "every"), 60.0)
        if every < 1:
            self.complain(("heartbeat", "every"), "bad-duration", "a heartbeat comes at most once a second.")
        return Heartbeat(url, every)

    def lifecycle(self, receivers: Collection[str]) -> dict[str, News]:
        """What is told of the life of runs, by kind; what the file does not say is as by default."""
        found = dict(DEFAULTS)
        for kind, entry in (self.data.get("lifecycle") or {}).items():
            path: Path = ("lifecycle", kind)
            if kind not in DEFAULTS or entry is None:
                continue
            names: tuple[str, ...] = ()
            seconds: dict[str, float] = {}
            if isinstance(entry, dict):
                names = self.names(entry, (*path, "receivers"), receivers)
                for key in ("wait_duration", "after"):
                    seconds[key] = self.duration(entry, key, (*path, key), getattr(DEFAULTS[kind], key))
            level = self.level(entry, "level") if isinstance(entry, dict) else None
            found[kind] = read_news(DEFAULTS[kind], entry, level, names, seconds)
        return found

    # --- values

    def filled(self, value: Any, path: Path) -> Any:
        """`value` with variables filled in; what is unsound or cannot be filled in is None."""
        if path in self.document.broken:
            return None
        if isinstance(value, dict):
            return {key: self.filled(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item, (*path, at)) for at, item in enumerate(value)]
        return self.text(value, path) if isinstance(value, str) else value

    def text(self, value: str, path: Path) -> str | None:
        """One text with its variables filled in."""
        text, unfilled = fill(value, self.environ)
        for slip in unfilled:
            self.complain(path, slip.code, slip.what, slip.hint, slip.offset)
        return None if unfilled else text

    def complete(self, url: str, path: Path) -> bool:
        """Whether the URL came out whole; an empty one is told here, by where it comes from."""
        if url.strip():
            return True
        self.complain(path, "empty-url", "the URL is empty.", "A variable in it may be set to nothing.")
        return False

    def level(self, entry: Mapping[str, Any], key: str) -> AlertLevel | None:
        """The level under `key`, in any case."""
        written = entry.get(key)
        return AlertLevel(written.upper()) if written else None

    def duration(self, entry: Mapping[str, Any], key: str, path: Path, otherwise: float) -> float:
        """Seconds."""
        if entry.get(key) is None:
            return otherwise
        try:
            return parse_duration(entry[key])
        except ValueError as error:
            what, _, hint = str(error).partition(". ")
            self.complain(path, "bad-duration", f"{what.rstrip('.')}.", hint)
            return otherwise

    def absolute(self, path: str, at: Path) -> str:
        """`path` seen from the file's folder, the home folder filled in; it stands at `at`."""
        home = self.environ.get("HOME")
        if home and (path == "~" or path.startswith("~/")):
            path = home + path[1:]
        try:
            return os.path.normpath(self.folder / FilePath(path).expanduser())
        except RuntimeError:
            name = path.partition("/")[0]
            self.complain(
                at,
                "no-home",
                f"the home folder that `{mask(name)[:40]}` means is not known.",
                "Write the path out, or set HOME.",
            )
            return os.path.normpath(self.folder / path)

    def complain(self, path: Path, code: str, what: str, hint: str = "", offset: int | None = None) -> None:
        """Note an error at the value at `path`."""
        self.problems.append(self.document.problem(path, code, what, hint, offset=offset))


def _meant(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f"Did you mean `{near[0]}`?" if near else ""
