"""How often the kernel killed for want of memory in this process's cgroup: more often after a process was killed than before tells why."""

from __future__ import annotations

import os

CGROUPS = "/sys/fs/cgroup"


def oom_kills(own: str = "/proc/self/cgroup", root: str = CGROUPS) -> int | None:
    """The count of the nearest cgroup that keeps one, of version 2 or 1; None where none does."""
    for place in _places(_read(own), root):
        for line in _read(place).splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill" and count.isdigit():
                return int(count)
    return None


def _places(listing: str, root: str) -> list[str]:
    found = []
    for line in listing.splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            found += [os.path.join(root, path.lstrip("/"), "memory.events"), os.path.join(root, "memory.events")]
        elif "memory" in controllers.split(","):
            memory = os.path.join(root, "memory")
            found += [os.path.join(memory, path.lstrip("/"), "memory.oom_control"), f"{memory}/memory.oom_control"]
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65_536)
    except OSError:
        return ""
