"""console://: readable lines for people and for pipes."""

import io

from loopback import alert, message

from walert.deliver import build_receiver, validate
from walert.deliver.console import ConsoleReceiver
from walert.model import Delivered, Temporary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Ascii(io.StringIO):
    encoding = "ascii"


def written(stream: io.StringIO, environ: dict[str, str], **changes) -> str:
    assert ConsoleReceiver("console", stream, environ=environ).send(message(**changes)) == Delivered()
    return stream.getvalue()


def test_a_pipe_gets_plain_lines():
    text = written(io.StringIO(), {})
    assert text.startswith("🟡 WARN  Low accuracy\n   acc 0.712 is under 0.8\n\n   values: acc = 0.712\n")
    assert text.endswith("   alert: a1b2c3d4\n\n")
    assert "\x1b" not in text


def test_a_terminal_gets_colours_unless_no_color_is_set():
    assert "\x1b[1;33mWARN\x1b[0m" in written(Terminal(), {"TERM": "xterm"})
    assert "\x1b" not in written(Terminal(), {"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b" not in written(Terminal(), {"TERM": "dumb"})


def test_nothing_in_a_message_drives_the_terminal():
    text = written(io.StringIO(), {}, title="a\x1b]0;owned\x07", text="b\x1b[2J", values={"\x9b31m": 1.0})
    assert not set(text) & set("\x1b\x07\x9b")


def test_a_console_without_utf8_gets_escapes():
    assert "\\U0001f7e1 WARN  caf\\xe9" in written(Ascii(), {}, title="café")


def test_a_closed_console_is_a_temporary_failure():
    stream = io.StringIO()
    stream.close()
    outcome = ConsoleReceiver("console", stream).send(message())
    assert outcome == Temporary("standard output is closed")


def test_a_console_url_goes_to_the_stream_given_or_to_standard_output(capsys):
    stream = io.StringIO()
    build_receiver("console", "console://", stream=stream).send(message())
    build_receiver("console", "console://").send(message(title="to stdout"))
    build_receiver("console", "console://stderr").send(message(title="to stderr"))
    shown = capsys.readouterr()
    assert "Low accuracy" in stream.getvalue()
    assert "to stdout" in shown.out and "to stderr" in shown.err


def test_only_console_urls_that_mean_something_are_valid():
    assert validate("console://") is None
    assert validate("console://stderr") is None
    assert validate("console://somewhere") == "console:// takes nothing, `stdout` or `stderr` after it"


def test_a_message_is_shown_whole_as_an_alert_reads():
    assert "held back: 3 similar" in written(io.StringIO(), {}, suppressed=3)
    assert alert().title in written(io.StringIO(), {})
