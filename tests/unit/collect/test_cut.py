"""Bytes cut into records: exact, with their lines, and no neighbour lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.collect import cut, cut_csv, cut_json, scan
from ombud.collect.cut import Cuts, Cutter, LineCutter
from ombud.collect.cut_csv import CsvCutter, SniffingCutter
from ombud.collect.cut_json import JsonCutter

A, B, C = b'{"a":1,"s":"x}]\\""}', b'{"b":{"c":[1,{"d":"\\"["}]}}', b'{"e":[]}'
PRETTY = [json.dumps(json.loads(raw), indent=2).encode() for raw in (A, B, C)]


def run(cutter: Cutter, data: bytes, *, step: int = 0, reason: str = "") -> Cuts:
    """Feed a cutter, in pieces of `step` bytes, to the end."""
    cuts = Cuts()
    for start in range(0, len(data), step or len(data) or 1):
        cutter.feed(data[start : start + (step or len(data))], cuts)
    cutter.finish(cuts, reason=reason)
    return cuts


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(A + b"\n" + B + b"\n", [(1, A), (2, B)], id="lines"),
        pytest.param(A + b"\n" + B, [(1, A), (2, B)], id="no last line end"),
        pytest.param(b"", [], id="empty"),
        pytest.param(b"\n \n\t\n", [], id="blank lines"),
        pytest.param(
            b"\xef\xbb\xbf" + A + b"\r\n\r\n" + B + b"\r\n", [(1, A), (3, B)], id="bom, crlf"
        ),
        pytest.param(
            b'{"Records":[' + A + b"," + B + b"]}\n" + C, [(1, A), (1, B), (2, C)], id="document"
        ),
        pytest.param(
            b'{"Records": [\n' + A + b",\n" + B + b"\n]}\n" + C,
            [(2, A), (3, B), (5, C)],
            id="document of lines",
        ),
        pytest.param(
            b'{"x":{"y":[1]},"Records":[' + A + b'],"z":[{}]}\n' + B,
            [(1, A), (2, B)],
            id="key first",
        ),
        pytest.param(b"[" + A + b" , " + B + b"]", [(1, A), (1, B)], id="array"),
        pytest.param(b"[]\n" + b'{"Records":[]}\n' + A, [(3, A)], id="empty documents"),
        pytest.param(
            b"\n".join(PRETTY) + b"\n" + C,
            [(1, PRETTY[0]), (5, PRETTY[1]), (15, PRETTY[2]), (18, C)],
            id="pretty-printed",
        ),
        pytest.param(A + b",\n" + B + b",\n", [(1, A), (2, B)], id="comma behind each line"),
        pytest.param(b"{\n" + A + b"\n" + B, [(1, b"{"), (2, A), (3, B)], id="stray brace"),
        pytest.param(
            b'{"a":1,\n' + A + b"\n" + B, [(1, b'{"a":1,'), (2, A), (3, B)], id="cut line"
        ),
        pytest.param(b"]}\n" + A, [(1, b"]}"), (2, A)], id="stray end"),
        pytest.param(b"[1,2]\n" + A, [(1, b"1,2]"), (2, A)], id="array of numbers"),
        pytest.param(b"\0\0\n" + A, [(1, b"\0\0"), (2, A)], id="NUL bytes"),
        pytest.param(b"\xff\n" + A, [(1, b"\xff"), (2, A)], id="not UTF-8"),
    ],
)
def test_json(data: bytes, expected: list[tuple[int, bytes]]) -> None:
    """JSON is cut the same whatever the pieces it comes in."""
    for step in (0, 1, 3, 7, 64):
        cuts = run(JsonCutter(), data, step=step)
        assert list(zip(cuts.lines, cuts.raws, strict=True)) == expected
        assert not cuts.faults


def test_document_that_breaks_off() -> None:
    """What was whole before a break comes through, and the break is one fault."""
    data = b'{"Records":[' + A + b"," + B + b',{"c":"un'
    for step in (0, 5):
        cuts = run(JsonCutter(), data, step=step, reason="the gzip file breaks off")
        assert cuts.raws == [A, B]
        assert [(fault.line, fault.reason) for fault in cuts.faults] == [
            (1, "the gzip file breaks off")
        ]


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make the largest record 100 bytes, so that tests need no gigabytes."""
    for module in (cut, cut_csv, cut_json, scan):
        monkeypatch.setattr(module, "RAW_SIZE_MAX", 100)
    monkeypatch.setattr(cut, "FEED_MAX", 64)
    monkeypatch.setattr(cut, "HEAD_KEPT", 10)
    monkeypatch.setattr(scan, "HEAD_KEPT", 10)
    return 100


@pytest.mark.parametrize("make", [LineCutter, JsonCutter])
def test_line_that_is_too_long(make: Callable[[], Cutter], small_bounds: int) -> None:
    """A line beyond the bound is a fault with its place and size; its neighbours are not."""
    long = b'{"x":"' + b"y" * 500 + b'"}'
    for step in (0, 1, 33, 120):
        cuts = run(make(), A + b"\n" + long + b"\n" + B + b"\n", step=step)
        assert cuts.raws == [A, B]
        assert cuts.lines == [1, 3]
        assert [(fault.line, fault.size) for fault in cuts.faults] == [(2, len(long))]
        assert len(cuts.faults[0].head) <= 10


def test_element_that_is_too_long(small_bounds: int) -> None:
    """Records of a long document come through around one that is too long."""
    long = b'{"x":"' + b"y\\\\" * 125 + b'","z":{"a":[]}}'
    data = b'{"Records":[' + A + b"," + long + b"," + B + b"]}\n" + C
    for step in (0, 1, 33, 120):
        cuts = run(JsonCutter(), data, step=step)
        assert cuts.raws == [A, B, C]
        assert [(fault.line, fault.size) for fault in cuts.faults] == [(1, len(long))]


def test_document_larger_than_a_record(small_bounds: int) -> None:
    """A document may be of any size: only its records are bounded."""
    data = b'{"Records":[' + b",".join([A] * 50) + b"]}"
    for step in (0, 1, 33):
        assert run(JsonCutter(), data, step=step).raws == [A] * 50


def test_brackets_without_end() -> None:
    """Deep nesting is one bad line among good ones, and costs no stack."""
    cuts = run(JsonCutter(), b"[" * 100_000 + b"\n" + A + b"\n" + b'{"a":' * 50_000 + b"\n" + B)

    assert A in cuts.raws
    assert B in cuts.raws


ROW = b'2026-03-04 08:00:00.1 UTC,"a","b",1,"select ""x""\n\n from y",2'
NEXT = b'2026-03-04 08:00:00.2 UTC,"a","b",1,"x",2'
TORN = b'2026-03-04 08:00:00.3 UTC,"a","b'


@pytest.mark.parametrize(
    ("data", "expected", "faults"),
    [
        pytest.param(ROW + b"\n" + NEXT, [(1, ROW), (4, NEXT)], [], id="record of three lines"),
        pytest.param(ROW + b"\r\n" + NEXT + b"\r\n", [(1, ROW), (4, NEXT)], [], id="crlf"),
        pytest.param(
            NEXT + b"\n" + TORN + b"\n" + NEXT + b"\n" + ROW + b"\n",
            [(1, NEXT), (3, NEXT), (4, ROW)],
            [2],
            id="torn before a record of lines",
        ),
        pytest.param(TORN + b"\n" + NEXT + b"\n", [(2, NEXT)], [1], id="torn, never closed"),
        pytest.param(b'a"b\n' + NEXT, [(1, b'a"b'), (2, NEXT)], [], id="stray quote"),
    ],
)
def test_csv(data: bytes, expected: list[tuple[int, bytes]], faults: list[int]) -> None:
    """CSV records end at a line end outside quotes; a torn one costs only itself."""
    for step in (0, 1, 7):
        cuts = run(CsvCutter(frozenset({6})), data, step=step)
        assert list(zip(cuts.lines, cuts.raws, strict=True)) == expected
        assert [fault.line for fault in cuts.faults] == faults


def test_sniffing() -> None:
    """The first byte that is not blank tells jsonlog from csvlog."""
    columns = frozenset({6})

    assert run(SniffingCutter(columns), b"\n\n" + A + b"\n").lines == [3]
    assert run(SniffingCutter(columns), b"\n" + ROW + b"\n").raws == [ROW]
    assert run(SniffingCutter(columns), b" ").raws == []


MIXED = st.lists(
    st.sampled_from(
        [A, B, C, *PRETTY, b"{", b"[", b"]", b"}", b",", b"", b'"', b"\xff", b"\0", b"x"]
    )
    | st.binary(max_size=6),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(parts=MIXED, separator=st.sampled_from([b"\n", b",", b""]), step=st.integers(1, 40))
def test_pieces_do_not_matter(parts: list[bytes], separator: bytes, step: int) -> None:
    """Whatever comes, it is cut the same in pieces and as a whole, and positions add up."""
    data = separator.join(parts)
    for make in (JsonCutter, LineCutter, lambda: CsvCutter(frozenset({6}))):
        whole, pieces = run(make(), data), run(make(), data, step=step)
        assert (whole.raws, whole.lines) == (pieces.raws, pieces.lines)
        assert [fault[:2] for fault in whole.faults] == [fault[:2] for fault in pieces.faults]


@settings(max_examples=100, deadline=None)
@given(records=st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=8)), max_size=6))
def test_every_way_to_write_records(records: list[dict[str, str]]) -> None:
    """Lines, an array, a document, pretty or not: the same records come out."""
    texts = [json.dumps(record).encode() for record in records]
    for data in (
        b"\n".join(texts),
        b"[" + b",\n".join(texts) + b"]",
        b'{"Records":[' + b",".join(texts) + b"]}",
        json.dumps({"Records": records}, indent=1).encode(),
        b"\n".join(json.dumps(record, indent=1).encode() for record in records),
    ):
        cuts = run(JsonCutter(), data)
        assert [json.loads(raw) for raw in cuts.raws] == records
        assert not cuts.faults
