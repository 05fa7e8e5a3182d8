"""Evidence: what was kept of an event is told as it was, and the bound holds."""

from __future__ import annotations

import pytest

from ombud.detect.alerting import evidence as evidence_module
from ombud.detect.alerting.evidence import FIELDS_LENGTH_MAX, Evidence, Known


def test_what_is_kept_is_told() -> None:
    """Two rules that match one event tell together; what was never kept is None."""
    evidence = Evidence()
    evidence.note(3, 30, Known("ana", {"host": ["gate"]}))
    evidence.note(3, 30, Known("ana", {"rows": [5, None]}))

    piece = evidence.get(3, count=1)

    assert evidence.count == 1
    assert piece is not None
    assert (piece.time, piece.actor) == (30, "ana")
    assert piece.told() == {"host": ["gate"], "rows": [5, None]}
    assert evidence.get(4, count=1) is None
    assert Evidence.from_state(evidence.state()).state() == evidence.state()


def test_the_oldest_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was let go when so many had come is so whether more have come since or not."""
    monkeypatch.setattr(evidence_module, "EVENTS_MAX", 2)
    evidence = Evidence()
    for index in range(4):
        evidence.note(index, index, Known(None, {}))

    for count, kept in ((3, {1, 2, 3}), (4, {2, 3})):
        assert {one for one in range(4) if evidence.get(one, count=count)} == kept
    evidence.trim()
    assert [row[0] for row in evidence.state()] == [2, 3]
    again = Evidence.from_state(evidence.state())
    again.note(4, 4, Known(None, {}))
    assert {one for one in range(5) if again.get(one, count=again.count)} == {3, 4}


def test_long_fields_are_not_kept() -> None:
    """An event cannot take more than its share."""
    evidence = Evidence()
    evidence.note(1, 1, Known("ana", {"text": ["x" * FIELDS_LENGTH_MAX]}))

    piece = evidence.get(1, count=1)

    assert piece is not None
    assert piece.told() == {}
