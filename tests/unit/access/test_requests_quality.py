"""Request quality: figures worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.access.requests_quality import (
    Vote,
    of_approver,
    of_organisation,
    reciprocal_pairs,
    rubber_stamp_index,
)


def vote(request: str, approver: str = "cy", **said: Any) -> Vote:
    """Return an approval after a minute of reading, unless it says otherwise."""
    known: dict[str, Any] = {
        "requester": "ana",
        "beneficiary": "ana",
        "is_approval": True,
        "waiting_since": 0,
        "viewed_at": 60_000,
        "voted_at": 120_000,
    }
    return Vote(request=request, approver=approver, **{**known, **said})


HASTY = {"viewed_at": 100_001, "voted_at": 130_000}  # 29.999 s
SLOW = {"viewed_at": 100_000, "voted_at": 130_000}  # 30 s
UNOPENED: dict[str, Any] = {"viewed_at": None}
NO = {"is_approval": False}


@pytest.mark.parametrize(
    ("said", "index"),
    [
        ([UNOPENED] * 5, 1.0),
        ([{}] * 5, 0.0),
        ([UNOPENED] * 4, None),
        ([HASTY, SLOW, {}, UNOPENED, NO], 0.32),  # 2/5 of 4/5
        ([{**UNOPENED, **NO}] * 5, 0.0),
        ([{"viewed_at": 200_000}] * 5, 1.0),  # Opened after it was decided on.
    ],
)
def test_rubber_stamp_index(said: list[dict[str, Any]], index: float | None) -> None:
    """The share that was not read times the share that was approved."""
    votes = [vote(f"r{number}", **one) for number, one in enumerate(said)]
    assert rubber_stamp_index(votes) == index


def test_reciprocal_pairs() -> None:
    """Who approves whom and is approved by them; one way alone is no pair."""
    votes = [
        vote("r1", "cy", requester="dee", beneficiary="dee"),
        vote("r2", "dee", requester="ana", beneficiary="cy"),
        vote("r3", "cy", requester="ana", beneficiary="ana"),
        vote("r4", "dee", requester="cy", beneficiary="cy", is_approval=False),
    ]
    assert reciprocal_pairs(votes) == {("cy", "dee"): ("r1", "r2")}
    told = of_approver(votes, "dee")
    assert told["reciprocal"] == {"cy": ["r1", "r2"]}
    assert (told["decisions"], told["approved"], told["rejected"]) == (2, 1, 1)
    assert of_organisation(votes)["reciprocal"] == ["r1", "r2"]
    assert of_organisation(votes)["reciprocal_pairs"] == 1


def test_times_and_requests() -> None:
    """Medians of waiting and of reading, and which requests stand behind each count."""
    votes = [
        vote("r1", waiting_since=60_000),
        vote("r2", is_near=True),
        vote("r3", **UNOPENED, voted_at=600_000),
        vote("r4", "dee", **NO, is_near=True),
    ]
    told = of_approver(votes, "cy")
    assert (told["decision_seconds_median"], told["reading_seconds_median"]) == (120.0, 60.0)
    assert (told["unopened"], told["hasty"], told["same_unit"]) == (["r3"], ["r3"], ["r2"])
    every = of_organisation(votes)
    assert (every["approvers"], every["decisions"], every["same_unit"]) == (2, 4, ["r2"])
    assert of_organisation([])["decision_seconds_median"] is None
    assert of_approver(votes, "nobody")["decisions"] == 0
