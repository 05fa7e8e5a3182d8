"""Justification facts: what loaded tables and the directory say of one claim, as evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ombud.access.justification import CaseFacts, Claim, Evidence, Subject
from ombud.access.reference import ReferenceTable, Values
from ombud.directory.kinds import begins_of, ends_of
from ombud.services.reference_book import Book, Page, pages_of
from ombud.store.directory import DirectoryTables

DAY_MS = 86_400_000
ROSTER_DAYS = 7  # Whose roster has no shift within so many days has none that is known.
DIRECTORY = "directory"  # As a table, among the facts that a verdict names.


class DirectoryFacts:
    """What the directory says of cases; read once for each load of it."""

    def __init__(self, tables: DirectoryTables) -> None:
        self._tables = tables
        self._stamp = -1
        self._of_case: dict[str, list[tuple[Any, ...]]] = {}
        self._sha256 = ""

    @property
    def sha256(self) -> str:
        """The hash of the load that stands, empty without one."""
        self._follow()
        return self._sha256

    def of_case(self, case: str) -> list[tuple[Any, ...]] | None:
        """Return the assignments of a case, None when the directory has none at all.

        As (person, unit, case, subject kind, subject key, from, to).
        """
        self._follow()
        return self._of_case.get(case, []) if self._of_case else None

    def of_person(self, person: str, kind: str) -> list[tuple[Any, ...]]:
        """Return the values of rows about a person."""
        return [row.values for row in self._tables.of_person(person).get(kind, ())]

    def _follow(self) -> None:
        stamp = self._tables.stamp()
        if stamp == self._stamp:
            return
        found: dict[str, list[tuple[Any, ...]]] = {}
        for row in self._tables.rows(("assignment",))["assignment"]:
            if row.values[2] is not None:
                found.setdefault(row.values[2], []).append(row.values)
        load = self._tables.last_load()
        self._sha256 = "" if load is None else load.sha256
        self._of_case, self._stamp = found, stamp


class Found(NamedTuple):
    """Evidence, and the hash of each table that it is from."""

    evidence: Evidence
    facts: dict[str, str]


class _Assigned(NamedTuple):
    persons: set[str]
    units: set[str]
    subjects: set[Subject]
    has_people: bool
    has_subjects: bool


def find_evidence(claim: Claim, book: Book, directory: DirectoryFacts) -> Found:
    """Return what is known that bears on a claim."""
    cases = pages_of(book, "case")
    facts = {page.table.name: page.sha256 for page in book if page.sha256}
    if directory.sha256:
        facts[DIRECTORY] = directory.sha256
    person = _of_person(claim, book, directory)
    known = [page for page in cases if claim.case and page.rows.get(claim.case)]
    pages = known or cases
    stamps = [page.as_of for page in pages]
    if not pages or None in stamps:
        # One that cannot be asked may be the one that knows the case.
        is_unreachable = any(page.is_unreachable for page in pages)
        return Found(Evidence(is_unreachable=is_unreachable, **person), facts)
    oldest = min(pages, key=lambda page: (page.as_of or 0) + page.age_ms_max)
    case = _case(claim, known, book, directory) if known else None
    return Found(
        Evidence(case=case, as_of=oldest.as_of, age_ms_max=oldest.age_ms_max, **person), facts
    )


def _case(claim: Claim, pages: list[Page], book: Book, directory: DirectoryFacts) -> CaseFacts:
    assert claim.case is not None  # noqa: S101 - else no page knows it.
    rows = [(page.table, values) for page in pages for values in page.rows[claim.case]]
    of: list[dict[str, Any]] = [
        dict(zip(table.facts.names, values, strict=True)) for table, values in rows
    ]
    opened = [one["opened_at"] for one in of if one["opened_at"] is not None]
    closed = [one["closed_at"] for one in of]
    purposes = frozenset(one["purpose"] for one in of if one["purpose"] is not None)
    assigned = _assigned(claim, rows, book, directory)
    return CaseFacts(
        id=claim.case,
        is_closed=all(_is_closed(table, values) for table, values in rows),
        opened_at=min(opened, default=None),
        # Of several rows, one that is not closed keeps the case open.
        closed_at=None if None in closed else max(closed),
        persons=frozenset(assigned.persons) if assigned.has_people else None,
        units=frozenset(assigned.units) if assigned.has_people else None,
        subjects=frozenset(assigned.subjects) if assigned.has_subjects else None,
        purposes=purposes or None,
    )


def _is_closed(table: ReferenceTable, values: Values) -> bool:
    status = values[table.facts.names.index("status")]
    return str(status).casefold() in {word.casefold() for word in table.closed}


def _assigned(
    claim: Claim,
    rows: list[tuple[ReferenceTable, Values]],
    book: Book,
    directory: DirectoryFacts,
) -> _Assigned:
    """Return to whom the case was assigned at the time of the act, and whom it names."""
    persons: set[str] = set()
    units: set[str] = set()
    subjects: set[Subject] = set()
    has_people = has_subjects = False
    for table, values in rows:
        one: dict[str, Any] = dict(zip(table.facts.names, values, strict=True))
        given = {*table.columns, *table.constants}
        has_people |= not given.isdisjoint({"assigned_person", "assigned_unit"})
        has_subjects |= "subject_key" in given
        persons |= {one["assigned_person"]} - {None}
        units |= {one["assigned_unit"]} - {None}
        _add_subject(subjects, one["subject_kind"], one["subject_key"])
    for kind, assignments in _assignments(claim, book, directory):
        has_people = True
        has_subjects |= kind
        for person, unit, subject_kind, subject_key, from_, to in assignments:
            _add_subject(subjects, subject_kind, subject_key)
            if begins_of(from_) <= claim.time < ends_of(to):
                persons |= {person} - {None}
                units |= {unit} - {None}
    return _Assigned(persons, units, subjects, has_people, has_subjects)


def _assignments(
    claim: Claim, book: Book, directory: DirectoryFacts
) -> Iterable[tuple[bool, list[tuple[Any, ...]]]]:
    """Yield the assignments of each table that knows any, and whether they name subjects."""
    for page in pages_of(book, "assignment"):
        if page.counts_at(claim.time):
            given = {*page.table.columns, *page.table.constants}
            yield "subject_key" in given, [row[1:] for row in page.rows.get(claim.case or "", ())]
    known = directory.of_case(claim.case or "")
    if known is not None:
        listed = [(row[0], row[1], *row[3:]) for row in known]
        yield any(row[3] is not None for row in listed), listed


def _add_subject(subjects: set[Subject], kind: Any, key: Any) -> None:
    if kind is not None and key is not None:
        subjects.add((kind, key))


def _of_person(claim: Claim, book: Book, directory: DirectoryFacts) -> dict[str, Any]:
    """Return what is known of the actor at the time: leave, shift and relations."""
    if claim.person is None:
        return {}
    leave = [row[2:] for row in _rows(claim, book, directory, "leave")]
    roster = [row[1:] for row in _rows(claim, book, directory, "roster")]
    relations = {
        row[3] or "related"
        for row in _rows(claim, book, directory, "relation")
        if (row[1], row[2]) in claim.subjects and _holds(row[4], row[5], claim.time)
    }
    return {
        "is_on_leave": any(_holds(from_, to, claim.time) for from_, to in leave) if leave else None,
        "is_on_shift": _on_shift(roster, claim.time),
        "relations": tuple(sorted(relations)),
    }


def _rows(claim: Claim, book: Book, directory: DirectoryFacts, kind: str) -> list[tuple[Any, ...]]:
    assert claim.person is not None  # noqa: S101 - asked for a person alone.
    found = directory.of_person(claim.person, kind)
    for page in pages_of(book, kind):
        if page.counts_at(claim.time):
            found += page.rows.get(claim.person, [])
    return found


def _holds(from_: int | None, to: int | None, time: int) -> bool:
    return begins_of(from_) <= time < ends_of(to)


def _on_shift(roster: list[tuple[Any, ...]], time: int) -> bool | None:
    if any(_holds(from_, to, time) for from_, to in roster):
        return True
    near = ROSTER_DAYS * DAY_MS
    is_near = any(from_ - near <= time < to + near for from_, to in roster)
    return False if is_near else None
