"""`walert VERB`: one module a verb. A verb is imported when it is called, so that `walert --help` costs nothing."""

from __future__ import annotations

import argparse
import errno
import gc
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence

from walert.cli.exits import PROBLEMS, USAGE, ExitCode

VERBS: dict[str, str] = {
    "init": "write a commented walert.yaml and rules/walert.yaml",
    "check": "every problem of every rule and config file, in one pass",
    "test": "run the tests of rules: series in, transitions and messages out",
    "replay": "judge logs, deliver nothing: what would have been sent",
    "explain": "why a rule did or did not fire: each judgement with its values",
    "run": "run a command as a run: how it ends is told, with its stderr",
    "send": "send a test message through one receiver",
    "receivers": "who can be told; test sends a message through each",
    "status": "what the daemon follows, what fires, what waits",
    "runs": "the runs: how each is, where it stands, what fires in it",
    "alerts": "what was sent or listed",
    "outbox": "what waits for delivery or is dead; retry or drop it",
    "silence": "keep alerts quiet for a time: by title, run, project, level",
    "source": "how a log would be read: format, step, time, nulls, options",
    "packs": "the rule packs that ship with walert",
    "suggest": "rules learned from past healthy runs, proved silent there",
    "schema": "the JSON Schemas of rule, config and log files",
    "service": "install the systemd unit of walertd, for you or for the host",
    "demo": "a real diverging training run, judged and told about, in seconds",
}


CONFIG_HELP = "the configuration file (default: $WALERT_CONFIG, ./walert.yaml, …)"


class Filled(argparse.RawDescriptionHelpFormatter):
    """Paragraphs of a description are filled to the terminal's width; examples, which are indented, stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        import textwrap

        return "\n\n".join(
            part if part.startswith(" ") else textwrap.fill(part, width, break_on_hyphens=False)
            for part in text.strip("\n").split("\n\n")
        )


def main(argv: Sequence[str] | None = None) -> int:
    """The command `walert`. Returns the exit code: 0 fine, 1 problems found, 2 usage or configuration, 3 not running, 5 delivery failed."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _stand_in(arguments[:1])
    try:
        return guarded(lambda: _printed(arguments))
    finally:
        if argv is None:
            gc.freeze()  # the process ends: what is left need not be searched for cycles


def _printed(arguments: list[str]) -> int:
    """As `_main`; what cannot be printed is told here, and not by the interpreter at its end."""
    try:
        return _main(arguments)
    finally:
        if sys.stdout is not None:  # of `walert run`, started with a closed one
            sys.stdout.flush()


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        _parser().print_help()
        return 0
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"walert {version('walert')}")
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        return _unknown(verb)
    module = importlib.import_module(f"walert.cli.{verb}")
    verb_parser = argparse.ArgumentParser(prog=f"walert {verb}", description=module.__doc__, formatter_class=Filled)
    verb_parser.add_argument("--config", metavar="F", help=CONFIG_HELP)
    module.add_arguments(verb_parser)
    return int(module.main(verb_parser.parse_args(arguments[1:])))


def guarded(call: Callable[[], int]) -> int:
    """Run a command; what walert itself reports becomes a sentence on stderr and an exit code."""
    from walert.errors import WalertError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a title, a file's name that is no text: escaped, no traceback.
            stream.reconfigure(errors="backslashreplace")
    try:
        return call()
    except ExitCode as stop:
        if stop.text:
            print(stop.text, file=sys.stderr)
        return stop.code
    except WalertError as error:
        for problem in getattr(error, "problems", ()):
            print(problem, file=sys.stderr)
        print(f"walert: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        # The reader went away: that is its right.
        _print_no_more()
        return 0
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _print_no_more()
        print(f"walert: the output cannot be written: {error.strerror}.", file=sys.stderr)
        return PROBLEMS
    except KeyboardInterrupt:
        return 130


_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def _print_no_more() -> None:
    """What is still in the buffer of stdout goes nowhere, also at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stand_in(verb: list[str]) -> None:
    """Started with stdout or stderr closed there is nobody to tell, and nothing to fail for. `run` sees to its own, which its command gets."""
    if verb == ["run"] or (sys.stdout is not None and sys.stderr is not None):
        return
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # else the next file opened would take the number
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()


def _nowhere() -> io.TextIOWrapper:
    return open(os.devnull, "w", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    verbs = "\n".join(f"  {name:<10} {text}" for name, text in VERBS.items())
    return argparse.ArgumentParser(
        prog="walert",
        usage="walert VERB [OPTION...]",
        description="Alerts for model training, from the metric logs that runs write.",
        epilog=f"verbs:\n{verbs}\n\n`walert VERB --help` tells more; `walertd` is the daemon.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _unknown(verb: str) -> int:
    import difflib

    near = difflib.get_close_matches(verb, VERBS, 1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Verbs are: {', '.join(VERBS)}."
    print(f"walert: there is no verb `{verb}`. {hint}", file=sys.stderr)
    return USAGE
