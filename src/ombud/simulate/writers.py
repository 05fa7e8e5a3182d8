"""Writers: acts as lines of the systems' own logs.

Each line carries an id of its own that no other line of the county has, in
history or live: the instant and a counter.  `sequence` numbers count without a
gap per kind of source, where the source has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ombud.simulate.act import (
    CASEBOOK,
    CHARTBOOK,
    CLOUDTRAIL,
    DATAWORKS,
    MAPPING,
    OCSF,
    PGAUDIT,
    PLATELINE,
    PLATFORM,
    RECORDS,
    Act,
)
from ombud.simulate.clock import iso_second, iso_time
from ombud.simulate.names import SHERIFF
from ombud.simulate.pglog import write_line

ACCOUNT_ID = "214400310027"
REGION = "eu-north-1"
_ID_COUNTER = 4096

_RESULTS = {"success": "ok", "denied": "denied", "failure": "failed"}
_STATUSES = {"success": ("Success", 1), "denied": ("Denied", 2), "failure": ("Failure", 2)}
# Plate system operation: OCSF class, activity, action of the extension.
_PLATE_CLASSES = {
    "plate.search": (6005, 4, "search"),
    "plate.near": (6005, 4, "search"),
    "plate.view": (6005, 1, "read"),
    "plate.import": (6005, 5, "write"),
    "list.export": (6001, 7, "export"),
    "signin": (3002, 1, "authenticate"),
    "signout": (3002, 2, "authenticate"),
}
# CloudTrail operation: service, whether it only reads, whether it is a data event.
_CALLS = {
    "ConsoleLogin": ("signin", False, False),
    "AssumeRole": ("sts", True, False),
    "GetCallerIdentity": ("sts", True, False),
    "StartQueryExecution": ("athena", False, False),
    "GetQueryExecution": ("athena", True, False),
    "GetQueryResults": ("athena", True, False),
    "GetTable": ("glue", True, False),
    "GetPartitions": ("glue", True, False),
    "StartJobRun": ("glue", False, False),
    "GetJobRun": ("glue", True, False),
    "GetObject": ("s3", True, True),
    "PutObject": ("s3", False, True),
    "ListObjects": ("s3", True, True),
    "PutBucketPolicy": ("s3", False, False),
    "StopLogging": ("cloudtrail", False, False),
    "StartLogging": ("cloudtrail", False, False),
    "PutEventSelectors": ("cloudtrail", False, False),
}


class Writers:
    """Turns acts into lines; `sequence` continues where a former run of the county ended.

    With `sequence=None` no sequence numbers are written: a source that cannot
    know its last number must not invent one.
    """

    def __init__(self, sequence: dict[str, int] | None = None) -> None:
        self.sequence = sequence
        self._ids = 0
        self._writers: dict[str, tuple[str, Callable[[Act], tuple[str, bytes]]]] = {
            CASEBOOK: (MAPPING, self._case_line),
            CHARTBOOK: (MAPPING, self._case_line),
            DATAWORKS: (MAPPING, self._case_line),
            PLATELINE: (OCSF, self._plate_line),
            PLATFORM: (CLOUDTRAIL, self._cloudtrail_line),
            RECORDS: (PGAUDIT, write_line),
        }

    def write(self, act: Act) -> tuple[str, str, bytes]:
        """Return kind of source, native id and the line, without its line feed."""
        kind, writer = self._writers[act.seat.system]
        native_id, line = writer(act)
        return kind, native_id, line

    def _next_id(self, time: int) -> str:
        self._ids = (self._ids + 1) % _ID_COUNTER
        return f"{time:011x}{self._ids:03x}"

    def _next_sequence(self, kind: str) -> int | None:
        if self.sequence is None:
            return None
        number = self.sequence[kind] = self.sequence.get(kind, 0) + 1
        return number

    def _case_line(self, act: Act) -> tuple[str, bytes]:
        """Write one line of the case, chart or workflow system: JSON of our own shape."""
        seat = act.seat
        actor = seat.actor
        native_id = f"{seat.system[:2].upper()}-{self._next_id(act.time)}"
        line: dict[str, Any] = {"id": native_id, "ts": iso_time(act.time), "app": seat.system}
        sequence = self._next_sequence(MAPPING)
        if sequence is not None:
            line["seq"] = sequence
        line["user"] = {
            "login": seat.account,
            "name": actor.name if seat.account == actor.login else seat.account,
            "kind": actor.kind,
            "org": actor.unit.organisation,
        }
        line["session"] = seat.session
        line["ip"] = seat.ip
        line["device"] = seat.device
        line["client"] = seat.agent
        line["op"] = act.operation
        line["result"] = _RESULTS[act.outcome]
        if act.on_behalf_of:
            line["behalf"] = act.on_behalf_of
        if act.dataset is not None:
            line["object"] = {"dataset": act.dataset, "type": act.type, "id": act.object_id}
        if act.subjects:
            line["subjects"] = [{"kind": kind, "key": key} for kind, key in act.subjects]
        optional = (
            ("query", act.query),
            ("purpose", act.purpose),
            ("case", act.case),
            ("reason", act.reason),
            ("request", act.request),
            ("agreement", act.agreement),
            ("workflow", act.workflow),
            ("rows", act.rows),
            ("bytes", act.size),
            ("recipient", act.recipient),
            ("destination", act.destination),
            ("area", act.area),
        )
        line.update((key, value) for key, value in optional if value is not None)
        if act.columns:
            line["columns"] = act.columns
        if act.attributes:
            line["context"] = act.attributes
        return native_id, orjson.dumps(line)

    def _plate_line(self, act: Act) -> tuple[str, bytes]:
        """Write one OCSF 1.8 event of the plate system, with the Ombud extension."""
        seat = act.seat
        actor = seat.actor
        class_uid, activity, action = _PLATE_CLASSES[act.operation]
        native_id = f"PL-{self._next_id(act.time)}"
        status, status_id = _STATUSES[act.outcome]
        metadata: dict[str, Any] = {
            "version": "1.8.0",
            "product": {"name": PLATELINE, "vendor_name": "Hallowmere County"},
            "original_event_uid": native_id,
            "log_provider": "plateline-1",
        }
        sequence = self._next_sequence(OCSF)
        if sequence is not None:
            metadata["sequence"] = sequence
        extension: dict[str, Any] = {"action": action}
        line: dict[str, Any] = {
            "class_uid": class_uid,
            "category_uid": class_uid // 1000,
            "activity_id": activity,
            "type_uid": class_uid * 100 + activity,
            "severity_id": 1,
            "time": act.time,
            "metadata": metadata,
            "actor": {
                "user": {
                    "uid": actor.login,
                    "name": actor.name,
                    "type": actor.kind,
                    "org": {"uid": actor.unit.organisation},
                },
                "session": {"uid": seat.session},
            },
            "src_endpoint": {"ip": seat.ip, "name": seat.device},
            "http_request": {"user_agent": seat.agent},
            "api": {"operation": act.operation},
            "status": status,
            "status_id": status_id,
            "ombud": extension,
        }
        if act.dataset is not None:
            line["resources"] = [
                {
                    "namespace": PLATELINE,
                    "name": act.dataset,
                    "type": act.type,
                    "owner": {"uid": SHERIFF},
                }
            ]
        if act.query is not None:
            line["query_info"] = {"query_string": act.query}
        _extend(extension, act)
        return native_id, orjson.dumps(line)

    def _cloudtrail_line(self, act: Act) -> tuple[str, bytes]:
        """Write one CloudTrail record of the data platform."""
        seat = act.seat
        login = seat.actor.login
        service, read_only, is_data = _CALLS[act.operation]
        number = self._next_id(act.time)
        event_id = f"{number[:8]}-{number[8:12]}-4{number[11:]}-a{seat.session[-3:]}-{number[-12:]}"
        role = "nightly-etl" if seat.actor.kind == "service" else "analyst"
        principal = f"AROA{role.upper().replace('-', '')[:8]}:{login}"
        line: dict[str, Any] = {
            "eventVersion": "1.09",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": principal,
                "arn": f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{role}/{login}",
                "accountId": ACCOUNT_ID,
                "accessKeyId": f"ASIA{seat.session[-8:].upper()}",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "arn": f"arn:aws:iam::{ACCOUNT_ID}:role/{role}",
                        "accountId": ACCOUNT_ID,
                        "userName": role,
                    },
                    "attributes": {
                        "creationDate": iso_second(seat.started),
                        "mfaAuthenticated": "true" if role == "analyst" else "false",
                    },
                },
            },
            "eventTime": iso_second(act.time),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": act.operation,
            "awsRegion": REGION,
            "sourceIPAddress": seat.ip,
            "userAgent": seat.agent,
        }
        if act.outcome != "success":
            line["errorCode"] = "AccessDenied"
            line["errorMessage"] = f"User {login} is not authorized to perform {act.operation}"
        line["requestParameters"] = act.attributes
        line["responseElements"] = None
        if act.size is not None:
            line["additionalEventData"] = {
                "bytesTransferredIn": 0,
                "bytesTransferredOut": act.size,
            }
        line["requestID"] = number.upper()
        line["eventID"] = event_id
        line["readOnly"] = read_only
        line["eventType"] = "AwsConsoleSignIn" if service == "signin" else "AwsApiCall"
        line["managementEvent"] = not is_data
        line["recipientAccountId"] = ACCOUNT_ID
        line["eventCategory"] = "Data" if is_data else "Management"
        return event_id, orjson.dumps(line)


def _extend(extension: dict[str, Any], act: Act) -> None:
    """Fill the extension object with what OCSF has no place for."""
    if act.subjects:
        extension["data_subjects"] = [{"kind": kind, "key": key} for kind, key in act.subjects]
    if act.place is not None:
        lat, lon, radius = act.place
        extension["place"] = {"lat": lat, "lon": lon, "radius_m": radius}
    if act.area is not None:
        extension.setdefault("place", {})["area"] = act.area
    if act.reason is not None:
        extension["justification"] = {"text": act.reason}
    optional = (
        ("purpose", act.purpose),
        ("case_uid", act.case),
        ("request_uid", act.request),
        ("agreement", act.agreement),
        ("workflow_id", act.workflow),
        ("rows_returned", act.rows),
        ("bytes_returned", act.size),
        ("recipient", act.recipient),
        ("destination", act.destination),
        ("attributes", act.attributes),
    )
    extension.update((key, value) for key, value in optional if value is not None)
