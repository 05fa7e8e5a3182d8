"""Declarations: which columns name data subjects, and where a shared account names its person.

A person confirms them; nothing here is guessed.  The file they are read from is
described in `docs/attribution.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PersonPlace(StrEnum):
    """Where a shared account says for whom it acts."""

    APPLICATION_NAME = "application_name"
    COMMENT = "comment"  # A key of an SQL comment, as sqlcommenter writes them.
    SESSION_VARIABLE = "session_variable"  # A setting of the session, by SET or set_config.


@dataclass(frozen=True, slots=True)
class PersonPattern:
    """One way in which accounts of a system name the person they act for.

    `actors` are the accounts it holds for; empty means each.  `pattern` is a
    regular expression whose group `person` is the person's account; `key` names
    the key of a comment or the session variable.
    """

    place: PersonPlace
    actors: tuple[str, ...] = ()
    pattern: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class SystemDeclaration:
    """What is declared of one system, by the name its events carry in `resource.system`.

    `subjects` gives the kind of data subject by dataset and column:
    `{"public.patients": {"id": "patient"}}`; datasets are named as the events'
    `resource.dataset` names them (`public."Patient"`), columns plainly (`Id`).
    `functions` gives the kind by position of the parameter, None where it names
    nobody.  `search_path` resolves names without a schema.  `shared_accounts` are
    used by several people: their events have no person unless a pattern finds one.
    """

    system: str
    subjects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    functions: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    search_path: tuple[str, ...] = ("public",)
    persons: tuple[PersonPattern, ...] = ()
    shared_accounts: frozenset[str] = frozenset()


Declarations = Mapping[str, SystemDeclaration]  # By system.

# Flags of an event that could not be attributed; a reason follows the colon.
PERSON_UNKNOWN = "person_unknown:"
SUBJECT_UNKNOWN = "subject_unknown:"
