"""Microsoft 365 records as events: what operations do, who did them, and to whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from doubles.memory_record import MemoryRecord
from doubles.spoilt_records import spoilt
from ombud.collect.fit import fit
from ombud.collect.intake import IntakeResult
from ombud.collect.microsoft365 import Microsoft365
from ombud.collect.microsoft365_actions import find_act
from ombud.core.errors import EventError
from ombud.core.event import ACTIONS, Event

SOURCE = Microsoft365()
GOLDEN = Path(__file__).parents[2] / "golden" / "sources" / "microsoft365.audit"
RECORDS = json.loads((GOLDEN / "content.json").read_text(encoding="utf-8"))


def event_of(operation: str = "FileAccessed", **members: Any) -> Event:
    """Return the event of a record."""
    record = {"CreationTime": "2026-03-04T08:00:00", "Operation": operation, "RecordType": 6,
              "UserId": "ana@county.example", "UserType": 0, **members}  # fmt: skip
    return SOURCE.parse(json.dumps(record).encode(), now_ms=5)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        # SharePoint and OneDrive.
        ("FileAccessed", "read"), ("FilePreviewed", "read"), ("FileDownloaded", "export"),
        ("FileSyncDownloadedFull", "export"), ("FileUploaded", "write"), ("FileMoved", "write"),
        ("FileRecycled", "delete"), ("FileVersionsAllRecycled", "delete"),
        ("FileDeletedSecondStageRecycleBin", "delete"), ("FolderCreated", "write"),
        ("PageViewed", "read"), ("ListItemDeleted", "delete"), ("SearchQueryPerformed", "search"),
        ("SharingSet", "share"), ("AnonymousLinkCreated", "share"), ("AnonymousLinkUsed", "read"),
        ("SharingRevoked", "revoke"), ("AddedToGroup", "grant"), ("RemovedFromGroup", "revoke"),
        ("SiteCollectionAdminAdded", "grant"), ("AccessRequestDenied", "approve"),
        ("SiteCollectionCreated", "configure"), ("HubSiteJoined", "configure"),
        # Exchange.
        ("MailItemsAccessed", "read"), ("FolderBind", "read"), ("Send", "write"),
        ("SendAs", "share"), ("HardDelete", "delete"), ("MoveToDeletedItems", "delete"),
        ("AddFolderPermissions", "grant"), ("UpdateInboxRules", "configure"),
        ("New-InboxRule", "configure"), ("Set-Mailbox", "configure"),
        ("Add-MailboxPermission", "grant"), ("Remove-MailboxPermission", "revoke"),
        ("Get-Mailbox", "read"), ("New-MailboxExportRequest", "export"),
        ("Search-UnifiedAuditLog", "search"), ("Set-AdminAuditLogConfig", "configure"),
        ("Add-RoleGroupMember", "grant"), ("MailboxLogin", "authenticate"),
        # Entra.
        ("UserLoggedIn", "authenticate"), ("UserLoginFailed", "authenticate"),
        ("Add user.", "configure"), ("Delete user.", "revoke"), ("Add member to role.", "grant"),
        ("Remove member from group.", "revoke"), ("Consent to application.", "grant"),
        ("Add app role assignment grant to user.", "grant"), ("Reset user password.", "configure"),
        ("Update application - Certificates and secrets management ", "configure"),
        ("Add delegated permission grant.", "grant"), ("Disable account.", "revoke"),
        ("Set Company Information.", "configure"), ("Hard Delete user.", "configure"),
        # Teams.
        ("TeamsSessionStarted", "authenticate"), ("TeamCreated", "configure"),
        ("MemberAdded", "grant"), ("MemberRemoved", "revoke"), ("MessageSent", "write"),
        ("MessageDeleted", "delete"), ("MessagesExported", "export"), ("ChatRetrieved", "read"),
        # Purview and eDiscovery.
        ("SearchCreated", "search"), ("SearchStarted", "search"), ("SearchExported", "export"),
        ("SearchPreviewed", "read"), ("SearchExportDownloaded", "export"),
        ("ViewedSearchExported", "read"), ("SearchResultsPurged", "delete"),
        ("CaseAdded", "configure"), ("HoldRemoved", "configure"), ("CaseMemberAdded", "grant"),
        ("New-ComplianceSearchAction", "export"), ("DownloadDocument", "export"),
        ("DlpRuleMatch", "other"), ("AlertTriggered", "other"),
        # The rest of the suite.
        ("ViewReport", "read"), ("ExportReport", "export"), ("ShareReport", "share"),
        ("CopilotInteraction", "execute"), ("QuarantineReleaseMessage", "approve"),
        ("SensitivityLabelApplied", "configure"), ("SomethingNewDownloaded", "export"),
        ("FrobnicateQuux", "other"),
    ],
)  # fmt: skip
def test_actions(operation: str, action: str) -> None:
    """Each operation does what its documentation says, of whatever workload it is."""
    assert find_act(operation).action == action
    assert event_of(operation).action == action


def test_unknown_operations_are_counted() -> None:
    """Only what no row explains is flagged; alerts are known and nobody's act on data."""
    assert event_of("FrobnicateQuux").flags == ("action_unknown",)
    assert event_of("DlpRuleMatch").flags is None


@pytest.mark.parametrize(
    ("user", "kind", "actor_type"),
    [
        ("ana@county.example", 0, "person"), ("ana@county.example", "Admin", "person"),
        ("guest#EXT#@county.example", 10, "person"), ("partner@other.example", 9, "person"),
        ("NT AUTHORITY\\SYSTEM", 3, "service"), ("app@sharepoint", 0, "service"),
        ("SHAREPOINT\\system", 0, "service"), ("ServicePrincipal_x", 0, "service"),
        ("x", 5, "service"), ("x", 6, "service"), ("x", 8, "service"), ("x", 1, None),
        ("system@county.example", 0, "person"),
    ],
)  # fmt: skip
def test_actor_types(user: str, kind: int | str, actor_type: str | None) -> None:
    """People are told from machines by type and by the names that machines bear."""
    event = event_of(UserId=user, UserType=kind)
    assert (event.actor_id, event.actor_type) == (user, actor_type)


def test_actor_without_user_id() -> None:
    """Entra names the same account several times; the readable name is taken."""
    actors = [{"ID": "100", "Type": 3}, {"ID": "ana@county.example", "Type": 5}]
    assert event_of(UserId=None, Actor=actors).actor_id == "ana@county.example"
    assert event_of(UserId=None, UserKey="k").actor_id == "k"


@pytest.mark.parametrize(
    ("address", "ip", "device"),
    [("203.0.113.7", "203.0.113.7", None), ("203.0.113.7:443", "203.0.113.7", None),
     ("[2001:db8::1]:443", "2001:db8::1", None), ("2001:db8::1", "2001:db8::1", None),
     ("<null>", None, "<null>"), ("node-7", None, "node-7")],
)  # fmt: skip
def test_addresses(address: str, ip: str | None, device: str | None) -> None:
    """An address is taken without its port; what is none is the name of a device."""
    event = event_of(ClientIP=address)
    assert (event.origin_ip, event.origin_device) == (ip, device)


@pytest.mark.parametrize(
    ("members", "outcome"),
    [({"ResultStatus": "Succeeded"}, "success"),
     ({"ResultStatus": "PartiallySucceeded"}, "success"),
     ({"ResultStatus": "True"}, "success"), ({"ResultStatus": "False"}, "failure"),
     ({"ResultStatus": "Failed"}, "failure"), ({"ResultStatus": "Denied"}, "denied"),
     ({"ResultStatus": "Success", "LogonError": "x"}, "denied"), ({}, "success"),
     ({"ResultStatus": "Odd"}, "unknown")],
)  # fmt: skip
def test_outcomes(members: dict[str, str], outcome: str) -> None:
    """Each workload has its own word; a sign-in that `Succeeded` may have been refused."""
    assert event_of("UserLoggedIn", **members).outcome == outcome
    assert event_of("UserLoginFailed", **members).outcome == "denied"


def test_mailbox_is_of_somebody() -> None:
    """Whoever's mailbox is read is a data subject, and how much was read is counted."""
    folders = [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "<1@x>"}, {}]}]
    found = event_of("MailItemsAccessed", MailboxOwnerUPN="dee@county.example", Folders=folders)
    assert found.subjects == (("account", "dee@county.example"),)
    assert (found.resource_dataset, found.resource_id) == ("dee@county.example", "<1@x>")
    assert found.rows_returned == 2


def test_forwarding_has_a_recipient() -> None:
    """A rule that sends mail away says to whom."""
    told = [{"Name": "ForwardTo", "Value": "smtp:x@private.example"}]
    assert event_of("New-InboxRule", Parameters=told).recipient == "x@private.example"


Feed = Callable[..., IntakeResult]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_export_as_table(end: bytes, mark: bytes, feed: Feed, sink: MemoryRecord) -> None:
    """Rows are records under their header, byte for byte; a torn row costs itself alone."""
    data = json.dumps({"Operation": "FileAccessed", "RecordType": 6, "UserId": "ana@x"})
    quoted = '"' + data.replace('"', '""') + '"'
    rows = [f"r-{n},2026-03-04T08:00:00Z,{quoted}".encode() for n in range(4)]
    torn = b'r-9,2026-03-04,"{""Operation'
    header = b"RecordId,CreationDate,AuditData"

    result = feed(SOURCE, mark + end.join([header, rows[0], rows[1], torn, rows[2], rows[3]]))

    assert (result.recorded, result.quarantined) == (4, 1)
    assert [event.raw for event in sink.events] == [header + b"\n" + row for row in rows]
    assert {event.actor_id for event in sink.events} == {"ana@x"}


def test_strangers_are_refused() -> None:
    """A row without a record in it, and an object of another kind, are no events."""
    for raw in (b"a,b,c", b"", b'{"eventName":"x"}', b'a,"{bad json",c'):
        with pytest.raises(EventError):
            SOURCE.parse(raw, now_ms=5)


@given(raw=spoilt(RECORDS))
def test_spoilt_records_stay_events(raw: bytes) -> None:
    """Whatever becomes of its members, a record is an event the record holds, or is refused."""
    try:
        event = SOURCE.parse(raw, now_ms=5)
    except EventError:
        return
    assert event.raw == raw
    assert event.action in ACTIONS
    fit(event, now_ms=5)
