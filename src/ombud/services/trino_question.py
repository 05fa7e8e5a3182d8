"""Trino question: one of the plugin's requests, with what is needed to answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ombud.access.attempt import Attempt
from ombud.access.decision import Decision
from ombud.core.errors import InputError
from ombud.services.asker import Asker
from ombud.services.decision_events import Recordable
from ombud.services.trino_names import TableNames, full_name
from ombud.services.trino_query import Query
from ombud.services.trino_request import Resource, Table, TrinoInput
from ombud.services.trino_scope import ANYTHING, CATALOG, DATASET, SCHEMA, Scope
from ombud.services.trino_speaker import Speaker

FUNCTION = "trino_function"
SESSION_PROPERTY = "trino_session_property"
INFORMATION = "information"
CONFLICT = "trino_statements_conflict"
AMBIGUOUS = "trino_table_ambiguous"


class Drafts(Protocol):
    """Where it can be asked what would be decided."""

    def peek(self, attempt: Attempt) -> Decision:
        """Return what would be decided; nothing is recorded."""


class Deciding(Protocol):
    """Where decisions are made and recorded."""

    @property
    def drafter(self) -> Drafts:
        """What would be decided."""

    def decide(self, attempt: Attempt, *, asker: Asker) -> Decision:
        """Return the decision, when its event is durable."""

    def record(self, recordables: Sequence[Recordable]) -> None:
        """Make events durable."""


class Answer(NamedTuple):
    """Whether something is allowed, by which recorded decision, and why."""

    allow: bool
    decision_id: str | None = None
    reasons: tuple[str, ...] = ()
    is_probe: bool = False  # Denied to nobody: Trino only looked whether a mask is needed.

    def as_dict(self) -> dict[str, Any]:
        """Return it as the plugin takes it; what it does not know it passes over."""
        answer: dict[str, Any] = {"result": self.allow}
        if self.decision_id is not None:
            answer["decision_id"] = self.decision_id
        if self.reasons:
            answer["reasons"] = list(self.reasons)
        return answer


DENIED = Answer(False)
ALLOWED = Answer(True)
PROBED = Answer(False, is_probe=True)


@dataclass(frozen=True, slots=True)
class Question:
    """One question: who asks what, within which query."""

    operation: str
    speaker: Speaker
    asker: Asker
    query: Query
    names: TableNames
    scope: Scope
    context: Mapping[str, Any]

    def attempt(
        self, action: str, kind: str, name: str, columns: tuple[str, ...] | None = None
    ) -> Attempt:
        """Return an act of the speaker, to be put to the decision."""
        return attempt_of(action, kind, name, columns, speaker=self.speaker, context=self.context)


def attempt_of(
    action: str,
    kind: str,
    name: str,
    columns: tuple[str, ...] | None,
    *,
    speaker: Speaker,
    context: Mapping[str, Any],
) -> Attempt:
    """Return an act of a speaker."""
    return Attempt(
        actor_type=speaker.type,
        actor_id=speaker.id,
        action=action,
        resource_type=kind,
        resource_id=name,
        purpose=speaker.purpose,
        actor=speaker.properties,
        context=context,
        columns=columns,
    )


def context_of(asked: TrinoInput, speaker: Speaker) -> dict[str, Any]:
    """Return what the attempts of a question carry."""
    context: dict[str, Any] = {**speaker.stated, "operation": asked.action.operation}
    if (met := context.get("justification_id")) is not None:
        context["justification_id"] = [part.strip() for part in met.split(",") if part.strip()]
    if asked.context.query_id is not None:
        context["query_id"] = asked.context.query_id
    context["aggregate"] = False  # Trino does not say what becomes of a column.
    return context


def table_of(resource: Resource | None, operation: str) -> Table:
    """Return the table of a resource; raises `InputError` where there is none."""
    if resource is None or resource.table is None:
        raise InputError(f"`{operation}` names no table", origin="input.action.resource")
    return resource.table


def thing_of(resource: Resource | None, names: TableNames) -> tuple[str, str]:
    """Return type and id of what an operation is about; raises `InputError` for an empty one."""
    if resource is None:
        return ANYTHING, INFORMATION
    if resource.table is not None:
        return DATASET, names.dataset(resource.table)
    for kind, parts in _places(resource):
        return kind, full_name(*parts)
    raise InputError("the question names nothing it is about", origin="input.action.resource")


def _places(resource: Resource) -> Iterator[tuple[str, Sequence[str]]]:
    if (schema := resource.schema) is not None:
        yield SCHEMA, (schema.catalog_name, schema.schema_name)
    if resource.catalog is not None:
        yield CATALOG, (resource.catalog.name,)
    if (function := resource.function) is not None:
        parts = (function.catalog_name, function.schema_name, function.function_name)
        yield FUNCTION, [part for part in parts if part is not None]
    if (setting := resource.system_session_property) is not None:
        yield SESSION_PROPERTY, (setting.name,)
    if (own := resource.catalog_session_property) is not None:
        yield SESSION_PROPERTY, (own.catalog_name, own.property_name)
