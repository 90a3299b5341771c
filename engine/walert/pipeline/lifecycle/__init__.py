"""The life of runs: what the log of each of its processes says, what is seen of those processes, and what that makes of the run."""

from __future__ import annotations

from walert.pipeline.lifecycle.keeper import Keeper, News
from walert.pipeline.lifecycle.member import Facts, Member

__all__ = ["Facts", "Keeper", "Member", "News"]
