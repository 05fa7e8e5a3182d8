"""Nothing that lowers oversight goes unseen: field by field, and by what is decided."""

from __future__ import annotations

import random
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.access_worlds import CARE, DAY, GRANT, NOW, PLATES, READ, THEFT, policy_with
from ombud.access.attempt import Attachment
from ombud.access.decide import decide
from ombud.access.decision import Decision
from ombud.access.difference import PolicyDiff, diff_policies
from ombud.access.model import (
    Approval,
    Attributes,
    Audience,
    Column,
    Dataset,
    Entity,
    Limits,
    Line,
    Mask,
    MaskKind,
    Policy,
    Prohibition,
    Terms,
)
from ombud.access.rule_change import TIGHTENED
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.bench.random_policy import Maker
from ombud.bench.random_world import World
from ombud.core.errors import InputError

replace = msgspec.structs.replace
BEN, CY = Audience(actors=("person:ben",)), Audience(actors=("person:cy",))
MARKED = Column(name="ssn", classifications=("secret",), prohibited=("care",))
OWNED = Dataset(id="owned", owner="person:ben", columns=(MARKED,), subject="person")
DERIVED = Dataset(id="derived", sources=("owned",))
WIDE = replace(READ, name="wide")
BOUND = replace(
    READ, name="bound", limits=Limits(rows_per_day=5), notify=("person:dpo",), watermark=True
)
OPEN = (CARE, replace(THEFT, scope=(replace(READ, actions=("*",)),)))
BAN = Prohibition(name="never", reason="Law", classifications=("secret",))
TERMS = Terms(name="status", jurisdiction="NL", reason="Law", words=("immigration",))


def theft(**changes: Any) -> dict[str, Any]:
    """Return what makes the policy one whose purpose is changed."""
    return {"purposes": (CARE, replace(THEFT, **changes))}


def data(dataset: Dataset) -> dict[str, Any]:
    """Return what makes the policy one with this dataset."""
    return {"datasets": (PLATES, dataset, DERIVED)}


def ana(**attributes: Any) -> dict[str, Any]:
    """Return what makes the policy one that says this of Ana."""
    return {"entities": (Entity(type="person", id="ana", attributes=attributes),)}


def difference(old: dict[str, Any], new: dict[str, Any], **known: Any) -> PolicyDiff:
    """Return what comes of a change."""
    return diff_policies(policy_with(**old), policy_with(**new), [GRANT], **known)


LOWERED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("anybody may ask", theft(requesters=BEN), theft(), "may now be asked for by anybody"),
    ("others may ask", theft(requesters=BEN), theft(requesters=CY), "may now be asked for by"),
    ("another owner", theft(owner="person:ben"), theft(owner="person:cy"),
     "spoken for by person:cy"),
    ("a purpose let loose", theft(parent="care"), theft(parent=None), "no longer below care"),
    ("an owner of data", data(OWNED), data(replace(OWNED, owner="person:cy")),
     "dataset owned: may now be decided by person:cy"),
    ("owners who leave it to another", data(replace(OWNED, approval=Approval(approvers=CY))),
     data(OWNED), "dataset owned: may now be decided by person:ben"),
    ("a marked column gone", data(OWNED), data(replace(OWNED, columns=(Column(name="x"),))),
     "is gone, with its marks"),
    ("columns not declared", data(replace(OWNED, columns=(Column(name="x"),))),
     data(replace(OWNED, columns=())), "no longer declares its columns"),
    ("columns declared", data(replace(OWNED, columns=())), data(OWNED), "now declares its columns"),
    ("a column of another type", data(replace(OWNED, columns=(Column(name="x", type="int"),))),
     data(replace(OWNED, columns=(Column(name="x", type="double"),))), "is double"),
    ("about nobody", data(OWNED), data(replace(OWNED, subject=None)), "`subject` is changed"),
    ("an attribute of data", data(replace(OWNED, attributes={"status": "sealed"})),
     data(OWNED), "`attributes` is changed"),
    ("data of another type", data(replace(OWNED, id="owned", type="card")),
     {"datasets": (PLATES,)}, "owned: is gone"),
    ("classes in place of names", {"prohibitions": (replace(BAN, columns=("x",)),)},
     {"prohibitions": (BAN,)}, "prohibition never: holds for columns only where"),
    ("somebody new", {"entities": ()}, ana(role="chief"), "other stored attributes: role"),
    ("a program with a role", {"entities": ()},
     {"entities": (Entity(type="service", id="job", attributes={"role": "chief"}),)},
     "service:job: has other stored attributes: role"),
    ("somebody promoted", ana(role="clerk"), ana(role="chief"), "other stored attributes: role"),
    ("somebody forgotten", ana(cleared=False), {"entities": ()}, "stored attributes: cleared"),
    ("a law of another place", {"terms": (TERMS,)},
     {"terms": (replace(TERMS, jurisdiction="XX"),)}, "holds in XX, no longer in NL"),
    ("another type", {"attributes": Attributes(actor={"level": "int"})},
     {"attributes": Attributes(actor={"level": "double"})}, "is double, no longer int"),
    ("an action that a wildcard takes in", {"purposes": OPEN, "actions": ()},
     {"purposes": OPEN, "actions": ("print",)}, "print is an action now"),
    ("a free day", {}, {"holidays": ("2026-12-25",)}, "put off by 2026-12-25"),
    ("another zone", {}, {"zone": "Asia/Tokyo"}, "of `Asia/Tokyo`"),
    ("a wider line first", theft(scope=(BOUND,)), theft(scope=(WIDE, BOUND)),
     "line wide: `rows_per_day` is unbounded, was 5"),
    ("lines swapped", theft(scope=(BOUND, WIDE)), theft(scope=(WIDE, BOUND)),
     "line wide: no longer tells person:dpo"),
    ("the stricter line gone", theft(scope=(BOUND, WIDE)), theft(scope=(WIDE,)),
     "line wide: no longer marks what is shown"),
    ("the first line widened", theft(scope=(replace(WIDE, when="actor.cleared"), BOUND)),
     theft(scope=(WIDE, BOUND)), "line wide: `rows_per_day` is unbounded, was 5"),
    ("the stricter line of all acts narrowed", theft(scope=(replace(BOUND, actions=("*",)), WIDE)),
     theft(scope=(replace(BOUND, actions=("*",), areas=("a1",)), WIDE)),
     "line wide: `rows_per_day`"),
    ("the stricter line narrowed", theft(scope=(BOUND, WIDE)),
     theft(scope=(replace(BOUND, when="actor.cleared"), WIDE)), "line wide: `rows_per_day`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"), [row[1:] for row in LOWERED], ids=[row[0] for row in LOWERED]
)
def test_it_lowers_oversight(old: dict[str, Any], new: dict[str, Any], said: str) -> None:
    """Each of these can let through what was stopped, or be seen by fewer."""
    lowered = difference(old, new).lowers_oversight

    assert any(said in sentence for sentence in lowered), lowered


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (theft(), theft(requesters=BEN)),
        (theft(requesters=Audience(actors=("person:ben", "person:cy"))), theft(requesters=CY)),
        (theft(scope=(WIDE, BOUND)), theft(scope=(BOUND, WIDE))),
        (theft(scope=(BOUND,)), theft(scope=(BOUND, WIDE))),
        (theft(scope=(WIDE,)), theft(scope=(BOUND, WIDE))),
        (theft(scope=(WIDE, BOUND)), theft(scope=(replace(WIDE, when="actor.cleared"), BOUND))),
        ({"holidays": ("2026-12-25",)}, {}),
        ({"actions": ()}, {"actions": ("print",)}),
    ],
)
def test_it_does_not_lower_oversight(old: dict[str, Any], new: dict[str, Any]) -> None:
    """What only tightens is told, and needs nobody outside."""
    found = difference(old, new)

    assert found.lowers_oversight == ()
    assert not found.is_empty


def test_rights_to_what_need_not_be_declared_are_told() -> None:
    """Things of AuthZEN's types are seldom declared, and lines speak of them all the same."""
    cards = Line(name="cards", actions=("export",), resources=("*", "c1"), type="card")
    found = difference({}, theft(scope=(READ, cards)))
    narrowed = difference(theft(scope=(READ, cards)), theft(scope=(READ,)))
    known = Entity(type="card", id="c7", attributes={})
    stored = difference(
        theft(scope=(READ, cards)), {**theft(scope=(READ, cards)), "entities": (known,)}
    )

    assert [change.resource for change in found.gains] == ["*", "c1"]
    assert [change.resource for change in narrowed.loses] == ["*", "c1"]
    assert stored.gains == ()


def test_rights_to_what_is_attached_are_told() -> None:
    """A dataset that was not intended is a right of whoever has it attached."""
    plates = (replace(PLATES, intended=("care",)),)
    row = {"row_filter": "row.plate == 'x'"}
    old = {"datasets": plates, "purposes": (CARE, replace(THEFT, parent=None, scope=(
        replace(READ, **row),)))}  # fmt: skip
    new = {**old, "purposes": (CARE, replace(THEFT, parent=None, scope=(READ,)))}
    attachment = Attachment("plates", "theft", NOW - DAY, NOW + DAY)

    assert difference(old, new, attachments=[attachment]).gains
    assert not difference(old, new).gains


def test_what_another_line_gives_is_told() -> None:
    """A line that is narrowed leaves the rest to the next one, which may mask less."""
    masked = replace(READ, name="masked", masks=(Mask(column="plate", kind=MaskKind.NULL),))
    narrow = replace(masked, until=NOW)

    found = difference(theft(scope=(masked, WIDE)), theft(scope=(narrow, WIDE)))

    assert {what for change in found.gains for what in change.what} == {"column plate unmasked"}


def test_an_end_of_the_purpose_above_is_told() -> None:
    """A purpose ends with the one that it is part of."""
    old = {"purposes": (replace(CARE, until=NOW), THEFT)}

    gained = [what for change in difference(old, {}).gains for what in change.what]

    assert gained == ["the purpose ends later"]


def test_data_moved_into_reach_is_told() -> None:
    """A line bound to systems has what lies there."""
    line = replace(READ, systems=("anpr",))
    away = {**theft(scope=(line,)), "datasets": (replace(PLATES, system="hr"),)}

    assert difference(away, theft(scope=(line,))).gains


def parts_of(value: Any) -> list[msgspec.Struct]:
    """Return a value and all that it is made of."""
    found = [value] if isinstance(value, msgspec.Struct) else []
    inner = [getattr(value, name) for name in value.__struct_fields__] if found else value
    for each in inner if isinstance(inner, list | tuple) else ():
        found += parts_of(each)
    return found


def swapped(value: Any, part: Any, other: Any) -> Any:
    """Return a value with one part of it replaced."""
    if value is part:
        return other
    if isinstance(value, tuple):
        return tuple(swapped(each, part, other) for each in value)
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {name: swapped(getattr(value, name), part, other) for name in value.__struct_fields__}
    return replace(value, **fields)


def change(policy: Policy, donor: Policy, chance: random.Random) -> Policy:
    """Return a policy with one field of one of its parts as it is elsewhere."""
    kinds = sorted({type(each).__name__ for each in parts_of(policy)})
    while True:
        kind = chance.choice(kinds)
        choices: list[Any] = [
            [each for each in parts_of(one) if type(each).__name__ == kind]
            for one in (policy, donor)
        ]
        if not all(choices):
            continue
        part, given_by = (chance.choice(each) for each in choices)
        name = chance.choice(part.__struct_fields__)
        if getattr(part, name) != getattr(given_by, name):
            other = replace(part, **{name: getattr(given_by, name)})
            return cast("Policy", swapped(policy, part, other))


def is_freer(before: Decision, after: Decision) -> bool:
    """Whether an act is let through that was not, or with less that binds it."""
    if not after.permit:
        return False
    kept = {each.id: each.parameters for each in after.obligations}
    lost = any(
        each.id not in kept for each in before.obligations if each.id not in {"columns", "max_rows"}
    )
    return not before.permit or lost


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1_000_000))
def test_whoever_is_let_in_anew_is_told_of(seed: int) -> None:
    """A permit where there was a denial comes of something that the difference says."""
    maker = Maker(seed)
    world, donor = maker.world(), maker.world()
    policy = change(world.policy, donor.policy, random.Random(seed))
    try:
        now = with_policy(world, policy)
    except InputError:
        return
    was = with_policy(world, world.policy)
    people = {f"{type_}:{id_}": known for (type_, id_), known in world.directory.items()}
    found = diff_policies(world.policy, policy, world.grants, people, world.attachments)
    # An act that is bound to fewer rows may need no checkpoint.
    is_bound = any((rule.rule, rule.effect) == ("limit", TIGHTENED) for rule in found.rules)
    if found.gains or found.lowers_oversight or is_bound:
        return

    for number in range(40):
        attempt, instant = maker.attempt(world, number), maker.now()
        before, after = (decide(attempt, each, instant, spent=world.spent) for each in (was, now))
        assert not is_freer(before, after), (before, after, found.lines())


def with_policy(world: World, policy: Policy) -> Snapshot:
    """Return a snapshot of a world under another policy."""
    return Snapshot.make(
        compile_policy(policy),
        grants=world.grants,
        attachments=world.attachments,
        directory=world.directory,
    )
