"""Many values of two fields agree as they would pair by pair, and not every pair is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.detect.matching import atoms, partners
from ombud.detect.matching.atoms import FieldsAgree
from ombud.detect.matching.values import is_same

_PIECES = ("a", "A", "b", "ab", "\u03a3", "\u03c2", "\u0130", "\0", "1", "1.0", "true", "")
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from((1, 1.0, -0.0, 0, 2**64, 2**53 + 1, float(2**53))),
    st.lists(st.sampled_from(_PIECES), max_size=4).map("".join),
    st.dictionaries(st.sampled_from(("a", "b")), st.integers(0, 1), max_size=1),
)
KINDS = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize(("starts", "ends"), KINDS)
@given(values=st.lists(_VALUES, max_size=8), others=st.lists(_VALUES, max_size=8))
def test_as_pair_by_pair(starts: bool, ends: bool, values: list[Any], others: list[Any]) -> None:
    """Looked up or compared one by one, the same events match, and every pair told agrees."""
    node = FieldsAgree("a", "b", starts, ends)
    event = {"a": values, "b": others}
    plain = node.is_match(event)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atoms, "_PAIRS_MAX", 0)
        patch.setattr(partners, "_CHUNK", 2)
        patch.setattr(partners, "_LONG", 3)
        assert node.is_match(event) is plain
        assert node.compiled()(event) is plain
        told = [value for _, value in node.matched(event)]
    for value, other in zip(told[::2], told[1::2], strict=True):
        assert FieldsAgree("a", "b", starts, ends).is_match({"a": value, "b": other})
        assert starts or ends or is_same(value, other)


@pytest.mark.parametrize(("starts", "ends"), KINDS)
@pytest.mark.parametrize("piece", ["a{}", "x"])
def test_not_every_pair_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, starts: bool, ends: bool, piece: str
) -> None:
    """A hundred thousand values on either side are not ten thousand million comparisons."""
    compared = []
    monkeypatch.setattr(FieldsAgree, "_agree", lambda *_pair: compared.append(_pair))
    count = 100_000
    node = FieldsAgree("a", "b", starts, ends)
    event = {
        "a": [piece.format(number) for number in range(count)],
        "b": [f"{piece.format(number)}y" for number in range(count)],
    }

    assert not node.is_match(event)
    assert not node.compiled()(event)
    event["b"][-1] = piece.format(7)
    assert node.is_match(event)
    assert not compared
