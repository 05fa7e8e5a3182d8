"""View: an event as rules see it, a mapping from field names to values.

Rules of product `ombud` see the fields of the event model by name, absent ones
left out, `subject.kind` and `subject.key` of every data subject, and what the
engine derives from the record's own time.  All other rules see the original.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import orjson

from ombud.core.batch import Committed
from ombud.core.errors import RuleError
from ombud.core.event import Event
from ombud.core.fields import FIELDS, Kind

DERIVED_FIELDS = {
    "derived.idle_days": "days from the actor's previous event to this one; none at the first",
    "derived.first_seen": "true if this is the actor's first event in the record",
}
SUBJECT_FIELDS = {
    "subject.kind": "kinds of the data subjects",
    "subject.key": "keys of the data subjects, in the same order",
}
_MAPS = frozenset(field.name for field in FIELDS if field.kind is Kind.MAP)
KNOWN_FIELDS = (
    frozenset(field.name for field in FIELDS) | DERIVED_FIELDS.keys() | SUBJECT_FIELDS.keys()
)
_NAMES = tuple((field.attribute, field.name) for field in FIELDS if field.name != "subjects")


def check_field(name: str) -> None:
    """Raise `RuleError` for a field that no event can carry."""
    if name in KNOWN_FIELDS or name.partition(".")[0] in _MAPS:
        return
    close = get_close_matches(name, sorted(KNOWN_FIELDS), n=1)
    meant = f": did you mean `{close[0]}`" if close else ""
    raise RuleError(f"unknown field `{name}`{meant}")


def _named(values: dict[str, Any]) -> dict[str, Any]:
    get = values.get
    view = {name: value for attribute, name in _NAMES if (value := get(attribute)) is not None}
    subjects = get("subjects")
    if subjects:
        view["subjects"] = [f"{kind}:{key}" for kind, key in subjects]
        view["subject.kind"] = [kind for kind, _ in subjects]
        view["subject.key"] = [key for _, key in subjects]
    return view


def view_of_row(committed: Committed, row: int) -> dict[str, Any]:
    """Return the named view of one row; raises `EventError` if its bytes are no event."""
    view = _named(committed.values(row))
    view.setdefault("time", committed.recorded_ms[row])
    return view


def view_of_event(event: Event) -> dict[str, Any]:
    """Return the named view of an event that is not (yet) in the record."""
    return _named({field.attribute: getattr(event, field.attribute) for field in FIELDS})


def view_of_original(raw: bytes) -> dict[str, Any]:
    """Return the original as its source wrote it: a JSON object, or one `message` of text."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {"message": raw.decode("utf-8", "replace")}
    if not isinstance(value, dict):
        return {"message": raw.decode("utf-8", "replace")}
    return with_short_names(value)


def with_short_names(original: dict[str, Any]) -> dict[str, Any]:
    """Return the original with its fields also under their names without spaces.

    So rules name them (Sigma rules specification 2.0.0, "Field Usage", clause 2).
    """
    if " " in "".join(original):
        for name in [name for name in original if " " in name]:
            original.setdefault(name.replace(" ", ""), original[name])
    return original
