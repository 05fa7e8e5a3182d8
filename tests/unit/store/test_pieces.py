"""Pieces: a word is found inside exactly those that contain it, place by place."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.query.words import PLACES
from ombud.store import pieces as pieces_module
from ombud.store.pieces import Pieces

LETTERS = st.text(alphabet="ab\0\nÿé€", min_size=1, max_size=5)
ENTRIES = st.lists(st.tuples(st.integers(0, len(PLACES) - 1), LETTERS), max_size=30)


def batch(entries: list[tuple[int, str]]) -> pa.RecordBatch:
    """Return pieces as the engine hands them over."""
    places, texts = [place for place, _ in entries], [text for _, text in entries]
    return pa.record_batch([pa.array(places, pa.uint8()), pa.array(texts, pa.string())], ["p", "t"])


@settings(deadline=None)  # A busy machine is no fault.
@given(ENTRIES, ENTRIES, LETTERS)
def test_what_contains_the_word(
    first: list[tuple[int, str]], second: list[tuple[int, str]], word: str
) -> None:
    """No piece is missed or made up, whatever they hold and however often they came."""
    pieces = Pieces()
    pieces.add([batch(first), batch(second)])
    pieces.add([batch(second)])

    expected = sorted({(place, text) for place, text in first + second if word in text})
    places = sorted({place for place, _ in expected})

    assert pieces.containing(word, most=60) == (places, expected)


def test_too_many_pieces_still_tell_their_places() -> None:
    """Which pieces is not told beyond the bound, but where they stand is."""
    pieces = Pieces()
    pieces.add([batch([(0, "late"), (0, "later"), (3, "plate"), (4, "none")])])

    assert pieces.containing("late", most=3) == ([0, 3], [(0, "late"), (0, "later"), (3, "plate")])
    assert pieces.containing("late", most=2) == ([0, 3], None)
    assert pieces.containing("late", most=0) == ([0, 3], None)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than there is room for are not kept, and never again said to be whole."""
    pieces = Pieces()
    pieces.add([batch([(0, "late")])])
    assert pieces.whole
    monkeypatch.setattr(pieces_module, "BYTES_MAX", 100)

    pieces.add([batch([(0, "x" * 200)])])
    pieces.add([batch([(0, "late")])])

    assert not pieces.whole
    assert pieces.containing("x", most=5) == ([], [])
