"""Decision layout: the groups are those of the event, whatever it says and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.core.canonical import encode_groups
from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.services import decision_layout
from ombud.services.decision_layout import LAYOUTS_MAX, write_groups

SAID: dict[str, Any] = {"time": 7, "source": "s", "action": "read"}
OPTIONAL: dict[str, Any] = {
    "actor_id": "alice",
    "actor_type": "person",
    "query_text": "é",
    "purpose": None,
    "decision_permit": False,
    "decision_reasons": ("a", "b"),
    "resource_dataset": "plates",
    "subjects": (("person", "bob"),),
    "case": "C-1",
    "attributes": {"b": 1, "a": 2},
}


@given(st.permutations(sorted(OPTIONAL)), st.integers(0, len(OPTIONAL)))
def test_groups_are_those_of_the_event(names: list[str], count: int) -> None:
    """Any set of fields, in any order, is laid out as the canonical form has it."""
    said = {**{name: OPTIONAL[name] for name in names[:count]}, **SAID}
    known: dict[str, Any] = {"class_uid": 0, "activity_id": 0, "time_known": True}
    assert write_groups(said | known) == encode_groups(Event(**said, **known))


def test_layouts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many sets of fields there are, no more than so many layouts are kept."""
    layouts: dict[Any, Any] = {}
    monkeypatch.setattr(decision_layout, "_layouts", layouts)
    for number in range(LAYOUTS_MAX + 5):
        write_groups({f"unknown-{number}": 1})
    assert 0 < len(layouts) <= LAYOUTS_MAX


def test_what_has_no_canonical_form() -> None:
    """A value beyond 64 bits is refused, not cut."""
    with pytest.raises(InputError, match="canonical"):
        write_groups({**SAID, "rows_requested": 1 << 70})
