"""Stored fields: columns tell what the canonical bytes hold, or say that they cannot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from ombud.core.batch import BatchBuilder
from ombud.core.canonical import encode_groups
from ombud.core.event import Event
from ombud.core.fields import FIELDS, Kind
from ombud.detect.columnar.rows import cell_of
from ombud.detect.replaying.narrowing import ANYTHING, OneOf, Rows
from ombud.detect.view import view_of_row
from ombud.record import segment
from ombud.record.paths import SegmentFile
from ombud.record.segment import SegmentWriter
from ombud.record.stored import StoredSegment
from ombud.record.wal import SALTS_SIZE, Frame
from ombud.services.stored_fields import StoredFields

WORDS = ("", "a", "A", "ß", "canary", 'x"y', "a\\b", "é\n", "5", "null")
words = st.sampled_from(WORDS)
maps = st.dictionaries(
    st.sampled_from(("canary", "a.b", "a", "b", 'x"y', "back\\slash", "é")),
    st.recursive(
        st.one_of(words, st.booleans(), st.none(), st.sampled_from((0, 1.0, 2**53 + 1))),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2),
            st.dictionaries(st.sampled_from(("b", "c")), inner, max_size=2),
        ),
        max_leaves=3,
    ),
    max_size=3,
)
BY_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: words,
    Kind.INTEGER: st.sampled_from((0, -1, 5, 2**63 - 1)),
    Kind.INSTANT: st.sampled_from((0, 1_795_305_600_000, -5)),
    Kind.BOOLEAN: st.booleans(),
    Kind.REAL: st.sampled_from((0.0, -0.0, 1.5, 500, 500.0, 2**53 + 1, 1e300)),
    Kind.TEXTS: st.lists(words, max_size=3).map(tuple),
    Kind.SUBJECTS: st.lists(st.tuples(words, words), max_size=3).map(tuple),
    Kind.MAP: maps,
}
events = st.fixed_dictionaries(
    {"source": words, "action": words, "time": BY_KIND[Kind.INSTANT]},
    optional={
        field.attribute: BY_KIND[field.kind]
        for field in FIELDS
        if field.attribute not in {"source", "action", "time"}
    },
)
NAMES = (
    *(field.name for field in FIELDS),
    "subject.kind",
    "subject.key",
    *(f"attributes.{name}" for name in ("canary", "a.b", "a", 'x"y', "back\\slash", "é", "gone")),
    "unmapped.canary",
)


def frame_of(canonical: Sequence[tuple[bytes, bytes, bytes]]) -> Frame:
    """Return events, given as canonical bytes, as a frame."""
    builder = BatchBuilder()
    for number, groups in enumerate(canonical):
        builder.add_canonical(0, *groups, b"%d" % number, source="s", native_id=str(number))
    salts = bytes(SALTS_SIZE * len(canonical))
    return Frame(0, 1_795_305_600_000, b"", salts, builder.take(), 0, 0)


def stored_of(folder: Path, canonical: Sequence[tuple[bytes, bytes, bytes]]) -> StoredSegment:
    """Return events as a sealed segment."""
    path = folder / "s.parquet"
    writer = SegmentWriter(path)
    writer.add(frame_of(canonical))
    writer.close()
    return StoredSegment(SegmentFile(path, 0, len(canonical)), pq.read_metadata(path))


def may_be(told: Any, cell: Any) -> bool:
    """Whether what is told of a cell leaves this one possible."""
    options = told.cells if isinstance(told, OneOf) else (told,)
    return told is ANYTHING or any(_same(one, cell) for one in options)


def _same(one: Any, cell: Any) -> bool:
    if one is UNSET or cell is UNSET:
        return one is cell
    return bool(orjson.dumps(one) == orjson.dumps(cell))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(st.lists(events, min_size=1, max_size=9), st.data())
def test_every_field_is_as_the_event_has_it(
    tmp_path: Path, some: list[dict[str, Any]], data: st.DataObject
) -> None:
    """For all events, and for few of them; only what a fraction was is left open."""
    canonical = [encode_groups(Event(**one)) for one in some]
    stored = stored_of(tmp_path, canonical)
    committed = stored.gather(np.arange(len(some)), raw=False)
    views = [view_of_row(committed, row) for row in range(len(some))]
    rows = np.array(sorted(data.draw(st.sets(st.sampled_from(range(len(some)))))), np.int64)
    assert stored.is_exact

    for asked in (rows, np.arange(len(some)), rows):
        fields = StoredFields(stored)
        for name in NAMES:
            cells = [cell_of(views[row], name) for row in asked.tolist()]
            check_cells(fields, name, asked, cells)
            check_elements(fields, name, asked, cells)


def check_cells(fields: StoredFields, name: str, asked: Rows, cells: list[Any]) -> None:
    """Assert that what is told of a field is what there is."""
    told = fields.cells(name, asked)
    assert told is not None, name
    for cell, code in zip(cells, told.codes.tolist(), strict=True):
        assert may_be(told.cells[code], cell), (name, told.cells[code], cell)
        if not name.startswith("place."):
            assert not isinstance(told.cells[code], OneOf)


def check_elements(fields: StoredFields, name: str, asked: Rows, cells: list[Any]) -> None:
    """Assert that the texts of lists are those that there are, each at its row."""
    listed = fields.elements(name, asked)
    if listed is None:
        return
    found: list[list[Any]] = [[] for _ in asked]
    for place, code in zip(listed.places.tolist(), listed.codes.tolist(), strict=True):
        found[place].append(listed.texts[code])
    assert found == [[] if one is UNSET else one for one in cells]


CONTENT = [1, *(None for field in FIELDS if field.group == 3)]


def with_value(name: str, raw: bytes) -> tuple[bytes, bytes, bytes]:
    """Return canonical bytes with one value of the content as it stands here."""
    place = 1 + [field.name for field in FIELDS if field.group == 3].index(name)
    values = [orjson.dumps(one) for one in CONTENT]
    values[place] = raw
    actor, data_subject, _ = encode_groups(Event(time=1, source="s", action="a"))
    return actor, data_subject, b"[" + b",".join(values) + b"]"


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("operation", b"5"),
        ("operation", b'["a"]'),
        ("rows.returned", b"5.0"),
        ("rows.returned", b"18446744073709551616"),
        ("rows.returned", b'"5"'),
        ("time_known", b"1"),
        ("columns.projected", b'["a",5]'),
        ("attributes", b'"text"'),
        ("attributes", b'{"a":1e999}'),
        ("attributes", b'{"a":' + b"[" * 1200 + b"]" * 1200 + b"}"),
        ("attributes", b'{"a":"\xff"}'),
        ("flags", b'"one"'),
    ],
)
def test_a_value_without_a_place_is_told(tmp_path: Path, name: str, raw: bytes) -> None:
    """A segment that holds one does not say that its columns are exact."""
    good = encode_groups(Event(time=1, source="s", action="a"))

    assert not stored_of(tmp_path, [good, with_value(name, raw)]).is_exact


@pytest.mark.parametrize("content", [b"[2]", b"[2,null]", b"{}", b"not json", b"[1,null]"])
def test_other_bytes_are_told(tmp_path: Path, content: bytes) -> None:
    """So are those of another version, or of none; what is erased holds nothing to miss."""
    actor, data_subject, good = encode_groups(Event(time=1, source="s", action="a"))
    versions = good.replace(b"[1,", b"[2,", 1)

    assert not stored_of(tmp_path, [(actor, data_subject, content)]).is_exact
    assert not stored_of(tmp_path, [(actor, data_subject, versions)]).is_exact
    assert stored_of(tmp_path, [(b"", b"", good), (b"", b"", b"")]).is_exact


def test_an_older_segment_does_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the word in its footer it is read whole."""
    monkeypatch.setattr(segment, "EXACT", "unknown")
    assert not stored_of(tmp_path, [encode_groups(Event(time=1, source="s", action="a"))]).is_exact


def test_nothing_is_known_of_other_names(tmp_path: Path) -> None:
    """A name that no event has, and lists of what holds none."""
    stored = StoredFields(
        stored_of(tmp_path, [encode_groups(Event(time=1, source="s", action="a"))])
    )
    every = np.arange(1)

    assert stored.cells("no.such", every) is None
    assert stored.elements("source", every) is None
    assert stored.elements("no.such", every) is None
    stored.add({"derived.idle_days": np.array([2.5]), "derived.first_seen": np.array([False])})
    told = stored.cells("derived.idle_days", every)
    assert told is not None
    assert told.numbers is not None
    assert told.numbers.tolist() == [2.5]
    assert stored.cost("source") < stored.cost("case") < stored.cost("derived.idle_days")


def test_rows_are_gathered_from_their_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With their originals or without, whichever row groups they lie in."""
    monkeypatch.setattr(segment, "ROW_GROUP_SIZE", 4)
    stored = stored_of(
        tmp_path, [encode_groups(Event(time=n, source="s", action="a")) for n in range(11)]
    )
    rows = np.array([0, 5, 6, 10])

    whole, lean = stored.gather(rows, raw=True), stored.gather(rows, raw=False)
    assert [whole.group(4, row) for row in range(4)] == [b"0", b"5", b"6", b"10"]
    assert [lean.group(4, row) for row in range(4)] == [b""] * 4
    assert [view_of_row(lean, row)["time"] for row in range(4)] == [0, 5, 6, 10]
    assert stored.gather(rows[:0], raw=True).count == 0
    assert stored.time_bounds() == (0, 10)
