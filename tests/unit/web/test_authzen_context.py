"""AuthZEN context: what an answer says, and that nobody takes it for more than it is."""

from __future__ import annotations

import pytest

from ombud.access.attempt import Attempt
from ombud.access.decision import Decision, Obligation
from ombud.core.errors import InputError
from ombud.web.authzen_context import (
    decision_answer,
    error_answer,
    no_request,
    what_if_answer,
)
from ombud.web.authzen_metadata import base_of

ATTEMPT = Attempt("user", "alice", "read", "record", "r1")
OBLIGATIONS = (
    Obligation("row_filter", {"expression": "row.open"}),
    Obligation("notify", {"to": ["person:dpo", "person:kim"]}),
)
PERMIT = Decision(True, ("granted",), "v1", "d1", OBLIGATIONS, "care", "g1", "line")
DENIAL = Decision(False, ("no_grant", "x"), "v1", "d1", purpose="care", is_requestable=True)


def test_a_permit_carries_what_must_be_done() -> None:
    """Each with an id of its own, a registered type, and properties."""
    answer = decision_answer(ATTEMPT, PERMIT, no_request)

    assert answer["decision"] is True
    assert {name: answer["context"][name] for name in ("decision_id", "policy_version")} == {
        "decision_id": "d1",
        "policy_version": "v1",
    }
    assert "reason" not in answer["context"]
    first, *told = answer["context"]["obligations"]
    assert first == {
        "id": "obl-1",
        "type": "custom",
        "properties": {"vendor": "ombud", "action": "row_filter", "expression": "row.open"},
    }
    assert [(one["id"], one["type"], one["properties"]["to"]) for one in told] == [
        ("obl-2", "notification", "person:dpo"),
        ("obl-3", "notification", "person:kim"),
    ]
    assert all(one["properties"]["body"] for one in told)


def test_a_denial_says_why_and_whether_it_can_be_requested() -> None:
    """What the profile of access requests adds is put in as it is."""
    answer = decision_answer(ATTEMPT, DENIAL, lambda *_: {"access_request": {"endpoint": "/r"}})

    assert answer["decision"] is False
    assert (answer["context"]["reason"], answer["context"]["reasons"]) == (
        "no_grant",
        ("no_grant", "x"),
    )
    assert answer["context"]["access_request"] == {"endpoint": "/r"}


def test_a_denial_says_why_in_words() -> None:
    """Each reason once; names of the policy are for administrators alone."""
    reasons = ("prohibited:no-export", "prohibited:dpo-only", "not_intended", "of_a_door")
    context = decision_answer(ATTEMPT, Decision(False, reasons, "v1", "d1"), no_request)["context"]

    assert context["reason_user"] == {
        "en": "it is prohibited; the dataset is not intended for the purpose; of_a_door"
    }
    assert context["reason_admin"] == {
        "en": "prohibited:no-export: it is prohibited; prohibited:dpo-only: it is prohibited;"
        " not_intended: the dataset is not intended for the purpose; of_a_door: of_a_door"
    }
    permit = decision_answer(ATTEMPT, PERMIT, no_request)["context"]
    assert {"reason_user", "reason_admin"}.isdisjoint(permit)


@pytest.mark.parametrize(("kind", "steps"), [("text", 0), ("reauthentication", 1)])
def test_a_checkpoint_says_where_it_is_met(kind: str, steps: int) -> None:
    """By the person themself; to authenticate again is also a step-up."""
    stop = Obligation("checkpoint", {"name": "a reason", "kind": kind, "prompt": "Why?"})
    denial = Decision(False, ("checkpoint:a reason",), "v1", "d1", checkpoint=stop)
    context = decision_answer(ATTEMPT, denial, no_request)["context"]

    assert context["checkpoint"] == {
        "name": "a reason",
        "kind": kind,
        "prompt": "Why?",
        "meet_at": "/v1/checkpoints/a%20reason/justifications",
    }
    found = context.get("obligations", [])
    assert [(one["type"], one["properties"]["acr_value"]) for one in found] == [
        ("step-up", "urn:ombud:reauthentication")
    ] * steps


@pytest.mark.parametrize("decision", [PERMIT, DENIAL])
def test_what_would_be_is_never_a_permit(decision: Decision) -> None:
    """Whatever would be decided, `decision` is false, and there is no id."""
    answer = what_if_answer(decision)

    assert answer["decision"] is False
    assert answer["context"]["what_if"] is True
    assert answer["context"]["would"]["decision"] is decision.permit
    assert "decision_id" not in answer["context"]
    assert "d1" not in repr(answer)


def test_a_malformed_evaluation_is_a_denial_with_an_error() -> None:
    """Evaluations, errors: the default is closed."""
    answer = error_answer(InputError("no id", origin="evaluations[3]"))

    assert answer["decision"] is False
    assert answer["context"]["error"] == {"status": 400, "message": "evaluations[3]: no id"}


@pytest.mark.parametrize(
    ("public", "host", "base"),
    [
        ("https://pdp.example.com/", "anything", "https://pdp.example.com"),
        ("", "127.0.0.1:8420", "http://127.0.0.1:8420"),
        ("", "[::1]:8420", "http://[::1]:8420"),
        ("", "pdp", "http://pdp"),
    ],
)
def test_the_decision_point_is_known_by_the_address_it_was_asked_at(
    public: str, host: str, base: str
) -> None:
    """Unless the settings name another."""
    assert base_of(public, "http", host) == base


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "a:b", "é", "a" * 300, "a\r\nb"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    """It would come back as part of addresses."""
    with pytest.raises(InputError, match="host"):
        base_of("", "http", host)
