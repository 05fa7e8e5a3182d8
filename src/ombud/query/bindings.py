"""Bindings: what one statement binds, and what of the directory its rows need beside them."""

from __future__ import annotations

from ombud.query.columns import EVENT_TABLE, SPAN_TABLE

_KEYS = ("account", "account_hash", "system", "begins", "ends")


class Bindings:
    """The bound values of one statement, in the order of their numbers.

    Conditions that ask about people name columns that `source` joins to the events:
    so compile conditions first and write `FROM {bindings.source()}` after.
    """

    def __init__(self, values: list[object] | None = None) -> None:
        self.values: list[object] = [] if values is None else values
        self._spans: dict[str, str] = {}

    def add(self, value: object) -> str:
        """Bind a value; returns its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"

    def nested(self) -> Bindings:
        """Return bindings for a select within the statement: the same values, its own source."""
        return Bindings(self.values)

    def of_span(self, expression: str) -> str:
        """Return the column that holds an expression over the span of a row's account.

        It is null where the directory does not know the account.  It is reckoned once
        for each span, however many events there are.
        """
        return self._spans.setdefault(expression, f'"span_{len(self._spans)}"')

    def source(self, table: str = EVENT_TABLE, *, accounts: str | None = None) -> str:
        """Return the table of events, with what was asked of the directory beside each row.

        An event has one span at most (`AccountSpan` promises that none overlap), so
        there are as many rows as events.  A test that an unknown account fails makes
        an inner join of it, by whose accounts the engine prunes the events.  `accounts`
        selects the hashes of the accounts in a small table: then only their spans are
        joined, which the engine does not find out by itself.
        """
        if not self._spans:
            return table
        keys = ", ".join(f'"{key}" AS "span_{key}"' for key in _KEYS)
        wanted = ", ".join(f"{sql} AS {name}" for sql, name in self._spans.items())
        limit = "" if accounts is None else f' WHERE "account_hash" IN ({accounts})'
        return (
            f'{table} LEFT JOIN (SELECT {keys}, {wanted} FROM {SPAN_TABLE}{limit}) AS "span" '
            'ON "account_hash" = "span_account_hash" AND "account" = "span_account" '
            'AND "time" >= "span_begins" AND "time" < "span_ends" '
            'AND ("span_system" IS NULL OR "span_system" = "resource_system")'
        )
