"""Snowflake access: the datasets and columns that a row of ACCESS_HISTORY names.

Base objects are the tables that the data came from; direct objects are what the
statement names, a view for instance.  Functions and procedures are no datasets.
"""

from __future__ import annotations

from typing import NamedTuple

from ombud.collect.json_record import JsonRecord

_DATASETS_MAX = 100
_COLUMNS_MAX = 1000  # Columns of one query; a wider one is a whole table.
_POLICIES_MAX = 100
_NOT_DATASETS = frozenset({"function", "procedure", "stage", "internal_location"})
_STAGE = "stage"
_DROPPED = frozenset({"drop", "truncate"})
_SHARED = frozenset({"share", "listing"})


class Access(NamedTuple):
    """What one query touched.

    `datasets` has what was written first, then what the data came from, then what
    the statement names.  `kind` is the type of the first.  `action` is what all
    this amounts to when nothing else says what was done.
    """

    datasets: tuple[str, ...] = ()
    kind: str | None = None
    columns: tuple[str, ...] = ()
    by_dataset: dict[str, list[str]] = {}  # noqa: RUF012 (never changed)
    stage: str | None = None
    policies: tuple[str, ...] = ()
    change: str | None = None
    action: str = "read"


NOTHING = Access()


def _domain(found: JsonRecord) -> str:
    return (found.text("objectdomain") or "").lower()


def _columns(found: JsonRecord) -> list[str]:
    names = (column.text("columnname") for column in found.objects("columns"))
    return [name for name in names if name is not None]


def read_access(row: JsonRecord) -> Access:
    """Return what a row says was accessed; `NOTHING` for a row without such columns."""
    if not row.has("baseobjectsaccessed", "directobjectsaccessed", "objectsmodified",
                   "objectmodifiedbyddl"):  # fmt: skip
        return NOTHING
    base, direct = row.objects("baseobjectsaccessed"), row.objects("directobjectsaccessed")
    modified = row.objects("objectsmodified")
    by_dataset: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    stages: list[str] = []
    for found in (*modified, *base, *direct):
        name = found.text("objectname")
        domain = _domain(found)
        if name is None and domain != _STAGE:
            continue
        if domain == _STAGE:
            stages.append(name or found.text("stagekind") or domain)
        elif domain not in _NOT_DATASETS and name is not None:
            kinds.setdefault(name, domain)
    for found in (*base, *direct):
        name = found.text("objectname")
        if name in kinds and name not in by_dataset:
            by_dataset[name] = _columns(found)
    ddl = row.object("objectmodifiedbyddl")
    changed = ddl.text("objectname")
    if changed is not None:
        kinds = {changed: _domain(ddl), **kinds}
    columns = dict.fromkeys(name for names in by_dataset.values() for name in names)
    return Access(
        datasets=tuple(kinds)[:_DATASETS_MAX],
        kind=next(iter(kinds.values()), None) or None,
        columns=tuple(columns)[:_COLUMNS_MAX],
        by_dataset={name: names for name, names in by_dataset.items() if names},
        stage=stages[0] if stages else None,
        policies=_policies(row),
        change=ddl.text("operationtype"),
        action=_action(modified, ddl),
    )


def _policies(row: JsonRecord) -> tuple[str, ...]:
    """Return the names of masking and row access policies that were applied."""
    names: dict[str, None] = {}
    for found in row.objects("policiesreferenced"):
        for holder in (found, *found.objects("columns")):
            for policy in holder.objects("policies"):
                name = policy.text("policyname")
                if name is not None:
                    names[name] = None
    return tuple(names)[:_POLICIES_MAX]


def _action(modified: list[JsonRecord], ddl: JsonRecord) -> str:
    if ddl:
        if (ddl.text("operationtype") or "").lower() in _DROPPED:
            return "delete"
        return "share" if _domain(ddl) in _SHARED else "configure"
    if modified:
        return "export" if all(_domain(found) == _STAGE for found in modified) else "write"
    return "read"
