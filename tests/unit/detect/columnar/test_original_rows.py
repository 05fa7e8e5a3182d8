"""Cells of originals: whatever a source writes, what the plain view would have said."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from ombud.detect.columnar.original_rows import OriginalProjector, OriginalRows
from ombud.detect.columnar.rows import values_of
from ombud.detect.paths import find_values, is_present
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


@settings(max_examples=300)
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
