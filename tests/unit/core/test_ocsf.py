"""Events as OCSF documents and back: nothing is lost in either direction."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.core.event import ACTIONS, ACTOR_TYPES, OUTCOMES, Event
from ombud.core.fields import FIELDS, Kind
from ombud.core.ocsf import event_from_ocsf, event_to_ocsf
from ombud.core.ocsf_table import ACTION_OF_ACTIVITY, CLASS_OF_ACTION

CLASSES = (6005, 6003, 6006, 6001, 3001, 3002, 3003, 3004, 3005, 3006, 2004)
INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
OF_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: TEXT,
    Kind.INTEGER: INT64,
    Kind.INSTANT: INT64,
    Kind.BOOLEAN: st.booleans(),
    Kind.REAL: st.floats(-180, 180),
    Kind.TEXTS: st.lists(TEXT, max_size=3).map(tuple),
    Kind.SUBJECTS: st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
    Kind.MAP: st.dictionaries(TEXT, JSON, max_size=3),
}
OF_FIELD: dict[str, st.SearchStrategy[Any]] = {
    "action": st.sampled_from(sorted(ACTIONS)),
    "outcome": st.sampled_from(sorted(OUTCOMES)),
    "actor_type": st.sampled_from(sorted(ACTOR_TYPES)),
    "class_uid": st.sampled_from((0, *CLASSES)) | st.integers(0, 65_535),
    "activity_id": st.integers(0, 99),
}
REQUIRED = {"time", "source", "action"}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event that the record can hold."""
    values: dict[str, Any] = {"raw": draw(st.binary(max_size=12))}
    for field in FIELDS:
        strategy = OF_FIELD.get(field.attribute, OF_KIND[field.kind])
        if field.attribute in REQUIRED or draw(st.booleans()):
            values[field.attribute] = draw(strategy)
    if draw(st.booleans()):
        values["id"] = draw(st.integers(0, 2**48))
        values["ingested_at"] = draw(st.integers(0, 2**48))
    return Event(**values)


@settings(max_examples=150, deadline=None)
@given(event=events())
def test_every_event_survives(event: Event) -> None:
    """Writing an event, through JSON text, and reading it gives the same event."""
    document = json.loads(json.dumps(event_to_ocsf(event)))

    assert event_from_ocsf(document) == event


@settings(max_examples=150, deadline=None)
@given(document=st.dictionaries(TEXT, JSON, max_size=4))
def test_any_object_is_an_event(document: dict[str, Any]) -> None:
    """No JSON object makes reading fail, and what has no home is in `unmapped`."""
    event = event_from_ocsf(document, b"raw", now_ms=7)

    assert event.raw == b"raw"
    assert event.action in ACTIONS


REQUIRED_BY_CLASS = {
    6005: ("actor", "src_endpoint", "table"),
    6003: ("actor", "src_endpoint", "api"),
    6006: ("actor", "src_endpoint", "file"),
    6001: ("web_resources",),
    3001: ("user",),
    3002: ("user", "service"),
    3003: ("user", "privileges"),
    3004: ("entity",),
    3005: ("user", "privileges"),
    3006: ("group",),
    2004: ("finding_info",),
}


@pytest.mark.parametrize("class_uid", CLASSES)
def test_document_has_what_its_class_requires(class_uid: int) -> None:
    """The emptiest event of each class still is a document of OCSF 1.8."""
    document = event_to_ocsf(Event(time=5, source="test", action="read", class_uid=class_uid))

    base = {"time", "class_uid", "category_uid", "activity_id", "type_uid", "severity_id"}
    assert base <= document.keys()
    assert set(REQUIRED_BY_CLASS[class_uid]) <= document.keys()
    assert document["metadata"]["version"] == "1.8.0"
    assert document["metadata"]["product"]["name"] == "Ombud"
    assert document["type_uid"] == class_uid * 100 + document["activity_id"]
    assert document["category_uid"] == class_uid // 1000


def test_every_action_has_a_class() -> None:
    """Each word of the vocabulary is written as a class, and each activity is read as one."""
    assert set(CLASS_OF_ACTION) == ACTIONS
    for activities in ACTION_OF_ACTIVITY.values():
        assert set(activities.values()) <= ACTIONS


def test_raw_that_is_not_text_is_marked() -> None:
    """An original of any bytes travels in `raw_data`, with a marker when it is not UTF-8."""
    binary = event_to_ocsf(Event(time=1, source="s", action="read", raw=b"\xff\x00"))
    text = event_to_ocsf(Event(time=1, source="s", action="read", raw="é\0".encode()))

    assert (binary["raw_data"], binary["ombud"]["raw_encoding"]) == ("/wA=", "base64")
    assert text["raw_data"] == "é\0"
    assert "raw_encoding" not in text["ombud"]


FOREIGN = {
    "class_uid": 6005,
    "category_uid": 6,
    "category_name": "Application Activity",
    "activity_id": 4,
    "type_uid": 600504,
    "severity_id": 3,
    "time": 1_700_000_000_000,
    "status": "Success",
    "status_id": 1,
    "metadata": {"version": "1.1.0", "product": {"name": "Lake"}, "uid": "abc"},
    "actor": {"user": {"name": "ana", "type": "Analyst", "type_id": 1}},
    "src_endpoint": {"ip": "192.0.2.7", "port": 4411},
    "table": {"name": "patients"},
    "query_info": {"query_string": "select 1"},
    "resources": [{"name": "patients", "data": {"a": 1}}, {"name": "wards"}],
    "vendor_thing": [1, 2],
    "unmapped": {"x": 1},
}


def test_document_of_another_producer() -> None:
    """Fields find their homes, the rest round-trips in `unmapped`."""
    event = event_from_ocsf(FOREIGN, b"raw")

    assert event.actor_id == "ana"
    assert event.actor_type == "person"
    assert event.action == "search"
    assert event.outcome == "success"
    assert event.native_id == "abc"
    assert event.resource_dataset == "patients"
    assert event.resource_system == "Lake"
    assert event.source == "ocsf"
    assert event.unmapped == {
        "x": 1,
        "severity_id": 3,
        "category_name": "Application Activity",
        "metadata": {"version": "1.1.0", "product": {"name": "Lake"}, "uid": "abc"},
        "actor": {"user": {"type": "Analyst"}},
        "src_endpoint": {"port": 4411},
        "resources": [{"data": {"a": 1}}, {"name": "wards"}],
        "vendor_thing": [1, 2],
    }
    assert event_from_ocsf(event_to_ocsf(event)) == event


@pytest.mark.parametrize(
    ("change", "attribute", "expected"),
    [
        pytest.param({"time": "2026-01-02T03:04:05Z"}, "time", 1_767_323_045_000, id="iso time"),
        pytest.param({"time": None}, "time_known", False, id="null time"),
        pytest.param({"time": 2**70}, "time_known", False, id="time beyond 64 bits"),
        pytest.param({"class_uid": 201_001}, "class_uid", None, id="class of an extension"),
        pytest.param({"class_uid": "6003"}, "class_uid", 6003, id="class as text"),
        pytest.param({"status": "Blocked"}, "outcome", "success", id="status by number"),
        pytest.param({"action_id": 2}, "outcome", "denied", id="denied by a control"),
        pytest.param({"actor": "ana"}, "actor_id", None, id="actor of another type"),
        pytest.param({"resources": {"name": "x"}}, "resource_dataset", "patients", id="no list"),
        pytest.param({"ombud": {"action": "hack"}}, "action", "search", id="unknown action"),
        pytest.param({"ombud": {"action": "reveal"}}, "action", "reveal", id="stated action"),
        pytest.param({"ombud": 1, "class_uid": 6006}, "action", "read", id="no extension"),
    ],
)
def test_odd_values(change: dict[str, Any], attribute: str, expected: object) -> None:
    """A value of the wrong type or range costs its own field and nothing else."""
    document = (
        {**FOREIGN, "activity_id": 14} if "ombud" in change and change["ombud"] == 1 else FOREIGN
    )
    event = event_from_ocsf({**document, **change}, b"", now_ms=9)

    assert getattr(event, attribute) == expected
