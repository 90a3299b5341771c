"""Rules that travel with a run: copied into its folder at `init(rules=...)`, so that it can be replayed as it was judged."""

from __future__ import annotations

import os
from collections.abc import Iterable

from walert.client.arguments import kind
from walert.client.notice import say

MAX_FILES = 200
MAX_SIZE = 1 << 20
PACK = "pack:"
_SUFFIXES = (".yaml", ".yml")
_TESTS = (".test.yaml", ".test.yml")


def find(rules: object) -> list[str]:
    """The rule files that `rules` names: files, folders (their YAML files, without tests) and packs, or a sequence of them.

    Raises `TypeError` for what is no path and `ValueError` for a path or pack that is not there.
    """
    if rules is None:
        return []
    named = [rules] if isinstance(rules, str | os.PathLike) else rules
    if not isinstance(named, Iterable):
        raise TypeError(f"rules must be a path or a sequence of paths, not {kind(rules)}")
    return [file for path in named for file in _files(path)]


def _files(path: object) -> list[str]:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"rules must be a path or a sequence of paths, not of {kind(path)}")
    place = os.path.expanduser(os.fsdecode(path))
    if place.startswith(PACK):
        return [_pack(place.removeprefix(PACK))]
    if os.path.isdir(place):
        return _in_folder(place)
    if not os.path.isfile(place):
        raise ValueError(f"rules: there is no file or folder {place}")
    return [place]


def _in_folder(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        say(f"rules:{folder}", f"the rules in {folder} do not travel with the run: {error}")
        return []
    return [os.path.join(folder, n) for n in names if n.endswith(_SUFFIXES) and not n.endswith(_TESTS)]


def _pack(name: str) -> str:
    from walert.resources import pack_path

    try:
        return str(pack_path(name))
    except KeyError as error:
        raise ValueError(f"rules: {error.args[0]}") from None


def copy(files: list[str], folder: str) -> None:
    """Copy rule files to `FOLDER/rules`, each whole or not at all. What cannot be copied is said, never raised."""
    taken: set[str] = set()
    for file in files[:MAX_FILES]:
        try:
            _copy(file, os.path.join(folder, "rules"), taken)
        except (OSError, ValueError) as error:
            say(f"rules:{file}", f"the rules in {file} do not travel with the run: {error}")
    if len(files) > MAX_FILES:
        say("rules", f"only the first {MAX_FILES} of {len(files)} rule files travel with the run")


def _copy(file: str, folder: str, taken: set[str]) -> None:
    with open(file, "rb") as source:
        content = source.read(MAX_SIZE + 1)
    if len(content) > MAX_SIZE:
        raise ValueError(f"over {MAX_SIZE} bytes")
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, _free_name(os.path.basename(file), taken))
    temporary = f"{target}.{os.getpid()}.tmp"
    with open(temporary, "wb") as copied:
        copied.write(content)
    os.replace(temporary, target)


def _free_name(name: str, taken: set[str]) -> str:
    stem, suffix = os.path.splitext(name)
    free, number = f"{stem}.yaml" if suffix in _SUFFIXES else f"{name}.yaml", 1
    while free in taken:
        number += 1
        free = f"{stem}-{number}.yaml"
    taken.add(free)
    return free
