"""The fast way over quiet lines: those of one form on which no rule's state moves. Most lines of most logs are quiet.

    lines -> one generated loop a (rule set, form, state) -> how many were quiet -> the fold, as if it had seen each of them

The fold is the reference and decides everything that is not quiet: on the first line that could matter, the loop stops and
the fold goes on from exactly the state that it would have had. A line is quiet when all its numbers are of the kind that the
loop was made for, its step is the highest yet, and each rule that it judges either stays inactive or goes on firing while
nothing would be said of that.
"""

from __future__ import annotations

from walert.rules.skim.cover import Form
from walert.rules.skim.skimmer import Hush, Lines, Skimmed, Skimmer, settle

__all__ = ["Form", "Hush", "Lines", "Skimmed", "Skimmer", "settle"]
