"""Evidence: what was kept of an event is told as it was, and the bound holds."""

from __future__ import annotations

import pytest

from ombud.detect import evidence as evidence_module
from ombud.detect.evidence import FIELDS_LENGTH_MAX, Evidence


def test_what_is_kept_is_told() -> None:
    """Two rules that match one event tell together; what was never kept is None."""
    evidence = Evidence()
    evidence.note(3, 30, "ana", {"host": ["gate"]})
    evidence.note(3, 30, "ana", {"rows": [5, None]})

    piece = evidence.get(3, count=evidence.count)

    assert piece is not None
    assert (piece.time, piece.actor) == (30, "ana")
    assert piece.told() == {"host": ["gate"], "rows": [5, None]}
    assert evidence.get(4, count=evidence.count) is None
    assert Evidence.from_state(evidence.state()).state() == evidence.state()


def test_the_oldest_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the events that were longest kept go, one for each that comes."""
    monkeypatch.setattr(evidence_module, "EVENTS_MAX", 2)
    evidence = Evidence()
    for index in range(4):
        evidence.note(index, index, None, {})

    assert [evidence.get(index, count=evidence.count) is not None for index in range(4)] == [False, False, True, True]


def test_long_fields_are_not_kept() -> None:
    """An event cannot take more than its share."""
    evidence = Evidence()
    evidence.note(1, 1, "ana", {"text": ["x" * FIELDS_LENGTH_MAX]})

    piece = evidence.get(1, count=evidence.count)

    assert piece is not None
    assert piece.told() == {}
