"""Trino view: what of one table an actor may be shown, as SQL that Trino puts in.

Whoever may see nothing gets a filter that lets nothing through, and every column that
is not in scope is answered with NULL: an answer that Trino would take for "no filter"
or "no mask" is only made when the decision says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from ombud.access.attempt import Attempt
from ombud.access.condition_syntax import parse_tree
from ombud.access.condition_tree import Attribute, MissingAttribute, walk
from ombud.access.decision import Decision
from ombud.access.model import Mask, MaskKind
from ombud.access.sql import render_filter, render_mask
from ombud.core.errors import InputError, OmbudError

log = logging.getLogger("ombud")

DIALECT = "trino"
NOTHING = "false"  # The filter that lets no row through.
NULL = "NULL"  # The mask that shows nothing, of whatever type.
Peek = Callable[[Attempt], Decision]


class FilterError(OmbudError):
    """A row filter that cannot be put into Trino's SQL: the query must fail, loudly."""

    code = "filter"


def obligation(decision: Decision, name: str) -> Mapping[str, Any] | None:
    """Return the parameters of an obligation, None if the decision has none of that name."""
    for one in decision.obligations:
        if one.id == name:
            return one.parameters
    return None


def filter_text(decision: Decision) -> str | None:
    """Return the row filter of a decision, as a condition; None if it has none."""
    found = obligation(decision, "row_filter")
    return None if found is None else str(found["expression"])


def filter_sql(decision: Decision, columns: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the row filters of a permit in Trino's SQL; empty when all rows may be seen.

    `columns` are the declared ones with their types.  Raises `FilterError` for a filter
    that has no form in SQL.
    """
    text = filter_text(decision)
    if text is None:
        return ()
    try:
        return (render_filter(text, actor={}, context={}, dialect=DIALECT, columns=columns),)
    except (InputError, MissingAttribute) as error:
        raise FilterError(
            f"the row filter of line `{decision.line}` cannot be enforced in Trino: {error}",
            hint="`ombud policy check` says which filters can be",
        ) from error


def filter_columns(decision: Decision) -> frozenset[str]:
    """Return the columns that a decision's row filter looks at."""
    text = filter_text(decision)
    if text is None:
        return frozenset()
    return frozenset(
        node.name
        for node in walk(parse_tree(text))
        if isinstance(node, Attribute) and node.root == "row"
    )


def not_understood(decision: Decision, known: Collection[str]) -> tuple[str, ...]:
    """Return a reason for each obligation that is not among the known ones."""
    return tuple(
        f"obligation_unknown:{one.id}" for one in decision.obligations if one.id not in known
    )


class TableView:
    """What of one table is shown to who makes an attempt at reading it."""

    def __init__(
        self,
        attempt: Attempt,
        *,
        peek: Peek,
        key: Callable[[str], bytes],
        known: Collection[str],
        types: Mapping[str, str] | None = None,
    ) -> None:
        """`key` gives the key of a purpose's hashes, `known` the obligations that can be met.

        `types` are those of the declared columns.
        """
        self._attempt = attempt
        self._types = types
        self._peek = peek
        self._key = key
        self._columns: dict[str, bool] = {}
        self.base = peek(msgspec.structs.replace(attempt, columns=None))
        self.is_readable = self.base.permit and not not_understood(self.base, known)
        found = obligation(self.base, "aggregate_only") or {}
        self._singled = frozenset(found.get("columns", ()))
        self._masks = {
            mask["column"]: mask for mask in (obligation(self.base, "masks") or {}).get("masks", ())
        }

    def filters(self) -> tuple[str, ...]:
        """Return the filters of a readable table."""
        return filter_sql(self.base, self._types)

    def shows(self, column: str) -> bool:
        """Whether values of a column may be shown, masked or not."""
        known = self._columns.get(column)
        if known is None:
            known = self._columns[column] = self._ask(column)
        return known

    def _ask(self, column: str) -> bool:
        if not self.is_readable or column in self._singled:
            return False
        decision = self._peek(msgspec.structs.replace(self._attempt, columns=(column,)))
        # On another line other rows are shown; one table has one filter.
        return decision.permit and decision.line == self.base.line

    def mask(self, column: str, column_type: str) -> str | None:
        """Return the mask of a column as SQL; None only where the value itself may be shown."""
        if not self.shows(column):
            return NULL
        found = self._masks.get(column)
        if found is None:
            return None
        mask = Mask(
            column=column,
            kind=MaskKind(found["kind"]),
            size=found.get("size"),
            value=found.get("value"),
        )
        try:
            key = self._key(self.base.purpose or "")
            return render_mask(mask, column_type, key=key, dialect=DIALECT)
        except InputError as error:
            log.warning("column `%s` of type `%s` is shown as NULL: %s", column, column_type, error)
            return NULL

    def reads_unseen(self, columns: Collection[str]) -> frozenset[str]:
        """Return the columns that are asked for by the row filter alone, and shown to nobody.

        Trino checks the columns of filters as if the query named them.
        """
        wanted = filter_columns(self.base).intersection(columns) if self.is_readable else ()
        return frozenset(column for column in wanted if not self.shows(column))

    def is_same(self, decision: Decision) -> bool:
        """Whether a decision that names columns shows the same rows under the same masks."""
        return decision.line == self.base.line and all(
            obligation(decision, name) == obligation(self.base, name)
            for name in ("row_filter", "masks", "aggregate_only")
        )
