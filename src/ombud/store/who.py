"""Who: everyone who touched one data subject, by person.

The engine counts what is alike in all that is told, and the rows are joined by
person here: lists of distinct values in SQL cost more than everything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ombud.core.errors import InputError
from ombud.query.bindings import Bindings
from ombud.query.columns import HOT_EVENTS, HOT_SUBJECTS, SEALED_SUBJECTS
from ombud.query.sql import SUBJECT_HASH, compile_condition
from ombud.query.tree import Is
from ombud.store.persons import UNKNOWN, person_columns
from ombud.store.schema import COVERED
from ombud.store.statement import Rows, Statement
from ombud.store.summary import SUM_MAX
from ombud.store.visibility import Visibility

Json = dict[str, Any]

# Rows counted apart, for one data subject: beyond, the answer is no list that anybody reads,
# and would take seconds.  A search counts any number.
COUNTED_MAX = 50_000


class _Counted(NamedTuple):
    """Events that are alike in all of this, in the order of the statement."""

    person: str | None
    name: str | None
    unit: str | None
    role: str | None
    unknown: str | None
    account: str | None
    actor_id: str | None
    system: str | None
    source: str
    action: str
    purpose: str | None
    case: str | None
    recipient: str | None
    destination: str | None
    is_denied: bool
    is_export: bool
    events: int
    first_time: int
    last_time: int
    actor_name: str | None
    rows_returned: int | None
    bytes_returned: int | None


def who_statement(kind: str, key: str, visibility: Visibility) -> Statement:
    """Select what touched one data subject, counted as `_Counted`."""
    bindings = Bindings()
    denied, exported = (compile_condition(Is(flag), bindings) for flag in ("denied", "exported"))
    visible = visibility.condition(bindings)
    person = person_columns(bindings)
    places = bindings.add(kind), bindings.add(key)
    hashed = SUBJECT_HASH.format(kind=f"{places[0]}::VARCHAR", key=f"{places[1]}::VARCHAR")
    is_it = f'"hash" = {hashed} AND "kind" = {places[0]} AND "key" = {places[1]}'
    covered = ", ".join((*COVERED, 'hash("account") AS "account_hash"'))
    rows = (
        f'SELECT "index", {covered} FROM {SEALED_SUBJECTS} WHERE {is_it} '
        f'UNION ALL SELECT "index", {covered} FROM {HOT_EVENTS} WHERE "index" IN '
        f'(SELECT "index" FROM {HOT_SUBJECTS} WHERE {is_it})'
    )
    alike = (
        *person.values(),
        f"CASE WHEN {person['person']} IS NULL THEN {UNKNOWN} END",
        *('"account"', '"actor_id"', '"resource_system"', '"source"', '"action"'),
        *('"purpose"', '"case"', '"recipient"', '"destination"'),
        f"coalesce({denied}, false)",
        f"coalesce({exported}, false)",
    )
    source = bindings.source('"touched"', accounts='SELECT "account_hash" FROM "touched"')
    return Statement(
        f'WITH "touched" AS MATERIALIZED ({rows}) '
        f"SELECT {', '.join(alike)}, count(*), "
        'min("time"), max("time"), arg_max("actor_name", "time"), '
        'sum("rows_returned")::HUGEINT, sum("bytes_returned")::HUGEINT '
        f"FROM {source} WHERE {visible} "
        f"GROUP BY {', '.join(str(number + 1) for number in range(len(alike)))} "
        f"LIMIT {bindings.add(COUNTED_MAX + 1)}",
        bindings.values,
    )


@dataclass
class _Somebody:
    """One person, or one account of which nobody is known, as far as counted."""

    latest: _Counted
    events: int = 0
    first_time: int = SUM_MAX
    denied: int = 0
    exports: int = 0
    rows_returned: int = 0
    bytes_returned: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    sets: dict[str, set[Any]] = field(default_factory=dict)

    def add(self, row: _Counted) -> None:
        if row.last_time > self.latest.last_time:
            self.latest = row
        self.events += row.events
        self.first_time = min(self.first_time, row.first_time)
        self.denied += row.events * row.is_denied
        self.exports += row.events * row.is_export
        self.rows_returned += row.rows_returned or 0
        self.bytes_returned += row.bytes_returned or 0
        self.actions[row.action] += row.events
        self._note("units", row.unit)
        self._note("roles", row.role)
        self._note("sources", row.source)
        self._note("purposes", row.purpose)
        self._note("cases", row.case)
        if row.account is not None:
            self._note("accounts", (row.account, row.system))
        if row.actor_id != row.account:
            self._note("through", row.actor_id)
        if row.is_export and (row.recipient or row.destination):
            self._note("sent_to", (row.recipient, row.destination))

    def _note(self, name: str, value: Any) -> None:
        if value is not None:
            self.sets.setdefault(name, set()).add(value)

    def _pairs(self, name: str, *keys: str) -> list[Json]:
        found = sorted(self.sets.get(name, ()), key=lambda pair: tuple(one or "" for one in pair))
        return [dict(zip(keys, pair, strict=True)) for pair in found]

    def _list(self, name: str) -> list[str]:
        return sorted(self.sets.get(name, ()))

    def to_dict(self) -> Json:
        """Return the row of an answer."""
        latest = self.latest
        known = None
        if latest.person is not None:
            units, roles = self._list("units"), self._list("roles")
            known = {"id": latest.person, "name": latest.name, "units": units, "roles": roles}
        return {
            "person": known,
            "person_unknown": latest.unknown,
            "account": latest.account,
            "actor_name": latest.actor_name,
            "accounts": self._pairs("accounts", "account", "system"),
            "through": self._list("through"),
            "sources": self._list("sources"),
            "events": self.events,
            "first_time": self.first_time,
            "last_time": latest.last_time,
            "actions": dict(sorted(self.actions.items())),
            "denied": self.denied,
            "exports": self.exports,
            "sent_to": self._pairs("sent_to", "recipient", "destination"),
            "rows_returned": min(self.rows_returned, SUM_MAX),
            "bytes_returned": min(self.bytes_returned, SUM_MAX),
            "purposes": self._list("purposes"),
            "cases": self._list("cases"),
        }


def find_who(ask: Rows, kind: str, key: str, visibility: Visibility) -> list[Json]:
    """Return a row for each person, and each account of which nobody is known, most events first.

    Raises `InputError` when there is more than one answer can hold.
    """
    counted = ask(who_statement(kind, key, visibility))
    if len(counted) > COUNTED_MAX:
        raise InputError(
            f"more than {COUNTED_MAX} different acts touched `{kind}:{key}`",
            hint="`ombud search 'subject:… | count by person'` counts them",
        )
    return _join(_Counted(*row) for row in counted)


def _join(counted: Iterable[_Counted]) -> list[Json]:
    found: dict[tuple[str | None, ...], _Somebody] = {}
    for row in counted:
        is_known = row.person is not None
        key = (row.person, None if is_known else row.account, row.unknown)
        found.setdefault(key, _Somebody(row)).add(row)
    ordered = sorted(found.items(), key=lambda item: (-item[1].events, _last(item[0])))
    return [somebody.to_dict() for _, somebody in ordered]


def _last(key: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    """Order what there is before what there is not."""
    return tuple((part is None, part or "") for part in key)
