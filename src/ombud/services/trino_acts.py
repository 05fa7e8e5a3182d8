"""Trino acts: what touches data or changes something, decided and recorded before it is allowed.

What Trino cannot be made to enforce is refused, whatever the policy permits otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import msgspec

from ombud.access.attempt import Attempt
from ombud.access.decision import Decision
from ombud.core.clock import Clock
from ombud.services.decision_events import decision_row
from ombud.services.trino_names import is_about_tables, table_name
from ombud.services.trino_operations import FILTERED_WRITES, OPERATIONS
from ombud.services.trino_queries import TrinoQueries
from ombud.services.trino_query import TableUse
from ombud.services.trino_question import (
    AMBIGUOUS,
    PROBED,
    Answer,
    Deciding,
    Question,
    table_of,
    thing_of,
)
from ombud.services.trino_request import Resource, Table
from ombud.services.trino_scope import DATASET
from ombud.services.trino_view import (
    NOTHING,
    NULL,
    TableView,
    filter_sql,
    filter_text,
    not_understood,
)

READ_KNOWN = frozenset({"row_filter", "columns", "masks", "aggregate_only", "notify"})
ACT_KNOWN = frozenset({"notify"})
COUNTED_LATER = frozenset({"max_rows", "max_bytes"})
FILTERS_CHANGED = "trino_filters_changed"
MASK_SKIPPED = "trino_mask_skipped"
FILTERS_MISSING = "trino_filters_not_asked"
MASKS_MISSING = "trino_masks_not_asked"
LINES_DIFFER = "trino_lines_differ"


class TrinoActs:
    """Decides acts, and what of tables is shown."""

    def __init__(
        self,
        *,
        deciding: Deciding,
        queries: TrinoQueries,
        key: Callable[[str], bytes],
        clock: Clock,
        new_id: Callable[[], str],
        rows_counted_later: bool,
    ) -> None:
        """`rows_counted_later`: limits of rows are left to what Trino reports afterwards."""
        self._deciding = deciding
        self._queries = queries
        self._key = key
        self._clock = clock
        self._new_id = new_id
        later = COUNTED_LATER if rows_counted_later else frozenset()
        self._read_known = READ_KNOWN | later
        self._act_known = ACT_KNOWN | later

    def _view(self, question: Question, dataset: str) -> TableView:
        attempt = question.attempt("read", DATASET, dataset)
        peek = self._deciding.drafter.peek
        return TableView(
            attempt,
            peek=peek,
            key=self._key,
            known=self._read_known,
            types=question.names.columns(dataset),
        )

    def read(self, question: Question, resource: Resource | None) -> Answer:
        """Decide whether columns of a table may be read."""
        table = table_of(resource, question.operation)
        name, dataset = table_name(table), question.names.dataset(table)
        use = question.query.use(name, dataset)
        columns = tuple(sorted(set(table.columns or ())))
        if is_about_tables(table):
            use.is_about_tables = True
            return self._note(use, question, Answer(question.scope.table(table)))
        if question.names.is_ambiguous(table):
            attempt = question.attempt("read", DATASET, dataset, columns)
            return self._note(use, question, self._refuse(question, attempt, (AMBIGUOUS,)))
        view = self._view(question, dataset)
        if len(columns) == 1 and columns[0] in use.probes:
            return self._probe(question, use, view, columns[0])
        answer, shown = self._read(question, use, view, columns)
        if answer.allow:
            question.query.add_columns(use, shown)
            use.needs_filter |= filter_text(view.base) is not None
        return self._note(use, question, answer)

    def _read(
        self, question: Question, use: TableUse, view: TableView, columns: tuple[str, ...]
    ) -> tuple[Answer, tuple[str, ...]]:
        unseen = view.reads_unseen(columns)
        shown = tuple(column for column in columns if column not in unseen)

        def check(decision: Decision) -> str | None:
            return self._find_trap(question, use, view, decision, columns)

        attempt = question.attempt("read", DATASET, use.dataset, shown)
        answer = self._settle(question, attempt, known=self._read_known, check=check)
        return answer, shown

    def _probe(self, question: Question, use: TableUse, view: TableView, column: str) -> Answer:
        """Answer whether a column that has a mask may be read, before its mask is put in.

        Trino asks this of each such column, whatever the query reads, and leaves out the
        mask of one that is denied.  Such a denial is nobody's attempt; the column is not
        read by this query whatever is decided later.
        """
        use.probes.discard(column)
        if view.shows(column) or view.reads_unseen([column]):
            answer, _ = self._read(question, use, view, (column,))
            if answer.allow:
                return answer
        use.skipped.add(column)
        return PROBED

    def _find_trap(
        self,
        question: Question,
        use: TableUse,
        view: TableView,
        decision: Decision,
        columns: tuple[str, ...],
    ) -> str | None:
        """Return why a permit would show more than Trino was told to leave out."""
        if not view.is_same(decision):
            return LINES_DIFFER
        filters = self._filters(question, use, view)
        if use.filters is not None and use.filters != filters:
            return FILTERS_CHANGED
        if use.version not in {None, decision.policy_version}:
            return FILTERS_CHANGED
        if filters and use.filters is None and self._queries.is_unfiltered(question.asker.person):
            return FILTERS_MISSING
        return _find_mask_trap(use, view, columns)

    def act(self, question: Question, resource: Resource | None) -> Answer:
        """Decide whether something may be written, changed or run."""
        kind, name = thing_of(resource, question.names)
        action = OPERATIONS[question.operation].action
        table = None if resource is None else resource.table
        columns = None if table is None or table.columns is None else tuple(sorted(table.columns))
        attempt = question.attempt(action, kind, name, columns)
        if table is None:
            return self._settle(question, attempt, known=self._act_known)
        use = question.query.use(table_name(table), name)
        if question.names.is_ambiguous(table):
            return self._note(use, question, self._refuse(question, attempt, (AMBIGUOUS,)))
        known = self._act_known
        if question.operation in FILTERED_WRITES:
            known |= {"row_filter"}
        answer = self._settle(
            question,
            attempt,
            known=known,
            check=lambda decision: self._find_unfiltered(question, decision),
        )
        return self._note(use, question, answer)

    def _find_unfiltered(self, question: Question, decision: Decision) -> str | None:
        is_filtered = filter_text(decision) is not None
        if is_filtered and self._queries.is_unfiltered(question.asker.person):
            return FILTERS_MISSING
        return None

    def filters(self, question: Question, table: Table) -> tuple[str, ...]:
        """Return the filters of a table, at least `false` unless every row may be seen."""
        self._queries.saw_filters_asked(question.asker.person)
        name, dataset = table_name(table), question.names.dataset(table)
        use = question.query.use(name, dataset)
        if is_about_tables(table):
            use.is_about_tables = True
            return use.answer(() if question.scope.table(table) else (NOTHING,))
        if question.names.is_ambiguous(table):
            return use.answer((NOTHING,))
        view = self._view(question, dataset)
        question.query.begin_version(use, view.base.policy_version)
        return use.answer(self._filters(question, use, view))

    def _filters(self, question: Question, use: TableUse, view: TableView) -> tuple[str, ...]:
        if "SelectFromColumns" in use.denied and question.query.id is not None:
            return (NOTHING,)
        found: list[str] = list(view.filters()) if view.is_readable else []
        writes = sorted(use.permitted & FILTERED_WRITES)
        for operation in writes:
            attempt = question.attempt(OPERATIONS[operation].action, DATASET, use.dataset)
            decision = self._deciding.drafter.peek(attempt)
            if not decision.permit:
                return (NOTHING,)
            found.extend(filter_sql(decision, question.names.columns(use.dataset)))
        if not view.is_readable and not writes:
            return (NOTHING,)
        return tuple(dict.fromkeys(found))

    def masks(
        self, question: Question, table: Table, columns: list[tuple[str, str]]
    ) -> list[str | None]:
        """Return the mask of each column (name, type); None only where none is needed."""
        dataset = question.names.dataset(table)
        use = question.query.use(table_name(table), dataset)
        if is_about_tables(table):
            use.is_about_tables = use.is_mask_asked = True
            mask = None if question.scope.table(table) else NULL
            return [mask for _ in columns]
        if question.names.is_ambiguous(table):
            found: list[str | None] = [NULL for _ in columns]
        else:
            view = self._view(question, dataset)
            question.query.begin_version(use, view.base.policy_version)
            # Trino refuses to write to a table that has masks.  What is not in scope needs
            # none for that: reading it is refused.
            is_written = bool(use.permitted & FILTERED_WRITES)
            found = [
                None if is_written and not view.shows(name) else view.mask(name, kind)
                for name, kind in columns
            ]
        masked = [name for (name, _), mask in zip(columns, found, strict=True) if mask is not None]
        question.query.add_masks(use, masked)
        return found

    def run(self, question: Question, resource: Resource | None) -> Answer:
        """Decide whether a function may be run or, by who lists functions, known."""
        attempt = question.attempt("execute", *thing_of(resource, question.names))
        if OPERATIONS[question.operation].is_filter:
            decision = self._deciding.drafter.peek(attempt)
            return Answer(decision.permit or decision.checkpoint is not None)
        return self._settle(question, attempt, known=self._act_known)

    def refuse(self, question: Question, resource: Resource | None, reason: str) -> Answer:
        """Refuse, on record, what would otherwise be decided."""
        kind, name = thing_of(resource, question.names)
        action = OPERATIONS[question.operation].action
        return self._refuse(question, question.attempt(action, kind, name), (reason,))

    def _settle(
        self,
        question: Question,
        attempt: Attempt,
        *,
        known: frozenset[str],
        check: Callable[[Decision], str | None] = lambda _: None,
    ) -> Answer:
        """Decide, and record it unless this query has been answered the same before."""
        would = self._deciding.drafter.peek(attempt)
        reasons = self._find_reasons(would, known, check)
        key = _key(attempt, would, reasons)
        if (recorded := question.query.decisions.get(key)) is not None:
            return Answer(would.permit and not reasons, recorded, reasons or would.reasons)
        if reasons:
            return self._refuse(question, attempt, reasons, key=key)
        decision = self._deciding.decide(attempt, asker=question.asker)
        late = self._find_reasons(decision, known, check)
        if late or _key(attempt, decision, ()) != key:
            if decision.permit:  # The policy changed in between: the next question is answered.
                return self._refuse(question, attempt, late or (FILTERS_CHANGED,))
            return Answer(False, decision.decision_id, decision.reasons)
        question.query.add_decision(key, decision.decision_id)
        question.query.version = decision.policy_version
        if decision.grant is not None:
            question.query.grants.add(decision.grant)
        return Answer(decision.permit, decision.decision_id, decision.reasons)

    @staticmethod
    def _find_reasons(
        decision: Decision, known: frozenset[str], check: Callable[[Decision], str | None]
    ) -> tuple[str, ...]:
        """Return why a permit cannot be let out; nothing for a denial."""
        if not decision.permit:
            return ()
        if reasons := not_understood(decision, known):
            return reasons
        trap = check(decision)
        return () if trap is None else (trap,)

    def _refuse(
        self,
        question: Question,
        attempt: Attempt,
        reasons: tuple[str, ...],
        *,
        key: Hashable | None = None,
    ) -> Answer:
        """Deny for a reason of this door's own, on record."""
        key = (_place(attempt), reasons) if key is None else key
        if (recorded := question.query.decisions.get(key)) is not None:
            return Answer(False, recorded, reasons)
        named = msgspec.structs.replace(attempt, id=self._new_id())
        would = self._deciding.drafter.peek(named)
        decision = Decision(
            permit=False,
            reasons=reasons,
            policy_version=would.policy_version,
            decision_id=named.id,
            purpose=would.purpose,
            line=would.line,
        )
        row = decision_row(named, decision, asker=question.asker, now=self._clock())
        self._deciding.record([row])
        question.query.add_decision(key, decision.decision_id)
        return Answer(False, decision.decision_id, reasons)

    @staticmethod
    def _note(use: TableUse, question: Question, answer: Answer) -> Answer:
        (use.permitted if answer.allow else use.denied).add(question.operation)
        return answer


def _find_mask_trap(use: TableUse, view: TableView, columns: tuple[str, ...]) -> str | None:
    """Return why a column would be shown without the mask that it needs."""
    for column in columns:
        if view.mask(column, "varchar") is None:
            continue
        if column not in use.masked:  # Trino asks for masks before it asks for columns.
            return MASKS_MISSING
        if column in use.skipped:
            return MASK_SKIPPED
    return None


def _place(attempt: Attempt) -> Hashable:
    operation = attempt.context.get("operation")
    return (operation, attempt.resource_type, attempt.resource_id, attempt.columns)


def _key(attempt: Attempt, decision: Decision, reasons: tuple[str, ...]) -> Hashable:
    """Return what makes two decisions of one query the same."""
    return (
        _place(attempt),
        decision.permit,
        reasons or decision.reasons,
        decision.policy_version,
        decision.line,
        decision.grant,
        repr(decision.obligations),
    )
