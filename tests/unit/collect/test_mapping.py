"""Mappings: JSON lines of any shape as events, and files with faults refused whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ombud.collect.mapping import MappedSource
from ombud.collect.mapping_file import MappingError, load_mapping, parse_mapping
from ombud.collect.mapping_value import parse_zone
from ombud.collect.sources import get_source
from ombud.core.errors import EventError, InputError, NotFound

NOW_MS = 1_790_000_000_000


def mapped(fields: str, **top: str) -> MappedSource:
    """Return a source from the lines of its fields and of the rest of the file."""
    lines = ["source: test.log", *(f"{key}: {value}" for key, value in top.items()), "fields:"]
    text = "\n".join([*lines, *(f"  {line}" for line in fields.splitlines())])
    return MappedSource(parse_mapping(text, path="m.yaml"))


def take(fields: str, record: dict[str, Any], **top: str) -> Any:
    """Return the event of one record."""
    return mapped(fields, **top).parse(json.dumps(record).encode(), now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("field", "value", "found", "expected"),
    [
        pytest.param("actor.id: a", "ana", "actor_id", "ana", id="text"),
        pytest.param("actor.id: a", 7, "actor_id", "7", id="number as text"),
        pytest.param("actor.id: a.b[0].c", {"b": [{"c": "x"}]}, "actor_id", "x", id="path"),
        pytest.param("actor.id: a", ["x"], "actor_id", None, id="list for text"),
        pytest.param("purpose: {const: care}", None, "purpose", "care", id="constant"),
        pytest.param("action: {path: a, values: {r: read}}", "r", "action", "read", id="table"),
        pytest.param("action: {path: a, values: {'r*': read}}", "rx", "action", "read", id="glob"),
        pytest.param("action: {path: a, values: {r: read}}", "w", "action", "other", id="no row"),
        pytest.param("action: {path: a, values: {r: read}, default: write}", "w", "action", "write",
                     id="default"),
        pytest.param("action: a", "hack", "action", "other", id="unknown action"),
        pytest.param("outcome: {path: a, values: {true: success}}", True, "outcome", "success",
                     id="truth"),
        pytest.param("outcome: {path: a, values: {200: success}}", 200, "outcome", "success",
                     id="number"),
        pytest.param("rows.returned: a", "12", "rows_returned", 12, id="number in text"),
        pytest.param("rows.returned: a", 2**70, "rows_returned", None, id="beyond 64 bits"),
        pytest.param("rows.returned: length(a)", [1, 2], "rows_returned", 2, id="function"),
        pytest.param("decision.permit: a", "true", "decision_permit", True, id="boolean in text"),
        pytest.param("place.lat: a", "52.5", "place_lat", 52.5, id="real in text"),
        pytest.param("columns.projected: a", ["x", 1], "columns_projected", ("x", "1"), id="list"),
        pytest.param("columns.projected: a", "x", "columns_projected", ("x",), id="one of a list"),
        pytest.param("on_behalf_of: a[].b", [{"b": "x"}, {}], "on_behalf_of", ("x",), id="chain"),
        pytest.param("subjects: {kind: patient, path: 'a[].n'}", [{"n": 1}, {"n": 1}], "subjects",
                     (("patient", "1"),), id="data subjects"),
        pytest.param("time: a", "2026-03-04T08:00:00Z", "time", 1_772_611_200_000, id="iso"),
        pytest.param("time: a", 1_772_611_200, "time", 1_772_611_200_000, id="seconds"),
        pytest.param("time: a", 1_772_611_200_123, "time", 1_772_611_200_123, id="milliseconds"),
        pytest.param("time: a", "1772611200123456", "time", 1_772_611_200_123, id="microseconds"),
        pytest.param("time: {path: a, format: unix_s}", "1772611200.5", "time", 1_772_611_200_500,
                     id="seconds by format"),
        pytest.param("time: {path: a, format: '%d/%m/%y %H:%M', timezone: '+01:00'}",
                     "04/03/26 09:00", "time", 1_772_611_200_000, id="pattern with zone"),
        pytest.param("time: a", "later", "time", NOW_MS, id="no time"),
        pytest.param("time: a", 10**30, "time", NOW_MS, id="time beyond 64 bits"),
        pytest.param("time: a", True, "time", NOW_MS, id="truth for a time"),
    ],
)  # fmt: skip
def test_values(field: str, value: object, found: str, expected: object) -> None:
    """Each kind of field is taken as the mapping says; what does not fit is left empty."""
    assert getattr(take(field, {"a": value}), found) == expected


def test_what_does_not_fit_is_flagged() -> None:
    """A value that cannot be used is named in the flags; a missing one is not."""
    event = take("actor.id: a\nactor.name: b\ntime: t", {"a": [1], "t": "x"})

    assert event.flags == ("unmappable:actor.id", "unmappable:time", "time_unknown")
    assert event.time_known is False


def test_top_of_the_file() -> None:
    """Condition, heartbeat, scope, zone and attributes."""
    source = mapped(
        "sequence: n\nobserved_by: h\ntime: t",
        record_if="kind == 'audit'",
        heartbeat="2h",
        sequence_scope="observed_by",
        timezone='"+02:00"',
        attributes="{ward: w, level: {const: 3}}",
    )
    event = source.parse(
        b'{"kind":"audit","n":4,"h":"a","t":"2026-03-04 10:00:00","w":"3B"}', now_ms=0
    )

    assert (source.heartbeat_seconds, source.has_sequence) == (7200, True)
    assert source.sequence_scope == "observed_by"
    assert event.time == 1_772_611_200_000
    assert event.attributes == {"ward": "3B", "level": 3}
    with pytest.raises(EventError, match="record_if"):
        source.parse(b'{"kind":"debug"}', now_ms=0)


BAD = """\
source: Bad Name
heartbeat: x
feilds: 1
timezone: here
sequence_scope: actor.id
record_if: "a["
fields:
  actor.idd: a
  time: {path: a, format: foo}
  action: {path: b, values: {X: reed}}
  action: c
  rows.returned: {const: abc}
  subjects: {kind: p}
  source: x
  outcome: {path: a, const: b}
  session.id: {path: a, formt: b}
  actor.name: {const: x, default: y}
  purpose: [a]
"""


def test_all_faults_at_once() -> None:
    """A file with faults is refused with all of them, each with file, line and key."""
    with pytest.raises(MappingError) as refusal:
        parse_mapping(BAD, path="bad.yaml")

    assert [fault.partition(": ")[0] for fault in refusal.value.faults] == [
        f"bad.yaml:{line}" for line in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
    ]
    text = str(refusal.value)
    assert "`actor.idd`: no such field of an event; did you mean `actor.id`?" in text
    assert "did you mean `fields`?" in text
    assert "`action.values.X`: `reed` is not one of" in text
    assert "`session.id.formt`: unknown key; did you mean `format`?" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [", "not YAML", id="not YAML"),
        pytest.param("", "`source`: must name", id="empty"),
        pytest.param("[1]", "must be a mapping", id="list"),
        pytest.param("source: ombud.x\nfields: {time: t}", "reserved", id="reserved"),
        pytest.param("source: x\nfields: {}", "at least one field", id="no fields"),
        pytest.param(
            "source: x\nfields: {time: &a {path: t}, action: *a}", "aliases", id="aliases"
        ),
        pytest.param("source: x\nsource: y\nfields: {time: t}", "given twice", id="twice"),
    ],
)
def test_refused(text: str, message: str) -> None:
    """Files that are no mapping at all say so."""
    with pytest.raises(MappingError, match=message):
        parse_mapping(text, path="m.yaml")


def test_loading(tmp_path: Path) -> None:
    """A mapping is asked for by `mapping` or by its own name; a file must be there and be text."""
    path = tmp_path / "m.yaml"
    path.write_text("source: hospital.access\nfields: {actor.id: a}\n")

    assert get_source("mapping", mapping=path).kind == "hospital.access"
    assert get_source("hospital.access", mapping=path).kind == "hospital.access"
    with pytest.raises(InputError, match="not `other`"):
        get_source("other", mapping=path)
    with pytest.raises(InputError, match="needs a mapping file"):
        get_source("mapping")
    with pytest.raises(InputError, match="did you mean `ocsf`"):
        get_source("ocfs")
    with pytest.raises(NotFound):
        load_mapping(tmp_path / "absent.yaml")
    path.write_bytes(b"\xff")
    with pytest.raises(MappingError, match="not UTF-8"):
        load_mapping(path)
    path.write_text("source: aws.cloudtrail\nfields: {actor.id: a}\n")
    with pytest.raises(InputError, match="a source of its own"):
        get_source("mapping", mapping=path)


@pytest.mark.parametrize("text", ["UTC", "z", "+01:00", "-0330"])
def test_zones(text: str) -> None:
    """Zones are UTC or an offset."""
    assert parse_zone(text) is not None
    assert parse_zone(f"{text}x") is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(b"a,b", "without its header", id="no header"),
        pytest.param(b"at,who\nx", "1 fields under a header of 2", id="short"),
        pytest.param(b"at,who\nx,y,z", "3 fields under a header of 2", id="long"),
        pytest.param(b'at,who\nx,"y', "0 fields under a header of 2", id="open quote"),
    ],
)
def test_rows_that_do_not_fit(raw: bytes, message: str) -> None:
    """A row without a header, or of another width, is refused with both counts."""
    source = mapped("time: at\nactor.id: who", columns="[at]")
    with pytest.raises(EventError, match=message):
        source.parse(raw, now_ms=NOW_MS)


def test_rows_of_a_table() -> None:
    """A row says what it says under its header; an empty field is none, JSON is read as before."""
    source = mapped("time: at\nactor.id: who\npurpose: why", columns="[at, who]")
    event = source.parse(b'at,who,why\r\n2026-03-04T08:00:00Z,"Ana, A",', now_ms=NOW_MS)
    assert (event.actor_id, event.purpose, event.flags) == ("Ana, A", None, None)
    assert source.parse(b'{"who":"ana"}', now_ms=NOW_MS).actor_id == "ana"
    torn = source.parse(b"at,who\n2026-03-04T08:00:00Z,a\xff", now_ms=NOW_MS)
    assert torn.flags == ("invalid_utf8",)


@pytest.mark.parametrize("columns", ["at", "[]", "{a: b}"])
def test_columns_are_a_list(columns: str) -> None:
    """The columns that tell a header are a list of names."""
    with pytest.raises(MappingError, match="`columns`: must be a list"):
        mapped("time: at", columns=columns)


EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "sources" / "examples"
GITLAB = {
    "id": "7f1",
    "author_id": 3,
    "author_name": "ana",
    "created_at": "2026-03-04T08:15:30.123Z",
    "entity_path": "county/registry",
    "entity_type": "Project",
    "event_type": "member_created",
    "ip_address": "192.0.2.10",
    "target_details": "dee",
    "target_id": 9,
    "target_type": "ProjectMember",
    "details": {"author_class": "User", "from": None, "to": "Maintainer"},
}


@pytest.mark.parametrize(
    ("event_type", "action"),
    [
        ("member_created", "grant"),
        ("member_destroyed", "revoke"),
        ("project_visibility_updated", "share"),
        ("project_destroyed", "delete"),
        ("project_access_token_created", "grant"),
        ("protected_branch_updated", "configure"),
        ("repository_git_operation", "read"),
        ("moonwalk", "other"),
    ],
)
def test_the_example(event_type: str, action: str) -> None:
    """The worked example makes events of records as its system delivers them."""
    source = get_source("mapping", mapping=EXAMPLES / "gitlab.yaml")
    raw = json.dumps(GITLAB | {"event_type": event_type}).encode()
    event = source.parse(raw, now_ms=0)

    assert (event.action, event.operation) == (action, event_type)
    assert (event.actor_id, event.actor_type, event.native_id) == ("ana", "person", "7f1")
    assert (event.time, event.resource_dataset) == (1_772_612_130_123, "county/registry")
    assert event.attributes == {"target": "dee", "to": "Maintainer"}
    assert event.flags is None


def test_the_mapping_of_the_manual() -> None:
    """The mapping shown in the manual is one, and the vocabulary of its table is the code's."""
    manual = (EXAMPLES.parent / "mapping.md").read_text(encoding="utf-8")
    shown = manual.partition("```yaml\n")[2].partition("```")[0]

    source = MappedSource(parse_mapping(shown, path="mapping.md"))
    assert source.parse(b'{"event":"open","ok":true}', now_ms=0).action == "read"
    for word in ("auto", "iso8601", "unix_s", "unix_ms", "unix_us", "unix_ns"):
        assert f"`{word}`" in manual
