"""CloudTrail record: the parts of a record that are mapped, with their types.

The decoder skips all else without building it.  Real logs drift (a flag as
text, parameters as one string, keys in lower case); `ombud.collect.tolerant`
takes such a record apart value by value.

Field names are those of the CloudTrail record contents reference.
"""

from __future__ import annotations

import msgspec

Number = int | float | str


class Issuer(msgspec.Struct, gc=False):
    """The role or user that issued temporary credentials."""

    arn: str | None = None
    userName: str | None = None  # noqa: N815 (the names are Amazon's)


class SessionAttributes(msgspec.Struct, gc=False):
    """How a session was opened."""

    mfaAuthenticated: str | bool | None = None  # noqa: N815


class SessionContext(msgspec.Struct, gc=False):
    """Whence temporary credentials come."""

    sessionIssuer: Issuer | None = None  # noqa: N815
    attributes: SessionAttributes | None = None
    sourceIdentity: str | None = None  # noqa: N815
    ec2RoleDelivery: str | None = None  # noqa: N815


class OnBehalfOf(msgspec.Struct, gc=False):
    """The person of an IAM Identity Center call."""

    userId: str | None = None  # noqa: N815


class UserIdentity(msgspec.Struct, gc=False):
    """Who called."""

    type: str | None = None
    principalId: str | None = None  # noqa: N815
    arn: str | None = None
    accountId: str | None = None  # noqa: N815
    accessKeyId: str | None = None  # noqa: N815
    userName: str | None = None  # noqa: N815
    sessionContext: SessionContext | None = None  # noqa: N815
    invokedBy: str | None = None  # noqa: N815
    identityProvider: str | None = None  # noqa: N815
    credentialId: str | None = None  # noqa: N815
    onBehalfOf: OnBehalfOf | None = None  # noqa: N815


class RequestParameters(msgspec.Struct, gc=False):
    """The parameters that name what was touched."""

    bucketName: str | None = None  # noqa: N815
    key: str | None = None
    name: str | None = None
    secretId: str | None = None  # noqa: N815
    keyId: str | None = None  # noqa: N815
    tableName: str | None = None  # noqa: N815
    functionName: str | None = None  # noqa: N815
    userName: str | None = None  # noqa: N815
    roleName: str | None = None  # noqa: N815
    groupName: str | None = None  # noqa: N815
    policyArn: str | None = None  # noqa: N815
    roleArn: str | None = None  # noqa: N815
    instanceId: str | None = None  # noqa: N815
    snapshotId: str | None = None  # noqa: N815
    imageId: str | None = None  # noqa: N815
    volumeId: str | None = None  # noqa: N815
    groupId: str | None = None  # noqa: N815
    vpcId: str | None = None  # noqa: N815
    dBInstanceIdentifier: str | None = None  # noqa: N815
    dBClusterIdentifier: str | None = None  # noqa: N815
    dBSnapshotIdentifier: str | None = None  # noqa: N815
    logGroupName: str | None = None  # noqa: N815
    trailName: str | None = None  # noqa: N815
    streamName: str | None = None  # noqa: N815
    queueUrl: str | None = None  # noqa: N815
    topicArn: str | None = None  # noqa: N815
    repositoryName: str | None = None  # noqa: N815
    clusterIdentifier: str | None = None  # noqa: N815
    database: str | None = None
    databaseName: str | None = None  # noqa: N815
    workGroup: str | None = None  # noqa: N815
    queryString: str | None = None  # noqa: N815
    sql: str | None = None
    statement: str | None = None
    target: str | None = None


class ResponseElements(msgspec.Struct, gc=False):
    """The part of a response that says how a sign-in ended."""

    ConsoleLogin: str | None = None
    CheckMfa: str | None = None


class AdditionalEventData(msgspec.Struct, gc=False):
    """Volumes that S3 reports."""

    bytesTransferredIn: Number | None = None  # noqa: N815
    bytesTransferredOut: Number | None = None  # noqa: N815
    MFAUsed: str | None = None


class Resource(msgspec.Struct, gc=False):
    """One resource that the service names."""

    ARN: str | None = None
    type: str | None = None
    accountId: str | None = None  # noqa: N815


class Call(msgspec.Struct, gc=False):
    """What was called, when and whence: a record but for who called."""

    eventTime: str | None = None  # noqa: N815
    eventSource: str | None = None  # noqa: N815
    eventName: str | None = None  # noqa: N815
    awsRegion: str | None = None  # noqa: N815
    sourceIPAddress: str | None = None  # noqa: N815
    userAgent: str | None = None  # noqa: N815
    errorCode: str | None = None  # noqa: N815
    errorMessage: str | None = None  # noqa: N815
    requestParameters: RequestParameters | None = None  # noqa: N815
    responseElements: ResponseElements | None = None  # noqa: N815
    additionalEventData: AdditionalEventData | None = None  # noqa: N815
    eventID: str | None = None  # noqa: N815
    readOnly: bool | None = None  # noqa: N815
    resources: list[Resource] | None = None
    eventType: str | None = None  # noqa: N815
    managementEvent: bool | None = None  # noqa: N815
    recipientAccountId: str | None = None  # noqa: N815
    sharedEventID: str | None = None  # noqa: N815
    vpcEndpointId: str | None = None  # noqa: N815
    sessionCredentialFromConsole: str | bool | None = None  # noqa: N815


class Record(Call, gc=False):
    """One CloudTrail record."""

    userIdentity: UserIdentity | None = None  # noqa: N815


class Line(Call, gc=False):
    """One CloudTrail record whose identity, which many share, is not read yet."""

    identity: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="userIdentity")


# One of these says that a JSON object is a CloudTrail record; Amazon puts all in each.
TELLING = ("eventName", "eventSource", "eventID", "eventTime", "userIdentity", "eventType")
