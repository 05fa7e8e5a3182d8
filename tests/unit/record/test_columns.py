"""Columns: every field has its place in OCSF, and any bytes give columns."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.record_batches import make_event
from ombud.core.canonical import encode_groups
from ombud.core.event import Event
from ombud.core.fields import CONTENT_FIELDS, FIELDS, Kind
from ombud.record.columns import OCSF_SCHEMA, columns_from_canonical

EXAMPLES: dict[Kind, Any] = {
    Kind.TEXT: "tëxt",
    Kind.INTEGER: -(2**63),
    Kind.INSTANT: 253_402_300_799_999,  # The end of the year 9999.
    Kind.BOOLEAN: False,
    Kind.REAL: 51.5,
    Kind.TEXTS: ("a", "b"),
    Kind.SUBJECTS: (("person", "dee"), ("plate", "AB-1")),
    Kind.MAP: {"b": [1, None], "a": {"c": "d"}},
}


def rows_of(events: list[tuple[bytes, bytes, bytes]], first_index: int = 0) -> list[Any]:
    """Return the columns of events as Python rows."""
    actor, data_subject, content = zip(*events, strict=True)
    batch = columns_from_canonical(
        actor, data_subject, content, first_index=first_index, recorded_ms=[5] * len(events)
    )
    assert batch.schema.equals(OCSF_SCHEMA)
    return batch.to_pylist()


def at(row: dict[str, Any], path: str) -> Any:
    """Return the value under a dotted OCSF path."""
    value: Any = row
    for name in path.split("."):
        value = value[name]
        if name == "resources":
            assert len(value) == 1
            value = value[0]
    return value


def test_every_field_is_a_column() -> None:
    """All fields, set at once, come out under their OCSF paths."""
    values = {field.attribute: EXAMPLES[field.kind] for field in FIELDS}
    values["class_uid"], values["activity_id"] = 6005, 2
    event = Event(**values)

    (row,) = rows_of([encode_groups(event)], first_index=7)

    for field in FIELDS:
        expected = values[field.attribute]
        if field.kind is Kind.MAP:
            expected = orjson.dumps(expected, option=orjson.OPT_SORT_KEYS).decode()
        elif field.kind is Kind.SUBJECTS:
            expected = [{"kind": kind, "key": key} for kind, key in expected]
        elif field.kind is Kind.TEXTS:
            expected = list(expected)
        assert at(row, field.ocsf) == expected, field.name
    assert at(row, "metadata.uid") == 7
    assert at(row, "metadata.logged_time") == 5
    assert (row["category_uid"], row["type_uid"], row["severity_id"]) == (6, 600502, 1)
    assert at(row, "metadata.version") == "1.8.0"
    assert at(row, "metadata.product.name") == "Ombud"


def test_absent_fields_are_null_and_erased_groups_too() -> None:
    """Null is null; an erased group leaves the columns of the others alone."""
    whole = encode_groups(make_event(1))

    bare, erased = rows_of([whole, (b"", b"", whole[2])])

    assert at(bare, "actor.user.uid") == "actor-1"
    assert at(bare, "resources.uid") == "file-1"
    assert at(bare, "ombud.purpose") is None
    assert at(erased, "actor.user.uid") is None
    assert at(erased, "resources.uid") is None
    assert at(erased, "metadata.original_event_uid") == "native-1"


CONTENT = orjson.loads(encode_groups(make_event(1))[2])
TIME, ATTRIBUTES, COLUMNS = (
    1 + [field.name for field in CONTENT_FIELDS].index(name)
    for name in ("time", "attributes", "columns.projected")
)


def changed(position: int, value: bytes) -> bytes:
    """Return canonical content with other JSON at one position."""
    parts = [orjson.dumps(item) for item in CONTENT]
    parts[position] = value
    return b"[" + b",".join(parts) + b"]"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="erased"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"[1", id="not JSON"),
        pytest.param(b"[1]", id="too short"),
        pytest.param(b"{}", id="no array"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(changed(0, b"2"), id="another version"),
        pytest.param(changed(0, b"null"), id="no version"),
        pytest.param(changed(0, b'"1"'), id="version as text"),
    ],
)
def test_what_is_not_canonical_has_no_values(content: bytes) -> None:
    """Such a row is null throughout, and its neighbours are as they were."""
    good = encode_groups(make_event(1))

    before, odd, after = rows_of([good, (*good[:2], content), good])

    assert at(odd, "metadata.original_event_uid") is None
    assert odd["time"] is None
    assert at(odd, "actor.user.uid") == "actor-1"
    for row in (before, after):
        assert at(row, "metadata.original_event_uid") == "native-1"


@pytest.mark.parametrize(
    ("position", "value", "path"),
    [
        pytest.param(TIME, b'"noon"', "time", id="text for a number"),
        pytest.param(TIME, b"9223372036854775808", "time", id="beyond 64 bits"),
        pytest.param(TIME, b"1e400", "time", id="infinite"),
        pytest.param(TIME, b"1.5", "time", id="fraction"),
        pytest.param(ATTRIBUTES, b"[1]", "ombud.attributes", id="array for a map"),
        pytest.param(COLUMNS, b"[1,2]", "ombud.columns_projected", id="numbers for texts"),
        pytest.param(COLUMNS, b'["\\ud800"]', "ombud.columns_projected", id="lone surrogate"),
    ],
)
def test_value_without_a_place_is_null(position: int, value: bytes, path: str) -> None:
    """One value of the wrong type costs that value at most, and no neighbour anything."""
    good = encode_groups(make_event(1))

    odd, after = rows_of([(*good[:2], changed(position, value)), good])

    assert at(odd, path) is None
    assert after["time"] == CONTENT[TIME]


ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    st.lists(st.one_of(st.integers(), st.text(max_size=2)), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=8),
            st.lists(ODD_VALUES, min_size=len(CONTENT) - 1, max_size=len(CONTENT) - 1).map(
                lambda row: json.dumps([1, *row]).encode()
            ),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_columns_do_not_depend_on_the_company(contents: list[bytes]) -> None:
    """Any bytes give columns, and each row the same alone as among others.

    So verifying may take other chunks than sealing did.
    """
    groups = [(b"", b"", content) for content in contents]

    together = rows_of(groups)
    alone = [rows_of([group], first_index=place)[0] for place, group in enumerate(groups)]

    assert together == alone
