"""Cedar as the oracle: the same policy in another language, and never another answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ombud.access import decide as deciding
from ombud.access import guards, judging, lines, settling, snapshot
from ombud.bench.oracle import compare, has_cedar

pytestmark = pytest.mark.skipif(not has_cedar(), reason="needs cedarpy (extra `test`)")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_decision_differs_from_cedars(seed: int) -> None:
    """A thousand random ones, of which some permit and all kinds of reasons deny."""
    made = compare(seed, 1_000)

    assert made.shown == []
    assert made.disagreements == 0
    assert made.permits > 50
    assert len(made.reasons) > 20


def nothing(*_: Any) -> tuple[()]:
    """Find nothing, whatever there is."""
    return ()


FAULTS: list[tuple[object, str, Callable[..., Any]]] = [
    (deciding, "find_barred", nothing),
    (deciding, "find_excluded", nothing),
    (deciding, "find_lacking", nothing),
    (settling, "find_stops", nothing),
    (guards, "why_not", lambda *_: ""),
    (judging, "find_barred_codes", lambda *_: []),
    (snapshot.Snapshot, "find_attachment", lambda *_: None),
    (lines.Cut, "_check_columns", nothing),
    (lines.Cut, "_check_circumstances", lambda *_: None),
    (lines.Cut, "_check_conditions", lambda *_: None),
]


@pytest.mark.parametrize(("place", "name", "fault"), FAULTS, ids=[row[1] for row in FAULTS])
def test_a_fault_would_be_seen(
    place: object, name: str, fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison can fail: each part that is left out makes answers differ."""
    monkeypatch.setattr(place, name, fault)

    assert any(compare(seed, 400).disagreements for seed in range(4, 24))
