"""Obligations: done by the client where it can, refused where nobody says they are done.

An obligation that is not understood means deny.  For values in memory the client
itself masks and counts; everything else is done by the program, which says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ombud.client.decision import Decision, Denied, Obligation
from ombud.core.errors import InputError

MASKS = "masks"
MAX_ROWS = "max_rows"
DONE_HERE = frozenset({MASKS, MAX_ROWS})
REDACTED = "[redacted]"  # As the masks of SQL show it, and as long for every value.

Row = Mapping[str, Any]


def refuse_unknown(
    decision: Decision, *, handles: Collection[str], applies: bool = False
) -> Decision:
    """Return the decision, or a denial if it asks for what nobody here does.

    `handles` are the obligations that the program says it does; `applies` says that
    rows will go through `apply_obligations`.
    """
    if not decision.permit:
        return decision
    unknown = [one for one in decision.obligations if not _is_done(one, handles, applies=applies)]
    if not unknown:
        return decision
    return decision.denied(*(f"obligation_unknown:{one.id}" for one in unknown))


def _is_done(obligation: Obligation, handles: Collection[str], *, applies: bool) -> bool:
    if obligation.id in handles:
        return True
    if not applies or obligation.id not in DONE_HERE:
        return False
    try:
        if obligation.id == MASKS:
            _maskers(obligation)
        else:
            _count(obligation)
    except InputError:
        return False
    return True


def apply_obligations(
    decision: Decision, rows: Sequence[Row], *, handles: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the rows with their masks; raises `Denied` when there are more than allowed.

    Rows are never cut off in silence.
    """
    shown = [dict(row) for row in rows]
    for obligation in decision.obligations:
        if obligation.id in handles:
            continue
        if obligation.id == MAX_ROWS and len(shown) > _count(obligation):
            raise Denied(replace(decision, permit=False, reasons=("too_many_rows",)))
        if obligation.id == MASKS:
            maskers = _maskers(obligation)
            for row in shown:
                for column, value in row.items():
                    mask = maskers.get(column.casefold())
                    if mask is not None and value is not None:
                        row[column] = mask(value)
    return shown


def _count(obligation: Obligation) -> int:
    count = obligation.parameters.get("count")
    if type(count) is not int or count < 0:
        raise InputError(f"`{obligation.id}` has no count")
    return count


def _maskers(obligation: Obligation) -> dict[str, Callable[[Any], Any]]:
    """Return a function for each masked column, whose name is taken without its case.

    Raises `InputError` for what is not known.
    """
    masks = obligation.parameters.get("masks")
    if not isinstance(masks, list):
        raise InputError("`masks` is no list")
    return {_column(mask).casefold(): _masker(mask) for mask in masks}


def _column(mask: Any) -> str:
    column = mask.get("column") if isinstance(mask, dict) else None
    if not isinstance(column, str):
        raise InputError("a mask names no column")
    return column


def _masker(mask: Mapping[str, Any]) -> Callable[[Any], Any]:
    kind, size, value = mask.get("kind"), mask.get("size"), mask.get("value")
    if kind == "redact":
        return lambda shown: REDACTED if isinstance(shown, str) else None
    if kind == "null":
        return lambda _: None
    if kind == "constant":
        return lambda _: value
    if kind == "truncate" and type(size) is int and size > 0:
        return lambda shown: shown[:size] if isinstance(shown, str) else None
    if kind == "bucket" and type(size) is int and size > 0:
        return lambda shown: _bucket(shown, size)
    # A hash is keyed; the key does not leave the server.
    raise InputError(f"mask `{kind}` is not known here")


def _bucket(value: Any, size: int) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        return None  # What is no number lies in no step.
    return math.floor(value / size) * size
