"""Person tables: how sure it is that each row of a table is one person, and of which kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ombud.attribution.catalogue import Catalogue, Column, Table
from ombud.attribution.identifier_kinds import identifier_kind
from ombud.attribution.identifier_words import (
    ABOUT,
    BODIES,
    KEYS,
    MASTER,
    PERSONS,
    STAFF,
    WEAK,
    is_birth,
    name_part,
    word_set,
    words_of,
)

ENOUGH = 0.5  # From here on a table is taken for one of persons.
STRONG, PLAUSIBLE, BY_COMMENT, STAFF_BASE = 0.6, 0.35, 0.45, 0.15
STAFF_CAP, BODY_CAP = 0.45, 0.2
SENSITIVE_STAFF_CAP = 0.65
BIRTH, PRIVATE = "a day of birth", "a number that only persons have"
_SURE = frozenset({BIRTH, PRIVATE})
_TRAITS = {BIRTH: 0.2, PRIVATE: 0.2, "a sex": 0.1, "a day of death": 0.1}
_GENDER = word_set("sex gender geschlecht sexo sexe geslacht sesso")
_DEATH = word_set("deceased death died verstorben sterbedatum fallecido deces")
_PAY = word_set("salary wage gehalt lohn payroll salario salaire payband iban")
_PRIVATE = word_set("ssn nhs mrn insurance_number passport licence")
_CONTACT = word_set("email phone")
_ADDRESS = word_set(
    "address street adresse strasse direccion rue indirizzo zip postcode plz postal city ort"
)
KEY_TYPES = word_set(
    "smallint integer bigint numeric uuid text citext character varchar char bpchar name"
) | {"character varying"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether rows of a table are persons: the kind, how sure, and why.

    `is_staff` are people who act, `is_body` organisations and places.
    """

    kind: str
    score: float
    reasons: tuple[str, ...] = ()
    is_staff: bool = False
    is_body: bool = False
    is_named: bool = False  # By the table's own name, not only by what it holds.

    @property
    def is_person(self) -> bool:
        """Whether it is sure enough."""
        return self.score >= ENOUGH


def entity_of(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a table's name without those that only say that it is a table."""
    kept = list(words)
    while len(kept) > 1 and (kept[0] in MASTER or kept[0].isdigit()):
        kept.pop(0)
    while len(kept) > 1 and (kept[-1] in MASTER or kept[-1].isdigit()):
        kept.pop()
    return tuple(kept)


def _evidence(columns: Iterable[Column]) -> dict[str, float]:
    """Return what columns say for a table of persons, each with its weight."""
    found: dict[str, float] = {}
    parts: set[str] = set()
    contact = 0.0
    for column in columns:
        words = words_of(column.name)
        part = name_part(words)
        if part is not None:
            parts.add(part)
        elif (trait := _trait(words)) is not None:
            found[trait] = _TRAITS[trait]
        else:
            contact += _contact(words)
    if {"given", "family"} <= parts:
        found["given and family name"] = 0.25
    elif parts:
        found["a person's name"] = 0.15
    if contact:
        found["an address"] = round(min(contact, 0.1), 2)
    return found


def _trait(words: tuple[str, ...]) -> str | None:
    """Return what only persons have that a column tells of."""
    if is_birth(words):
        return BIRTH
    if _GENDER & set(words):
        return "a sex"
    if _DEATH & set(words):
        return "a day of death"
    identifier = identifier_kind(words)
    return PRIVATE if identifier is not None and identifier.kind in _PRIVATE else None


def _contact(words: tuple[str, ...]) -> float:
    identifier = identifier_kind(words)
    if identifier is not None and identifier.kind in _CONTACT:
        return 0.05
    return 0.02 if _ADDRESS & set(words) else 0.0


def judge_table(table: Table) -> Judgement:
    """Return whether the rows of a table are persons."""
    words = entity_of(words_of(table.name))
    head, says = words[-1], f"named `{table.name}`"
    about = [word for word in words if word in ABOUT]
    evidence = _evidence(table.columns)
    if (about and head not in PERSONS) or head in KEYS:
        return Judgement("", 0.0)
    base, kind, is_named = 0.0, "person", True
    if head in PERSONS:
        # A key of several columns and nothing personal: a table of who belongs to what.
        is_bridge = len(table.primary_key) > 1 and not evidence
        base = PLAUSIBLE if head in WEAK or about or len(words) > 2 or is_bridge else STRONG
        kind = PERSONS[head]
    elif "".join(words) in PERSONS:
        base, kind = STRONG, PERSONS["".join(words)]
    elif words[0] in PERSONS and len(words) == 2 and _SURE & evidence.keys():
        base, kind, is_named = PLAUSIBLE, PERSONS[words[0]], False  # As in `persona_fisica`.
    elif head in STAFF:
        return _judge_staff(table, evidence, says)
    elif head in BODIES:
        return Judgement("", min(BODY_CAP, sum(evidence.values())), is_body=True)
    elif (
        _SURE & evidence.keys()
        and (spoken := entity_of(words_of(table.comment[:60])))
        and spoken[-1] in PERSONS
    ):
        base, kind, says = BY_COMMENT, PERSONS[spoken[-1]], f"described as `{table.comment[:60]}`"
    else:
        is_named = False
    score = round(min(base + sum(evidence.values()), 0.98), 3)
    reasons = ((says,) if base else ()) + tuple(f"has {what}" for what in evidence)
    return Judgement(kind, score, reasons, is_named=is_named)


def _judge_staff(table: Table, evidence: dict[str, float], says: str) -> Judgement:
    """People who act are overseen; they are data subjects where their own files are kept."""
    private = {
        word
        for column in table.columns
        for word in words_of(column.name)
        if word in _PAY or is_birth((word,))
    }
    private |= {
        found.kind
        for column in table.columns
        if (found := identifier_kind(words_of(column.name))) and found.kind in _PRIVATE
    }
    cap = SENSITIVE_STAFF_CAP if private & _PAY and len(private) > 1 else STAFF_CAP
    score = round(min(cap, STAFF_BASE + sum(evidence.values()) + 0.1 * len(private)), 3)
    reasons = (says, *(f"has {what}" for what in evidence))
    return Judgement("employee", score, reasons, is_staff=score < ENOUGH)


def is_key_type(column: Column) -> bool:
    """Whether a column is of a type that names things."""
    return column.type.partition("(")[0].strip() in KEY_TYPES


WORTH_SAMPLING = 0.3


def worth_sampling(catalogue: Catalogue) -> dict[str, list[str]]:
    """Return the columns whose values could tell more, by dataset: few tables of many."""
    found: dict[str, list[str]] = {}
    for table in catalogue.tables.values():
        if table.is_view or judge_table(table).is_staff:
            continue
        columns = [
            column.name
            for column in table.columns
            if is_key_type(column) and (table.dataset, column.name) not in catalogue.references
        ]
        named = any(identifier_kind(words_of(name)) for name in columns)
        if columns and (named or judge_table(table).score >= WORTH_SAMPLING):
            found[table.dataset] = columns
    return found
