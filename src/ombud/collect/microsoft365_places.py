"""Microsoft 365 places: what a record says was touched, sought, shared and sent.

Each workload says it in members of its own: SharePoint by address, Exchange by
mailbox and items, Entra by target, Teams by team and members, eDiscovery by
case and query.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ombud.collect.json_record import JsonRecord, as_text

Pairs = dict[str, str]
_PAIRS_MAX = 128  # Named values of one record looked at; cmdlets have some dozens.
_NAMES_MAX = 32  # Items named in one list of an event; the original has all.
_QUERIES = (
    "searchquerytext", "querytext", "query", "searchquery", "contentmatchquery", "keywordquery",
)  # fmt: skip
_FORWARDS = (
    "forwardto", "redirectto", "forwardasattachmentto", "forwardingsmtpaddress",
    "forwardingaddress", "delivertomailboxandforward",
)  # fmt: skip
_GRANTEES = ("user", "trustee", "member", "members", "delegate", "targetuser")
_ENTRA_NAME, _ENTRA_UPN = "1", "5"  # Kinds of name in `Target`.


@dataclass(slots=True)
class Place:
    """What was touched; `accounts` are people the record is about."""

    dataset: str | None = None
    resource_id: str | None = None
    kind: str | None = None
    query: str | None = None
    rows: int | None = None
    size: int | None = None
    recipient: str | None = None
    destination: str | None = None
    accounts: list[str] = field(default_factory=list)
    further: dict[str, Any] = field(default_factory=dict)


def pairs_of(record: JsonRecord, *names: str) -> Pairs:
    """Return the named values of lists of `{"Name": …, "Value": …}`, names folded."""
    found: Pairs = {}
    for name in names:
        for pair in record.objects(name)[:_PAIRS_MAX]:
            key, value = pair.text("name"), as_text(pair.value("value"))
            if key is not None and value:
                found.setdefault(key.lower().replace(" ", ""), value)
    return found


def _is_account(name: str | None) -> bool:
    return name is not None and "@" in name and "/" not in name and " " not in name


def touched(record: JsonRecord, operation: str | None, action: str, properties: Pairs) -> Place:
    """Return what a record says was touched."""
    place = Place()
    if record.has("siteurl", "sourcerelativeurl", "listid", "webid"):
        _sharepoint(record, place)
    elif record.has("mailboxguid", "mailboxownerupn", "folders", "affecteditems"):
        _mailbox(record, place)
    elif record.has("teamname", "teamguid", "chatthreadid", "messageid", "members"):
        _teams(record, place)
    elif record.has("azureactivedirectoryeventtype", "targetcontextid"):
        _entra(record, place)
    else:
        place.resource_id = record.text("objectid", "artifactid", "itemname", "resourceurl")
        place.dataset = record.text("workspacename", "datasetname", "formname", "planid")
        place.kind = record.text("itemtype", "objecttype", "artifactkind")
        if action in ("grant", "revoke"):
            names = [properties[name] for name in _GRANTEES if name in properties]
            place.accounts += [name for name in names if _is_account(name)]
    place.query = record.text(*_QUERIES) or next(
        (properties[name] for name in _QUERIES if name in properties), None
    )
    forward = next((properties[name] for name in _FORWARDS if name in properties), None)
    if forward is not None:
        place.recipient = place.recipient or forward.removeprefix("smtp:").removeprefix("SMTP:")
    if place.size is None:
        place.size = record.count("filesizebytes", "filesize", "sizeinbytes")
    place.rows = place.rows if place.rows is not None else record.count("itemcount", "totalitems")
    if operation is not None and "-" in operation:  # A cmdlet: what it was told to do.
        given = dict(list(properties.items())[:_NAMES_MAX])
        if given:
            place.further["parameters"] = given
    return place


def _sharepoint(record: JsonRecord, place: Place) -> None:
    place.dataset = record.text("siteurl", "site")
    place.resource_id = record.text("objectid", "listitemuniqueid")
    place.kind = record.text("itemtype")
    place.recipient = record.text("targetuserorgroupname", "sharedwith")
    if _is_account(place.recipient) and place.recipient is not None:
        place.further["shared_with_type"] = record.text("targetuserorgrouptype") or "unknown"
    name, folder = record.text("destinationfilename"), record.text("destinationrelativeurl")
    place.destination = f"{folder}/{name}" if folder and name else folder or name
    device = record.text("targetprintername", "removablemediadeviceattributes", "targetdomain")
    place.destination = place.destination or device


def _mailbox(record: JsonRecord, place: Place) -> None:
    owner = record.text("mailboxownerupn")
    place.dataset = owner or record.text("mailboxguid")
    place.kind = "mailbox"
    if _is_account(owner) and owner is not None:
        place.accounts.append(owner)
    item = record.object("item")
    place.resource_id = item.text("internetmessageid", "id", "subject")
    count = 0
    for folder in record.objects("folders"):
        messages = folder.objects("folderitems")
        count += len(messages)
        if place.resource_id is None and messages:
            place.resource_id = messages[0].text("internetmessageid", "id")
        place.further.setdefault("folder", folder.text("path") or "")
    affected = record.objects("affecteditems")
    if affected:
        count += len(affected)
        place.resource_id = place.resource_id or affected[0].text("internetmessageid", "id")
    path = record.object("folder").text("path") or item.object("parentfolder").text("path")
    if path is not None:
        place.further["folder"] = path
    if count:
        place.kind = place.kind if place.resource_id is None else "message"
        place.rows = count
    place.rows = record.count("operationcount") or place.rows
    place.size = record.count("sizeinbytes") or item.count("sizeinbytes")
    for name, member in (("send_as", "sendasusersmtp"), ("send_for", "sendonbehalfofusersmtp")):
        sent = record.text(member)
        if sent is not None:
            place.further[name] = sent
    place.destination = record.object("destfolder").text("path") or record.text(
        "destmailboxownerupn"
    )


def _teams(record: JsonRecord, place: Place) -> None:
    place.dataset = record.text("teamname", "teamguid", "chatname", "chatthreadid")
    place.resource_id = record.text("messageid", "channelguid", "objectid", "chatthreadid")
    place.kind = record.text("itemtype") or (
        "message" if record.has("messageid") else "chat" if record.has("chatthreadid") else "team"
    )
    members = [member.text("upn", "displayname") for member in record.objects("members")]
    named = [member for member in members if member is not None][:_NAMES_MAX]
    place.accounts += [name for name in named if _is_account(name)]
    channel = record.text("channelname")
    if channel is not None:
        place.further["channel"] = channel


def _entra(record: JsonRecord, place: Place) -> None:
    place.resource_id = record.text("objectid")
    names: dict[str, str] = {}
    for target in record.objects("target"):
        key, name = target.text("type"), target.text("id")
        if key is not None and name is not None:
            names.setdefault(key, name)
    account = names.get(_ENTRA_UPN) or (
        place.resource_id if _is_account(place.resource_id) else None
    )
    if account is not None:
        place.accounts.append(account)
        place.kind = "user"
    label = names.get(_ENTRA_NAME)
    if label is not None and label != account:
        place.further["target"] = label
    changes = {}
    for change in record.objects("modifiedproperties")[:_NAMES_MAX]:
        key, value = change.text("name"), as_text(change.value("newvalue"))
        if key is not None and value:
            changes[key] = value
    if changes:
        place.further["changed"] = sorted(changes)
        role = changes.get("Role.DisplayName") or changes.get("Group.DisplayName")
        if role is not None:
            place.further["role"] = role.strip('"')
