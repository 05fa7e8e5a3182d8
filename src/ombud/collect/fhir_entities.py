"""FHIR entities: whom and what an AuditEvent is about.

A patient is a data subject, under the key by which others will ask for it: the
logical id of the reference, else the value of the identifier.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from ombud.collect.fhir_codes import codes_of
from ombud.collect.json_value import first_text, record_of, records_of, text_of

_PERSON = "1"  # audit-entity-type: 1 person, 2 system object, 3 organisation, 4 other.
_PATIENT_ROLE = "1"  # object-role: 1 patient.
_QUERY_ROLE = "24"  # object-role: 24 query.
_SUBJECTS_MAX = 1000
_ENTITIES_MAX = 256
_QUERY_MAX = 64 << 10
_SUBJECT_KINDS = {"Patient": "patient", "RelatedPerson": "related_person", "Person": "person"}
_DATASETS = {kind: resource for resource, kind in _SUBJECT_KINDS.items()}
_CASES = frozenset({"Encounter", "EpisodeOfCare"})


@dataclass(slots=True)
class Touched:
    """What an AuditEvent is about."""

    subjects: tuple[tuple[str, str], ...] | None = None
    dataset: str | None = None
    resource_id: str | None = None
    query: str | None = None
    case: str | None = None
    labels: list[str] = field(default_factory=list)
    resources: int = 0


def reference_of(reference: dict[str, Any]) -> str | None:
    """Return a reference as `Type/id`, whatever server and version it names."""
    text = reference.get("reference")
    if text.__class__ is not str or not text:
        return None
    if text.startswith(("#", "urn:")):
        return str(text)
    plain = text.partition("/_history/")[0].partition("?")[0].rstrip("/")
    parts = plain.rsplit("/", 2)
    return "/".join(parts[-2:]) or None


def key_of(reference: dict[str, Any]) -> str | None:
    """Return the id by which a reference or identifier names somebody or something."""
    found = reference_of(reference)
    if found is not None:
        return found if found.startswith("urn:") else found.rpartition("/")[2] or None
    value = record_of(reference.get("identifier")).get("value")
    return first_text((value, reference.get("value"), reference.get("display")))


def first_record(holder: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the first of the members that is an object, or an empty one."""
    for name in names:
        value = holder.get(name)
        if value.__class__ is dict:
            return value
    return {}


def _type_of(what: dict[str, Any]) -> str | None:
    found = reference_of(what)
    if found is not None and "/" in found and not found.startswith("urn:"):
        return found.partition("/")[0]
    return text_of(what.get("type"))


def _query(entity: dict[str, Any]) -> str | None:
    """Return the query of an entity, which FHIR writes in base64."""
    text = entity.get("query")
    if text.__class__ is not str or not text:
        return None
    try:
        return base64.b64decode(text[: 2 * _QUERY_MAX], validate=True).decode()[:_QUERY_MAX]
    except (binascii.Error, ValueError):
        return str(text[:_QUERY_MAX])


def touched(document: dict[str, Any]) -> Touched:
    """Return what an AuditEvent is about."""
    place = Touched()
    subjects: dict[tuple[str, str], None] = {}
    named: list[tuple[str | None, str]] = []
    for entity in records_of(document.get("entity"))[:_ENTITIES_MAX]:
        what = first_record(entity, "what", "reference", "identifier")
        kind, key = _type_of(what), key_of(what)
        subject = _subject_kind(entity, kind)
        if subject is not None and key is not None:
            subjects[subject, key] = None
        elif key is not None:
            named.append((kind, key))
        if kind in _CASES:
            place.case = place.case or key
        place.query = place.query or _query(entity)
        if "securityLabel" in entity:
            place.labels += codes_of(entity["securityLabel"]).listed
    patient = key_of(record_of(document.get("patient")))  # Of release 5, as the encounter.
    if patient is not None:
        subjects["patient", patient] = None
    place.case = place.case or key_of(record_of(document.get("encounter")))
    place.labels = list(dict.fromkeys(place.labels))
    place.subjects = tuple(subjects)[:_SUBJECTS_MAX] or None
    place.resources = len(named)
    if named:
        place.dataset, place.resource_id = named[0]
    elif subjects:
        (kind, key) = next(iter(subjects))
        place.dataset, place.resource_id = _DATASETS[kind], key
    return place


def _subject_kind(entity: dict[str, Any], kind: str | None) -> str | None:
    """Return the kind of data subject that an entity is, or None."""
    if kind in _SUBJECT_KINDS:
        return _SUBJECT_KINDS[kind]
    if kind is not None:
        return None
    role, sort = codes_of(entity.get("role")).listed, codes_of(entity.get("type")).listed
    if _PATIENT_ROLE in role or "Patient" in sort:
        return "patient"
    return "person" if _PERSON in sort and _QUERY_ROLE not in role else None
