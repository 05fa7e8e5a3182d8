"""Cells of originals: whatever a source writes, what the plain view would have said."""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from ombud.detect.columnar import original_rows
from ombud.detect.columnar.original_rows import OriginalProjector, OriginalRows
from ombud.detect.columnar.rows import Absent, values_of
from ombud.detect.matching.paths import EventView, find_values, is_present, leaves
from ombud.detect.matching.values import text_of
from ombud.detect.originals import NAMED
from ombud.detect.view import view_of_original

NAMES = frozenset(
    ("a", "b", "ab", "a.b", "a.b.c", "b.c", "a b", "é", "a/b", "a/b.c", 'a"', "", "a.", "message")
)
_KEYS = (
    *("a", "b", "c", "ab", "a.b", "b.c", "a.b.c", "a b", "ab ", " ab", "a .b", "d e", "d.e"),
    *(
        "é",
        "a/b",
        "a\\/b",
        "a\\/b.c",
        'a\\"',
        "",
        "a.",
        "message",
        "\\u0061",
        "\\u00E9",
        "a\\u002eb",
    ),
    *("a\\u0020b", "\\u0061.b", "\\ud800", "eventName", "x: y"),
)
_SCALARS = (
    *("null", "true", "false", "0", "-0", "1.5", "-0.0", "1e2", "1E+2", "1e-999", "1e999", "01"),
    *("9223372036854775807", "9223372036854775808", "18446744073709551615", "NaN", "-Infinity"),
    *("18446744073709551616", "-9223372036854775809", "[18446744073709551616]", "9" * 400, '""'),
    *('"x"', '"x y"', '"a b\\":"', '"a.b\\": 1"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00x"'),
    *('"\\u0061"', '"é"', '"\u2028"', '"\x7f"', '"\x01"', '"\\q"', '"12345678901234567890"', '"'),
)
_SPACE = st.sampled_from(("", "", "", " ", "\n", " \t"))


def _objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.builds('{2}"{0}"{2}:{2}{1}'.format, st.sampled_from(_KEYS), values, _SPACE)
    return st.lists(member, max_size=4).map(lambda members: "{" + ",".join(members) + "}")


_VALUES = st.recursive(
    st.sampled_from(_SCALARS[:11] + _SCALARS[29:34]) | st.sampled_from(_SCALARS),
    lambda inner: (
        _objects(inner)
        | st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
    ),
    max_leaves=6,
)
_TEXTS = _objects(_VALUES) | _VALUES


@st.composite
def originals(draw: st.DrawFn) -> bytes:
    """Return JSON as nobody should write it, now and then with a byte changed."""
    raw = draw(_TEXTS).encode()
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(raw)))
        raw = (
            raw[:at]
            + draw(st.sampled_from((b"", b"\xff", b'"', b"\\", b"}", b"\0")))
            + raw[at + 1 :]
        )
    return raw


def check(
    rows: OriginalRows, raws: Sequence[bytes], names: frozenset[str], source: str | None = None
) -> None:
    """Hold every cell against the view of its event."""
    every = range(len(raws))
    for asked in (None, [row for row in reversed(every) if row % 2]):
        cells = rows.cells(names, asked)
        assert cells.keys() == names
        for name, column in cells.items():
            for row, cell in zip(every if asked is None else asked, column, strict=True):
                view = view_of_original(raws[row], source)
                found = find_values(view, name)
                said = values_of(cell)
                assert [(type(x), repr(x)) for x in said] == [(type(x), repr(x)) for x in found], (
                    name,
                    raws[row],
                )
                assert (cell is not UNSET) is is_present(view, name), (name, raws[row])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    batches=st.lists(st.lists(originals(), min_size=1, max_size=6), min_size=1, max_size=3),
    names=st.sets(st.sampled_from(sorted(NAMES)), min_size=1).map(frozenset),
)
def test_any_original(batches: list[list[bytes]], names: frozenset[str]) -> None:
    """Whatever came before, the cells of a batch are those of its views."""
    projector = OriginalProjector()
    for raws in batches:
        check(OriginalRows(raws, projector), raws, names)
        check(OriginalRows(raws, projector, blob=b"".join(raws)), raws, names)


def test_what_is_nowhere_seen_has_no_column() -> None:
    """A name gets a column when the first event carries it, for all names at once."""
    names = frozenset({"a", "b.c", "d"})
    projector = OriginalProjector()
    first = OriginalRows([b'{"a":1}', b"{}"], projector).cells(names)
    assert list(first["a"]) == [1, UNSET]
    assert isinstance(first["b.c"], Absent)
    second = OriginalRows([b'{"b":{"c":null}}', b'{"b":[{"c":2},{"c":3}]}'], projector).cells(names)
    assert list(second["b.c"]) == [None, [2, 3]]
    assert isinstance(second["d"], Absent)


def test_only_the_event_that_needs_it_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hostile event costs the others of its batch nothing."""
    raws = [orjson.dumps({"a": {"b": number}, "c d": "x y"}) for number in range(9)]
    raws[4] = b'{"a":{"b":18446744073709551616}}'
    raws[6] = b'{"a .b":7}'
    names = frozenset({"a.b"})
    projector = OriginalProjector()
    OriginalRows(raws[:1], projector).cells(names)
    read = []

    def reading(self: OriginalRows, row: int) -> EventView:
        read.append(row)
        return view_of_original(raws[row])

    monkeypatch.setattr(OriginalRows, "view", reading)
    cells = OriginalRows(raws, projector).cells(names)
    assert list(cells["a.b"]) == [0, 1, 2, 3, 2.0**64, 5, 7, 7, 8]
    assert set(read) == {4, 6}


def test_depth_counts_as_orjson_counts_it() -> None:
    """However deep Python may recurse, an event too deep for orjson is a message."""
    limit = sys.getrecursionlimit()
    raws = [
        b'{"x":1,"y":' + b"[" * depth + b"]" * depth + b"}" for depth in (1, 1022, 1023, 1024, 2000)
    ]
    try:
        for deepest in (limit, 5000):
            sys.setrecursionlimit(deepest)
            check(OriginalRows(raws, OriginalProjector()), raws, frozenset({"x", "message"}))
            check(OriginalRows(raws, OriginalProjector()), raws, frozenset({"y"}))
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("source", sorted(NAMED))
def test_sources_that_get_names(source: str) -> None:
    """Their cells are those of the names they get; their text promises nothing."""
    raws = [
        b'{"Operation":"Set-Mailbox","Workload":"Exchange"}',
        b'{"events":[{"name":"A","parameters":[{"name":"N","value":1}]}],"id":{"applicationName":"x"}}',
        b"no object",
    ]
    rows = OriginalRows(raws, OriginalProjector(source))
    names = frozenset({"eventName", "status", "n", "eventService", "message"})
    check(rows, raws, names, source)
    assert rows.texts([0, 1]) is None


def test_texts_are_the_originals_unless_a_letter_hides() -> None:
    """What may hide a letter is given twice: as it is, and undone."""
    raws = [b'{"a":"Xy\\\\u"}', '{"a":"é"}'.encode(), b'{"a":"\\u0041 \\n"}', b"plain", b"\xff"]
    raws += ['{"a":"\u212a\u0130"}'.encode(), b"\\u0061\xff"]
    rows = OriginalRows([memoryview(raw) for raw in raws], OriginalProjector())
    assert rows.texts([3, 0]) == [b"plain", raws[0]]
    assert [bytes(text) for text in rows.texts(range(7)) or ()] == [
        *raws[:2],
        b'{"a":"\\u0041 \\n"}\n{"a":"a \\n"}',
        *raws[3:5],
        '{"a":"ki\u0307"}\n{"a":"ki\u0307"}'.encode(),
        "\\u0061\ufffd\na\ufffd".encode(),
    ]
    assert [rows.view(row) for row in range(7)] == [view_of_original(raw) for raw in raws]
    assert rows.count == 7


def test_all_letters_that_fold_into_ascii_are_undone() -> None:
    """No letter but two folds into one that a word can be made of."""
    folding = {
        chr(code)
        for code in range(0x80, sys.maxunicode + 1)
        if any(letter.isascii() for letter in chr(code).lower())
    }
    assert folding == {"\u0130", "\u212a"}


@given(
    raws=st.lists(originals(), min_size=1, max_size=4), letters=st.randoms(use_true_random=False)
)
def test_words_of_values_stand_in_the_texts(raws: list[bytes], letters: random.Random) -> None:
    """Whatever letters are escaped, and however."""
    raws = [_escaped(raw, letters) for raw in raws]
    rows = OriginalRows(raws, OriginalProjector())
    texts = rows.texts(range(len(raws)))
    assert texts is not None
    for row, text in enumerate(texts):
        plain = bytes(text).decode("latin-1").lower()
        for _, value in leaves(rows.view(row)):
            if isinstance(value, str | bool):
                words = re.findall(r"[ !#-.0-\[\]-~]+", text_of(value).lower())
                assert [word for word in words if word not in plain] == []


def _escaped(raw: bytes, letters: random.Random) -> bytes:
    """Write some letters as escapes, some as others that fold into them, and some as capitals."""
    pieces = []
    for piece in re.findall(rb"\\.|[^\\]|\\", raw, re.DOTALL):
        choice = letters.randrange(8)
        if piece.isalpha() and choice == 0:
            pieces.append(letters.choice((b"\\u%04x", b"\\u%04X")) % ord(piece))
        elif piece.isalpha() and choice == 1:
            pieces.append(letters.choice((piece.upper(), b"\\u212A", b"\\u0130", b"\\\\u0041")))
        elif piece.isalpha() and choice == 2:
            pieces.append(letters.choice(("\u212a", "\u0130", "\u03a3", "\u00e9")).encode())
        else:
            pieces.append(piece)
    return b"".join(pieces)


def test_no_originals() -> None:
    """Nothing asked of nothing is nothing."""
    rows = OriginalRows([], OriginalProjector())
    assert {name: len(column) for name, column in rows.cells(NAMES).items()} == dict.fromkeys(
        NAMES, 0
    )
    assert OriginalRows([b"{}"], OriginalProjector()).cells(frozenset()) == {}


def test_what_is_learned_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all places taken, events beyond are read whole and right; so with all sets of names."""
    monkeypatch.setattr(original_rows, "PLACES_MAX", 1)
    monkeypatch.setattr(original_rows, "SETS_MAX", 1)
    projector = OriginalProjector()
    raws = [b'{"a":1,"b":{"c":2}}', b'{"b":{"c":[3]}}']
    for names in (frozenset({"a"}), frozenset({"a", "b.c"}), frozenset({"a"})):
        check(OriginalRows(raws, projector), raws, names)


def _real_originals(vectors: Path) -> list[bytes]:
    lines = (vectors / "cloudtrail" / "stratus-run.ndjson").read_bytes().splitlines()
    cases = (vectors / "sigma" / "regression.ndjson").read_bytes().splitlines()
    events = [event for case in cases for event in orjson.loads(case)["events"]]
    return lines[:300] + [orjson.dumps(event, option=orjson.OPT_INDENT_2) for event in events]


def test_real_originals_and_what_becomes_of_them(vectors: Path) -> None:
    """Events of an attack and of published cases, as they are and with bytes spoilt."""
    raws = _real_originals(vectors)
    fields = Counter(path for raw in raws for path, _ in leaves(view_of_original(raw)))
    tops = {name.partition(".")[0] for name in fields}
    names = frozenset(
        [*sorted(fields)[:: len(fields) // 60], *sorted(tops)[:40], "no.such", "EventID"]
    )
    projector = OriginalProjector()
    chance = random.Random(5)
    for start in range(0, len(raws), 64):
        batch = raws[start : start + 64]
        check(OriginalRows(batch, projector), batch, names)
        spoilt = [spoil(raw, chance) for raw in batch]
        check(OriginalRows(spoilt, projector), spoilt, names)


def spoil(raw: bytes, chance: random.Random) -> bytes:
    """Return an original with a byte or a word of it changed."""
    at = chance.randrange(len(raw))
    words = (b"", b"\xe9", b"\\", b'"', b" ", b".", b"null", b"[", b"\\u0061", b"9" * 25, b"1e999")
    return raw[:at] + chance.choice(words) + raw[at + chance.randrange(3) :]
