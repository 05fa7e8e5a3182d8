"""Events on a terminal: one line each, from their OCSF form."""

from __future__ import annotations

from typing import Any

from ombud.cli.output import to_second

EVENT_COLUMNS = ("id", "time (UTC)", "who", "action", "on", "purpose", "case", "outcome", "what")
WHAT_LENGTH = 60  # Characters of a statement or search shown in a table.


def dig(event: dict[str, Any], path: str) -> Any:
    """Return the value at a dotted path, or None."""
    value: Any = event
    for part in path.split("."):
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


_MARKS = {
    "unknown account": "unknown",
    "shared account": "shared",
    "machine": "machine",
    "several people": "several people",
}


def name_of(person: dict[str, Any] | None, account: str | None, unknown: str | None) -> str:
    """Return a person's name, or the account with the mark why nobody is known."""
    if person is not None:
        return str(person["name"] or person["id"])
    if account is None:
        return "" if unknown is None else f"({unknown})"
    mark = _MARKS.get(unknown or "", unknown)
    return f"{account} ({mark})" if mark else account


def first(values: Any) -> Any:
    """Return the first of a list, or None."""
    return values[0] if isinstance(values, list) and values else None


def event_row(event: dict[str, Any]) -> tuple[object, ...]:
    """Return the cells of one OCSF event, in the order of `EVENT_COLUMNS`."""
    place = [dig(event, "resources.name"), dig(event, "resources.uid")]
    subjects = dig(event, "ombud.data_subjects") or ()
    who = ", ".join(f"{row['kind']}:{row['key']}" for row in subjects if isinstance(row, dict))
    what = dig(event, "query_info.query_string") or dig(event, "api.operation") or ""
    return (
        dig(event, "metadata.uid"),
        to_second(event["time"]),
        name_of(
            dig(event, "ombud.person"),
            first(dig(event, "ombud.on_behalf_of")) or dig(event, "actor.user.uid"),
            dig(event, "ombud.person_unknown"),
        ),
        dig(event, "ombud.action"),
        who or "/".join(str(part) for part in place if part),
        dig(event, "ombud.purpose"),
        dig(event, "ombud.case_uid"),
        event.get("status"),
        " ".join(str(what).split())[:WHAT_LENGTH],
    )
