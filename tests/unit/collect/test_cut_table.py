"""Tables: CSV whose header travels with every record, JSON by its first byte."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.collect.cut import Cuts
from ombud.collect.cut_table import SniffingTableCutter, TableCutter, split_row
from ombud.collect.sources import get_source

HEADER = "id,text"


def is_header(columns: list[str]) -> bool:
    """Tell a header by its first column."""
    return columns[0] == "id"


def cut(data: bytes, *, size: int = 1 << 20) -> Cuts:
    """Return what is cut of the data, fed in pieces."""
    cutter, cuts = SniffingTableCutter(is_header), Cuts()
    for start in range(0, len(data), size):
        cutter.feed(data[start : start + size], cuts)
    cutter.finish(cuts)
    return cuts


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_records_carry_their_header(size: int) -> None:
    """Records may span lines; terminators, blank lines, repeated headers are left out."""
    cuts = cut(b'\xef\xbb\xbfid,text\r\n1,"a\r\nb, ""c"""\r\n\r\nid,text\r\n2,d', size=size)

    assert cuts.raws == [b'id,text\n1,"a\r\nb, ""c"""', b"id,text\n2,d"]
    assert cuts.lines == [2, 6]
    assert cuts.faults == []


def test_a_quote_that_is_never_closed() -> None:
    """It costs its own line; what follows is read."""
    cuts = cut(b'id,text\n1,"torn\n2,b\n3,"c"\n4,d\n')

    assert cuts.raws == [b"id,text\n2,b", b'id,text\n3,"c"', b"id,text\n4,d"]
    assert [(fault.line, fault.head) for fault in cuts.faults] == [(2, b'1,"torn')]


def test_two_torn_quotes_do_not_make_a_record() -> None:
    """Two halves that together have too many columns are two faults at most, not one record."""
    cuts = cut(b'id,text\n1,"torn,\nx"y,2,"z\n5,e\n')

    assert cuts.raws[-1] == b"id,text\n5,e"
    assert b"torn" in cuts.faults[0].head


def test_what_stands_before_a_header() -> None:
    """A file of another kind comes out line by line, for the source to refuse."""
    assert cut(b"%PDF\nid,text\n1,a\n").raws == [b"%PDF", b"id,text\n1,a"]
    assert split_row(b"%PDF") is None


def test_json_by_its_first_byte() -> None:
    """JSON is cut as JSON, also behind blank lines and also in an array."""
    assert cut(b'\n\n{"a":1}\n{"a":2}\n').lines == [3, 4]
    assert cut(b'[{"a":1},{"a":2}]').raws == [b'{"a":1}', b'{"a":2}']
    assert cut(b" \n").raws == []


def test_what_breaks_off() -> None:
    """The last line of packed data that breaks off is a fault, or where it began."""
    for data in (b"id,text\n1,a", b'id,text\n1,"a\nb'):
        cutter, cuts = TableCutter(is_header), Cuts()
        cutter.feed(data, cuts)
        cutter.finish(cuts, reason="the gzip file breaks off")
        assert cuts.faults[0].reason == "the gzip file breaks off"
    sniffer, cuts = SniffingTableCutter(is_header), Cuts()
    sniffer.finish(cuts, reason="the gzip file breaks off")
    assert len(cuts.faults) == 1


def test_unfinished_last_line() -> None:
    """A last line without terminator is offered as a record, unless a quote is open."""
    for data, offered in ((b"id,text\n1,a", b"id,text\n1,a"), (b'id,text\n1,"a', b"")):
        cutter, cuts = SniffingTableCutter(is_header), Cuts()
        assert cutter.unfinished() == b""
        assert cutter.pending == 0
        cutter.line = 5
        cutter.feed(data, cuts)
        assert cutter.unfinished() == offered
        assert cutter.pending == len(data) - len(b"id,text\n")
        assert cutter.line == 6


FIELDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5) | st.just('a"b\n,c')


@given(rows=st.lists(st.lists(FIELDS, min_size=2, max_size=2)), size=st.integers(1, 40))
def test_whatever_is_written_is_read(rows: list[list[str]], size: int) -> None:
    """What a CSV writer writes comes out as as many records, fed in pieces of any size."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows(rows)
    cuts = cut((HEADER + "\n" + text.getvalue()).encode(), size=size)

    assert not cuts.faults
    found = [split_row(raw) for raw in cuts.raws]
    assert all(row is not None and row[0] == HEADER.encode() for row in found)
    read = [next(csv.reader(io.StringIO(row[1].decode(), newline=""))) for row in found if row]
    assert read == rows


@pytest.mark.parametrize("source", ["snowflake.query_history", "postgres.pgaudit"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_byte_order_mark_in_pieces(source: str, size: int) -> None:
    """However few bytes come first, a mark is no part of the first record."""
    data = b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n'
    cutter, cuts = get_source(source).cutter(), Cuts()
    for start in range(0, len(data), size):
        cutter.feed(data[start : start + size], cuts)
    cutter.finish(cuts)
    assert (cuts.raws, cuts.lines, cuts.faults) == ([b'{"a": 1}', b'{"a": 2}'], [1, 2], [])


@pytest.mark.parametrize("source", ["snowflake.query_history", "postgres.pgaudit"])
def test_half_a_byte_order_mark(source: str) -> None:
    """What may become a mark is pending; what never does is told."""
    cutter, cuts = get_source(source).cutter(), Cuts()
    cutter.feed(b"\xef\xbb", cuts)
    assert cutter.pending == 2
    cutter.finish(cuts)
    assert [fault.head for fault in cuts.faults] == [b"\xef\xbb"]
