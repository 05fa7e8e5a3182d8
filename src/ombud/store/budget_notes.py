"""Budget notes: what events of the record say of budgets, read without decoding the rest.

A day can have millions of events and few of them matter, so the canonical bytes are
looked at as they lie: most events are passed over at a glance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import orjson

from ombud.core.batch import Committed
from ombud.core.errors import EventError
from ombud.core.fields import (
    ACTOR_FIELDS,
    CANONICAL_VERSION,
    CONTENT_FIELDS,
    DATA_SUBJECT_FIELDS,
    Field,
    Group,
)
from ombud.store.budgets import ATTRIBUTE, DECISION, Truth, Use, read_budget_rows

OWN = "ombud."  # Sources of Ombud's own, which say nothing of what a platform returned.

Awaits = Callable[[str | None, str | None], bool]
_MARK = f'"{ATTRIBUTE}"'.encode()
_DECISION = f'"{DECISION}"'.encode()


def _place(fields: Sequence[Field], name: str) -> int:
    return 1 + [field.name for field in fields].index(name)


_ACTOR_ID = _place(ACTOR_FIELDS, "actor.id")
_BEHALF = _place(ACTOR_FIELDS, "on_behalf_of")
_SUBJECTS = _place(DATA_SUBJECT_FIELDS, "subjects")
_TIME = _place(CONTENT_FIELDS, "time")
_SOURCE = _place(CONTENT_FIELDS, "source")
_DECISION_ID = _place(CONTENT_FIELDS, "decision.id")
_QUERY_ID = _place(CONTENT_FIELDS, "query.id")
_ROWS = _place(CONTENT_FIELDS, "rows.returned")
_BYTES = _place(CONTENT_FIELDS, "bytes.returned")
_ATTRIBUTES = _place(CONTENT_FIELDS, "attributes")


def read_notes(
    committed: Committed, *, since: int, is_open: bool, awaits: Awaits
) -> Iterator[Use | Truth]:
    """Yield the uses of decisions from an instant on, and what platforms say of them.

    `is_open` says that some permit counts; `awaits`, whether one of a decision or a query
    does.
    """
    content = committed.blobs[Group.CONTENT - 1]
    is_told = _MARK in bytes(content)
    if not (is_told or is_open):
        return
    for row in range(committed.count):
        data = committed.group(Group.CONTENT, row)
        if not data:
            continue
        if _MARK in data and _DECISION in data:
            yield from _uses(committed, row, _array(data), since)
        else:
            truth = _truth(committed, row, _array(data), None if is_told else awaits)
            if truth is not None:
                yield truth


def _array(data: bytes) -> list[Any]:
    if not data:  # Erased.
        return []
    array: list[Any] = orjson.loads(data)
    if array[0] != CANONICAL_VERSION:
        raise EventError("canonical bytes are of a version this program does not know")
    return array


def _uses(committed: Committed, row: int, content: list[Any], since: int) -> list[Use]:
    if content[_SOURCE] != DECISION or content[_TIME] < since:
        return []
    about = _array(committed.group(Group.DATA_SUBJECT, row))
    rows = (content[_ATTRIBUTES] or {}).get(ATTRIBUTE, [])
    try:
        return read_budget_rows(rows, (about[_SUBJECTS] if about else None) or ())
    except msgspec.ValidationError:
        return []  # Not of our writing: nobody else can use this source.


def _truth(
    committed: Committed, row: int, content: list[Any], awaits: Awaits | None
) -> Truth | None:
    decision, query = content[_DECISION_ID], content[_QUERY_ID]
    if decision is None and query is None:
        return None
    # Beside decisions of the same chunk, the one it is about may not be counted yet.
    if awaits is not None and not awaits(decision, query):
        return None
    if content[_SOURCE].startswith(OWN):
        return None
    about = _array(committed.group(Group.DATA_SUBJECT, row))
    rows, size, subjects = content[_ROWS], content[_BYTES], about[_SUBJECTS] if about else None
    if rows is None and size is None and subjects is None:
        return None
    actor = _array(committed.group(Group.ACTOR, row))
    actors = {actor[_ACTOR_ID], *(actor[_BEHALF] or ())} if actor else set()
    return Truth(
        decision,
        query,
        frozenset(one for one in actors if one),
        rows=None if rows is None else max(0, rows),
        bytes=None if size is None else max(0, size),
        subjects=None if subjects is None else tuple((kind, key) for kind, key in subjects),
    )
