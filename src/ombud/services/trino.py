"""Trino: the door for Trino's own OPA plugin; `docs/trino.md` is its reference.

Whatever Trino would read as "no filter" or "no mask" is only answered when the decision
says so.  What cannot be answered is an error, on which Trino fails the query.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ombud.access.model import Policy
from ombud.core.errors import InputError
from ombud.services.asker import Asker
from ombud.services.trino_acts import TrinoActs
from ombud.services.trino_names import TableNames
from ombud.services.trino_operations import OPERATIONS, Kind
from ombud.services.trino_queries import TrinoQueries
from ombud.services.trino_question import (
    ALLOWED,
    CONFLICT,
    DENIED,
    Answer,
    Deciding,
    Question,
    attempt_of,
    context_of,
    table_of,
)
from ombud.services.trino_request import Resource, Table, TrinoInput
from ombud.services.trino_scope import Scope
from ombud.services.trino_speaker import Speakers
from ombud.services.trino_view import NOTHING, NULL

Json = dict[str, Any]

BUILT_IN = ("system", "builtin")  # Where functions of Trino itself are.
DECIDE = "decide"


class Trino:
    """Answers the five questions of the plugin."""

    def __init__(
        self,
        *,
        speakers: Speakers,
        acts: TrinoActs,
        deciding: Deciding,
        queries: TrinoQueries,
        policy: Callable[[], Policy],
    ) -> None:
        """`policy` gives the policy in force."""
        self._speakers = speakers
        self._acts = acts
        self._deciding = deciding
        self.queries = queries
        self._policy = policy
        self._lock = threading.Lock()
        self._by_kind: dict[Kind, Callable[[Question, Resource | None], Answer]] = {
            Kind.READ: acts.read,
            Kind.FUNCTION: self._run,
            Kind.OWN_QUERY: self._owns_query,
            Kind.IMPERSONATE: self._impersonates,
        }
        self._names: tuple[Policy | None, TableNames] = (None, TableNames(()))

    def allow(self, asked: TrinoInput, *, asker: Asker) -> Json:
        """Say whether one operation is allowed."""
        with self._question(asked, asker) as question:
            answer = self._answer(question, asked, asked.action.resource)
            if not answer.allow and not answer.is_probe:
                question.query.refused[_counted(asked)] += 1
            return answer.as_dict()

    def batch(self, asked: TrinoInput, *, asker: Asker) -> Json:
        """Return the indices of what may be known, of many catalogs, schemas, tables, columns."""
        with self._question(asked, asker) as question:
            operation = OPERATIONS.get(asked.action.operation)
            if operation is None:
                return {"result": []}
            resources = _resources(asked)
            if not operation.is_filter:
                raise InputError(
                    f"`{asked.action.operation}` is no question for many things at once",
                    origin="input.action.operation",
                )
            if operation.kind is Kind.COLUMNS:
                return {"result": self._columns(question, resources)}
            allowed = [self._answer(question, asked, one).allow for one in resources]
            return {"result": [index for index, allow in enumerate(allowed) if allow]}

    @staticmethod
    def _columns(question: Question, resources: list[Resource]) -> list[int]:
        if len(resources) != 1:
            raise InputError(
                "`FilterColumns` is asked of one table", origin="input.action.filterResources"
            )
        table = table_of(resources[0], question.operation)
        if question.speaker.is_conflict:
            return []
        columns = enumerate(table.columns or ())
        return [index for index, column in columns if question.scope.column(table, column)]

    def row_filters(self, asked: TrinoInput, *, asker: Asker) -> Json:
        """Return the filters of a table; an empty list only if every row may be seen."""
        _expect(asked, "GetRowFilters")
        with self._question(asked, asker) as question:
            table = table_of(asked.action.resource, question.operation)
            is_conflict = question.speaker.is_conflict
            found = (NOTHING,) if is_conflict else self._acts.filters(question, table)
            return {"result": [{"expression": expression} for expression in found]}

    def column_mask(self, asked: TrinoInput, *, asker: Asker) -> Json:
        """Return the mask of a column; null only if its values may be seen as they are."""
        _expect(asked, "GetColumnMask")
        with self._question(asked, asker) as question:
            resources = [] if asked.action.resource is None else [asked.action.resource]
            (mask,) = self._masks(question, resources) if resources else _no_column()
            return {"result": None if mask is None else {"expression": mask}}

    def batch_column_masks(self, asked: TrinoInput, *, asker: Asker) -> Json:
        """Return the masks of columns by index; a column without one may be seen as it is."""
        _expect(asked, "GetColumnMask")
        with self._question(asked, asker) as question:
            masks = self._masks(question, _resources(asked))
            return {
                "result": [
                    {"index": index, "viewExpression": {"expression": mask}}
                    for index, mask in enumerate(masks)
                    if mask is not None
                ]
            }

    def _masks(self, question: Question, resources: list[Resource]) -> list[str | None]:
        tables: dict[Table, list[tuple[int, str, str]]] = {}
        for index, resource in enumerate(resources):
            column = resource.column
            if column is None:
                _no_column()
                continue
            place = (index, column.column_name, column.column_type)
            tables.setdefault(column.table, []).append(place)
        found: list[str | None] = [NULL] * len(resources)
        if question.speaker.is_conflict:
            return found
        for table, places in tables.items():
            masks = self._acts.masks(question, table, [(name, kind) for _, name, kind in places])
            for (index, _, _), mask in zip(places, masks, strict=True):
                found[index] = mask
        return found

    @contextmanager
    def _question(self, asked: TrinoInput, asker: Asker) -> Iterator[Question]:
        asker.require(DECIDE)
        speaker = self._speakers.speaker(asked.context.identity)
        context = context_of(asked, speaker)
        with self.queries.query(asked.context.query_id, speaker, asker.person) as query:
            operation = asked.action.operation
            query.calls[_counted(asked)] += 1
            names = self._table_names()
            scope = Scope(
                names,
                peek=self._deciding.drafter.peek,
                make=lambda *about: attempt_of(*about, speaker=speaker, context=context),
            )
            yield Question(operation, speaker, asker, query, names, scope, context)

    def _table_names(self) -> TableNames:
        policy = self._policy()
        with self._lock:
            if self._names[0] is not policy:
                self._names = (policy, TableNames(policy.datasets))
            return self._names[1]

    def _answer(self, question: Question, asked: TrinoInput, resource: Resource | None) -> Answer:
        operation = OPERATIONS.get(question.operation)
        if operation is None or operation.kind in {Kind.FILTER, Kind.MASK}:
            return DENIED
        if question.speaker.is_conflict:
            if operation.kind in {Kind.READ, Kind.ACT}:
                return self._acts.refuse(question, resource, CONFLICT)
            return Answer(False, None, (CONFLICT,))
        if operation.kind is Kind.ACT:
            return self._act(question, asked, resource)
        return self._by_kind.get(operation.kind, self._knows)(question, resource)

    def _run(self, question: Question, resource: Resource | None) -> Answer:
        return ALLOWED if _is_built_in(resource) else self._acts.run(question, resource)

    def _act(self, question: Question, asked: TrinoInput, resource: Resource | None) -> Answer:
        answer = self._acts.act(question, resource)
        target = asked.action.target_resource
        if answer.allow and target is not None:  # A new name: it needs the same right.
            return self._acts.act(question, target)
        return answer

    def _owns_query(self, question: Question, resource: Resource | None) -> Answer:
        """Whether a query is the speaker's own, for whatever purpose they asked it."""
        return Answer(self._speakers.base(_user(resource)) == question.speaker.id)

    def _impersonates(self, question: Question, resource: Resource | None) -> Answer:
        """Whether somebody only adds a purpose to their own name."""
        user, speaker = _user(resource), question.speaker
        return Answer(speaker.user == speaker.id == self._speakers.base(user) != user)

    @staticmethod
    def _knows(question: Question, resource: Resource | None) -> Answer:
        return Answer(_knows(question, resource))


def _knows(question: Question, resource: Resource | None) -> bool:
    """Whether the speaker may know of a catalog, a schema, a table or its columns."""
    scope, kind = question.scope, OPERATIONS[question.operation].kind
    if kind is Kind.QUERY:
        return scope.anything()
    if resource is not None:
        table, schema = resource.table, resource.schema
        if kind is Kind.CATALOG and resource.catalog is not None:
            return scope.catalog(resource.catalog.name)
        if kind is Kind.SCHEMA and schema is not None:
            return scope.schema(schema.catalog_name, schema.schema_name)
        if kind is Kind.TABLE and table is not None:
            return scope.table(table)
        if kind is Kind.COLUMNS and table is not None and table.columns:
            return all(scope.column(table, column) for column in table.columns)
    raise InputError(
        f"`{question.operation}` does not name what it is about",
        origin="input.action.resource",
    )


def _user(resource: Resource | None) -> str:
    if resource is None or resource.user is None:
        raise InputError("the question names no user", origin="input.action.resource")
    return resource.user.user


def _expect(asked: TrinoInput, operation: str) -> None:
    """Raise `InputError` for a question that was sent to the wrong address."""
    if asked.action.operation != operation:
        raise InputError(
            f"this answers `{operation}` only, not `{asked.action.operation}`",
            origin="input.action.operation",
            hint="compare the five addresses in Trino's access-control properties",
        )


def _counted(asked: TrinoInput) -> str:
    """Return the name under which a call is counted: there are only so many."""
    operation = asked.action.operation
    return operation if operation in OPERATIONS else "unknown"


def _resources(asked: TrinoInput) -> list[Resource]:
    resources = asked.action.filter_resources
    if resources is None:
        raise InputError("there is nothing to filter", origin="input.action.filterResources")
    return resources


def _no_column() -> list[str | None]:
    raise InputError("`GetColumnMask` names no column", origin="input.action")


def _is_built_in(resource: Resource | None) -> bool:
    function = None if resource is None else resource.function
    return function is not None and (function.catalog_name, function.schema_name) == BUILT_IN
