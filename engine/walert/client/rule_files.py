"""Rules that travel with a run: copied into its folder at `init(rules=...)`, so that it can be replayed as it was judged."""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Iterable

from walert.client.arguments import kind
from walert.client.notice import say

MAX_FILES = 200
MAX_SIZE = 1 << 20  # bytes of all files together; more a walertd would not read
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
    """Copy rule files to `FOLDER/rules`, all at once, unless the run has rules already: what judges a run does not change on its way.

    Every rank may try; the first one's copy stays. What cannot be copied is said, never raised.
    """
    target = os.path.join(folder, "rules")
    texts = _texts(files)
    try:
        if os.path.isdir(target):
            _tell_if_others(texts, target)
        elif texts:
            _put(texts, target)
    except (OSError, ValueError) as error:
        say(f"rules:{folder}", f"the rules do not travel with the run: {error}")


def _texts(files: list[str]) -> dict[str, bytes]:
    """The bytes of each file, by the name that its copy gets."""
    found: dict[str, bytes] = {}
    left = MAX_SIZE
    for file in files[:MAX_FILES]:
        try:
            text = _read(file, left)
        except (OSError, ValueError) as error:
            say(f"rules:{file}", f"the rules in {file} do not travel with the run: {error}")
            continue
        found[_free_name(os.path.basename(file), found)] = text
        left -= len(text)
    if len(files) > MAX_FILES:
        say("rules", f"only the first {MAX_FILES} of {len(files)} rule files travel with the run")
    return found


def _read(file: str, left: int) -> bytes:
    with open(file, "rb") as source:
        text = source.read(left + 1)
    if len(text) > left:
        raise ValueError(f"with it they are over {MAX_SIZE} bytes")
    return text


def _put(texts: dict[str, bytes], target: str) -> None:
    """Make the folder under another name first, so that nobody ever sees half of it."""
    temporary = f"{target}.{os.urandom(4).hex()}.tmp"
    os.makedirs(temporary)
    try:
        for name, text in texts.items():
            with open(os.path.join(temporary, name), "wb") as copied:
                copied.write(text)
        os.rename(temporary, target)
    except OSError as error:
        _remove(temporary)
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another rank was faster
            raise


def _remove(folder: str) -> None:
    try:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:  # what stays is no copy: nobody reads a folder of this name
        pass


def _tell_if_others(texts: dict[str, bytes], target: str) -> None:
    held = {name: _read(os.path.join(target, name), MAX_SIZE) for name in os.listdir(target) if name in texts}
    if held != texts:
        say("rules-kept", f"the run goes on by the rules it began with, in {target}; a new run takes the new ones.")


def _free_name(name: str, taken: Container[str]) -> str:
    stem, suffix = os.path.splitext(name)
    free, number = f"{stem}.yaml" if suffix in _SUFFIXES else f"{name}.yaml", 1
    while free in taken:
        number += 1
        free = f"{stem}-{number}.yaml"
    return free
