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
from ombud.core.canonical import NO_DATA_SUBJECT
from ombud.core.errors import EventError, RuleError
from ombud.core.event import Event
from ombud.core.fields import CANONICAL_VERSION, FIELDS, Group, Kind
from ombud.detect.originals import NAMED, read_object

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
_VERSION = ""  # Stands for the version, the first value of each canonical array.
_GROUPS = tuple(
    (group, (_VERSION, *(field.name for field in FIELDS if field.group is group)))
    for group in (Group.ACTOR, Group.DATA_SUBJECT, Group.CONTENT)
)


def check_field(name: str) -> None:
    """Raise `RuleError` for a field that no event can carry."""
    if name in KNOWN_FIELDS or name.partition(".")[0] in _MAPS:
        return
    close = get_close_matches(name, sorted(KNOWN_FIELDS), n=1)
    meant = f": did you mean `{close[0]}`" if close else ""
    raise RuleError(f"unknown field `{name}`{meant}")


def view_of_row(committed: Committed, row: int) -> dict[str, Any]:
    """Return the named view of one row; raises `EventError` if its bytes are no event.

    Reads the canonical arrays by itself: as attributes of an event first, it would cost thrice.
    """
    view: dict[str, Any] = {"time": committed.recorded_ms[row]}
    for group, names in _GROUPS:
        canonical = committed.group(group, row)
        if not canonical or canonical == NO_DATA_SUBJECT:  # Erased, or empty as most are.
            continue
        try:
            values = orjson.loads(canonical)
        except orjson.JSONDecodeError as error:
            raise EventError(f"canonical bytes are not JSON: {error}") from error
        if not isinstance(values, list) or not values or values[0] != CANONICAL_VERSION:
            raise EventError("canonical bytes are of a version this program does not know")
        if len(values) != len(names):
            raise EventError(f"canonical bytes hold {len(values) - 1} fields, not {len(names) - 1}")
        view.update(
            {name: value for name, value in zip(names, values, strict=True) if value is not None}
        )
    view.pop(_VERSION, None)
    try:
        return _with_subjects(view)
    except (TypeError, ValueError) as error:
        raise EventError("canonical bytes hold subjects that are no pairs") from error


def _with_subjects(view: dict[str, Any]) -> dict[str, Any]:
    subjects = view.get("subjects")
    if subjects:
        view["subjects"] = [f"{kind}:{key}" for kind, key in subjects]
        view["subject.kind"] = [kind for kind, _ in subjects]
        view["subject.key"] = [key for _, key in subjects]
    return view


def view_of_event(event: Event) -> dict[str, Any]:
    """Return the named view of an event that is not (yet) in the record."""
    values = ((field.name, getattr(event, field.attribute)) for field in FIELDS)
    return _with_subjects({name: value for name, value in values if value is not None})


def view_of_original(raw: bytes, source: str | None = None) -> dict[str, Any]:
    """Return the original as its source wrote it: a JSON object, or one `message` of text.

    Some sources have names added that rules about their products use.
    """
    value = read_object(raw)
    if value is None:
        return {"message": raw.decode("utf-8", "replace")}
    named = NAMED.get(source) if source is not None else None
    return with_short_names(value if named is None else named(value))


def with_short_names(original: dict[str, Any]) -> dict[str, Any]:
    """Return the original with its fields also under their names without spaces.

    So rules name them (Sigma rules specification 2.0.0, "Field Usage", clause 2).
    """
    if " " in "".join(original):
        for name in [name for name in original if " " in name]:
            original.setdefault(name.replace(" ", ""), original[name])
    return original
