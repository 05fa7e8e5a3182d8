"""Names: the fields, short names and flags that a query may use.

Fields are those of `ombud.core.fields`, with what the record assigns (`id`,
`ingested_at`) and the two halves of a data subject.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ombud.core.event import ACTIONS, ACTOR_TYPES, OUTCOMES
from ombud.core.fields import FIELDS, Kind

ATTRIBUTES_PREFIX = "attributes."


@dataclass(frozen=True, slots=True)
class QueryField:
    """One field as a query sees it."""

    name: str
    kind: Kind
    meaning: str


QUERY_FIELDS: dict[str, QueryField] = {
    field.name: field
    for field in (
        QueryField("id", Kind.INTEGER, "index of the event in the log"),
        QueryField("ingested_at", Kind.INSTANT, "when it was recorded"),
        *(QueryField(field.name, field.kind, field.meaning) for field in FIELDS),
        QueryField("subject.kind", Kind.TEXTS, "kind of a data subject"),
        QueryField("subject.key", Kind.TEXTS, "key of a data subject"),
        QueryField(
            "account", Kind.TEXT, "account nearest to a person: who was acted for, or actor"
        ),
        QueryField("person", Kind.TEXT, "whose account it was then, as the directory says"),
        QueryField("person.name", Kind.TEXT, "that person's name"),
        QueryField("actor.unit", Kind.TEXT, "the person's unit then, or any unit above it"),
        QueryField("actor.role", Kind.TEXT, "the person's role in the unit then"),
        QueryField("actor.manager", Kind.TEXT, "who answered for the unit then, acting or not"),
        QueryField("session.purpose", Kind.TEXT, "a purpose in the same declared session"),
        QueryField("alert.rule", Kind.TEXT, "rule of an alert that the event is part of"),
        QueryField("alert.title", Kind.TEXT, "title of an alert that the event is part of"),
        QueryField("alert.level", Kind.TEXT, "level of an alert that the event is part of"),
    )
}

# What the directory says of an event's account at its time: field to column of a span.
PEOPLE: dict[str, str] = {
    "person": "person",
    "person.name": "name",
    "actor.unit": "unit",
    "actor.role": "role",
    "actor.manager": "manager",
}
ALERT_FIELDS = frozenset({"alert.rule", "alert.title", "alert.level"})
# Found by way of other events, so there is no one value to count by.
JOINED = ALERT_FIELDS | {"session.purpose"}

ALIASES: dict[str, str] = {
    "actor": "actor.id",
    "agent": "origin.agent",
    "area": "place.area",
    "bytes": "bytes.returned",
    "dataset": "resource.dataset",
    "device": "origin.device",
    "index": "id",
    "ip": "origin.ip",
    "justification": "justification.text",
    "org": "actor.organisation",
    "query": "query.text",
    "resource": "resource.id",
    "rows": "rows.returned",
    "session": "session.id",
    "subject": "subjects",
    "system": "resource.system",
    "unit": "actor.unit",
    "workflow": "workflow.id",
}

# Words of other products, so that a first guess is met with the right name.
_SYNONYMS: dict[str, str] = {
    "act": "action",
    "boss": "actor.manager",
    "case_number": "case",
    "eventname": "operation",
    "host": "observed_by",
    "human": "person",
    "location": "near",
    "manager": "actor.manager",
    "name": "person.name",
    "organisation": "org",
    "organization": "org",
    "reason": "justification",
    "role": "actor.role",
    "rule": "alert.rule",
    "status": "outcome",
    "supervisor": "actor.manager",
    "table": "dataset",
    "target": "subject",
    "team": "actor.unit",
    "timestamp": "time",
    "timezone": "tz",
    "user": "actor",
    "username": "actor",
    "verb": "action",
    "who": "actor",
    "why": "justification",
    "within": "near",
    "zone": "tz",
}

# Text that people write, not codes: `:` looks anywhere in it and ignores case.
SENTENCES = frozenset({"query.text", "justification.text", "justification.wording"})

# Ids that machines assign: only whole values are found, which keeps the index small.
DIGESTS = frozenset({"native_id", "query.id", "parent.id", "decision.id"})

# Kept in the record alone; the index knows only whether there is something.
PRESENCE_ONLY = frozenset({"unmapped"})

VOCABULARIES: dict[str, frozenset[str]] = {
    "action": ACTIONS,
    "actor.type": ACTOR_TYPES,
    "alert.level": frozenset({"informational", "low", "medium", "high", "critical"}),
    "outcome": OUTCOMES,
}

# What a free word looks in, besides the keys of data subjects.
WORD_FIELDS = (
    "query.text",
    "justification.text",
    "resource.id",
    "resource.dataset",
    "resource.system",
    "operation",
    "actor.id",
    "actor.name",
    "actor.organisation",
    "origin.ip",
    "workflow.id",
    "purpose",
    "case",
    "recipient",
    "destination",
)


@dataclass(frozen=True, slots=True)
class Flag:
    """A named condition: the query it stands for, and what it tells."""

    query: str
    meaning: str


FLAGS: dict[str, Flag] = {
    "denied": Flag("outcome:denied OR decision.permit:false", "it was refused"),
    "failed": Flag("outcome:failure", "it was tried and did not work"),
    "exported": Flag(
        "action:(export,share) OR has:destination OR has:recipient", "data left, or was to leave"
    ),
    "delegated": Flag("has:on_behalf_of", "done on somebody's behalf"),
    "person": Flag("actor.type:person", "a person acted"),
    "service": Flag("actor.type:service", "a service acted"),
    "agent": Flag("actor.type:agent", "an AI agent acted"),
    "no_actor": Flag("-has:actor", "nobody is named as having acted"),
    "no_person": Flag("-has:person", "the directory does not say who it was"),
    "no_case": Flag("-has:case", "no case is named"),
    "no_purpose": Flag("-has:purpose", "no purpose is declared"),
    "no_justification": Flag("-has:justification", "no reason was given"),
    "no_subject": Flag("-has:subject", "no data subject is named"),
    "time_unknown": Flag("time_known:false", "its time is that of recording"),
    "id_conflict": Flag("flags:id_conflict", "its id came before with other bytes"),
}

LATER_FIELDS: dict[str, str] = {
    "session.count": "counts of sessions",
    "case.status": "cases",
    "grant.purpose": "grants",
}

SPECIAL_TERMS = ("has", "is", "last", "since", "until", "day", "near", "tz")

# Parts of a calendar that `| count by` knows besides fields.
BUCKETS = ("day", "hour")


def find_field(name: str) -> QueryField | None:
    """Return the field of this name or short name, or none."""
    known = QUERY_FIELDS.get(ALIASES.get(name, name))
    if known is None and name.startswith(ATTRIBUTES_PREFIX) and len(name) > len(ATTRIBUTES_PREFIX):
        return QueryField(name, Kind.TEXT, "one declared attribute of the source")
    return known


def is_countable(field: QueryField) -> bool:
    """Whether `| count by` may group by the field: one value, that comes again."""
    has_one_value = field.kind in {Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN}
    return has_one_value and field.name not in DIGESTS | SENTENCES | JOINED | {"id"}


def suggest(word: str, known: frozenset[str] | set[str]) -> str:
    """Return ` - did you mean …?` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f" - did you mean `{near[0]}`?" if near else ""


def suggest_field(name: str) -> str:
    """Return ` - did you mean …?` for the nearest field, or nothing."""
    synonym = _SYNONYMS.get(name.lower())
    if synonym is not None:
        return f" - did you mean `{synonym}`?"
    return suggest(name.lower(), {*QUERY_FIELDS, *ALIASES, *SPECIAL_TERMS})
