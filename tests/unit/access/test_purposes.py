"""The tree of purposes, and what data may serve by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.access.model import Purpose
from ombud.access.purposes import DEPTH_MAX, PurposeTree
from ombud.core.errors import InputError

# care: emergency, billing: claims, fraud
TREE = PurposeTree([
    Purpose(id="care", title=""),
    Purpose(id="emergency", title="", parent="care"),
    Purpose(id="billing", title="", parent="care"),
    Purpose(id="claims", title="", parent="billing"),
    Purpose(id="research", title=""),
])  # fmt: skip


def names(bits: int) -> set[str]:
    """Return the purposes of a set."""
    return {name for name, bit in TREE.bits.items() if bits & bit}


def test_what_is_intended_for_a_purpose_is_intended_for_those_below() -> None:
    """Byun and Li: the allowed ones are the descendants."""
    assert names(TREE.allowed_by(["billing"])) == {"billing", "claims"}
    assert names(TREE.allowed_by(["care", "research"])) == set(TREE.bits)
    assert TREE.allowed_by([]) == 0


def test_what_is_prohibited_is_so_for_those_below_and_above() -> None:
    """Byun and Li: whoever acts for the whole acts for the part that is prohibited."""
    assert names(TREE.barred_by(["billing"])) == {"care", "billing", "claims"}
    assert names(TREE.barred_by(["claims", "research"])) == {
        "care", "billing", "claims", "research",
    }  # fmt: skip


def test_a_grant_covers_those_below_and_no_others() -> None:
    """Neither those above nor those beside."""
    assert TREE.covers("care", "claims")
    assert TREE.covers("claims", "claims")
    assert not TREE.covers("claims", "care")
    assert not TREE.covers("emergency", "billing")
    assert not TREE.covers("care", "nothing")


@pytest.mark.parametrize(
    ("purposes", "said"),
    [
        ([("a", None), ("a", None)], "declared twice"),
        ([("a", "b")], "`b`, which is not one"),
        ([("a", "a")], "below itself"),
        ([("a", "b"), ("b", "c"), ("c", "b")], "below itself"),
        ([(str(n), str(n - 1) if n else None) for n in range(DEPTH_MAX + 2)], "deeper than"),
    ],
)
def test_refuses_what_is_no_tree(purposes: list[tuple[str, str | None]], said: str) -> None:
    """Circles, strangers and doubles have no place in a tree."""
    with pytest.raises(InputError, match=said):
        PurposeTree(Purpose(id=id_, title="", parent=parent) for id_, parent in purposes)


def test_the_deepest_that_is_allowed() -> None:
    """A lineage of exactly the bound is fine."""
    deep = [
        Purpose(id=str(n), title="", parent=str(n - 1) if n else None) for n in range(DEPTH_MAX)
    ]

    assert len(PurposeTree(deep).lineages[str(DEPTH_MAX - 1)]) == DEPTH_MAX


def test_refuses_words_about_no_purpose() -> None:
    """Data that is intended for, or kept from, what is not a purpose is a mistake."""
    with pytest.raises(InputError, match="no purpose `nope`"):
        TREE.allowed_by(["nope"])
    with pytest.raises(InputError, match="no purpose `nope`"):
        TREE.barred_by(["nope"])


@given(st.lists(st.integers(-1, 30), min_size=1, max_size=30), st.data())
def test_sets_of_bits_say_what_the_definition_says(parents: list[int], data: st.DataObject) -> None:
    """Bits against walking the tree, for any tree."""
    purposes = [
        Purpose(id=str(n), title="", parent=str(parent) if 0 <= parent < n else None)
        for n, parent in enumerate(parents)
    ]
    tree = PurposeTree(purposes)
    above = {each.id: {each.id} for each in purposes}
    for each in purposes:
        if each.parent is not None:
            above[each.id] |= above[each.parent]
    every = st.sampled_from(sorted(above))
    chosen = data.draw(st.sets(every, max_size=4))
    asked = data.draw(every)

    is_allowed = any(one in above[asked] for one in chosen)
    is_barred = any(one in above[asked] or asked in above[one] for one in chosen)
    assert bool(tree.allowed_by(chosen) & tree.bits[asked]) == is_allowed
    assert bool(tree.barred_by(chosen) & tree.bits[asked]) == is_barred
