"""The event agrees with the table from which it is documented."""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec
import pytest

from ombud.core.event import ACTIONS, Event
from ombud.core.fields import BY_NAME, FIELDS, Field, Group, Kind

TYPES: dict[Kind, Any] = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.INSTANT: int,
    Kind.BOOLEAN: bool,
    Kind.REAL: float,
    Kind.TEXTS: tuple[str, ...],
    Kind.SUBJECTS: tuple[tuple[str, str], ...],
    Kind.MAP: dict[str, Any],
}
REQUIRED = {"time", "source", "action"}
HINTS = typing.get_type_hints(Event)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_field_has_its_attribute(field: Field) -> None:
    """Each row of the table is an attribute of the type that it says, null unless required."""
    hint = HINTS[field.attribute]
    if field.name in REQUIRED:
        assert hint is TYPES[field.kind]
    else:
        assert isinstance(hint, types.UnionType)
        assert set(typing.get_args(hint)) == {TYPES[field.kind], types.NoneType}


def test_event_has_no_other_attribute() -> None:
    """What is not in the table is assigned by the record, or is the original."""
    attributes = {field.name for field in msgspec.structs.fields(Event)}

    assert attributes - {field.attribute for field in FIELDS} == {"id", "ingested_at", "raw"}


def test_names_and_homes_are_unique() -> None:
    """No two fields share a name, an attribute or a place in OCSF."""
    assert len(BY_NAME) == len(FIELDS)
    assert len({field.attribute for field in FIELDS}) == len(FIELDS)
    assert len({field.ocsf for field in FIELDS}) == len(FIELDS)


def test_rows_are_in_group_order() -> None:
    """The groups follow each other, and the raw group is not a list of fields."""
    groups = [field.group for field in FIELDS]

    assert groups == sorted(groups)
    assert Group.RAW not in groups


def test_actions_are_the_closed_vocabulary() -> None:
    """The vocabulary of acts is closed: sixteen words."""
    assert len(ACTIONS) == 16
    assert "other" in ACTIONS
