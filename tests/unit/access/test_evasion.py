"""Evasion: ways around a prohibition, a checkpoint or a limit that must lead nowhere."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from doubles.access_worlds import (
    CARE,
    DAY,
    GRANT,
    NOW,
    PLATES,
    READ,
    THEFT,
    look,
    policy_with,
    snapshot,
)
from ombud.access import compiled
from ombud.access.attempt import Attempt, Fulfilment
from ombud.access.budget import Bounds
from ombud.access.decide import decide
from ombud.access.decision import Decision
from ombud.access.model import (
    Audience,
    Checkpoint,
    CheckpointKind,
    Column,
    Dataset,
    Limits,
    Line,
    Policy,
    Prohibition,
    Terms,
)
from ombud.access.snapshot import compile_policy
from ombud.core.errors import InputError

replace = msgspec.structs.replace
SECRET = Dataset(id="people", columns=(Column(name="ssn", classifications=("secret",)),))
BARE = Dataset(id="bare", sources=("people",))
SHEET = Dataset(id="sheet", type="table", sources=("people",))
RAW = Dataset(id="raw")
ALL = Line(name="all", actions=("read",), resources=("*",))
TABLES = replace(ALL, name="tables", type="table")
CARDS = replace(ALL, name="cards", type="card")
OPEN = (CARE, replace(THEFT, scope=(ALL, TABLES, CARDS)))
BAN = Prohibition(name="never", reason="The council decided so.")
STOP = Checkpoint(name="why", kind=CheckpointKind.TEXT, prompt="Why?")


def asked(attempt: Attempt, **changes: Any) -> Decision:
    """Return the decision of somebody with a grant for everything there is."""
    changes.setdefault("datasets", (PLATES, SECRET, BARE, SHEET, RAW))
    changes.setdefault("purposes", OPEN)
    return decide(attempt, snapshot(policy_with(**changes)), NOW)


@pytest.mark.parametrize(
    ("rule", "attempt"),
    [
        ({"resources": ("people",)}, look(resource_type="table", resource_id="sheet")),
        ({"resources": ("peo*",)}, look(resource_type="table", resource_id="sheet")),
        ({"classifications": ("secret",)}, look(resource_type="table", resource_id="sheet")),
        ({"classifications": ("secret",)}, look(resource_id="bare")),
        ({"classifications": ("secret",)}, look(resource_id="bare", columns=("ssn",))),
        ({"columns": ("ssn",)}, look(resource_id="raw", columns=("SSN",))),
        ({"columns": ("ssn",)}, look(resource_id="raw", columns=("*",))),
        ({"columns": ("ssn",)}, look(resource_id="raw", columns=("x", "s*"))),
        (
            {"columns": ("ssn",), "type": "card", "resources": ("*",)},
            look(resource_type="card", resource_id="c1"),
        ),
    ],
)
def test_no_way_around_a_prohibition(rule: dict[str, Any], attempt: Attempt) -> None:
    """Neither by what is derived, nor by how a column is called, nor by calling none."""
    assert asked(attempt).permit

    decision = asked(attempt, prohibitions=(replace(BAN, **rule),))

    assert decision.reasons == ("prohibited:never",)


@pytest.mark.parametrize(
    "attempt",
    [
        look(resource_id="bare", columns=("other",)),
        look(resource_id="raw"),
        look(resource_type="card", resource_id="c1"),
    ],
)
def test_a_prohibition_of_a_class_is_of_no_other_column(attempt: Attempt) -> None:
    """It reaches what may be of the class, and nothing beyond."""
    rules = (
        replace(BAN, classifications=("secret",)),
        replace(
            BAN, name="two", columns=("ssn",), classifications=("secret",), actions=("search",)
        ),
    )

    assert asked(attempt, prohibitions=rules).permit


@pytest.mark.parametrize(
    "attempt",
    [
        look(resource_type="table", resource_id="sheet"),
        look(resource_id="bare"),
        look(resource_id="bare", columns=("Ssn",)),
    ],
)
def test_no_way_around_a_checkpoint(attempt: Attempt) -> None:
    """What is derived from classified data stops as that does."""
    decision = asked(attempt, checkpoints=(replace(STOP, classifications=("secret",)),))

    assert decision.reasons == ("checkpoint:why",)


@pytest.mark.parametrize("where", ["policy", "above"])
def test_one_fulfilment_is_never_that_of_two_checkpoints(where: str) -> None:
    """An easy checkpoint of a purpose cannot stand in for a hard one of the same name."""
    hard = replace(STOP, kind=CheckpointKind.SECOND_PERSON, approvers=Audience(roles=("judge",)))
    care = replace(CARE, checkpoints=(hard,)) if where == "above" else CARE
    policy = policy_with(
        purposes=(care, replace(THEFT, checkpoints=(STOP,))),
        checkpoints=(hard,) if where == "policy" else (),
    )

    with pytest.raises(InputError, match="two checkpoints `why`"):
        compile_policy(policy)


def test_limits_of_the_purposes_above_hold() -> None:
    """A purpose below cannot take more than the one that it is part of."""
    care = replace(CARE, limits=Limits(rows_per_query=5))
    theft = replace(THEFT, scope=(replace(READ, limits=Limits(rows_per_query=50)),))
    made = snapshot(policy_with(purposes=(care, theft)))

    assert decide(look(context={"rows": 6}), made, NOW).reasons == ("budget_spent:rows",)
    bound = decide(look(), made, NOW).obligations
    assert [each.parameters for each in bound if each.id == "max_rows"] == [{"count": 5}]
    assert Bounds(Limits(), Limits()).is_daily is False


def test_a_colon_in_a_type_makes_nobody_somebody_else() -> None:
    """`person` of `ana:x` is not `person:ana` of `x`."""
    grant = replace(GRANT, actor_type="person:ana", actor_id="x", ends=NOW + DAY)
    theft = replace(THEFT, audience=Audience(actors=("person:ana:x",)))
    made = snapshot(policy_with(purposes=(CARE, theft)), grants=(grant,))
    attempt = look(actor_type="person:ana", actor_id="x")

    assert decide(attempt, made, NOW).reasons == ("not_in_audience",)


def test_a_colon_in_a_type_makes_no_resource_another() -> None:
    """What was justified for one thing is not justified for another."""
    line = Line(name="all", actions=("read",), resources=("*",), type="card:a")
    policy = policy_with(purposes=(CARE, replace(THEFT, scope=(line,))), checkpoints=(STOP,))
    met = Fulfilment("f1", "person", "ana", "theft", "why", NOW + DAY, resources=("card:a:1",))
    attempt = look(resource_type="card:a", resource_id="1", fulfilments=(met,))

    assert decide(attempt, snapshot(policy), NOW).reasons == ("checkpoint:why",)


@pytest.mark.parametrize(
    ("context", "bars"),
    [
        ({"justification": "\U0001d408MMIGRATION"}, True),
        ({"justification": "immi\x00gration"}, True),
        ({"justification": "i\u20ddmmigration"}, True),
        ({"justification": "immi\u3164gration"}, True),
        ({"justification": "about\u2800immigration\uffa0matters"}, True),
        ({"reason_code": "Immigration matter"}, True),
        ({"justification_code": ["x", "immigration"]}, True),
        ({"justification": "a migration"}, False),
    ],
)
@pytest.mark.parametrize("place", [None, "", "nl ", "NL", "be"])
def test_no_way_around_a_barred_word(
    context: dict[str, Any], bars: bool, place: str | None
) -> None:
    """However it is written, in whichever answer; and only another place is another place."""
    terms = Terms(name="status", jurisdiction="NL", reason="Law", words=("immigration",))
    known = {("person", "ana"): {} if place is None else {"jurisdiction": place}}
    made = snapshot(policy_with(terms=(terms,)), directory=known)

    decision = decide(look(context=context), made, NOW)

    is_barred = bars and place != "be"
    assert decision.reasons == (("reason_barred:status",) if is_barred else ("granted",))


def test_made_up_names_slow_nobody_else_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of what was not declared is emptied, and what is plain stays plain."""
    monkeypatch.setattr(compiled, "STRANGE_ACTS_MAX", 3)
    made = snapshot(Policy(purposes=OPEN, datasets=(PLATES,)))
    assert decide(look(), made, NOW).permit
    declared = set(made.compiled.plain)

    for number in range(10):
        assert decide(look(resource_type="card", resource_id=f"c{number}"), made, NOW).permit

    assert declared
    assert declared <= set(made.compiled.plain)
    assert len(made.compiled.plain) <= len(declared) + 3
