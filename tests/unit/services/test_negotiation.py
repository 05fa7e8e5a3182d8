"""Negotiation: what a program says it can meet, and what becomes of a permit."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.access.decision import Decision, Obligation
from ombud.core.errors import InputError
from ombud.services.negotiation import negotiate

FILTER = Obligation("row_filter", {"expression": "row.open"})
TELL = Obligation("notify", {"to": ["person:dpo"]})
PERMIT = Decision(True, ("granted",), "v1", "d1", (FILTER, TELL), "care", "g1", "line")


@pytest.mark.parametrize(
    ("name", "context", "unmet"),
    [
        ("nothing stated", {}, None),
        ("all types", {"supported_obligations": ["custom", "notification"]}, None),
        ("one too few", {"supported_obligations": ["custom"]}, ["notify"]),
        ("none", {"supported_obligations": []}, ["row_filter", "notify"]),
        ("not ours to issue", {"supported_obligations": ["teleport"]}, ["row_filter", "notify"]),
        ("ours", {"ombud_obligations": ["row_filter"]}, None),
        ("not this one of ours", {"ombud_obligations": ["masks"]}, ["row_filter"]),
        (
            "both",
            {"supported_obligations": ["notification", "custom"], "ombud_obligations": []},
            ["row_filter"],
        ),
    ],
)
def test_a_permit_stands_if_all_can_be_met(
    name: str, context: dict[str, Any], unmet: list[str] | None
) -> None:
    """Otherwise it is a denial that names what cannot."""
    made = negotiate(PERMIT, context)

    if unmet is None:
        assert made == PERMIT, name
    else:
        assert not made.permit
        assert made.reasons == tuple(f"obligation_unsupported:{one}" for one in unmet)
        assert (made.obligations, made.grant, made.line) == ((), None, None)
        assert (made.decision_id, made.policy_version) == ("d1", "v1")


def test_a_denial_stays_what_it_is() -> None:
    """There is nothing to meet."""
    denial = Decision(False, ("no_grant",), "v1", "d1", is_requestable=True)

    assert negotiate(denial, {"supported_obligations": []}) == denial


@pytest.mark.parametrize("value", ["custom", [1], ["a"] * 65, {"custom": True}, 7])
def test_what_is_no_list_of_words_is_refused(value: object) -> None:
    """Nobody guesses what was meant."""
    with pytest.raises(InputError, match="no list"):
        negotiate(PERMIT, {"supported_obligations": value})
