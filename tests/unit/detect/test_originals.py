"""Originals under the names that rules use: beside their own names, whatever they hold."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.spoilt_records import spoilt
from ombud.detect.matching.paths import find_values
from ombud.detect.originals import NAMED
from ombud.detect.view import view_of_original

ACTIVITY: dict[str, Any] = {
    "id": {"applicationName": "admin"},
    "events": [
        {"name": "A", "parameters": [{"name": "NEW_VALUE", "value": "x"}]},
        {"name": "B", "parameters": [{"name": "FLAG", "boolValue": False}]},
    ],
}
ENTRY: dict[str, Any] = {
    "protoPayload": {
        "serviceName": "login.googleapis.com",
        "metadata": {"event": [{"eventName": "A", "parameter": [{"name": "n", "value": "v"}]}]},
    }
}
RECORD: dict[str, Any] = {"Operation": "Set-Mailbox", "Workload": "Exchange", "Name": "n"}


def test_activity_is_named_as_by_cloud_logging() -> None:
    """Names and parameters of every event of an activity are found; its own names stay."""
    view = view_of_original(orjson.dumps(ACTIVITY), "google.workspace")

    assert view["eventName"] == ["A", "B"]
    assert view["eventService"] == "admin.googleapis.com"
    assert (view["new_value"], view["flag"]) == (["x"], [False])
    assert find_values(view, "protoPayload.metadata.event.eventName") == ["A", "B"]
    assert find_values(view, "events.name") == ["A", "B"]


def test_entry_of_cloud_logging() -> None:
    """An entry keeps its payload and gets the short names."""
    view = view_of_original(orjson.dumps(ENTRY), "google.workspace")

    assert view["protoPayload"] == ENTRY["protoPayload"]
    assert (view["eventName"], view["n"]) == (["A"], ["v"])


@pytest.mark.parametrize(
    ("status", "told"),
    [("Succeeded", "success"), ("True", "success"), ("Failed", "Failed"), (None, "success")],
)
def test_record_of_microsoft(status: str | None, told: str) -> None:
    """A row gives the record inside it, with operation, workload and status under other names."""
    record = {**RECORD, **({"ResultStatus": status} if status else {})}
    rows = (record, {"AuditData": orjson.dumps(record).decode()}, {"auditData": record})
    for row in rows:
        view = view_of_original(orjson.dumps(row), "microsoft365.audit")
        assert view["Operation"] == "Set-Mailbox"
        assert (view["eventName"], view["eventSource"]) == (["Set-Mailbox", "n"], "Exchange")
        assert view["status"] == told


def test_other_sources_are_left_alone() -> None:
    """Without a source, or for any other, nothing is added."""
    for source in (None, "aws.cloudtrail"):
        assert view_of_original(orjson.dumps(RECORD), source) == RECORD


@given(raw=spoilt([ACTIVITY, ENTRY, RECORD, {"AuditData": "{"}]), source=st.sampled_from([*NAMED]))
def test_no_record_stops_it(raw: bytes, source: str) -> None:
    """Whatever a record holds, it has a view."""
    assert isinstance(view_of_original(raw, source), dict)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"1e999", 1.7976931348623157e308),
        (b"-1E+400", -1.7976931348623157e308),
        (b"9" * 400, 1.7976931348623157e308),
        (b"1e-999", 0.0),
        (b"18446744073709551616", 2.0**64),
        (b'"1e999 \\" 1e999"', '1e999 " 1e999'),
    ],
)
def test_a_number_too_large_hides_no_event(written: bytes, read: object) -> None:
    """What no double holds is read as the largest one; the fields beside it are there."""
    view = view_of_original(b'{"eventName":"StopLogging","n":[' + written + b',1e999],"t":"9e999"}')
    assert view == {"eventName": "StopLogging", "n": [read, 1.7976931348623157e308], "t": "9e999"}


@pytest.mark.parametrize("raw", [b"[1e999]", b'{"n":1e999', b'{"n":1e999,"t":"\xff"}', b"1e999 x"])
def test_what_is_no_object_stays_a_message(raw: bytes) -> None:
    """A number is no excuse for anything else."""
    assert view_of_original(raw) == {"message": raw.decode("utf-8", "replace")}
