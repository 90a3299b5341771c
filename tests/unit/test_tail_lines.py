"""Framing: any bytes in any pieces become complete lines in order, and what is no line is told."""

import pytest

from walert.model import Flaw
from walert.tail.lines import LineBuffer


def fed(*chunks, **options):
    """Lines and flaws of a file that is read in these pieces, and the buffer after it."""
    buffer = LineBuffer(**options)
    pieces = [piece for chunk in chunks for piece in buffer.feed(chunk)]
    found = [line for piece in pieces if not isinstance(piece, Flaw) for line in piece.lines]
    return found, [piece for piece in pieces if isinstance(piece, Flaw)], buffer


def test_a_partial_line_waits_until_its_newline_is_there():
    """Catalogue 37."""
    buffer = LineBuffer()
    assert buffer.feed(b'{"a": 1') == []
    assert (buffer.offset, buffer.line) == (0, 0)
    [piece] = buffer.feed(b"}\n")
    assert piece.lines == [b'{"a": 1}']
    assert (buffer.offset, buffer.line) == (9, 1)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_pieces_of_any_size_give_the_same_lines(size):
    """Catalogue 41: a boundary inside a character, a boundary before a newline."""
    data = '{"a": "é€😀"}\n\n{"b": 2}\r\n'.encode()
    whole, _, end = fed(data)
    found, flaws, buffer = fed(*(data[i : i + size] for i in range(0, len(data), size)))
    assert found == whole and flaws == []
    assert (buffer.offset, buffer.line) == (end.offset, end.line) == (len(data), 3)


def test_a_writer_that_is_killed_in_a_line_costs_that_line_and_the_one_glued_to_it():
    """Catalogue 40."""
    found, flaws, _ = fed(b'{"a": 1}\n{"b', b'{"c": 3}\n{"d": 4}\n')
    assert found == [b'{"a": 1}', b'{"b{"c": 3}', b'{"d": 4}'] and flaws == []


def test_carriage_returns_and_blank_lines_keep_their_numbers():
    """Catalogue 42."""
    found, flaws, buffer = fed(b'{"a": 1}\r\n\n  \n\r\n{"b": 2}\n')
    assert found == [b'{"a": 1}\r', b"", b"  ", b"\r", b'{"b": 2}']
    assert flaws == [] and buffer.line == 5


def test_a_byte_order_mark_is_blanks_at_the_beginning_and_data_elsewhere():
    """Catalogue 42."""
    mark = b"\xef\xbb\xbf"
    found, _, buffer = fed(mark + b'{"a": 1}\n' + mark + b"x\n")
    assert found == [b'   {"a": 1}', mark + b"x"]
    assert buffer.offset == 17


def test_a_line_that_is_too_long_is_one_flaw_and_the_next_is_read():
    """Catalogue 43."""
    found, flaws, buffer = fed(b"a\n" + b"x" * 20 + b"\nb\n", max_line=10)
    assert found == [b"a", b"b"]
    assert [(flaw.line, flaw.offset, flaw.size) for flaw in flaws] == [(2, 2, 21)]
    assert (buffer.offset, buffer.line) == (25, 3)


def test_a_line_that_is_too_long_is_the_same_flaw_in_small_pieces_and_never_held_in_memory():
    """Catalogue 43."""
    buffer = LineBuffer(max_line=10)
    told = [piece for _ in range(1000) for piece in buffer.feed(b"xxxx")]
    assert [flaw.line for flaw in told] == [1]
    assert buffer.discarding and buffer.tail == b""
    assert buffer.offset == buffer.end == 4000
    [piece] = buffer.feed(b"xx\nok\n")
    assert (piece.lines, piece.number, piece.offset) == ([b"ok"], 2, 4003)


def test_a_restart_inside_a_line_that_is_too_long_goes_on_discarding():
    """Catalogue 44."""
    found, flaws, buffer = fed(b"xxx\nok\n", offset=4000, line=1, discarding=True, max_line=10)
    assert found == [b"ok"] and flaws == []
    assert (buffer.offset, buffer.line) == (4007, 2)


def test_binary_data_is_lines_for_the_decoder_to_count():
    """Catalogue 45."""
    found, flaws, _ = fed(b'{"a": 1}\n\xff\xfe\x00\x01\n{"b": 2}\n')
    assert found == [b'{"a": 1}', b"\xff\xfe\x00\x01", b'{"b": 2}'] and flaws == []


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_nulls_before_a_line_are_no_part_of_it(size):
    """Catalogue 22."""
    data = b'{"a": 1}\n' + b"\0" * 5000 + b'{"b": 2}\n\0\0\n\0{"c": 3}\n'
    found, flaws, buffer = fed(*(data[i : i + size] for i in range(0, len(data), size)))
    assert found == [b'{"a": 1}', b'{"b": 2}', b"  ", b' {"c": 3}']
    assert [(flaw.line, flaw.offset, flaw.size) for flaw in flaws] == [(0, 9, 5000)]
    assert (buffer.offset, buffer.line) == (len(data), 4)


def test_nulls_at_the_end_are_not_passed_before_something_follows_them():
    """Catalogue 63: whoever maps the file may still fill them."""
    found, flaws, buffer = fed(b'{"a": 1}\n' + b"\0" * 100)
    assert found == [b'{"a": 1}'] and flaws == []
    assert buffer.offset == 9 and buffer.end == 109 and buffer.unwritten


def test_megabytes_of_nulls_take_no_memory():
    """Catalogue 22."""
    buffer = LineBuffer()
    for _ in range(100):
        assert buffer.feed(bytes(65536)) == []
        assert buffer.tail == b""
    buffer.skip(1 << 40)
    flaw, piece = buffer.feed(b"x\n")
    assert flaw.size == (1 << 40) + 6553600 and piece.lines == [b"x"]
