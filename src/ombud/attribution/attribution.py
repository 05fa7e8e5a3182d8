"""Attribution: persons and data subjects of a source's PostgreSQL statements.

The one seam for sources: they say what a line says, and get fields of its event.
`Attribution` is compiled once and may be shared; `SessionStates` belong to one
source that is read in order.
"""

from __future__ import annotations

from typing import NamedTuple

from ombud.attribution.declarations import (
    PERSON_UNKNOWN,
    SUBJECT_UNKNOWN,
    Declarations,
    SystemDeclaration,
)
from ombud.attribution.parameters import split_parameters
from ombud.attribution.person import Line, Persons, SessionStates
from ombud.attribution.plan import Found
from ombud.attribution.statements import NOTHING, Statements

_NOT_RUN = frozenset({"PREPARE", "DEALLOCATE"})


class Attributed(NamedTuple):
    """Fields of an event: for whom it was done, whose data it touched, and what is not known."""

    on_behalf_of: tuple[str, ...] | None = None
    subjects: tuple[tuple[str, str], ...] | None = None
    flags: tuple[str, ...] = ()
    filtered: tuple[str, ...] | None = None
    projected: tuple[str, ...] | None = None


NONE = Attributed()


class SystemAttribution:
    """What is declared of one system, ready to be asked."""

    def __init__(self, declaration: SystemDeclaration) -> None:
        self.statements = Statements(declaration)
        self.persons = Persons(declaration)
        self._has_subjects = bool(declaration.subjects or declaration.functions)
        self._has_persons = bool(declaration.persons or declaration.shared_accounts)

    def attribute(
        self,
        line: Line,
        states: SessionStates,
        *,
        parameters: str | None = "",
        dataset: str | None = None,
        is_inner: bool = False,
        is_statement: bool = True,
    ) -> Attributed:
        """Return what a line says of persons and data subjects.

        `parameters` are the statement's as CSV, None when they were not logged;
        `dataset` the one the log names; `is_inner`: a function or trigger ran it.
        `is_statement` is false for lines that carry no statement at all.
        """
        found: Found = NOTHING
        text = line.text
        if self._has_subjects and is_statement and line.command not in _NOT_RUN:
            found = self.statements.find(text, parameters, dataset=dataset, is_inner=is_inner)
        flags: tuple[str, ...] = ()
        if found.reasons:
            flags = tuple([SUBJECT_UNKNOWN + reason for reason in found.reasons])
        on_behalf_of = None
        if self._has_persons:
            account, reason = self._person(line, states, parameters)
            if account is not None:
                on_behalf_of = (account,)
            elif reason is not None:
                flags = (*flags, PERSON_UNKNOWN + reason)
        return Attributed(on_behalf_of, found.subjects, flags, found.filtered, found.projected)

    def _person(
        self, line: Line, states: SessionStates, parameters: str | None
    ) -> tuple[str | None, str | None]:
        text = line.text
        if text is None or not self.persons.variables or "set_config" not in text.lower():
            return self.persons.find(line, states)
        plan, pieces = self.statements.plan(text)
        listed = split_parameters(parameters) if parameters is not None else None
        return self.persons.find(line, states, plan, pieces, listed)


class Attribution:
    """Everything that is declared, by system."""

    def __init__(self, declarations: Declarations) -> None:
        self._systems = {
            name: SystemAttribution(declaration) for name, declaration in declarations.items()
        }

    def system(self, name: str) -> SystemAttribution | None:
        """Return what is declared of a system, None for nothing."""
        return self._systems.get(name)
