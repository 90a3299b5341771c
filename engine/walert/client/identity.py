"""Who this process is: the run's id, its rank, its names on disk, and the facts by which its end can be told later."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

RANKS = (
    ("RANK", ("WORLD_SIZE",)),
    ("LOCAL_RANK", ("LOCAL_WORLD_SIZE", "WORLD_SIZE")),
    ("SLURM_PROCID", ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")),
    ("OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",)),
    ("PMI_RANK", ("PMI_SIZE",)),
)
MAX_NAME = 100  # bytes of a name on disk
_STANDALONE = "none"  # what torchrun says as its run id when it was given none


class Identity(NamedTuple):
    """A run's id. `restarts` is what the scheduler says of earlier attempts; `shared` marks ids that other processes have, too."""

    id: str
    restarts: int | None = None
    shared: bool = True


class Rank(NamedTuple):
    """The place of this process among the processes of its run, from 0, and how many they are."""

    rank: int
    world_size: int


def setting(environ: Mapping[str, str], name: str) -> str | None:
    """`$WALERT_NAME`, else `$WANDB_NAME`, else None; empty is not set."""
    return environ.get(f"WALERT_{name}") or environ.get(f"WANDB_{name}") or None


def identify(explicit: str | None, environ: Mapping[str, str], nth: int = 1) -> Identity:
    """The run's id: explicit, by environment, by scheduler, by launcher, or a new one.

    A scheduler knows one id a job; the second and later runs that one process begins (`nth`) get `-2` and so on behind it.
    """
    restarts = _whole(environ.get("SLURM_RESTART_COUNT"))
    named = explicit or setting(environ, "RUN_ID")
    if named:
        return Identity(named, restarts)
    scheduled = _scheduled(environ) or _launched(environ)
    if scheduled:
        return Identity(scheduled if nth == 1 else f"{scheduled}-{nth}", restarts)
    return Identity(os.urandom(5).hex(), shared=False)


def _scheduled(environ: Mapping[str, str]) -> str | None:
    if job := environ.get("SLURM_JOB_ID"):
        task = environ.get("SLURM_ARRAY_TASK_ID")
        return f"{job}_{task}" if task else job
    torch = environ.get("TORCHELASTIC_RUN_ID")
    return torch if torch and torch != _STANDALONE else None


def _launched(environ: Mapping[str, str]) -> str | None:
    """An id that the ranks below one launcher share although it gave them none: made of the launcher's process."""
    if not any(_whole(environ.get(variable)) is not None for variable, _ in RANKS):
        return None
    launcher = os.getppid()
    facts = (os.uname().nodename, boot_id(), launcher, started(launcher))
    return f"{zlib.crc32(repr(facts).encode()):08x}"


def rank_of(environ: Mapping[str, str]) -> Rank:
    """Rank and world size by the launcher's variables; 0 of 1 without any."""
    for variable, sizes in RANKS:
        rank = _whole(environ.get(variable))
        if rank is not None:
            known = [size for size in map(_whole, map(environ.get, sizes)) if size is not None]
            return Rank(rank, max(rank + 1, *known[:1]) if known else rank + 1)
    return Rank(0, 1)


SCHEDULERS = (
    ("SLURM_JOB_ID", "Slurm"),
    ("PBS_JOBID", "PBS"),
    ("LSB_JOBID", "LSF"),
    ("SGE_TASK_ID", "Grid Engine"),
    ("_CONDOR_SLOT", "HTCondor"),
    ("FLUX_JOB_ID", "Flux"),
    ("KUBERNETES_SERVICE_HOST", "Kubernetes"),
    ("AWS_BATCH_JOB_ID", "AWS Batch"),
)
"""A variable by which each is known."""


def scheduler(environ: Mapping[str, str]) -> str | None:
    """The scheduler that this process runs below and that may take the machine away by SIGTERM, or None."""
    return next((name for variable, name in SCHEDULERS if environ.get(variable)), None)


def may_restart(environ: Mapping[str, str]) -> bool:
    """Whether a launcher starts this process again should it fail: torchrun, as long as it has restarts left."""
    done, most = (_whole(environ.get(f"TORCHELASTIC_{name}")) for name in ("RESTART_COUNT", "MAX_RESTARTS"))
    return most is not None and (done or 0) < most


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def script_name() -> str:
    """The stem of the running script, the package's name for `python -m package`, or `interactive`."""
    path = str((getattr(sys, "argv", None) or [""])[0])
    base = os.path.basename(path)
    if base in ("", "-c", "-m", "-") or in_jupyter():
        return "interactive"
    if base == "__main__.py":
        base = os.path.basename(os.path.dirname(path)) or "interactive"
    return base.removesuffix(".py") or base


def in_jupyter() -> bool:
    """Whether this is a notebook's kernel."""
    return "ipykernel" in sys.modules


def on_disk(name: str, *, unique: bool = False) -> str:
    """`name` as a file name: letters, digits, `.`, `_`, `-`; other characters become `_`; not hidden, not too long.

    With `unique`, a name that had to be changed gets a checksum, so that two different ones stay different.
    """
    clean = "".join(c if c.isalnum() or c in "._-" else "_" for c in name.encode("utf-8", "replace").decode())
    clean = clean.lstrip(".-").encode()[:MAX_NAME].decode(errors="ignore") or "run"
    if not unique or clean == name:
        return clean
    return f"{clean}.{zlib.crc32(name.encode('utf-8', 'surrogatepass')):08x}"


def run_folder(runs: str, project: str | None, name: str, identity: Identity) -> str:
    """The folder of a run: `RUNS/PROJECT/NAME-ID`, or the one that an earlier attempt or another rank made for the same id."""
    parent = os.path.join(runs, on_disk(project or "default"))
    end = f"-{on_disk(identity.id, unique=True)}"
    own = on_disk(name) + end
    if identity.shared and not os.path.isdir(os.path.join(parent, own)):
        own = next(iter(sorted(n for n in _names(parent) if n.endswith(end))), own)
    return os.path.join(parent, own)


def _names(folder: str) -> Iterable[str]:
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return ()


def process_facts() -> dict[str, Any]:
    """What a start record says of this process, so that a daemon on the same host can tell whether it still lives."""
    return {
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "pid_start": started(os.getpid()),
        "boot_id": boot_id(),
        "pid_namespace": _namespace(),
        "script": str((getattr(sys, "argv", None) or [""])[0])[:1000],
        "python": sys.version.split()[0],
        "jupyter": in_jupyter(),
    }


def started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (field 22 of `/proc/PID/stat`), or None where that is not known."""
    text = _read(f"/proc/{pid}/stat")
    fields = text.rpartition(")")[2].split() if text else []
    return int(fields[19]) if len(fields) > 19 else None


def boot_id() -> str | None:
    """The kernel's id of this boot, or None."""
    return _read("/proc/sys/kernel/random/boot_id")


def _namespace() -> int | None:
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return None


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096).strip() or None
    except OSError:
        return None
