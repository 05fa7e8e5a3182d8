"""CloudTrail: the audit log of AWS, from its files or any stream of its records.

The fast path goes from the bytes of a record to the canonical bytes of its
groups without an `Event`; both paths share one mapping, so they cannot differ.
What is mapped and what is not: `docs/sources/aws-cloudtrail.md`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import orjson

from ombud.collect.cloudtrail_actions import classify_call
from ombud.collect.cloudtrail_record import (
    TELLING,
    Call,
    Line,
    Record,
    SessionContext,
    UserIdentity,
)
from ombud.collect.cloudtrail_resources import touched
from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.json_text import parse_object
from ombud.collect.tolerant import tolerant
from ombud.core.batch import Row
from ombud.core.canonical import NO_DATA_SUBJECT
from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.core.fields import (
    ACTOR_FIELDS,
    CANONICAL_VERSION,
    CONTENT_FIELDS,
    DATA_SUBJECT_FIELDS,
)
from ombud.core.instants import INT64_MAX, parse_iso, to_ms

KIND = "aws.cloudtrail"
_PERSONS = frozenset(
    {"IAMUser", "Root", "FederatedUser", "SAMLUser", "WebIdentityUser", "IdentityCenterUser"}
)
_SSO_ROLE = ":assumed-role/AWSReservedSSO_"
_DENIED = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation",
        "UnauthorizedOperation", "Client.UnauthorizedAccess", "AuthorizationError",
        "AuthorizationErrorException", "UnauthorizedException", "NotAuthorized",
        "NotAuthorizedException", "Forbidden", "ForbiddenException", "AuthFailure",
        "Client.AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken",
        "KMS.AccessDeniedException", "VpceAccessDenied", "Blocked",
        "InsufficientPermissionsException", "OptInRequired", "AccountAccessDenied",
    }
)  # fmt: skip
_SECOND_SIZE = 20  # "2023-07-10T11:42:36Z"
_SECONDS_MAX = 8_192  # Instants remembered; neighbours in a log share theirs.
_ACTORS_MAX = 4_096  # Actors remembered, with their address and agent.
_ACTOR_SIZE_MAX = 4_096  # Bytes of one that is remembered; most have some 600.
_DRIFT_MAX = 8  # Flags for values of an unexpected type; one record needs few to be noticed.

_decode = msgspec.json.Decoder(Record).decode
_decode_line = msgspec.json.Decoder(Line).decode
_decode_identity = msgspec.json.Decoder(UserIdentity | None).decode
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ATTRIBUTES = tuple(
    field.attribute for fields in (ACTOR_FIELDS, DATA_SUBJECT_FIELDS, CONTENT_FIELDS)
    for field in fields
)  # fmt: skip
_seconds: dict[str, int | None] = {}
Group = tuple[Any, ...]
# What an identity tells beside the actor: session, type, what invoked it, whether by MFA.
Told = tuple[str | None, str | None, str | None, bool | None]
_acted: dict[tuple[bytes, str | None, str | None], tuple[bytes, Told]] = {}


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    ms = _seconds.get(text)
    if ms is None:
        if len(text) == _SECOND_SIZE and text[-1] == "Z":
            try:
                ms = to_ms(datetime.fromisoformat(text))
            except ValueError:
                return None
        else:
            ms = parse_iso(text)
        if len(_seconds) >= _SECONDS_MAX:
            _seconds.clear()
        _seconds[text] = ms
    return ms


def _actor(record: Call, identity: UserIdentity | None) -> Group:
    address = record.sourceIPAddress
    device = None
    if address is not None and ":" not in address and not address.replace(".", "").isdigit():
        address, device = None, address  # A service name, such as `cloudtrail.amazonaws.com`.
    if identity is None:
        return (CANONICAL_VERSION, None, None, None, None, None, address, device, record.userAgent)
    actor_id, actor_type, name, behalf = _caller(identity)
    return (
        CANONICAL_VERSION,
        actor_id,
        actor_type,
        name,
        identity.accountId,
        behalf,
        address,
        device,
        record.userAgent,
    )


def _caller(
    identity: UserIdentity,
) -> tuple[str | None, str | None, str | None, tuple[str, ...] | None]:
    """Return who called, of what type, by what name, and on whose behalf."""
    kind = identity.type
    actor_id = identity.arn
    name = identity.userName
    actor_type = "person" if kind in _PERSONS else None
    context = identity.sessionContext
    behalf = _behalf(context) if context is not None and kind != "IAMUser" else None
    if kind == "AssumedRole":
        principal = identity.principalId
        if name is None and principal is not None:
            name = principal.partition(":")[2] or None
        if (actor_id is not None and _SSO_ROLE in actor_id) or (name is not None and "@" in name):
            actor_type = "person"
        elif context is not None and context.ec2RoleDelivery is not None:
            actor_type = "service"
    if actor_id is None:
        actor_id, actor_type = _nameless(identity, actor_type)
    return actor_id, actor_type, name, behalf


def _behalf(context: SessionContext) -> tuple[str, ...] | None:
    """Return the person behind a session, when it says so, and the role it took."""
    issuer = context.sessionIssuer
    role = issuer.arn if issuer is not None else None
    if context.sourceIdentity:
        return (context.sourceIdentity, role) if role else (context.sourceIdentity,)
    return (role,) if role else None


def _nameless(identity: UserIdentity, actor_type: str | None) -> tuple[str | None, str | None]:
    """Return who acted when the identity has no ARN."""
    if identity.onBehalfOf is not None and identity.onBehalfOf.userId:
        return identity.onBehalfOf.userId, "person"
    if identity.invokedBy and identity.type in (None, "AWSService"):
        return identity.invokedBy, "service"
    return identity.userName or identity.principalId or identity.accountId, actor_type


def _count(value: float | str | None) -> int | None:
    if value is None or isinstance(value, int):
        return value if value is None or 0 <= value <= INT64_MAX else None
    try:
        number = int(float(value))
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= INT64_MAX else None


def _outcome(record: Call) -> tuple[str, str | None]:
    code = record.errorCode
    if code is not None:
        return ("denied" if code in _DENIED else "failure"), code
    response = record.responseElements
    if response is not None and "Failure" in (response.ConsoleLogin, response.CheckMfa):
        return "denied", record.errorMessage
    return "success", None


def _told(identity: UserIdentity | None) -> Told:
    if identity is None:
        return None, None, None, None
    context = identity.sessionContext
    session = context.attributes if context is not None else None
    mfa = session.mfaAuthenticated if session is not None else None
    return (
        identity.accessKeyId or identity.credentialId,
        identity.type,
        identity.invokedBy,
        None if mfa is None else mfa in ("true", True),
    )


def _declared(  # noqa: C901, PLR0912 (a branch an attribute, in the order of their names)
    record: Call, told: Told, received: int | None
) -> dict[str, Any]:
    """Return the declared attributes; keys in order, as the canonical form sorts them."""
    declared: dict[str, Any] = {}
    _, identity_type, invoked_by, mfa = told
    if record.recipientAccountId is not None:
        declared["account"] = record.recipientAccountId
    if received:
        declared["bytes_in"] = received
    if record.sessionCredentialFromConsole is not None:
        declared["console"] = record.sessionCredentialFromConsole in ("true", True)
    if record.errorMessage is not None:
        declared["error_message"] = record.errorMessage
    if record.eventType is not None:
        declared["event_type"] = record.eventType
    if identity_type is not None:
        declared["identity_type"] = identity_type
    if invoked_by is not None:
        declared["invoked_by"] = invoked_by
    if record.managementEvent is not None:
        declared["management"] = record.managementEvent
    if mfa is not None:
        declared["mfa"] = mfa
    if record.readOnly is not None:
        declared["read_only"] = record.readOnly
    if record.awsRegion is not None:
        declared["region"] = record.awsRegion
    if record.sharedEventID is not None:
        declared["shared_event_id"] = record.sharedEventID
    if record.vpcEndpointId is not None:
        declared["vpc_endpoint"] = record.vpcEndpointId
    return declared


def _rest(record: Call, told: Told, time: int, *, flags: list[str] | None) -> tuple[Group, Group]:
    """Return the values of the groups data subject and content, each behind the version."""
    name = record.eventName
    if name is not None:
        action, class_uid, activity_id = classify_call(record.eventSource, name)
        if action == "other" and record.readOnly:
            action, activity_id = "read", 2
    else:
        action, class_uid, activity_id = "other", 6003, 99
    dataset, resource_id, resource_type, owner = touched(record)
    outcome, reason = _outcome(record)
    parameters = record.requestParameters
    query = None
    if parameters is not None:
        query = parameters.queryString or parameters.sql or parameters.statement
    returned = received = None
    if record.additionalEventData is not None:
        returned = _count(record.additionalEventData.bytesTransferredOut)
        received = _count(record.additionalEventData.bytesTransferredIn)
    content = (
        CANONICAL_VERSION,
        time,
        flags is None or "time_unknown" not in flags,
        KIND,
        action,
        class_uid,
        activity_id,
        name,
        None,  # sequence
        record.eventID,
        None,  # observed_by
        told[0],
        None,  # parent.id
        None,  # query.id
        None,  # workflow.id
        record.eventSource,
        dataset,
        resource_type,
        owner,
        # columns.projected … decision.policy: nothing a trail knows.
        None, None, None, None, None, None, None, None, None, None, None, None, None, None, None,
        None, None,
        outcome,
        reason,
        None,  # rows.requested
        None,  # rows.returned
        None,  # bytes.requested
        returned,
        None,  # recipient
        None,  # destination
        None,  # rule.id
        None,  # alert.id
        _declared(record, told, received) or None,
        tuple(flags) if flags else None,
        None,  # unmapped: the original holds it
    )  # fmt: skip
    data_subject = (CANONICAL_VERSION, None, resource_id, query, None, None, None, None)
    return data_subject, content


def _acting(line: Line) -> tuple[bytes, Told]:
    """Return the canonical bytes of the actor group, and what else the identity tells.

    A few actors do most of what a log tells of, so both are remembered.
    Raises what decoding raises.
    """
    identity = bytes(line.identity)
    key = identity, line.sourceIPAddress, line.userAgent
    known = _acted.get(key)
    if known is None:
        read = _decode_identity(identity)
        known = orjson.dumps(_actor(line, read)), _told(read)
        if len(identity) + len(known[0]) <= _ACTOR_SIZE_MAX:
            if len(_acted) >= _ACTORS_MAX:
                _acted.clear()
            _acted[key] = known
    return known


class CloudTrail:
    """The source `aws.cloudtrail`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = 3600  # A trail delivers about every five minutes.
    has_native_ids = False  # Only nearly always.
    file_patterns: tuple[str, ...] = ("*",)

    def cutter(self) -> Cutter:
        """Return a cutter of `{"Records": […]}` documents and of lines, mixed."""
        return JsonCutter()

    def canonical(self, raw: bytes) -> Row | None:
        """Return the row of a record of the expected types, else None."""
        try:
            line = _decode_line(raw)
            actor, told = _acting(line)
        except (*_ERRORS, TypeError):
            return None
        text = line.eventTime
        time = _seconds.get(text) or _instant(text)  # type: ignore[arg-type]
        if time is None or line.eventName is None:
            return None
        data_subject, content = _rest(line, told, time, flags=None)
        try:
            return (
                content[5],
                actor,
                NO_DATA_SUBJECT
                if data_subject[2] is None and data_subject[3] is None
                else orjson.dumps(data_subject),
                orjson.dumps(content),
                line.eventID,
            )
        except TypeError:
            return None

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one record, whatever the types of its values.

        Raises `EventError` when it is no CloudTrail record.
        """
        record, time, flags = _read(raw)
        if time is None:
            time = now_ms
            flags = [*(flags or ()), "time_unknown"]
        identity = record.userIdentity
        groups = _actor(record, identity), *_rest(record, _told(identity), time, flags=flags)
        values = [value for group in groups for value in group[1:]]
        return Event(**dict(zip(_ATTRIBUTES, values, strict=True)), raw=raw)


def _read(raw: bytes) -> tuple[Record, int | None, list[str] | None]:
    """Return the record, its time, and flags for what could not be used of it."""
    try:
        record = _decode(raw)
    except _ERRORS:
        pass
    else:
        time = _instant(record.eventTime)
        if time is not None and record.eventName is not None:
            return record, time, None
    document, noticed = parse_object(raw)
    drift: list[str] = []
    record = tolerant(Record, document, drift)
    if all(getattr(record, name) is None for name in TELLING):
        raise EventError("JSON, but not a CloudTrail record", hint=_hint(document))
    flags = [*noticed, *(f"unmappable:{place}" for place in drift[:_DRIFT_MAX])]
    return record, _instant(record.eventTime), flags


def _hint(document: dict[str, Any]) -> str:
    if "digestStartTime" in document:
        return "this is a digest file, which only proves the log files beside it"
    return "a CloudTrail record has `eventName`, `eventSource` and `eventID`"
