"""CloudTrail records as events: who, what, and the same by both paths."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doubles.memory_record import MemoryRecord
from ombud.collect.cloudtrail import CloudTrail
from ombud.collect.cloudtrail_actions import classify_call
from ombud.collect.intake import IntakeResult
from ombud.core.canonical import encode_groups

SOURCE = CloudTrail()
RECORD = {
    "eventTime": "2026-03-04T08:00:00Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "eventID": "e-1",
}


def both(record: dict[str, Any]) -> Any:
    """Return the event of a record, having checked that both paths agree on it."""
    raw = json.dumps(record).encode()
    event = SOURCE.parse(raw, now_ms=5)
    row = SOURCE.canonical(raw)
    if row is not None:
        assert row[1:4] == encode_groups(event)
        assert row[0] == event.class_uid
        assert row[4] == event.native_id
    return event


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("s3:GetObject", "read"),
        ("s3:PutObject", "write"),
        ("s3:DeleteObject", "delete"),
        ("s3:PutBucketPolicy", "grant"),
        ("s3:PutBucketVersioning", "configure"),
        ("s3:PutBucketAcl", "share"),
        ("s3:SelectObjectContent", "search"),
        ("signin:ConsoleLogin", "authenticate"),
        ("sts:AssumeRole", "authenticate"),
        ("sts:GetCallerIdentity", "read"),
        ("iam:CreateAccessKey", "grant"),
        ("iam:AttachUserPolicy", "grant"),
        ("iam:DetachRolePolicy", "revoke"),
        ("iam:CreateUser", "configure"),
        ("cloudtrail:StopLogging", "configure"),
        ("cloudtrail:DeleteTrail", "configure"),
        ("dynamodb:Query", "search"),
        ("dynamodb:PutItem", "write"),
        ("dynamodb:CreateTable", "configure"),
        ("rds:ModifyDBSnapshotAttribute", "share"),
        ("rds:StartExportTask", "export"),
        ("ec2:RunInstances", "execute"),
        ("ec2:TerminateInstances", "delete"),
        ("ec2:AuthorizeSecurityGroupIngress", "grant"),
        ("ssm:SendCommand", "execute"),
        ("ssm:PutParameter", "write"),
        ("lambda:AddPermission20150331v2", "grant"),
        ("lambda:UpdateFunctionCode20150331v2", "configure"),
        ("kms:Decrypt", "read"),
        ("codepipeline:PutApprovalResult", "approve"),
        ("nowhere:Frobnicate", "other"),
    ],
)
def test_actions(call: str, action: str) -> None:
    """Each call says what it does, by name, by pattern or by verb."""
    service, _, name = call.partition(":")

    assert classify_call(f"{service}.amazonaws.com", name)[0] == action


ROLE = {"sessionIssuer": {"arn": "arn:aws:iam::1:role/r", "userName": "r"}}


@pytest.mark.parametrize(
    ("identity", "actor_id", "actor_type", "behalf"),
    [
        pytest.param({"type": "IAMUser", "arn": "arn:u", "userName": "ana"}, "arn:u", "person",
                     None, id="IAM user"),
        pytest.param({"type": "Root", "arn": "arn:root"}, "arn:root", "person", None, id="root"),
        pytest.param({"type": "AssumedRole", "arn": "arn:s", "principalId": "A:i-0",
                      "sessionContext": ROLE},
                     "arn:s", None, ("arn:aws:iam::1:role/r",), id="role"),
        pytest.param({"type": "AssumedRole", "arn": "arn:s", "principalId": "A:ana@x",
                      "sessionContext": ROLE},
                     "arn:s", "person", ("arn:aws:iam::1:role/r",), id="role of a person"),
        pytest.param({"type": "AssumedRole", "arn": "arn:s",
                      "sessionContext": {**ROLE, "sourceIdentity": "ana"}},
                     "arn:s", None, ("ana", "arn:aws:iam::1:role/r"), id="source identity"),
        pytest.param({"type": "AssumedRole", "arn": "arn:s",
                      "sessionContext": {"ec2RoleDelivery": "2.0"}},
                     "arn:s", "service", None, id="instance"),
        pytest.param({"type": "AWSService", "invokedBy": "x.amazonaws.com"}, "x.amazonaws.com",
                     "service", None, id="service"),
        pytest.param({"type": "AWSAccount", "principalId": "A:1", "accountId": "2"}, "A:1", None,
                     None, id="other account"),
        pytest.param({"type": "FederatedUser", "arn": "arn:f"}, "arn:f", "person", None,
                     id="federated"),
        pytest.param({"type": "SAMLUser", "userName": "s"}, "s", "person", None, id="SAML"),
        pytest.param({"type": "WebIdentityUser", "principalId": "w:1", "userName": "w"}, "w",
                     "person", None, id="web identity"),
        pytest.param({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}}, "u-1",
                     "person", None, id="Identity Center"),
        pytest.param({"accountId": "2"}, "2", None, None, id="only an account"),
        pytest.param(None, None, None, None, id="missing"),
    ],
)  # fmt: skip
def test_identities(
    identity: dict[str, Any] | None,
    actor_id: str | None,
    actor_type: str | None,
    behalf: tuple[str, ...] | None,
) -> None:
    """Every kind of identity names its actor."""
    event = both({**RECORD, "userIdentity": identity})

    assert (event.actor_id, event.actor_type, event.on_behalf_of) == (actor_id, actor_type, behalf)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param({}, "success", id="no error"),
        pytest.param({"errorCode": "AccessDenied"}, "denied", id="denied"),
        pytest.param({"errorCode": "Client.UnauthorizedOperation"}, "denied", id="unauthorised"),
        pytest.param({"errorCode": "NoSuchBucket"}, "failure", id="failure"),
        pytest.param({"responseElements": {"ConsoleLogin": "Failure"}}, "denied", id="sign-in"),
    ],
)
def test_outcomes(change: dict[str, Any], outcome: str) -> None:
    """An error code, or a failed sign-in, decides the outcome."""
    assert both({**RECORD, **change}).outcome == outcome


@pytest.mark.parametrize(
    ("change", "dataset", "resource_id"),
    [
        pytest.param({"requestParameters": {"bucketName": "b", "key": "k"}}, "b",
                     "arn:aws:s3:::b/k", id="object"),
        pytest.param({"requestParameters": {"bucketName": "b"}}, "b", "arn:aws:s3:::b",
                     id="bucket"),
        pytest.param({"eventSource": "dynamodb.amazonaws.com",
                      "requestParameters": {"tableName": "t"}}, "t", "t", id="table"),
        pytest.param({"eventSource": "iam.amazonaws.com",
                      "requestParameters": {"userName": "u"}}, None, "u", id="user"),
        pytest.param({"resources": [{"type": "AWS::S3::Bucket", "ARN": "arn:b"},
                                    {"type": "AWS::S3::Object", "ARN": "arn:o"}]}, None, "arn:o",
                     id="object before bucket"),
        pytest.param({"requestParameters": {"other": 1}, "resources": []}, None, None, id="none"),
    ],
)  # fmt: skip
def test_resources(change: dict[str, Any], dataset: str | None, resource_id: str | None) -> None:
    """What was touched comes from the resources, else from the parameters."""
    event = both({**RECORD, **change})

    assert (event.resource_dataset, event.resource_id) == (dataset, resource_id)


def test_bytes_session_and_address() -> None:
    """Bytes given out, the credential as session, and a service as device, not as address."""
    event = both({
        **RECORD,
        "sourceIPAddress": "athena.amazonaws.com",
        "userIdentity": {"type": "IAMUser", "accessKeyId": "AKIA"},
        "additionalEventData": {"bytesTransferredOut": "12.0", "bytesTransferredIn": 3},
    })  # fmt: skip

    assert event.bytes_returned == 12
    assert event.attributes["bytes_in"] == 3
    assert event.session_id == "AKIA"
    assert (event.origin_ip, event.origin_device) == (None, "athena.amazonaws.com")


def records(vectors: Path) -> list[bytes]:
    """Return the records of all CloudTrail vectors."""
    lines = (vectors / "cloudtrail" / "stratus-run.ndjson").read_bytes().splitlines()
    for line in (vectors / "panther" / "rule-tests.ndjson").read_bytes().splitlines():
        row = json.loads(line)
        if row["logtypes"] == ["AWS.CloudTrail"]:
            lines.append(json.dumps(row["log"]).encode())
    return lines


def test_vectors(vectors: Path, feed: Callable[..., IntakeResult], sink: MemoryRecord) -> None:
    """Real records: none lost, none refused, actor and action known, bytes as they came."""
    raws = records(vectors)

    result = feed(SOURCE, b"\n".join(raws))

    assert result.quarantined == 0
    assert result.read == len(raws)
    assert set(raws) == {event.raw for event in sink.events}
    named = [event for event in sink.events if event.operation is not None]
    known = [event for event in named if event.action != "other"]
    assert len(known) >= 0.99 * len(named)
    with_identity = [e for e in sink.events if json.loads(e.raw).get("userIdentity")]
    assert sum(e.actor_id is not None for e in with_identity) >= 0.99 * len(with_identity)


def test_vectors_by_both_paths(vectors: Path) -> None:
    """The fast path gives the bytes of the slow one, and takes nearly every real record."""
    raws = records(vectors)
    fast = 0
    for raw in raws:
        row = SOURCE.canonical(raw)
        if row is not None:
            fast += 1
            assert row[1:4] == encode_groups(SOURCE.parse(raw, now_ms=1))

    assert fast >= 0.99 * len(raws)


def test_vectors_as_a_document(
    vectors: Path, feed: Callable[..., IntakeResult], sink: MemoryRecord
) -> None:
    """The same records in one document are the same events, byte for byte."""
    raws = records(vectors)

    first = feed(SOURCE, b"\n".join(raws))
    again = feed(SOURCE, b'{"Records":[' + b",".join(raws) + b"]}", "document.json")

    assert again.read == first.read
    assert again.duplicate == again.read
