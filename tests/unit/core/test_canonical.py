"""The canonical form, version 1: golden bytes that hold for ever, and what has no such form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.core.canonical import (
    NO_DATA_SUBJECT,
    decode_groups,
    encode_groups,
    encode_values,
    with_flag,
)
from ombud.core.commitment import commit, group_digest, leaf_entry, parse_leaf_entry
from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.core.fields import FIELDS, Kind

LOOK_UP = Event(
    time=1_795_305_600_123,
    source="county.cases",
    action="read",
    actor_id="ana",
    actor_type="person",
    actor_organisation="county/26",
    on_behalf_of=("shift-lead", "desk"),
    origin_ip="192.0.2.7",
    subjects=(("patient", "8841"), ("person", "Dée")),
    resource_id="case/17",
    place_lat=52.5,
    place_lon=-0.25,
    class_uid=6005,
    activity_id=1,
    native_id="n-1",
    columns_projected=("name", "born"),
    case="C-2026-1",
    decision_permit=True,
    rows_returned=2**63 - 1,
    attributes={"z": 1, "a": {"y": None, "b": [1.5, "\u2028"]}},
    raw=b'{"who":"ana"}\x00\xff',
)

# Golden: what these lines say is what a verifier of any later version must read.
ACTOR = b'[1,"ana","person",null,"county/26",["shift-lead","desk"],"192.0.2.7",null,null]'
DATA_SUBJECT = (
    b'[1,[["patient","8841"],["person","D\xc3\xa9e"]],"case/17",null,52.5,-0.25,null,null]'
)
CONTENT = (
    b'[1,1795305600123,true,"county.cases","read",6005,1,null,null,"n-1",null,null,null,null,null,'
    b'null,null,null,null,["name","born"],null,null,null,"C-2026-1",null,null,null,null,null,null,'
    b"null,null,true,null,null,null,null,null,null,9223372036854775807,null,null,null,null,null,"
    b'null,{"a":{"b":[1.5,"\xe2\x80\xa8"],"y":null},"z":1},null,null]'
)
GOLDEN_LEAF = (
    "011775000001a2008d747c4dfcceb5622f194cd231ef81ad1df4f6ed027ede92cce7234ab77a7176146cef"
)


def test_golden_groups() -> None:
    """Version 1 is positional, without white space, keys sorted, UTF-8."""
    assert encode_groups(LOOK_UP) == (ACTOR, DATA_SUBJECT, CONTENT)


def test_golden_leaf() -> None:
    """Salts, groups and domain separation give the same 43 bytes for ever."""
    groups = (*encode_groups(LOOK_UP), LOOK_UP.raw)
    digests = [group_digest(bytes([n]) * 16, n, group) for n, group in enumerate(groups, start=1)]
    entry = leaf_entry(6005, 1_795_305_600_124, commit(digests))

    assert parse_leaf_entry(entry) == (6005, 1_795_305_600_124, commit(digests))
    assert entry.hex() == GOLDEN_LEAF


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(bytes(42), id="short"),
        pytest.param(bytes(44), id="long"),
        pytest.param(b"\x02" + bytes(42), id="later version"),
    ],
)
def test_refuses_what_is_not_a_leaf_entry(entry: bytes) -> None:
    """Only the 43 bytes of version 1 are a leaf entry."""
    with pytest.raises(ValueError, match="not a leaf entry"):
        parse_leaf_entry(entry)


def test_groups_round_trip() -> None:
    """What was encoded is what is decoded."""
    values = decode_groups(*encode_groups(LOOK_UP))

    assert Event(**values, raw=LOOK_UP.raw) == LOOK_UP


def test_absent_data_subject_has_one_form() -> None:
    """An event about nobody commits to the same bytes as any other such event."""
    groups = encode_groups(Event(time=0, source="s", action="other"))

    assert groups[1] == NO_DATA_SUBJECT == b"[1,null,null,null,null,null,null,null]"


def test_erased_group_leaves_its_fields_out() -> None:
    """Erased bytes say nothing, and the other groups are still read."""
    actor, _, content = encode_groups(LOOK_UP)
    values = decode_groups(actor, b"", content)

    assert "subjects" not in values
    assert values["actor_id"] == "ana"


def test_with_flag_adds_and_keeps() -> None:
    """A flag is added at its place and nothing else changes."""
    once = with_flag(CONTENT, "id_conflict")
    values = decode_groups(b"", b"", with_flag(once, "late"))

    assert values.pop("flags") == ("id_conflict", "late")
    assert values == {
        name: value for name, value in decode_groups(b"", b"", CONTENT).items() if name != "flags"
    }


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**64, id="beyond 64 bits"),
        pytest.param(-(2**63) - 1, id="below 64 bits"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param({"a": object()}, id="not JSON"),
        pytest.param({1: "a"}, id="key is not text"),
    ],
)
def test_no_canonical_form(value: Any) -> None:
    """What has no canonical form is refused before it can be committed to."""
    with pytest.raises(EventError, match="value has no canonical form"):
        encode_values((1, value))


def test_deep_nesting_has_no_canonical_form() -> None:
    """Nesting beyond what every reader can parse is refused."""
    deep: Any = None
    for _ in range(300):
        deep = [deep]

    with pytest.raises(EventError, match="value has no canonical form"):
        encode_values((1, deep))


@pytest.mark.parametrize(
    ("canonical", "message"),
    [
        pytest.param(b"[1,", "not JSON", id="cut short"),
        pytest.param(b"{}", "version this program does not know", id="not an array"),
        pytest.param(b"[]", "version this program does not know", id="empty"),
        pytest.param(b"[2,null]", "version this program does not know", id="later version"),
        pytest.param(b"[1,null]", "hold 1 fields, not 8", id="too few fields"),
        pytest.param(ACTOR[:-1] + b",null]", "hold 9 fields, not 8", id="too many fields"),
    ],
)
def test_refuses_bytes_of_no_known_form(canonical: bytes, message: str) -> None:
    """Bytes that are not version 1 are refused, saying why."""
    with pytest.raises(EventError, match=message):
        decode_groups(canonical, b"", b"")


def event_of(values: dict[str, Any]) -> Event:
    """Return the event of some fields."""
    return Event(**values)


SAMPLES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: st.text(max_size=5),
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Kind.INSTANT: st.integers(-(2**62), 2**62),
    Kind.BOOLEAN: st.booleans(),
    Kind.REAL: st.floats(allow_nan=False, allow_infinity=False),
    Kind.TEXTS: st.lists(st.text(max_size=3), max_size=3).map(tuple),
    Kind.SUBJECTS: st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=2).map(
        tuple
    ),
    Kind.MAP: st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=3),
}
OPTIONAL = {
    field.attribute: st.none() | SAMPLES[field.kind]
    for field in FIELDS
    if field.name not in {"time", "source", "action"}
}
ANY_EVENT = st.fixed_dictionaries(
    {"time": SAMPLES[Kind.INSTANT], "source": st.text(max_size=5), "action": st.just("read")},
    optional=OPTIONAL,
).map(event_of)


@given(event=ANY_EVENT)
def test_any_event_round_trips(event: Event) -> None:
    """Every field survives its canonical form, whatever it holds."""
    assert Event(**decode_groups(*encode_groups(event))) == event
