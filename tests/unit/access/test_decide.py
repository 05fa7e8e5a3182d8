"""The decision: each reason there is, in the order in which they are asked for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ombud.access.decide as decide_module
from doubles.access_worlds import (
    ANA,
    CARE,
    DAY,
    GRANT,
    HOUR,
    LOOK,
    NOW,
    PLATES,
    READ,
    THEFT,
    line_with,
    look,
    policy_with,
    purpose_with,
    snapshot,
)
from ombud.access.attempt import Attachment, Attempt, Fulfilment, Grant, Spent
from ombud.access.decide import decide
from ombud.access.decision import TEXT, Decision, Reason
from ombud.access.model import (
    Audience,
    BreakGlass,
    Checkpoint,
    CheckpointKind,
    Column,
    Dataset,
    Entity,
    Hours,
    Limits,
    Mask,
    MaskKind,
    Policy,
    Prohibition,
    ReasonCode,
    Terms,
)
from ombud.access.snapshot import Snapshot
from ombud.bench.random_policy import Maker
from ombud.bench.random_world import World

replace = msgspec.structs.replace
LONG_AGO = replace(GRANT, begins=NOW - 2 * DAY, ends=NOW)
LATER = replace(GRANT, begins=NOW + 1, ends=NOW + DAY)
GLASS = replace(GRANT, kind="break_glass", id="b1")
BREAKABLE = purpose_with(break_glass=BreakGlass(reasons=("danger",), notify=("person:dpo",)))
STOP = Checkpoint(name="why", kind=CheckpointKind.TEXT, prompt="Why?", length_min=20)
MET = Fulfilment("f1", "person", "ana", "theft", "why", NOW + HOUR)
EXPORT = line_with(actions=("export",), name="export")
BAN = Prohibition(name="never", reason="The council decided so.")


def obligations(decision: Decision) -> dict[str, Any]:
    """Return obligations by their ids."""
    return {each.id: dict(each.parameters) for each in decision.obligations}


def test_permits_whoever_holds_a_grant() -> None:
    """Everything that one must know of a permit is in it."""
    made = snapshot()

    assert decide(LOOK, made, NOW) == Decision(
        permit=True,
        reasons=("granted",),
        policy_version=made.version,
        decision_id="a1",
        purpose="theft",
        grant="g1",
        line="look-up",
    )


def lines(*changed: Any) -> Policy:
    """Return the policy with these lines."""
    return policy_with(purposes=(CARE, replace(THEFT, scope=tuple(changed))))


DENIALS: list[tuple[str, str, dict[str, Any], Attempt]] = [
    ("no purpose", "purpose_missing", {}, look(purpose=None)),
    ("empty purpose", "purpose_missing", {}, look(purpose="")),
    ("unknown purpose", "purpose_unknown", {}, look(purpose="fun")),
    ("purpose over", "purpose_ended", {"policy": purpose_with(until=NOW)}, LOOK),
    (
        "purpose above over", "purpose_ended",
        {"policy": policy_with(purposes=(replace(CARE, until=NOW), THEFT))}, LOOK,
    ),
    ("nobody's grant", "no_grant", {"grants": ()}, LOOK),
    ("another's grant", "no_grant", {}, look(actor_id="ben")),
    ("another type", "no_grant", {}, look(actor_type="service")),
    ("grant over", "grant_ended", {"grants": (LONG_AGO,)}, LOOK),
    ("grant to come", "grant_not_begun", {"grants": (LATER,)}, LOOK),
    ("over and to come", "grant_not_begun", {"grants": (LONG_AGO, LATER)}, LOOK),
    ("glass not breakable", "no_grant", {"grants": (GLASS,)}, LOOK),
    (
        "glass over", "grant_ended",
        {"policy": BREAKABLE, "grants": (replace(GLASS, ends=NOW),)}, LOOK,
    ),
    ("undeclared dataset", "resource_unknown", {}, look(resource_id="secrets")),
    ("unknown type", "resource_unknown", {}, look(resource_type="door")),
    ("undeclared action", "action_unknown", {}, look(action="fly")),
    ("not in a line", "out_of_scope", {}, look(resource_id="streets")),
    ("no such action in a line", "out_of_scope", {}, look(action="export")),
    ("above the scope", "no_grant", {}, look(purpose="care")),
    ("another system", "out_of_scope", {"policy": lines(line_with(systems=("x",)))}, LOOK),
    (
        "a column too many", "column_out_of_scope:seen",
        {"policy": lines(line_with(columns=("plate",)))}, look(columns=("plate", "seen")),
    ),
    ("undeclared column", "column_out_of_scope:x", {}, look(columns=("x",))),
    (
        "no column left", "column_out_of_scope",
        {"policy": lines(line_with(columns=("gone",)))}, LOOK,
    ),
    (
        "shown, not counted", "aggregate_only:seen",
        {"policy": lines(line_with(aggregate_only=("seen",)))},
        look(columns=("seen",), context={"aggregate": False}),
    ),
    (
        "revealed, not counted", "aggregate_only:seen",
        {"policy": lines(line_with(actions=("reveal",), aggregate_only=("seen",)))},
        look(columns=("seen",), action="reveal"),
    ),
    ("no area said", "outside_area", {"policy": lines(line_with(areas=("a",)))}, LOOK),
    (
        "another area", "outside_area",
        {"policy": lines(line_with(areas=("a",)))}, look(context={"area": "b"}),
    ),
    (
        "area of no kind", "outside_area",
        {"policy": lines(line_with(areas=("a",)))}, look(context={"area": ["a"]}),
    ),
    (
        "not on Sundays", "outside_hours",
        {"policy": lines(line_with(hours=(Hours(days=(1, 2, 3), since=0, until=1440),)))}, LOOK,
    ),
    ("line over", "line_ended", {"policy": lines(line_with(until=NOW))}, LOOK),
    (
        "condition not met", "condition_not_met",
        {"policy": lines(line_with(when="context.case == '7'"))}, look(context={"case": "8"}),
    ),
    (
        "nothing to compare", "attribute_missing:context.case",
        {"policy": lines(line_with(when="context.case == '7'"))}, LOOK,
    ),
    (
        "of another kind", "attribute_missing:context.case",
        {"policy": lines(line_with(when="context.case != '7'"))}, look(context={"case": 7}),
    ),
    (
        "said, and not believed", "attribute_missing:actor.cleared",
        {"policy": lines(line_with(when="actor.cleared"))}, look(actor={"cleared": True}),
    ),
    (
        "no value for the filter", "attribute_missing:context.case",
        {"policy": lines(line_with(row_filter="row.plate == context.case"))}, LOOK,
    ),
    (
        "not intended", "not_intended",
        {"policy": policy_with(datasets=(replace(PLATES, intended=()),))}, LOOK,
    ),
    (
        "source not intended", "not_intended:plates",
        {"policy": policy_with(
            purposes=(CARE, replace(THEFT, scope=(line_with(resources=("streets",)),))),
            datasets=(replace(PLATES, intended=()), Dataset(id="streets", sources=("plates",))),
        )},
        look(resource_id="streets"),
    ),
    (
        "prohibited by the data", "prohibited:plates",
        {"policy": policy_with(datasets=(replace(PLATES, prohibited=("care",)),))}, LOOK,
    ),
    (
        "prohibited by what it is made of", "prohibited:plates",
        {"policy": policy_with(datasets=(
            replace(PLATES, prohibited=("theft",)), Dataset(id="streets", sources=("plates",))
        ))},
        look(resource_id="streets"),
    ),
    ("prohibited", "prohibited:never", {"policy": policy_with(prohibitions=(BAN,))}, LOOK),
    (
        "prohibited to nobody known", "prohibited:never",
        {"policy": policy_with(prohibitions=(replace(BAN, audience=Audience(units=("x",))),)),
         "directory": {}},
        LOOK,
    ),
    (
        "prohibited as nobody can tell", "prohibited:never",
        {"policy": policy_with(prohibitions=(replace(BAN, when="context.case == 'x'"),))}, LOOK,
    ),
    (
        "prohibited above", "prohibited:never",
        {"policy": policy_with(purposes=(replace(CARE, prohibitions=(BAN,)), THEFT))}, LOOK,
    ),
    (
        "prohibited column", "prohibited:never",
        {"policy": policy_with(prohibitions=(replace(BAN, columns=("seen",)),))},
        look(columns=("seen",)),
    ),
    (
        "all columns prohibited", "prohibited:never",
        {"policy": policy_with(prohibitions=(replace(BAN, columns=("seen", "plate")),))}, LOOK,
    ),
    (
        "columns nobody declared", "prohibited:never",
        {"policy": policy_with(
            prohibitions=(replace(BAN, columns=("seen",)),), datasets=(replace(PLATES, columns=()),)
        )},
        LOOK,
    ),
    (
        "not one of those", "not_in_audience",
        {"policy": purpose_with(audience=Audience(roles=("chief",)))}, LOOK,
    ),
    (
        "one of those, perhaps", "actor_unknown",
        {"policy": purpose_with(audience=Audience(units=("north",))), "directory": {}}, LOOK,
    ),
    (
        "one of those, if", "attribute_missing:actor.cleared",
        {"policy": purpose_with(audience=Audience(types=("person",), when="actor.cleared"))}, LOOK,
    ),
    (
        "one of those, but", "not_in_audience",
        {"policy": purpose_with(audience=Audience(when="actor.grade == 'x'"))},
        look(actor={"grade": "y"}),
    ),
    ("too many rows", "budget_spent:rows",
     {"policy": purpose_with(limits=Limits(rows_per_query=5))}, look(context={"rows": 6})),
    ("rows of no kind", "budget_spent:rows",
     {"policy": purpose_with(limits=Limits(rows_per_query=5))}, look(context={"rows": "5"})),
    ("rows below none", "budget_spent:rows",
     {"policy": purpose_with(limits=Limits(rows_per_query=5))}, look(context={"rows": -1})),
    ("true rows", "budget_spent:bytes",
     {"policy": purpose_with(limits=Limits(bytes_per_query=5))}, look(context={"bytes": True})),
    ("too many subjects", "budget_spent:subjects",
     {"policy": purpose_with(limits=Limits(subjects_per_day=5))}, look(context={"subjects": 6})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "world", "attempt"),
    [pytest.param(*row[1:], id=row[0]) for row in DENIALS],
)
def test_denies(reason: str, world: dict[str, Any], attempt: Attempt) -> None:
    """One thing is not as it must be, and the reason names it."""
    made = snapshot(**world)

    decision = decide(attempt, made, NOW)

    assert (decision.permit, decision.reasons) == (False, (reason,))
    assert decision.obligations == ()
    assert decision.policy_version == made.version


def test_every_reason_has_a_text_and_a_test() -> None:
    """A code without words helps nobody; one that never comes is none."""
    shown = {row[1].partition(":")[0] for row in DENIALS}
    elsewhere = {"granted", "standing", "break_glass", "checkpoint", "not_recorded", "what_if",
                 "obligation_unsupported",
                 "reason_code_missing", "reason_code_denied", "reason_barred"}  # fmt: skip

    assert set(TEXT) == set(Reason)
    assert shown | elsewhere == {reason.value for reason in Reason}


@pytest.mark.parametrize(
    ("when", "permits"),
    [(NOW - DAY - 1, False), (NOW - DAY, True), (NOW + DAY - 1, True), (NOW + DAY, False)],
)
def test_a_grant_holds_from_its_begin_up_to_its_end(when: int, permits: bool) -> None:
    """The end is not part of it, and one snapshot knows both sides."""
    assert decide(LOOK, snapshot(), when).permit is permits


def test_a_grant_for_the_purpose_above_suffices() -> None:
    """By naming the purpose below; and the grant is named in the decision."""
    decision = decide(LOOK, snapshot(grants=[replace(GRANT, purpose="care")]), NOW)

    assert (decision.permit, decision.grant) == (True, "g1")


def test_of_several_grants_the_nearest_and_longest_counts() -> None:
    """One that has ended hides none that has not."""
    several = [
        replace(GRANT, id="above", purpose="care", ends=NOW + 9 * DAY),
        replace(GRANT, id="short", ends=NOW + 1),
        replace(GRANT, id="long"),
        replace(GRANT, id="to come", begins=NOW + 1, ends=NOW + 5 * DAY),
    ]

    assert decide(LOOK, snapshot(grants=several), NOW).grant == "long"
    assert decide(LOOK, snapshot(grants=several[:2]), NOW + 1).grant == "above"


def test_a_standing_purpose_needs_no_grant() -> None:
    """It is enough to be one of its audience."""
    policy = purpose_with(standing=True, audience=Audience(roles=("clerk",)))

    decision = decide(LOOK, snapshot(policy, grants=()), NOW)

    assert (decision.permit, decision.reasons, decision.grant) == (True, ("standing",), None)


def test_a_purpose_for_whoever_names_none() -> None:
    """The policy says which it is."""
    made = snapshot(policy_with(when_no_purpose="theft"))

    assert decide(look(purpose=None), made, NOW).purpose == "theft"
    assert decide(look(purpose=None), made, NOW).permit
    assert decide(look(purpose="fun"), made, NOW).reasons == ("purpose_unknown",)


def test_break_glass_permits_and_tells() -> None:
    """Its own reason, and somebody is told; a proper grant goes before it."""
    made = snapshot(BREAKABLE, grants=[GLASS])

    decision = decide(LOOK, made, NOW)

    assert (decision.permit, decision.reasons, decision.grant) == (True, ("break_glass",), "b1")
    assert obligations(decision) == {"notify": {"to": ["person:dpo"]}}
    assert decide(LOOK, made.with_grants([GLASS, GRANT]), NOW).reasons == ("granted",)
    assert not decide(LOOK, made, GLASS.ends).permit


def test_an_attachment_lets_a_dataset_be_used() -> None:
    """From its begin to its end; also one for the purpose above."""
    policy = policy_with(datasets=(replace(PLATES, intended=()),))
    attached = Attachment("plates", "care", NOW, NOW + HOUR)
    made = snapshot(policy, attachments=[attached])

    assert decide(LOOK, made, NOW).permit
    assert not decide(LOOK, made, NOW - 1).permit
    assert not decide(LOOK, made, NOW + HOUR).permit
    assert decide(LOOK, made.with_attachments([]), NOW).is_requestable


def test_no_attachment_outweighs_a_prohibition() -> None:
    """What must not serve a purpose cannot be attached to it."""
    policy = policy_with(datasets=(replace(PLATES, intended=(), prohibited=("theft",)),))
    attached = Attachment("plates", "theft", 0, NOW + HOUR)

    decision = decide(LOOK, snapshot(policy, attachments=[attached]), NOW)

    assert decision.reasons == ("prohibited:plates",)


def test_the_first_line_that_has_it_decides() -> None:
    """A wider one further down is not sought."""
    policy = lines(
        line_with(name="one", columns=("plate",), limits=Limits(rows_per_query=3)),
        line_with(name="two"),
    )

    assert decide(look(columns=("plate",)), snapshot(policy), NOW).line == "one"
    assert decide(look(columns=("seen",)), snapshot(policy), NOW).line == "two"
    refused = decide(look(columns=("plate",), context={"rows": 4}), snapshot(policy), NOW)
    assert (refused.permit, refused.line) == (False, "one")


def test_the_line_that_came_furthest_gives_the_reason() -> None:
    """Whoever is refused learns what was nearest to being allowed."""
    policy = lines(
        line_with(name="columns", columns=("plate",)),
        line_with(name="when", when="context.case == '7'"),
        line_with(name="area", areas=("a",)),
    )

    decision = decide(look(columns=("seen",), context={"case": "8"}), snapshot(policy), NOW)

    assert decision.reasons == ("condition_not_met",)


def test_all_obligations_in_their_order() -> None:
    """What is bound to be done is always said in one order."""
    policy = lines(
        line_with(
            row_filter="row.plate == actor.unit && row.seen != 'x'",
            columns=("plate",),
            aggregate_only=("seen",),
            masks=(Mask(column="plate", kind=MaskKind.TRUNCATE, size=3),),
            limits=Limits(rows_per_query=10, rows_per_day=12, bytes_per_query=99),
            notify=("person:ben",),
            watermark=True,
        )
    )
    spent = {("person", "ana", "theft"): Spent(rows=5)}

    decision = decide(LOOK, snapshot(policy), NOW, spent=spent)

    assert [(each.id, dict(each.parameters)) for each in decision.obligations] == [
        ("row_filter", {"expression": "row.plate == \"north\" && row.seen != 'x'"}),
        ("masks", {"masks": [{"column": "plate", "kind": "truncate", "size": 3}]}),
        ("aggregate_only", {"columns": ["seen"]}),
        ("max_rows", {"count": 7}),
        ("max_bytes", {"count": 99}),
        ("notify", {"to": ["person:ben"]}),
        ("watermark", {}),
    ]


def test_whoever_names_no_columns_is_told_which_there_are() -> None:
    """Those of the line, without those that are prohibited."""
    narrow = lines(line_with(columns=("plate",)))
    banned = policy_with(prohibitions=(replace(BAN, columns=("plate",)),))

    assert obligations(decide(LOOK, snapshot(narrow), NOW)) == {"columns": {"columns": ["plate"]}}
    assert obligations(decide(LOOK, snapshot(banned), NOW)) == {"columns": {"columns": ["seen"]}}
    assert obligations(decide(look(columns=("seen",)), snapshot(banned), NOW)) == {}
    assert obligations(decide(LOOK, snapshot(), NOW)) == {}


def test_budgets_of_a_day() -> None:
    """What is left bounds the act; when nothing is, it is over; another's use counts not."""
    made = snapshot(purpose_with(limits=Limits(rows_per_day=10, subjects_per_day=3)))
    mine = ("person", "ana", "theft")

    assert obligations(decide(LOOK, made, NOW)) == {"max_rows": {"count": 10}}
    some = decide(LOOK, made, NOW, spent={mine: Spent(rows=9)})
    assert obligations(some) == {"max_rows": {"count": 1}}
    gone = decide(LOOK, made, NOW, spent={mine: Spent(rows=10, subjects=4)})
    assert gone.reasons == ("budget_spent:rows", "budget_spent:subjects")
    assert not decide(look(context={"rows": 2}), made, NOW, spent={mine: Spent(rows=9)}).permit
    other = {("person", "ben", "theft"): Spent(rows=10)}
    assert decide(LOOK, made, NOW, spent=other).permit


def test_a_checkpoint_stops_and_says_what_it_wants() -> None:
    """All that stop are named; the first is shown."""
    policy = purpose_with(acknowledgement="Only for theft.", checkpoints=(STOP,))

    decision = decide(LOOK, snapshot(policy), NOW)

    assert decision.reasons == ("checkpoint:acknowledgement", "checkpoint:why")
    assert decision.checkpoint is not None
    assert decision.checkpoint.parameters["prompt"] == "Only for theft."
    assert not decision.is_requestable


@pytest.mark.parametrize(
    ("changes", "permits"),
    [
        pytest.param({}, True, id="met"),
        pytest.param({"actor_id": "ben"}, False, id="met by somebody else"),
        pytest.param({"actor_type": "service"}, False, id="met by another type"),
        pytest.param({"purpose": "care"}, False, id="for another purpose"),
        pytest.param({"checkpoint": "other"}, False, id="another checkpoint"),
        pytest.param({"until": NOW}, False, id="past"),
        pytest.param({"is_refused": True}, False, id="contradicted"),
        pytest.param({"attempt": "a2"}, False, id="for another attempt"),
        pytest.param({"attempt": "a1"}, True, id="for this attempt"),
        pytest.param({"resources": ("dataset:streets",)}, False, id="for another thing"),
        pytest.param({"resources": ("dataset:plates",)}, True, id="for this thing"),
        pytest.param({"resources": ("record:plates",)}, False, id="for a thing of its name"),
    ],
)
def test_a_fulfilment_counts_for_whom_and_what_it_is(
    changes: dict[str, Any], permits: bool
) -> None:
    """Nobody can meet a checkpoint for somebody else."""
    made = snapshot(purpose_with(checkpoints=(STOP,)))

    decision = decide(look(fulfilments=(replace(MET, **changes),)), made, NOW)

    assert decision.permit is permits


@pytest.mark.parametrize(
    ("changes", "attempt", "stops"),
    [
        pytest.param({"actions": ("export",)}, LOOK, False, id="another action"),
        pytest.param({"actions": ("re*",)}, LOOK, True, id="an action like it"),
        pytest.param({"resources": ("streets",)}, LOOK, False, id="another thing"),
        pytest.param({"classifications": ("health",)}, LOOK, False, id="no such class"),
        pytest.param({"areas": ("a",)}, LOOK, True, id="area not known"),
        pytest.param({"areas": ("a",)}, look(context={"area": "b"}), False, id="another area"),
        pytest.param({"rows_min": 5}, LOOK, True, id="rows not known"),
        pytest.param({"rows_min": 5}, look(context={"rows": 4}), False, id="few rows"),
        pytest.param({"rows_min": 5}, look(context={"rows": 5}), True, id="enough rows"),
        pytest.param({"audience": Audience(roles=("chief",))}, LOOK, False, id="not for them"),
        pytest.param({"when": "context.case == '7'"}, LOOK, True, id="nobody can tell"),
        pytest.param({"type": "record"}, LOOK, False, id="for records"),
    ],
)
def test_when_a_checkpoint_applies(changes: dict[str, Any], attempt: Attempt, stops: bool) -> None:
    """What cannot be said not to apply applies."""
    made = snapshot(policy_with(checkpoints=(replace(STOP, **changes),)))

    assert decide(attempt, made, NOW).permit is not stops


def test_a_bound_below_a_checkpoint_needs_none() -> None:
    """An act that cannot be on so many rows is not stopped for them."""
    policy = purpose_with(limits=Limits(rows_per_query=4), checkpoints=(replace(STOP, rows_min=5),))

    assert decide(LOOK, snapshot(policy), NOW).permit


def test_columns_of_a_class_stop_who_asks_for_them() -> None:
    """And who names none asks for all."""
    classed = replace(
        PLATES, columns=(Column(name="plate", classifications=("id",)), Column(name="seen"))
    )
    stop = replace(STOP, classifications=("id",))
    made = snapshot(policy_with(datasets=(classed,), checkpoints=(stop,)))

    assert decide(look(columns=("seen",)), made, NOW).permit
    assert not decide(look(columns=("seen", "plate")), made, NOW).permit
    assert not decide(LOOK, made, NOW).permit


def test_the_vendor_needs_a_code_that_is_let_in() -> None:
    """None, one that is denied, one that is unknown, and one that is fine."""
    policy = policy_with(
        vendor=Audience(types=("person",)),
        reason_codes=(ReasonCode(code="support"), ReasonCode(code="sales", allowed=False)),
    )
    made = snapshot(policy)

    def reasons(context: dict[str, Any]) -> tuple[str, ...]:
        return decide(look(context=context), made, NOW).reasons

    assert reasons({}) == ("reason_code_missing",)
    assert reasons({"reason_code": 7}) == ("reason_code_missing",)
    assert reasons({"reason_code": "sales"}) == ("reason_code_denied:sales",)
    assert reasons({"reason_code": "x" * 500}) == (f"reason_code_denied:{'x' * 100}",)
    assert reasons({"reason_code": "support"}) == ("granted",)


def test_reasons_that_the_law_forbids() -> None:
    """Words of the justification and codes; a list of another place is left aside."""
    terms = Terms(
        name="sanctuary", jurisdiction="ie", reason="", words=("immigration",), codes=("imm",)
    )
    policy = policy_with(terms=(terms,))

    def reasons(context: dict[str, Any], jurisdiction: str | None = None) -> tuple[str, ...]:
        known = {**ANA[("person", "ana")]}
        if jurisdiction:
            known["jurisdiction"] = jurisdiction
        made = snapshot(policy, directory={("person", "ana"): known})
        return decide(look(context=context), made, NOW).reasons

    barred = ("reason_barred:sanctuary",)
    assert reasons({"justification": "an Immigration check"}) == barred
    assert reasons({"justification": {"text": "x", "code": "imm"}}) == barred
    assert reasons({"reason_code": "imm"}) == barred
    assert reasons({"justification": "immigration"}, "fr") == ("granted",)
    assert reasons({"justification": "immigration"}, "ie") == barred
    assert reasons({"justification": "stolen"}) == ("granted",)


def test_prohibitions_come_before_everything_else() -> None:
    """Also before it is known who asks; several are all named."""
    second = replace(BAN, name="ever", actions=("read",))
    made = snapshot(policy_with(prohibitions=(BAN, second)), grants=())

    assert decide(LOOK, made, NOW).reasons == ("prohibited:never", "prohibited:ever")


@pytest.mark.parametrize(
    ("changes", "permits"),
    [
        pytest.param({"actions": ("export",)}, True, id="another action"),
        pytest.param({"resources": ("streets",)}, True, id="another thing"),
        pytest.param({"resources": ("pl*",)}, False, id="a thing like it"),
        pytest.param({"type": "record"}, True, id="another type"),
        pytest.param({"classifications": ("health",)}, True, id="another class"),
        pytest.param({"columns": ("gone",)}, True, id="no such column"),
        pytest.param({"audience": Audience(roles=("chief",))}, True, id="others"),
        pytest.param({"audience": Audience(units=("county",))}, False, id="the unit above"),
        pytest.param({"audience": Audience(actors=("person:ana",))}, False, id="by name"),
        pytest.param({"when": "actor.unit == 'south'"}, True, id="does not hold"),
        pytest.param({"when": "actor.unit == 'north'"}, False, id="holds"),
    ],
)
def test_what_a_prohibition_is_about(changes: dict[str, Any], permits: bool) -> None:
    """It holds where all that it says holds, or cannot be told."""
    made = snapshot(policy_with(prohibitions=(replace(BAN, **changes),)))

    assert decide(LOOK, made, NOW).permit is permits


def test_things_of_a_known_type_need_not_be_declared() -> None:
    """Lines name them by patterns; what is stored of one wins over what is said."""
    line = line_with(type="record", resources=("r*",), when="resource.status == 'open'")
    made = snapshot(lines(line))

    def permits(id_: str, **stated: Any) -> bool:
        attempt = look(resource_type="record", resource_id=id_, resource=stated)
        return decide(attempt, made, NOW).permit

    assert permits("r1")
    assert permits("r1", status="closed")
    assert permits("r2", status="open")
    assert not permits("r2", status="closed")
    assert not permits("r2")
    assert not permits("s1", status="open")


def test_word_is_taken_for_what_the_policy_says() -> None:
    """And only for that; who somebody is, is never taken from what is said."""
    made = snapshot(lines(line_with(when="actor.grade == 'a' && actor.id == 'ana'")))

    assert decide(look(actor={"grade": "a", "id": "x", "type": "x"}), made, NOW).permit
    assert not decide(look(actor={"grade": "b"}), made, NOW).permit


def test_the_policy_knows_better_than_the_directory() -> None:
    """Attributes of its entities come first."""
    known = Entity(type="person", id="ana", attributes={"role": "chief"})
    policy = purpose_with(audience=Audience(roles=("chief",)))

    made = snapshot(replace(policy, entities=(known,)))

    assert decide(LOOK, made, NOW).permit


def test_conditions_know_the_instant_and_the_purpose() -> None:
    """Those of the decision, not those that the asking program says."""
    line = line_with(
        when="context.purpose == 'theft' && context.time < timestamp('2026-11-23T00:00:00Z')"
    )
    made = snapshot(lines(line))

    assert decide(look(context={"time": 0, "purpose": "x"}), made, NOW).permit
    assert not decide(look(context={"time": 0}), made, NOW + 12 * HOUR).permit


def asked_by(role: str) -> Policy:
    """Return the policy in which a role may ask for the purpose."""
    return purpose_with(requesters=Audience(roles=(role,)))


@pytest.mark.parametrize(
    ("world", "requestable"),
    [
        pytest.param({}, True, id="anybody may ask"),
        pytest.param(
            {"policy": purpose_with(requesters=Audience(roles=("clerk",)))}, True, id="may"
        ),
        pytest.param(
            {"policy": purpose_with(requesters=Audience(roles=("chief",)))}, False, id="may not"
        ),
        pytest.param({"policy": lines(EXPORT)}, False, id="would not help"),
    ],
)
def test_a_denial_says_whether_asking_would_help(world: dict[str, Any], requestable: bool) -> None:
    """Not where the scope would not have it, nor for whoever may not ask."""
    decision = decide(LOOK, snapshot(**world, grants=()), NOW)

    assert (decision.reasons, decision.is_requestable) == (("no_grant",), requestable)


def asked(seed: int, count: int = 40) -> tuple[World, Snapshot, list[tuple[Attempt, int]]]:
    """Return a random world with attempts."""
    maker = Maker(seed)
    world = maker.world()
    made = snapshot(world.policy, world.grants, world.attachments, world.directory)
    return world, made, [(maker.attempt(world, n), maker.now()) for n in range(count)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_a_prohibition_of_everything_permits_nothing(seed: int) -> None:
    """Whatever else there is."""
    world, _, attempts = asked(seed)
    policy = replace(world.policy, prohibitions=(*world.policy.prohibitions, BAN))
    made = snapshot(policy, world.grants, world.attachments, world.directory)

    assert not any(decide(each, made, now, spent=world.spent).permit for each, now in attempts)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_more_grants_and_attachments_only_permit_more(seed: int) -> None:
    """Adding one takes nothing away; taking all away leaves the standing purposes."""
    world, made, attempts = asked(seed)
    name = world.policy.purposes[0].id
    more = made.with_grants([*world.grants, Grant("more", "person", "ana", name, 0, 1 << 60)])
    more = more.with_attachments(
        [*world.attachments, Attachment(world.policy.datasets[0].id, name, 0, 1 << 60)]
    )
    fewer = made.with_grants([])

    for attempt, now in attempts:
        decision = decide(attempt, made, now, spent=world.spent)
        if decision.permit:
            assert decide(attempt, more, now, spent=world.spent).permit
        assert decide(attempt, fewer, now, spent=world.spent).permit == (
            decision.permit and decision.reasons == ("standing",)
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_nothing_is_permitted_after_all_grants_have_ended(seed: int) -> None:
    """A snapshot that is old does not let anybody in for longer."""
    world, made, attempts = asked(seed)
    late = max(grant.ends for grant in world.grants)

    for attempt, _ in attempts:
        assert decide(attempt, made, late, spent=world.spent).reasons != ("granted",)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_the_same_is_decided_the_same(seed: int) -> None:
    """Also by another snapshot of the same, and in another order."""
    world, made, attempts = asked(seed)
    other = Snapshot.unpack(made.pack())

    for attempt, now in reversed(attempts):
        assert decide(attempt, made, now, spent=world.spent) == decide(
            attempt, other, now, spent=world.spent
        )


def test_plain_attempts_are_decided_as_all_others() -> None:
    """The short way and the full one, which a prohibition that never holds leads to."""
    never = replace(STOP, actions=("print",))
    ban = replace(BAN, when="actor.unit == 'nowhere'")
    long_way = policy_with(checkpoints=(never,), prohibitions=(ban,))
    attempts = [look(columns=columns, context=context, action=action)
                for columns in (None, ("plate",), ("x",))
                for context in ({}, {"rows": 3})
                for action in ("read", "export", "fly")]  # fmt: skip

    for attempt in attempts:
        short = decide(attempt, snapshot(), NOW)
        assert (
            replace(decide(attempt, snapshot(long_way), NOW), policy_version=short.policy_version)
            == short
        )


def test_a_settled_line_gives_what_looking_into_the_scope_would() -> None:
    """Whatever the world: without the short way each decision is the same."""
    seen = 0
    for seed in range(60):
        world, made, attempts = asked(seed)
        bare = [(msgspec.structs.replace(one, columns=None), now) for one, now in attempts]
        with pytest.MonkeyPatch.context() as patch:
            short = [decide(one, made, now, spent=world.spent) for one, now in bare]
            patch.setattr(decide_module, "_settle_plainly", lambda *_: None)
            assert short == [decide(one, made, now, spent=world.spent) for one, now in bare]
        seen += sum(one.permit for one in short)
    assert seen > 0


def test_room_for_names_that_nobody_declared_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes up names fills no memory."""
    monkeypatch.setattr("ombud.access.compiled.STRANGE_ACTS_MAX", 10)
    made = snapshot(lines(READ, line_with(name="records", type="record", resources=("*",))))

    for number in range(100):
        attempt = look(resource_type="record", resource_id=f"x{number}")
        assert decide(attempt, made, NOW).permit
        assert len(made.compiled._strange) <= 10


def test_room_for_acts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is forgotten is worked out again."""
    monkeypatch.setattr("ombud.access.compiled.ACTS_MAX", 1)
    made = snapshot()

    for _ in range(3):
        assert decide(LOOK, made, NOW).permit
        assert decide(look(action="search"), made, NOW).permit
        assert len(made.compiled.acts) <= 1
