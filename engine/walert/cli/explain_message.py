"""What a message tells: the id of a group or digest, such as m17, to its alerts and the tries of its delivery."""

from __future__ import annotations

from collections.abc import Iterator

from walert.cli.common import plural, print_rows, print_table, safe
from walert.cli.exits import FINE, USAGE, ExitCode
from walert.cli.explain_text import moment
from walert.store.reader import Reader
from walert.store.values import HappeningRow, MessageView

_MOST_SHOWN = 50  # alerts in the table; --json has all


def number_of(given: str) -> int | None:
    """The number in `m17`; None for what is no message's id."""
    digits = given[1:]
    return int(digits) if given[:1] == "m" and digits.isdecimal() and len(digits) < 19 else None


def explain_message(state: Reader, number: int, *, as_json: bool) -> int:
    """Print it. Exit code 0; 2 when there is no such message."""
    view = state.message(number)
    if view is None:
        raise ExitCode(USAGE, f"walert: there is no message m{number} (any more): see `walert outbox list --all`.")
    tries = list(_tries(state, view))
    if as_json:
        print_rows([{"message": view.message, "alerts": view.alerts, "tries": tries}])
    else:
        _show(view, tries)
    return FINE


def _tries(state: Reader, view: MessageView) -> Iterator[HappeningRow]:
    seq = 0
    while page := state.happenings(seq, kinds=("try",)):
        seq = page[-1].seq
        yield from (one for one in page if one.payload.get("message") == view.message.id)


def _show(view: MessageView, tries: list[HappeningRow]) -> None:
    row = view.message
    print(safe(f"message m{row.id} to {row.receiver}: {row.state}" + (f": {row.reason}" if row.reason else "")))
    why = f", collected: {row.collect}" if row.collect else ""
    print(
        f"  {plural(len(view.alerts), 'alert')}{why}, born {moment(row.born)}, {plural(row.tries, 'try').replace('trys', 'tries')}"
    )
    if row.bundle is not None and row.bundle != row.id:
        print(f"  it went together with others as message m{row.bundle}: `walert explain m{row.bundle}`")
    print("\nalerts, each for `walert explain ID`:")
    shown = [(a.id, a.level, a.title, a.run.name, a.kind, a.log) for a in view.alerts[:_MOST_SHOWN]]
    print_table(("id", "level", "title", "run", "kind", "log"), shown)
    if len(view.alerts) > _MOST_SHOWN:
        print(f"… and {len(view.alerts) - _MOST_SHOWN} more (--json has all)")
    if tries:
        print("\ntries:")
        print_table(
            ("when", "status", "reason"),
            [(moment(t.at), t.payload["status"], t.payload["reason"] or "") for t in tries],
        )
