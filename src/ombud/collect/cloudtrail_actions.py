"""CloudTrail actions: what an AWS API call does, in the closed vocabulary.

AWS has some 15,000 calls, so the table has three tiers: a few hundred calls by
name, then patterns of names that change who may do what, then verbs.  A verb
that changes things is `write` on services that hold data and `configure` on
all others.  Names: AWS Service Authorization Reference.
"""

from __future__ import annotations

import re

from ombud.core.event import Action
from ombud.core.ocsf_table import ACCOUNT_CHANGE, AUTHENTICATION, USER_ACCESS, class_of

_API_ACTIVITY = 6003
_NAMES_MAX = 16_384  # Distinct calls remembered; AWS has fewer, a hostile log may not.
_SUFFIX = ".amazonaws.com"
_DATED = re.compile(r"\d{8}(v\d+)?$")  # Lambda names carry the date of the API version.

# Services whose changing calls write data rather than settings, and their exceptions.
_DATA_SERVICES = frozenset(
    {
        "s3", "s3express", "s3-outposts", "dynamodb", "dax", "sqs", "sns", "kinesis",
        "firehose", "secretsmanager", "ssm", "logs", "timestream", "qldb", "rds-data",
        "redshift-data", "cassandra", "neptune-db", "es-http", "athena", "glue-data",
        "codecommit", "workdocs", "chime", "lex", "transcribe", "rekognition", "textract",
        "kinesisvideo", "dynamodbstreams", "ssmmessages", "ec2messages", "xray",
        "appsync-data", "healthlake", "medical-imaging",
    }
)  # fmt: skip
_SETTING = re.compile(
    r"(Policy|Acl|Encryption|Logging|Versioning|Lifecycle|Replication|PublicAccessBlock|Cors|"
    r"Website|Notification|Configuration|Tagging|Tags|Subscription|Attributes?|Settings?|"
    r"Retention\w*|Filter|Destination|Rotation|Association|Document|Window|Baseline|"
    r"Instance|Compliance\w*|Inventory|Group|Stream|Bucket|Table|Queue|Topic|Backup)$"
)

_BY_NAME: dict[str, str] = {}
for _action, _names in {
    Action.AUTHENTICATE: """signin:ConsoleLogin signin:CheckMfa signin:SwitchRole signin:ExitRole
        signin:RenewRole signin:CredentialChallenge signin:CredentialVerification
        signin:UserAuthentication signin:GetSigninToken sts:AssumeRole sts:AssumeRoleWithSAML
        sts:AssumeRoleWithWebIdentity sts:AssumeRoot sts:GetSessionToken sts:GetFederationToken
        sso:Authenticate sso:Federate sso:Logout sso:GetRoleCredentials sso-oauth:CreateToken
        cognito-idp:InitiateAuth cognito-idp:AdminInitiateAuth cognito-idp:RespondToAuthChallenge
        rds-db:connect redshift:GetClusterCredentials redshift:GetClusterCredentialsWithIAM
        redshift-serverless:GetCredentials ecr:GetAuthorizationToken rolesanywhere:CreateSession""",
    Action.SEARCH: """dynamodb:Query dynamodb:Scan dynamodb:PartiQLSelect
        dynamodb:ExecuteStatement dynamodb:BatchExecuteStatement
        athena:StartQueryExecution s3:SelectObjectContent logs:StartQuery logs:FilterLogEvents
        logs:StartLiveTail cloudtrail:LookupEvents cloudtrail:StartQuery rds-data:ExecuteStatement
        rds-data:ExecuteSql rds-data:BatchExecuteStatement redshift-data:ExecuteStatement
        redshift-data:BatchExecuteStatement kendra:Query kendra:Retrieve qbusiness:ChatSync
        timestream:Select rekognition:SearchFacesByImage rekognition:SearchUsersByImage
        geo:SearchPlaceIndexForText geo:SearchPlaceIndexForPosition""",
    Action.READ: """sts:GetCallerIdentity sts:DecodeAuthorizationMessage kms:Decrypt
        secretsmanager:BatchGetSecretValue s3:HeadObject s3:HeadBucket s3:RestoreObject
        sqs:ReceiveMessage ec2:GetPasswordData s3:ListAllMyBuckets ssmmessages:OpenDataChannel""",
    Action.EXPORT: """rds:DownloadDBLogFilePortion rds:DownloadCompleteDBLogFile
        rds:StartExportTask logs:CreateExportTask dynamodb:ExportTableToPointInTime
        ec2:CreateInstanceExportTask ec2:ExportImage ec2:CopySnapshot ec2:CopyImage
        ec2:CreateStoreImageTask rds:CopyDBSnapshot rds:CopyDBClusterSnapshot
        redshift:CopyClusterSnapshot redshift-data:Unload s3:CreateJob snowball:CreateJob
        datasync:StartTaskExecution dms:StartReplicationTask glacier:InitiateJob
        lambda:GetFunction lambda:GetLayerVersion ecr:GetDownloadUrlForLayer
        ebs:GetSnapshotBlock healthlake:StartFHIRExportJob
        transfer:StartFileTransfer iam:GetAccountAuthorizationDetails iam:GetCredentialReport""",
    Action.WRITE: """s3:CopyObject s3:PostObject s3:UploadPart s3:UploadPartCopy
        s3:CreateMultipartUpload s3:CompleteMultipartUpload ssm:PutParameter
        ssm:PutInventory secretsmanager:PutSecretValue secretsmanager:CreateSecret
        secretsmanager:UpdateSecret secretsmanager:UpdateSecretVersionStage
        ses:SendEmail ses:SendRawEmail dynamodb:TransactWriteItems lambda:PublishLayerVersion""",
    Action.SHARE: """ec2:ModifySnapshotAttribute ec2:ModifyImageAttribute
        ec2:SharedSnapshotVolumeCreated ec2:SharedSnapshotCopyInitiated
        rds:ModifyDBSnapshotAttribute rds:ModifyDBClusterSnapshotAttribute
        redshift:AuthorizeSnapshotAccess redshift:AuthorizeDataShare redshift:AssociateDataShare
        ram:CreateResourceShare ram:AssociateResourceShare ram:AcceptResourceShareInvitation
        s3:PutObjectAcl s3:PutBucketAcl s3:CreateAccessPoint quicksight:UpdateDashboardPermissions
        ssm:ModifyDocumentPermission lakeformation:BatchGrantPermissions
        cloudformation:ActivateType workdocs:CreateFolderShare workdocs:AddResourcePermissions""",
    Action.GRANT: """iam:CreateAccessKey iam:CreateLoginProfile iam:UpdateLoginProfile
        iam:AddUserToGroup iam:AddRoleToInstanceProfile iam:UpdateAssumeRolePolicy
        iam:CreateServiceSpecificCredential iam:SetDefaultPolicyVersion iam:CreatePolicyVersion
        iam:UploadSSHPublicKey iam:UploadSigningCertificate iam:PassRole kms:CreateGrant
        kms:PutKeyPolicy s3:PutBucketPolicy s3:PutAccessPointPolicy sns:SetTopicAttributes
        secretsmanager:PutResourcePolicy lakeformation:GrantPermissions
        sso:CreateAccountAssignment sso-directory:AddMemberToGroup
        identitystore:CreateGroupMembership ec2:AssociateIamInstanceProfile
        ec2:ReplaceIamInstanceProfileAssociation ec2:CreateKeyPair ec2:ImportKeyPair
        rds:AddRoleToDBInstance rds:AddRoleToDBCluster rolesanywhere:CreateTrustAnchor
        rolesanywhere:CreateProfile organizations:CreatePolicy ec2-instance-connect:SendSSHPublicKey
        glacier:SetVaultAccessPolicy ecr:SetRepositoryPolicy""",
    Action.REVOKE: """iam:DeleteAccessKey iam:DeleteLoginProfile iam:RemoveUserFromGroup
        iam:RemoveRoleFromInstanceProfile iam:DeletePolicyVersion iam:DeletePolicy
        iam:DeleteSSHPublicKey iam:DeleteSigningCertificate iam:DeleteServiceSpecificCredential
        iam:DeleteUser iam:DeleteRole kms:RevokeGrant kms:RetireGrant s3:DeleteBucketPolicy
        secretsmanager:DeleteResourcePolicy lakeformation:RevokePermissions
        sso:DeleteAccountAssignment identitystore:DeleteGroupMembership
        ec2:DisassociateIamInstanceProfile rds:RemoveRoleFromDBInstance
        rds:RemoveRoleFromDBCluster ram:DeleteResourceShare ram:DisassociateResourceShare
        rolesanywhere:DeleteTrustAnchor rolesanywhere:DeleteProfile ec2:DeleteKeyPair""",
    Action.CONFIGURE: """cloudtrail:StopLogging cloudtrail:StartLogging cloudtrail:DeleteTrail
        cloudtrail:CreateTrail cloudtrail:UpdateTrail cloudtrail:PutEventSelectors
        cloudtrail:DeleteEventDataStore ec2:DeleteFlowLogs ec2:CreateFlowLogs
        config:StopConfigurationRecorder config:StartConfigurationRecorder
        config:DeleteConfigurationRecorder config:DeleteDeliveryChannel
        config:DeleteConfigRule guardduty:DeleteDetector guardduty:StopMonitoringMembers
        securityhub:DisableSecurityHub rds:StopActivityStream rds:StartActivityStream
        logs:DeleteLogGroup logs:DeleteLogStream logs:CreateLogGroup logs:CreateLogStream
        kms:ScheduleKeyDeletion kms:CancelKeyDeletion kms:DisableKey
        organizations:LeaveOrganization iam:DeactivateMFADevice iam:DeleteVirtualMFADevice
        iam:ChangePassword ssm:UpdateInstanceInformation ssm:UpdateInstanceAssociationStatus
        ssm:PutComplianceItems""",
    Action.EXECUTE: """ssm:SendCommand ssm:StartSession ssm:ResumeSession ssm:TerminateSession
        ssm:StartAutomationExecution ec2:RunInstances ec2:StartInstances ec2:StopInstances
        ec2:RebootInstances lambda:Invoke lambda:InvokeAsync ecs:ExecuteCommand ecs:RunTask
        states:StartExecution kms:Encrypt kms:GenerateDataKey kms:Sign kms:Verify
        kms:GenerateDataKeyWithoutPlaintext kms:ReEncrypt kms:GenerateMac kms:GenerateRandom
        glue:StartJobRun ec2:SendDiagnosticInterrupt ec2messages:SendHeartbeat
        ssmmessages:CreateControlChannel""",
    Action.APPROVE: """codepipeline:PutApprovalResult organizations:AcceptHandshake
        ec2:AcceptVpcPeeringConnection codecommit:UpdatePullRequestApprovalState""",
}.items():
    for _name in _names.split():
        _BY_NAME[_name] = _action.value

_ACCESS_PATTERNS = (
    (re.compile(r"(Attach|Put)(User|Role|Group)?(Permissions?|Resource)*Policy$"), "grant"),
    (re.compile(r"(Detach|Delete)(User|Role|Group)?(Permissions?|Resource)*Policy$"), "revoke"),
    (re.compile(r"Add\w*Permissions?$|Grant\w*$|Authorize\w*(Ingress|Egress|Access)$"), "grant"),
    (re.compile(r"Remove\w*Permissions?$|Revoke\w*$"), "revoke"),
    (re.compile(r"\w*(Logging|Encryption|PublicAccessBlock|FlowLogs)$"), "configure"),
)  # fmt: skip
_READING = ("Get", "BatchGet", "Describe", "BatchDescribe", "List", "Head", "View", "Check", "Read",
            "Validate", "Verify", "Test", "Preview", "Estimate", "Simulate", "Count", "Receive",
            "Poll", "Is", "Resolve", "TransactGet", "Retrieve", "Peek")  # fmt: skip
_VERBS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Search", "Query", "Scan", "Lookup", "Filter", "Select", "Find", "Discover"), "search"),
    (("Download", "Export", "Unload"), "export"),
    (("Delete", "BatchDelete", "Purge", "Terminate", "Remove", "Destroy", "Empty", "Abort",
      "Deregister", "Expire", "StartSecretVersionDelete", "EndSecretVersionDelete"), "delete"),
    (("Share",), "share"),
    (("Revoke", "Retire", "Withdraw"), "revoke"),
    (("Approve", "Accept", "Confirm"), "approve"),
    (("Invoke", "Run", "Execute", "Start", "Stop", "Reboot", "Restart", "Submit", "Resume",
      "Suspend", "Pause", "Cancel", "Trigger", "Retry", "Rerun", "Connect", "Converse"), "execute"),
)  # fmt: skip
_CHANGING = (
    "Create", "Put", "Update", "Modify", "Set", "Add", "Attach", "Detach", "Associate",
    "Disassociate", "Enable", "Disable", "Register", "Change", "Replace", "Reset", "Restore", "Tag",
    "Untag", "Import", "Upload", "Copy", "Write", "BatchWrite", "BatchPut", "BatchUpdate", "Send",
    "Publish", "Allocate", "Release", "Assign", "Unassign", "Configure", "Activate", "Deactivate",
    "Promote", "Move", "Merge", "Apply", "Rotate", "Upgrade", "Provision", "Deploy", "Sync",
    "Initiate", "Complete", "Post", "Subscribe", "Unsubscribe", "Link", "Unlink",
    "Install", "Admin", "Increase", "Decrease", "Reject", "Archive", "Schedule", "Notify", "Record",
    "Save", "Define",
    "Authorize", "Leave", "Invite", "Failover", "Refresh", "Reload", "Migrate", "Transact",
)  # fmt: skip


def _decide(service: str, name: str) -> str:
    action = _BY_NAME.get(f"{service}:{name}")
    if action is not None:
        return action
    if name.startswith(_READING):
        return "read"
    for pattern, access in _ACCESS_PATTERNS:
        if pattern.match(name):
            return access
    for verbs, action in _VERBS:
        if name.startswith(verbs):
            return action
    if name.startswith(_CHANGING):
        return "write" if service in _DATA_SERVICES and not _SETTING.search(name) else "configure"
    return "other"


def _class(service: str, name: str, action: str) -> tuple[int, int]:
    if action == "authenticate":
        return AUTHENTICATION, 1
    if service == "iam" and action in ("grant", "revoke") and name.endswith("Policy"):
        return class_of(action, USER_ACCESS)
    if service == "iam" and name in _ACCOUNT_ACTIVITIES:
        return ACCOUNT_CHANGE, _ACCOUNT_ACTIVITIES[name]
    return class_of(action, _API_ACTIVITY)


_ACCOUNT_ACTIVITIES = {
    "CreateUser": 1, "DeleteUser": 6, "ChangePassword": 3, "UpdateLoginProfile": 4,
    "EnableMFADevice": 10, "DeactivateMFADevice": 11,
}  # fmt: skip

_remembered: dict[tuple[str | None, str], tuple[str, int, int]] = {}


def classify_call(source: str | None, name: str) -> tuple[str, int, int]:
    """Return action, class and activity of one API call, by `eventSource` and `eventName`."""
    known = _remembered.get((source, name))
    if known is not None:
        return known
    service = (source or "").removesuffix(_SUFFIX).rpartition(".")[2]
    plain = _DATED.sub("", name)
    action = _decide(service, plain)
    decided = (action, *_class(service, plain, action))
    if len(_remembered) < _NAMES_MAX:
        _remembered[source, name] = decided
    return decided
