"""Originals: what the fields of an event tell of the record it came from, whatever that holds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from ombud.collect.sources import get_source
from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.core.fields import BY_NAME
from ombud.detect.columnar.rows import cell_of
from ombud.detect.replaying.candidates import VERBATIM, OriginalColumns
from ombud.detect.replaying.narrowing import ANYTHING, Cells, Elements, OneOf, Rows
from ombud.detect.view import view_of_original

NOW = 1_795_305_600_000
odd = st.one_of(
    st.sampled_from(("RunInstances", "runinstances", "", "5", "5.0", "1e3", "true", "NULL", "é")),
    st.sampled_from((5, 5.0, 1e22, True, False, None, 2**63, 10**30)),
    st.lists(st.sampled_from(("RunInstances", 1, None)), max_size=2),
    st.dictionaries(st.sampled_from(("a", "eventName")), st.just("RunInstances"), max_size=1),
    st.text(max_size=3),
)
KEYS = ("eventName", "EVENTNAME", "eventname", "eventSource", "eventsource", "userAgent",
        "UserAgent", "eventTime", "eventID", "readOnly")  # fmt: skip
records = st.dictionaries(st.sampled_from(KEYS), odd, min_size=1, max_size=6)
GOOD = {"eventID": "e-1", "eventTime": "2026-11-01T08:00:00Z"}


class One:
    """One event as a store tells it."""

    def __init__(self, event: Event) -> None:
        self._event = event

    def cells(self, field: str, rows: Rows) -> Cells:
        """Return the field of the event."""
        value = getattr(self._event, BY_NAME[field].attribute)
        return Cells(np.zeros(len(rows), np.int64), [UNSET if value is None else value])

    def elements(self, field: str, rows: Rows) -> Elements | None:
        """Return None."""
        del field, rows
        return None

    def cost(self, field: str) -> int:
        """Return no cost."""
        del field
        return 0


def told_of(source: str, record: dict[str, Any], name: str) -> tuple[Any, Any]:
    """Return what the event tells of a member of its original, and what is there."""
    raw = json.dumps(record).encode()
    event = get_source(source).parse(raw, now_ms=NOW)
    stored = OriginalColumns(source, One(event)).cells(name, np.zeros(1, np.int64))
    assert stored is not None
    return stored.cells[0], cell_of(view_of_original(raw, source), name)


def may_be(told: Any, cell: Any) -> bool:
    """Whether what is told leaves a cell possible."""
    options = told.cells if isinstance(told, OneOf) else (told,)
    return told is ANYTHING or any(
        type(one) is type(cell) and (one is cell or one == cell) for one in options
    )


@pytest.mark.parametrize("source", sorted(VERBATIM))
@given(record=records, is_good=st.booleans())
def test_the_original_is_as_the_event_tells(
    source: str, record: dict[str, Any], *, is_good: bool
) -> None:
    """Lists, null, numbers, other letters and all: never anything that is left out."""
    whole = {**record, **GOOD} if is_good else record
    for name in VERBATIM[source]:
        try:
            told, cell = told_of(source, whole, name)
        except EventError:
            return
        assert may_be(told, cell), (told, cell)


def test_an_ordinary_name_is_told() -> None:
    """So that rules on it narrow; a missing one is open, and so is what may be a number."""
    for value, told in (
        ("RunInstances", OneOf(("RunInstances", None, UNSET))),
        ("5", ANYTHING),
        (5, ANYTHING),
        ("True", ANYTHING),
        (None, ANYTHING),
        (["RunInstances"], ANYTHING),
    ):
        assert told_of("aws.cloudtrail", {**GOOD, "eventName": value}, "eventName")[0] == told


def test_other_members_are_not_stored() -> None:
    """Nor anything of a source of which nothing is declared."""
    event = Event(time=NOW, source="github.audit", action="read", operation="repo.create")
    rows = np.zeros(1, np.int64)
    columns = OriginalColumns("github.audit", One(event))

    assert columns.cells("action", rows) is None
    assert columns.cost("action") == 0
    assert OriginalColumns("aws.cloudtrail", One(event)).cells("errorCode", rows) is None
    assert OriginalColumns("aws.cloudtrail", One(event)).elements("eventName", rows) is None
