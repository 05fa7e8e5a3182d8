"""Explanations for people: the parts of a decision in words, and what would lift a denial."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.cli.policy_explained import print_explanation

DENIED: dict[str, Any] = {
    "would_permit": False,
    "at": 0,
    "would": {
        "policy_version": "v", "purpose": "thefts", "grant": None, "line": None,
        "obligations": [], "is_requestable": True,
    },
    "reasons": [{"code": "no_grant", "text": "the actor has no grant for the purpose"}],
    "grants": [
        {"id": "grant-1", "purpose": "other", "ends": 0, "counts": False, "why_not": "it has ended"}
    ],
    "lines": [
        {"name": "night", "clause": "3.2", "failed": "hours", "reasons": ["outside_hours"],
         "decides": False},
        {"name": "day", "clause": None, "failed": None, "reasons": [], "decides": True},
        {"name": "rest", "clause": None, "failed": None, "reasons": [], "decides": False},
    ],
    "prohibitions": [
        {"reason": "prohibited:stays", "text": "Copies stay", "columns": None, "holds": True,
         "refuses": True},
        {"reason": "prohibited:masks", "text": "No names", "columns": ["name"], "holds": True,
         "refuses": False},
        {"reason": "prohibited:never", "text": "Never", "columns": None, "holds": False,
         "refuses": False},
    ],
    "checkpoints": [
        {"name": "why", "applies": True, "stops": True,
         "fulfilments": [{"counts": False, "why_not": "somebody else met it"}]},
        {"name": "seen", "applies": True, "stops": False, "fulfilments": []},
        {"name": "many", "applies": False, "stops": False, "fulfilments": []},
    ],
    "intended": [
        {"dataset": "plates", "is_intended": False, "attachment": None, "counts": False},
        {"dataset": "cars", "is_intended": True, "attachment": None, "counts": True},
        {"dataset": "files", "is_intended": False, "attachment": {"id": "a"}, "counts": True},
    ],
}  # fmt: skip


def test_every_part_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """No names of fields; each part says whether it counted, and why it did not."""
    print_explanation(DENIED)
    said = capsys.readouterr()

    assert [line.strip() for line in said.out.splitlines()[7:]] == [
        "no_grant: the actor has no grant for the purpose",
        "grant grant-1 for other, until 1970-01-01 00:00: it has ended",
        "line night (3.2): does not match in its hours (outside_hours)",
        "line day: decides",
        "line rest: matches, but one before it decides",
        "prohibition stays: refuses: Copies stay",
        "prohibition masks: takes columns away: No names",
        "prohibition never: not touched: Never",
        "checkpoint why: must be met first (somebody else met it)",
        "checkpoint seen: met",
        "checkpoint many: not at this act",
        "dataset plates: not meant for it",
        "dataset cars: meant for this purpose",
        "dataset files: attached to it",
    ]
    assert " ".join(said.err.split()) == (
        'asking would lift it: `ombud request open thefts --dataset plates --text "…"`'
    )
