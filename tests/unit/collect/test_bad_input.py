"""Bad input: one clear error or one quarantined line, never a crash, never a lost neighbour."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from doubles.memory_record import MemoryRecord
from ombud.collect.fit import fit
from ombud.collect.intake import IntakeResult
from ombud.collect.quarantine import Quarantine
from ombud.collect.source import FastPath, Source
from ombud.collect.sources import get_source
from ombud.core.canonical import encode_groups
from ombud.core.errors import EventError

MAPPING = Path(__file__).resolve().parents[2] / "golden" / "sources" / "mapping" / "hospital.yaml"
SOURCES: dict[str, Source] = {
    "aws.cloudtrail": get_source("aws.cloudtrail"),
    "postgres.pgaudit": get_source("postgres.pgaudit"),
    "ocsf": get_source("ocsf"),
    "mapping": get_source("mapping", mapping=MAPPING),
    "databricks.audit": get_source("databricks.audit"),
    "github.audit": get_source("github.audit"),
    "okta.systemlog": get_source("okta.systemlog"),
    "snowflake.query_history": get_source("snowflake.query_history"),
    "trino.events": get_source("trino.events"),
    "palantir.audit3": get_source("palantir.audit3"),
    "microsoft365.audit": get_source("microsoft365.audit"),
    "google.workspace": get_source("google.workspace"),
    "fhir.auditevent": get_source("fhir.auditevent"),
}
# A good record of each source, told apart by a number, and one member to be spoilt.
GOOD: dict[str, Callable[[int], bytes]] = {
    "aws.cloudtrail": lambda n: (
        b'{"eventID":"e-%d","eventName":"GetObject","eventTime":"2026-03-04T08:00:00Z",'
        b'"eventSource":"s3.amazonaws.com","userAgent":"SPOT"}' % n
    ),
    "postgres.pgaudit": lambda n: (
        b'{"timestamp":"2026-03-04 08:00:00.000 UTC","session_id":"69.1","line_num":%d,'
        b'"error_severity":"LOG","message":"AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>",'
        b'"application_name":"SPOT"}' % n
    ),
    "ocsf": lambda n: (
        b'{"class_uid":6005,"activity_id":1,"time":1772612130000,'
        b'"metadata":{"uid":"m-%d"},"http_request":{"user_agent":"SPOT"}}' % n
    ),
    "mapping": lambda n: b'{"event":"open","id":"h-%d","who":{"login":"SPOT"}}' % n,
    "databricks.audit": lambda n: (
        b'{"actionName":"login","serviceName":"accounts","timestamp":1772612130000,'
        b'"requestId":"r-%d","userAgent":"SPOT"}' % n
    ),
    "github.audit": lambda n: (
        b'{"_document_id":"d-%d","action":"git.clone","@timestamp":1772612130000,'
        b'"user_agent":"SPOT"}' % n
    ),
    "okta.systemlog": lambda n: (
        b'{"uuid":"u-%d","eventType":"user.session.start",'
        b'"published":"2026-03-04T08:15:30.000Z","severity":"SPOT"}' % n
    ),
    "snowflake.query_history": lambda n: (
        b'{"QUERY_ID":"q-%d","QUERY_TYPE":"SELECT","START_TIME":"2026-03-04 08:15:30.000 Z",'
        b'"QUERY_TEXT":"SPOT"}' % n
    ),
    "trino.events": lambda n: (
        b'{"metadata":{"queryId":"q-%d","query":"SPOT"},"context":{"queryType":"SELECT"},'
        b'"createTime":"2026-03-04T08:15:30.000Z","statistics":{}}' % n
    ),
    "palantir.audit3": lambda n: (
        b'{"type":"audit.3","logEntryId":"l-%d","categories":["dataLoad"],'
        b'"time":"2026-03-04T08:15:30.000Z","userAgent":"SPOT"}' % n
    ),
    "microsoft365.audit": lambda n: (
        b'{"Id":"m-%d","Operation":"FileAccessed","RecordType":6,'
        b'"CreationTime":"2026-03-04T08:15:30","UserAgent":"SPOT"}' % n
    ),
    "google.workspace": lambda n: (
        b'{"id":{"time":"2026-03-04T08:15:30.000Z","uniqueQualifier":"%d",'
        b'"applicationName":"drive"},"actor":{"email":"ana@x"},"events":[{"name":"view"}],'
        b'"ownerDomain":"SPOT"}' % n
    ),
    "fhir.auditevent": lambda n: (
        b'{"resourceType":"AuditEvent","id":"f-%d","recorded":"2026-03-04T08:15:30Z",'
        b'"action":"R","agent":[],"outcomeDesc":"SPOT"}' % n
    ),
}
each_source = pytest.mark.parametrize("kind", SOURCES)
Feed = Callable[..., IntakeResult]


def spoil(kind: str, spot: bytes, replacement: bytes) -> bytes:
    """Return a record of a source with one member replaced."""
    return GOOD[kind](2).replace(b'"SPOT"' if spot == b"value" else spot, replacement)


# What stands where a text should: is the whole line still a record of its source?
SPOILT = [
    pytest.param(b'"a\xffb"', True, id="invalid UTF-8"),
    pytest.param(b'"a\x00b"', True, id="NUL byte"),
    pytest.param(b'"a\\u0000b"', True, id="escaped NUL"),
    pytest.param(b'"a\\ud800b"', True, id="lone surrogate"),
    pytest.param(b"1180591620717411303424", True, id="integer beyond 64 bits"),
    pytest.param(b"9" * 5000, True, id="integer of 5000 digits"),
    pytest.param(b"1e400", True, id="number beyond double"),
    pytest.param(b"NaN", True, id="not a number"),
    pytest.param(b'"x","dup":1,"dup":2', True, id="duplicate keys"),
    pytest.param(b"[" * 300 + b"]" * 300, True, id="nested 300 deep"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, False, id="nested 100,000 deep"),
    pytest.param(b'{"a":1}', True, id="object for text"),
    pytest.param(b"nul", False, id="no JSON"),
    pytest.param(b'"cut off', False, id="cut off"),
]


@each_source
@pytest.mark.parametrize(("replacement", "is_record"), SPOILT)
def test_spoilt_line(
    kind: str,
    replacement: bytes,
    is_record: bool,
    feed: Feed,
    sink: MemoryRecord,
    quarantine: Quarantine,
) -> None:
    """A spoilt line costs at most itself, keeps its bytes, and is told by file and line."""
    spoilt = spoil(kind, b"value", replacement)
    data = GOOD[kind](1) + b"\n" + spoilt + b"\n" + GOOD[kind](3) + b"\n"

    result = feed(SOURCES[kind], data)

    raws = [event.raw for event in sink.events]
    assert GOOD[kind](1) in raws
    assert GOOD[kind](3) in raws
    assert result.read == 3
    assert (spoilt in raws) is is_record
    items = list(quarantine.items())
    assert [(item.line, item.raw) for item in items] == ([] if is_record else [(2, spoilt)])
    assert all(item.reason and item.file.endswith("input") for item in items)


@pytest.mark.parametrize("kind", ["aws.cloudtrail", "postgres.pgaudit"])
def test_line_of_a_hundred_megabytes(
    kind: str, feed: Feed, sink: MemoryRecord, quarantine: Quarantine
) -> None:
    """A line too long for the record is quarantined with its place and size, its head kept."""
    long = b'{"x":"' + b"y" * 100_000_000 + b'"}'

    result = feed(SOURCES[kind], GOOD[kind](1) + b"\n" + long + b"\n" + GOOD[kind](3) + b"\n")

    assert (result.recorded, result.quarantined) == (2, 1)
    (item,) = quarantine.items()
    assert (item.line, item.size) == (2, len(long))
    assert len(item.raw) < 100_000
    assert "16 MiB" in item.reason


@each_source
@pytest.mark.parametrize("cut", [10, 60])
def test_truncated_gzip(
    kind: str, cut: int, feed: Feed, sink: MemoryRecord, quarantine: Quarantine
) -> None:
    """What came before the cut is there; the cut is one clear fault."""
    lines = b"".join(GOOD[kind](n) + b"\n" for n in range(1000))
    packed = gzip.compress(lines)

    result = feed(SOURCES[kind], packed[:-cut], "log.gz")

    assert result.quarantined == 1
    assert result.recorded > 700
    (item,) = quarantine.items()
    assert item.reason == "the gzip file breaks off"


@each_source
def test_gzip_members_and_damage(
    kind: str, feed: Feed, sink: MemoryRecord, quarantine: Quarantine
) -> None:
    """Members joined end to end are one log; damaged data is one clear fault."""
    members = gzip.compress(GOOD[kind](1) + b"\n") + gzip.compress(GOOD[kind](2) + b"\n")

    assert feed(SOURCES[kind], members + b"\0" * 512, "padded.gz").recorded == 2
    assert feed(SOURCES[kind], members + b"\x1f\x8b\xff\xff", "damaged.gz").quarantined == 1
    (item,) = quarantine.items()
    assert "damaged" in item.reason


@each_source
def test_file_of_another_kind(kind: str, feed: Feed, quarantine: Quarantine) -> None:
    """Lines that are no records of the source lie in quarantine, each with its reason."""
    result = feed(SOURCES[kind], b"%PDF-1.4\n\x00\x01\xff\n{}\n7\n\n")

    assert result.recorded == 0
    assert result.quarantined == len(list(quarantine.items())) == 4


@each_source
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_arbitrary_bytes(kind: str, data: st.DataObject) -> None:
    """Whatever the bytes: an event that the record can hold, or an `EventError`."""
    good = GOOD[kind](1)
    noise = data.draw(st.binary(max_size=40))
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    check(SOURCES[kind], noise)
    check(SOURCES[kind], good[:start] + noise + good[end:])


def check(source: Source, raw: bytes) -> None:
    """Give bytes to a source as its intake does."""
    row = source.canonical(raw) if isinstance(source, FastPath) else None
    try:
        event = source.parse(raw, now_ms=1)
    except EventError:
        assert row is None
        return
    fitted, groups = fit(event, now_ms=1)
    assert groups == encode_groups(fitted)
    assert event.raw == raw
    if row is not None:
        assert row[1:4] == groups
        assert row[0] == event.class_uid


TEXTS = st.text(max_size=6) | st.sampled_from(["Root", "AWSService", "2026-03-04T08:00:00Z"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "eventName", "eventSource", "eventTime", "eventID", "userIdentity", "type", "arn",
    "requestParameters", "bucketName", "key", "resources", "ARN", "additionalEventData",
    "bytesTransferredOut", "readOnly", "errorCode", "responseElements", "sessionContext",
    "class_uid", "activity_id", "time", "metadata", "ombud", "model", "derived", "actor", "user",
    "uid", "unmapped", "raw_data", "timestamp", "message", "session_id", "line_num", "event", "who",
]  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    document=st.recursive(
        st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5),
        lambda inner: st.dictionaries(st.sampled_from(KEYS), inner | VALUES, max_size=5),
        max_leaves=8,
    )
)
@example(document={"ombud": {"model": 1, "derived": ["time"]}, "metadata": {"uid": "9" * 30}})
@example(document={"eventName": "x", "eventTime": "0001-01-01T00:00:00+23:59"})
def test_arbitrary_objects(document: dict[str, object]) -> None:
    """Whatever types stand under the keys that sources know: never a crash."""
    raw = json.dumps(document).encode()
    for source in SOURCES.values():
        check(source, raw)
