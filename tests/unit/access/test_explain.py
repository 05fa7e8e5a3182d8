"""Explaining: everything that a decision was made of, and never another outcome."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.access_worlds import (
    DAY,
    GRANT,
    LOOK,
    NOW,
    PLATES,
    line_with,
    look,
    policy_with,
    purpose_with,
    snapshot,
)
from ombud.access.attempt import Fulfilment
from ombud.access.decide import decide
from ombud.access.decision import Reason
from ombud.access.explain import explain
from ombud.access.model import Checkpoint, CheckpointKind, Limits, Prohibition
from ombud.bench.random_policy import Maker

replace = msgspec.structs.replace
STAGES = {
    "granted": "permit", "standing": "permit", "break_glass": "permit",
    "not_in_audience": "audience", "no_grant": "grant", "grant_ended": "grant",
    "grant_not_begun": "grant", "reason_barred": "barred", "reason_code_missing": "barred",
    "reason_code_denied": "barred", "resource_unknown": "scope", "action_unknown": "scope",
    "out_of_scope": "scope", "column_out_of_scope": "scope", "aggregate_only": "scope",
    "condition_not_met": "scope", "outside_area": "scope", "outside_hours": "scope",
    "line_ended": "scope",
}  # fmt: skip
# Of an audience or of a line: it depends on which was asked first.
EITHER = {"actor_unknown", "attribute_missing"}


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000))
def test_the_parts_come_to_what_is_decided(seed: int) -> None:
    """For any world and attempt; and all of it can be written as JSON."""
    maker = Maker(seed)
    world = maker.world()
    made = snapshot(world.policy, world.grants, world.attachments, world.directory)
    for number in range(30):
        attempt, now = maker.attempt(world, number), maker.now()

        explained = explain(attempt, made, now, spent=world.spent)

        decision = decide(attempt, made, now, spent=world.spent)
        code = decision.reasons[0].partition(":")[0]
        assert explained.decision == decision
        if code in EITHER:
            assert explained.verdict in {"audience", "scope"}
        else:
            assert explained.verdict == STAGES.get(code, code)
        deciding = [line["name"] for line in explained.lines if line["decides"]]
        assert decision.line in {None, *deciding}
        if decision.grant is not None:
            counting = [each["id"] for each in explained.grants if each["counts"]]
            assert decision.grant in counting
        orjson.dumps(explained.to_dict())


def test_every_grant_says_why_it_counts_or_not() -> None:
    """Also those for other purposes, and those of a kind that is not let in."""
    grants = [
        GRANT,
        replace(GRANT, id="g2", ends=NOW),
        replace(GRANT, id="g3", begins=NOW + 1, ends=NOW + DAY),
        replace(GRANT, id="g4", purpose="gone"),
        replace(GRANT, id="g5", kind="break_glass"),
        replace(GRANT, id="g6", actor_id="ben"),
        replace(GRANT, id="g7", purpose="care"),
    ]

    explained = explain(LOOK, snapshot(grants=grants), NOW)
    above = explain(look(purpose="care"), snapshot(grants=grants), NOW)

    assert {each["id"]: each["why_not"] for each in explained.grants} == {
        "g1": None,
        "g2": "it has ended",
        "g3": "it has not begun",
        "g4": "its purpose is not in the policy",
        "g5": "the policy has no break-glass for its purpose",
        "g7": None,
    }
    assert above.grants[0]["why_not"] == (
        "it is for another purpose, neither this one nor one above it"
    )


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, None),
        ({"type": "record"}, "type"),
        ({"resources": ("streets",)}, "resources"),
        ({"actions": ("export",)}, "actions"),
        ({"systems": ("x",)}, "system"),
        ({"columns": ()}, "columns"),
        ({"areas": ("a",)}, "area"),
        ({"hours": ()}, "hours"),
        ({"until": NOW}, "until"),
        ({"when": "context.case == 'x'"}, "when"),
        ({"row_filter": "row.plate == context.case"}, "row_filter"),
    ],
)
def test_every_line_says_which_clause_failed(changes: dict[str, Any], failed: str | None) -> None:
    """The first of its clauses that does not have the attempt."""
    explained = explain(LOOK, snapshot(policy_with(line_with(**changes))), NOW)

    (line,) = explained.lines
    assert (line["failed"], line["decides"]) == (failed, failed is None)


def test_what_no_longer_mattered_is_shown_too() -> None:
    """A prohibition stops the decision; what else there is, is in the explanation."""
    policy = purpose_with(
        limits=Limits(rows_per_query=9),
        prohibitions=(Prohibition(name="never", reason="No.", columns=("seen",)),),
        checkpoints=(Checkpoint(name="why", kind=CheckpointKind.TEXT, prompt="Why?"),),
    )
    policy = replace(policy, datasets=(replace(PLATES, intended=("care",)), policy.datasets[1]))
    theirs = Fulfilment("f1", "person", "ben", "theft", "why", NOW + 1)

    explained = explain(
        look(columns=("seen",), fulfilments=(theirs,)), snapshot(policy), NOW
    ).to_dict()

    assert explained["verdict"] == "prohibited"
    assert explained["prohibitions"] == [
        {"reason": "prohibited:never", "text": "No.", "columns": ["seen"], "holds": True,
         "refuses": True}
    ]  # fmt: skip
    assert explained["intended"] == [
        {"dataset": "plates", "is_intended": True, "attachment": None, "counts": True}
    ]
    assert explained["budget"]["rows_left"] == 9
    assert explained["checkpoints"][0]["fulfilments"] == [
        {"id": "f1", "counts": False, "why_not": "somebody else met it"}
    ]
    assert explained["reasons"] == [{"code": "prohibited:never", "text": "it is prohibited"}]


def test_an_unknown_purpose_has_nothing_to_explain() -> None:
    """But its reason."""
    explained = explain(look(purpose="fun"), snapshot(), NOW)

    assert (explained.verdict, explained.lines, explained.purpose) == ("purpose_unknown", (), None)


def test_an_undeclared_thing_is_said_to_be_so() -> None:
    """The line that would have it by its wildcard does not."""
    made = snapshot(policy_with(line_with(resources=("*",))))

    explained = explain(look(resource_id="gone"), made, NOW)

    assert explained.lines[0]["failed"] == "undeclared"
    assert explained.decision.reasons == (Reason.RESOURCE_UNKNOWN.value,)
