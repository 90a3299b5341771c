"""What the hooks share: the run that they write into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from walert.client import Run, init, present


class HookRun:
    """The present run, or, where there is none, one that is begun with `arguments` of `walert.init()` when it is first needed.

    Pickles without the run, for frameworks that send their hooks to other processes.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.arguments = dict(arguments)
        self._run: Run | None = None
        self._own = False

    @property
    def begun(self) -> bool:
        """Whether there is a run, begun by whomever."""
        return self._run is not None and not self._run.ended

    def begin(self, config: Mapping[str, Any] | None = None, name: str | None = None, steps: int | None = None) -> Run:
        """The run. `config` adds what the run's own does not say; `name` and `steps` are for a run that is begun here and was given none."""
        if self._run is None or self._run.ended:
            there = present()
            self._own = there is None or there.ad_hoc
            self._run = init(**{"name": name, "steps": steps} | self.arguments) if there is None or self._own else there
        self._run.config.setdefaults(config or {})
        return self._run

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Append a record, of what is a number in `values`."""
        self.begin().log({str(name): value for name, value in values.items() if may_count(value)}, step)

    def end(self, exit_code: int = 0) -> None:
        """End the run if the hook began it."""
        run, self._run = self._run, None
        if run is not None and self._own:
            run.finish(exit_code)

    def __getstate__(self) -> dict[str, Any]:
        return {"arguments": self.arguments, "_run": None, "_own": False}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.arguments, self._run, self._own = state["arguments"], None, False


def may_count(value: object) -> bool:
    """Whether a value may be a number: frameworks log texts and flags beside them, each time, which is no news to their user."""
    return value is not None and not isinstance(value, str | bytes | bool | list | tuple)
