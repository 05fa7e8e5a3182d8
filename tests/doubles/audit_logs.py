"""Made-up audit logs: CloudTrail records and OCSF documents, as many as a test asks for."""

from __future__ import annotations

from typing import Any

import orjson

BEGIN_MS = 1_772_612_130_000  # 2026-03-04T08:15:30Z


def trail(number: int, **other: Any) -> bytes:
    """Return one CloudTrail record; the same number gives the same bytes."""
    minute, second = divmod(number % 86_400, 60)
    time = f"{minute // 60:02}:{minute % 60:02}:{second:02}"
    record = {
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::111122223333:user/u{number % 7}",
            "accountId": "111122223333",
            "userName": f"u{number % 7}",
        },
        "eventTime": f"2026-03-04T{time}Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.15.0",
        "requestParameters": {"bucketName": "county", "key": f"{number}.json"},
        "responseElements": None,
        "eventID": f"00000000-0000-4000-8000-{number:012}",
        "readOnly": True,
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    }
    return orjson.dumps(record | other)


def look_up(number: int, **other: Any) -> bytes:
    """Return one OCSF document: somebody read a patient's record on a ward's system."""
    actor = f"a{number % 3}"
    unit, system = (("north", "ward"), ("south", "archive"))[number % 2]
    document: dict[str, Any] = {
        "class_uid": 6005,
        "activity_id": 1,
        "time": BEGIN_MS + number * 1000,
        "metadata": {
            "version": "1.8.0",
            "product": {"name": "Desk", "vendor_name": "Example"},
            "original_event_uid": f"d-{number}",
            "log_name": "ward.desk",
        },
        "actor": {"user": {"uid": f"{actor}-{unit}", "type_id": 1, "org": {"uid": unit}}},
        "resources": [{"uid": f"r-{number}", "name": "charts", "namespace": system}],
        "status_id": 1,
        "status": "success",
        "ombud": {
            "action": "read",
            "purpose": "care",
            "case_uid": f"C-{number % 2}",
            "data_subjects": [{"kind": "patient", "key": "17"}],
        },
    }
    for key, value in other.items():
        document[key] = document[key] | value if isinstance(document.get(key), dict) else value
    return orjson.dumps(document)
