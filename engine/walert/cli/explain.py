"""Why a rule did or did not fire, or what an alert came from.

RUN TITLE judges the run's logs again and shows the last judgements of the rule: each comparison with its values, what it waits for, the
state, and what the cooldown holds back. RUN is a run's name or id, `*` and `?` allowed. ID, an alert's id as a message or `walert alerts`
shows it, gives its proof, the transitions before it, and what became of its messages; the id of a message of several alerts, such as m17,
gives those, and the tries of its delivery. With --log no daemon and no state file is needed.
"""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import os
from collections import deque
from collections.abc import Iterable, Sequence

from walert.cli.common import configuration, plural, print_rows, print_table, reader, safe, state_configuration, warn
from walert.cli.exits import FINE, PROBLEMS, USAGE, ExitCode
from walert.cli.explain_message import explain_message, number_of
from walert.cli.explain_text import lines, moment, rows
from walert.cli.judging import all_log_files, load, rule_patterns, run_rules, size_of
from walert.cli.progress import Bar
from walert.config import Config
from walert.model import Source
from walert.pipeline.explain import LAST, Explanation, titles_of
from walert.pipeline.logs import LogFile, run_of
from walert.pipeline.replay import shown_run
from walert.store.reader import Reader
from walert.store.values import AlertRow, HappeningRow, RunRow
from walert.tail.discover import covers, root_of
from walert.template import number

_STATES = ("pending", "firing", "resolved", "closed", "suppressed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert explain`."""
    parser.usage = "walert explain [OPTION...] RUN TITLE\n       walert explain [OPTION...] ID"
    parser.add_argument(
        "what", nargs="+", metavar="WHAT", help="a run and a rule's title, or the id of an alert or a message"
    )
    parser.add_argument(
        "--log",
        action="append",
        metavar="LOG",
        help="judge this log or folder, whatever walertd follows; may be repeated",
    )
    parser.add_argument(
        "--rules", action="append", metavar="PATH", help="rules instead of those of the configuration; may be repeated"
    )
    parser.add_argument(
        "--source", action="append", default=[], metavar="KEY=VALUE", help="with --log: an option of a `watch` entry"
    )
    parser.add_argument(
        "-n", "--last", type=_count, default=LAST, metavar="N", help=f"how many judgements (default: {LAST})"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a judgement, then one for how things stand"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:7]) <= 100_000:
        raise argparse.ArgumentTypeError("a number from 1 to 100000 belongs here")
    return int(text)


def main(args: argparse.Namespace) -> int:
    """Explain. Exit code 0; 1 when the rule is not for the run; 2 when there is no such run, rule, alert or log; 3 without a state file."""
    if len(args.what) > 2 or (len(args.what) == 1 and args.log is not None):
        raise ExitCode(
            USAGE, 'walert: give RUN TITLE, each in quotes where it holds blanks ("*" is every run), or an alert\'s ID.'
        )
    if len(args.what) == 1:
        return _explain_alert(args, args.what[0])
    run, title = args.what
    rules = load(rule_patterns(args.rules, args.config))
    files = _given(args, run) if args.log is not None else _followed(configuration(args.config), run)
    carried = run_rules(rules, args.rules)
    try:
        title = _title(title, titles_of(files, rules, carried))
        explanation = Explanation(rules, files, title, args.last, carried)
        with Bar("explain", size_of(files)) as bar:
            found = explanation.explain(bar.add)
    except OSError as error:
        raise ExitCode(USAGE, f"walert: {error.filename}: {error.strerror}.") from None
    for each in found:
        if args.json:
            print_rows(rows(each))
        else:
            print("\n".join([*(safe(line) for line in lines(each)), ""]))
    for name, rule in explanation.unselected:
        wanted = ", ".join(f"{key} {value!r}" for key, value in rule.runs.items())
        warn(safe(f"{rule.origin}: `{title}` is for other runs than {name}: its `runs` asks for {wanted}."))
    if not found and not explanation.unselected:
        warn("there is no record to judge yet.")
    return FINE if found else PROBLEMS


# --- which rule, which logs


def _title(given: str, titles: Sequence[str]) -> str:
    """The one title that is meant. Raises `ExitCode` with the nearest ones."""
    found = [t for t in titles if t == given] or [
        t for t in titles if fnmatch.fnmatchcase(t.casefold(), given.casefold())
    ]
    if len(found) != 1:
        what = f"{plural(len(found), 'rule')} match" if found else "there is no rule titled"
        raise ExitCode(USAGE, safe(f"walert: {what} {given!r}. {_hint(given, found or titles)}"))
    return found[0]


def _hint(given: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(given, names, 5, 0.4) or list(names[:5])
    return f"Nearest: {', '.join(repr(name) for name in near)}." if near else "There are none."


def _matches(given: str, *names: str) -> bool:
    return any(name == given or fnmatch.fnmatchcase(name, given) for name in names)


def _given(args: argparse.Namespace, run: str) -> list[LogFile]:
    """The files of --log that belong to the run."""
    files = [(file, run_of(file)) for file in all_log_files(args.log, args.source)]
    found = [file for file, each in files if _matches(run, each.id, each.name, shown_run(file, each))]
    if not found:
        raise _no_run(run, [shown_run(file, each) for file, each in files])
    return found


def _followed(config: Config, run: str) -> list[LogFile]:
    """The files of the run that walertd follows or followed, by path."""
    with reader(config) as state:
        known = state.runs()
        wanted = {row.id for row in known if _matches(run, row.id, row.name)}
        if not wanted:
            raise _no_run(run, _names(known))
        paths = sorted({stream.path for stream in state.streams() if stream.run in wanted})
    gone = [path for path in paths if not os.path.isfile(path)]
    for path in gone:
        warn(safe(f"{path} is gone: what it held cannot be judged again."))
    if len(gone) == len(paths):
        raise ExitCode(USAGE, safe(f"walert: no log of {run!r} is there any more."))
    return [_log_file(config, path) for path in paths if path not in gone]


def _names(known: Iterable[RunRow]) -> list[str]:
    return [row.name for row in known]


def _no_run(run: str, names: Sequence[str]) -> ExitCode:
    return ExitCode(USAGE, safe(f"walert: there is no run {run!r}. {_hint(run, list(dict.fromkeys(names)))}"))


def _log_file(config: Config, path: str) -> LogFile:
    """A followed file, read as its `watch` entry says."""
    source = next((s for s in config.sources if covers(s, path)), None) or Source(path=path)
    below = os.path.relpath(path)
    return LogFile(path, path if below.startswith("..") else below, root_of(source), source)


# --- an alert


def _explain_alert(args: argparse.Namespace, given: str) -> int:
    with reader(state_configuration(args.config)) as state:
        if (number_of_message := number_of(given)) is not None:
            return explain_message(state, number_of_message, as_json=args.json)
        row = _alert(state, given)
        before = _before(state, row, args.last)
    if args.json:
        print_rows(
            [
                {
                    "alert": row.alert,
                    "verdict": row.verdict,
                    "why": row.why,
                    "transitions": before,
                    "messages": row.messages,
                }
            ]
        )
    else:
        _show_alert(row, before)
    return FINE


def _alert(state: Reader, given: str) -> AlertRow:
    found = state.alert(given)
    if found is not None:
        return found
    known = [row for row in state.alerts() if len(given) >= 4 and row.alert.id.startswith(given)]
    if len(known) != 1:
        what = f"{plural(len(known), 'alert')} begin with" if known else "there is no alert"
        hint = "`walert alerts` lists them; for a rule give RUN TITLE."
        raise ExitCode(USAGE, safe(f"walert: {what} {given!r}. {hint}"))
    return known[0]


def _before(state: Reader, row: AlertRow, last: int) -> list[HappeningRow]:
    """The transitions of the alert's title in its run, up to the one that it tells of."""
    kept: deque[HappeningRow] = deque(maxlen=last)
    seq = 0
    while page := state.happenings(seq, run_id=row.alert.run.id, kinds=_STATES):
        seq = page[-1].seq
        kept.extend(h for h in page if h.payload.get("title") == row.alert.title and _is_before(h, row))
    return list(kept)


def _is_before(h: HappeningRow, row: AlertRow) -> bool:
    """One pass decides many lines at one moment: within the alert's own log the lines tell what came first."""
    log, _, line = row.alert.log.rpartition(":")
    if h.payload.get("file") == log and line.isdigit():
        return int(h.payload.get("line") or 0) <= int(line)
    return h.at <= row.alert.at


def _show_alert(row: AlertRow, before: Sequence[HappeningRow]) -> None:
    alert = row.alert
    step = f", step {number(alert.step)}" if alert.step is not None else ""
    parts = [
        f"{alert.title} [{alert.level}], {alert.kind}, of {alert.run.name}",
        f"  {alert.log}{step}" + (f", {moment(alert.time)}" if alert.time is not None else ""),
        f"  {alert.text}",
        "  values: " + (", ".join(f"{name} = {number(value)}" for name, value in alert.values.items()) or "none"),
        *([f"  trend: {alert.sparkline}"] if alert.sparkline else []),
        f"  rule: {alert.origin or 'none, an alert() call' if alert.kind == 'alert' else alert.origin or 'none'}",
        f"  id {alert.id}, decided {moment(alert.at)}, {alert.suppressed} suppressed before it",
    ]
    print("\n".join(safe(part) for part in parts))
    if before:
        print("\ntransitions before it:")
        print_table(("when", "line", "step", "state", "why"), [_happening(h) for h in before])
    if row.messages:
        print("\nmessages:")
        table = [(m.id, m.receiver, m.state, m.tries, m.route or "", m.reason or "") for m in row.messages]
        print_table(("id", "receiver", "state", "tries", "route", "reason"), table)
    else:
        print(f"\nno message: {safe(row.why or 'listed only')}")


def _happening(h: HappeningRow) -> tuple[object, ...]:
    p = h.payload
    return moment(p.get("time") or h.at), p.get("line", ""), p.get("step", ""), h.kind, p.get("why", "")
