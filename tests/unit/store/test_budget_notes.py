"""Budget notes: read from the canonical bytes as they lie, whatever is erased."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import pytest

from doubles.layouts import commit_events
from ombud.core.batch import Committed
from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.store.budget_notes import read_notes
from ombud.store.budgets import Truth, Use, budget_rows

USE = Use("d-1", "user", "ana", "fraud", rows=3, subjects=(("person", "dee"),), unnamed=1)


def decision(**fields: Any) -> Event:
    """Return the event of a permit."""
    rows, subjects = budget_rows([USE])
    return Event(
        **{
            "time": 5,
            "source": "ombud.decision",
            "action": "read",
            "attributes": {"budget": rows},
            "subjects": subjects,
            **fields,
        }
    )


def told(**fields: Any) -> Event:
    """Return what a platform says."""
    return Event(**{"time": 5, "source": "trino", "action": "read", "actor_id": "ana", **fields})


def notes(*events: Event, erased: int = 0, is_open: bool = True) -> list[Use | Truth]:
    """Return what events say, after one group of all of them was erased."""
    committed: Committed = commit_events(events)
    if erased:
        offsets, blobs = list(committed.offsets), list(committed.blobs)
        offsets[erased - 1] = array("i", bytes(4 * (committed.count + 1)))
        blobs[erased - 1] = b""
        committed = replace(committed, offsets=tuple(offsets), blobs=tuple(blobs))
    awaits = lambda decision, query: "known" in {decision, query}  # noqa: E731
    return list(read_notes(committed, since=5, is_open=is_open, awaits=awaits))


def test_what_is_read() -> None:
    """Permits of the day, and what is told of one that counts."""
    truth = told(decision_id="known", rows_returned=7, on_behalf_of=("ben",))

    assert notes(decision(), decision(time=4)) == [USE]
    assert notes(truth) == [Truth("known", None, frozenset({"ana", "ben"}), rows=7)]
    assert notes(told(query_id="known", bytes_returned=-1)) == [
        Truth(None, "known", frozenset({"ana"}), bytes=0)
    ]
    assert notes(truth, is_open=False) == []
    assert len(notes(decision(), told(decision_id="d-1", rows_returned=1))) == 2


@pytest.mark.parametrize(
    "event",
    [
        told(rows_returned=7),
        told(decision_id="other", rows_returned=7),
        told(decision_id="known"),
        told(source="ombud.look", decision_id="known", rows_returned=7),
        told(attributes={"budget": "ombud.decision"}),
        decision(attributes={"budget": [{"decision": 1}]}),
        decision(attributes={"budget": 7}),
    ],
)
def test_what_says_nothing(event: Event) -> None:
    """Of no permit, of another one, of no amount, of our own, of another shape."""
    assert notes(event) == []


def test_what_is_erased_counts_as_far_as_it_is_left() -> None:
    """Without its data subjects their number is left, without its content nothing."""
    (left,) = notes(decision(), erased=2)
    assert isinstance(left, Use)
    assert (left.subjects, left.unnamed, left.rows) == ((), 2, 3)
    assert notes(decision(), erased=3) == []
    assert notes(told(decision_id="known", rows_returned=7), erased=1) == [
        Truth("known", None, frozenset(), rows=7)
    ]


def test_another_version_is_refused() -> None:
    """Bytes that this program does not know are never half read."""
    committed = commit_events([told(decision_id="known", rows_returned=7)])
    blobs = list(committed.blobs)
    blobs[2] = bytes(blobs[2]).replace(b"[1,", b"[9,", 1)
    with pytest.raises(EventError):
        list(
            read_notes(
                replace(committed, blobs=tuple(blobs)), since=0, is_open=True,
                awaits=lambda *_: True,
            )
        )  # fmt: skip
