"""The snapshot: known by its hash, carried to other processes, never changed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from doubles.access_worlds import (
    ANA,
    CARE,
    GRANT,
    LOOK,
    NOW,
    PLATES,
    POLICY,
    READ,
    THEFT,
    line_with,
    policy_with,
    purpose_with,
    snapshot,
)
from ombud.access.attempt import Attachment
from ombud.access.canonical import canonical_policy, hash_policy
from ombud.access.decide import decide
from ombud.access.model import (
    Audience,
    Checkpoint,
    CheckpointKind,
    Dataset,
    Entity,
    Hours,
    Limits,
    Policy,
    Prohibition,
)
from ombud.access.snapshot import Snapshot, compile_policy, packed_hash
from ombud.core.errors import InputError, TamperError

replace = msgspec.structs.replace


def test_the_version_is_that_of_the_policy_alone() -> None:
    """Grants, attachments and the directory do not change it; any word of the policy does."""
    made = snapshot()

    assert made.version == hash_policy(POLICY) == snapshot(grants=()).version
    assert made.with_grants([]).version == made.version
    assert made.with_attachments([Attachment("plates", "care", 0, 1)]).version == made.version
    assert made.with_directory({}).version == made.version
    assert hash_policy(policy_with(zone="Europe/Dublin")) != made.version


def test_policies_that_say_the_same_have_one_version() -> None:
    """The order of files and what is written out at its default make no difference."""
    turned = replace(POLICY, purposes=POLICY.purposes[::-1], datasets=POLICY.datasets[::-1])
    spelt = purpose_with(limits=Limits(), audience=None, scope=(replace(READ, limits=Limits()),))

    assert hash_policy(turned) == hash_policy(spelt) == hash_policy(POLICY)


def test_the_order_of_lines_is_a_part_of_the_policy() -> None:
    """The first that matches decides."""
    two = (READ, line_with(name="other", columns=("plate",)))

    assert hash_policy(purpose_with(scope=two)) != hash_policy(purpose_with(scope=two[::-1]))


def test_the_canonical_form_stays() -> None:
    """A version that is in the record must be found again; these bytes never change."""
    policy = Policy(purposes=(CARE,), datasets=(Dataset(id="plates"),))

    assert canonical_policy(policy) == (
        b'{"datasets":[{"id":"plates"}],"purposes":[{"id":"care","title":"Care"}]}'
    )


def test_false_is_not_taken_for_nought() -> None:
    """Values that Python takes for equal are told apart."""
    true, one = (
        policy_with(entities=(Entity(type="x", id="y", attributes={"a": value}),))
        for value in (True, 1)
    )

    assert hash_policy(true) != hash_policy(one)


def test_what_is_packed_is_unpacked() -> None:
    """With all that is in it; and the same bytes come of it again."""
    attached = Attachment("plates", "care", 0, NOW + 1)
    made = snapshot(attachments=[attached])
    packed = made.pack()

    other = Snapshot.unpack(packed)

    assert (other.version, other.grants, other.attachments) == (
        made.version, made.grants, made.attachments,
    )  # fmt: skip
    assert other.actors["person", "ana"].attributes == made.actors["person", "ana"].attributes
    assert other.pack() == packed
    assert snapshot(attachments=[attached]).pack() == packed
    assert len(packed_hash(packed)) == 64
    assert packed_hash(packed) != packed_hash(made.with_grants([]).pack())
    assert decide(LOOK, other, NOW) == decide(LOOK, made, NOW)


def test_a_policy_that_is_known_is_not_compiled_again() -> None:
    """And one of another version is never taken for it."""
    made = snapshot()
    packed = made.pack()
    other = compile_policy(policy_with(zone="Europe/Dublin"))

    assert Snapshot.unpack(packed, made.compiled).compiled is made.compiled
    assert Snapshot.unpack(packed, other).version == made.version


@pytest.mark.parametrize("at", [20, 60, -1])
def test_bytes_that_were_changed_are_refused(at: int) -> None:
    """In the hash, at the beginning and at the end."""
    spoilt = bytearray(snapshot().pack())
    spoilt[at] ^= 1

    with pytest.raises(TamperError):
        Snapshot.unpack(spoilt)


@pytest.mark.parametrize("data", [b"", b"ombud snapshot 1\n", b"ombud snapshot 2\n" + bytes(99)])
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    """Too short, or of another version."""
    with pytest.raises(InputError, match="not a packed snapshot"):
        Snapshot.unpack(data)


def test_a_new_snapshot_leaves_the_old_one_as_it_is() -> None:
    """Who still looks into it gets its answers."""
    made = snapshot()

    fewer = made.with_grants([])

    assert decide(LOOK, made, NOW).permit
    assert not decide(LOOK, fewer, NOW).permit


def test_what_is_handed_in_can_change_afterwards() -> None:
    """A snapshot has its own copy of attributes."""
    known = {("person", "ana"): dict(ANA["person", "ana"])}
    made = snapshot(directory=known)

    known["person", "ana"]["unit"] = "south"

    assert made.actors["person", "ana"].units == {"north", "county"}
    assert Snapshot.unpack(made.pack()).actors["person", "ana"].units == {"north", "county"}


def line(**changes: Any) -> Policy:
    """Return the policy with a line changed."""
    return policy_with(line_with(**changes))


FAULTS = [
    (policy_with(when_no_purpose="fun"), "`when_no_purpose` is `fun`"),
    (purpose_with(standing=True), "standing and says nothing of its audience"),
    (purpose_with(scope=(READ, READ)), "two lines of one name"),
    (line(resources=("nothing",)), "line `look-up` of purpose `theft` names the dataset `nothing`"),
    (line(actions=("fly",)), "names the action `fly`"),
    (line(when="actor.colour == 'x'"), "line `look-up` of purpose `theft`: condition, column 1"),
    (line(row_filter="row.plate =="), "row filter, column"),
    (line(row_filter="row.plate == actor.colour"), "`actor.colour` cannot be put in"),
    (line(hours=(Hours(days=(1,), since=0, until=1, zone="Mars"),)), "no time zone `Mars`"),
    (policy_with(datasets=(PLATES, PLATES)), "`plates` is declared twice"),
    (policy_with(datasets=(replace(PLATES, sources=("x",)),)), "derived from `x`"),
    (policy_with(datasets=(replace(PLATES, sources=("plates",)),)), "derived from itself"),
    (policy_with(datasets=(replace(PLATES, intended=("fun",)),)), "no purpose `fun`"),
    (policy_with(datasets=(replace(PLATES, columns=PLATES.columns * 2),)), "column `plate` twice"),
    (policy_with(entities=POLICY.entities * 2), "entity `record:r1` is declared twice"),
    (
        policy_with(prohibitions=(Prohibition(name="x", reason="", audience=Audience()),)),
        "prohibition `x` speaks of nobody",
    ),
    (
        purpose_with(prohibitions=(Prohibition(name="x", reason="", resources=("no",)),)),
        "prohibition `x` of purpose `theft` names the dataset `no`",
    ),
    (
        policy_with(
            checkpoints=(
                Checkpoint(name="x", kind=CheckpointKind.TEXT, prompt="", audience=Audience()),
            )
        ),
        "checkpoint `x` stops nobody",
    ),
    (purpose_with(audience=Audience(when="nope")), "audience of purpose `theft`"),
]


@pytest.mark.parametrize(("policy", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_refuses_what_cannot_be_compiled(policy: Policy, said: str) -> None:
    """Whatever way a policy came, what is wrong with it is named."""
    with pytest.raises(InputError, match=said):
        compile_policy(policy)


def test_circles_of_sources_are_shown() -> None:
    """With all who are in it."""
    datasets = tuple(
        Dataset(id=name, sources=(source,)) for name, source in (("a", "b"), ("b", "c"), ("c", "a"))
    )

    with pytest.raises(InputError, match="`a` from `b` from `c` from `a`"):
        compile_policy(policy_with(datasets=(PLATES, *datasets)))


def test_a_dataset_of_two_ways_to_one_source_is_no_circle() -> None:
    """A diamond is."""
    datasets = (
        PLATES,
        Dataset(id="a", sources=("plates",)),
        Dataset(id="b", sources=("plates",)),
        Dataset(id="c", sources=("a", "b")),
    )

    compiled = compile_policy(policy_with(datasets=datasets))

    assert [name for _, name in compiled.things["dataset", "c"].origins] == [
        "c",
        "a",
        "plates",
        "b",
    ]


def test_grants_for_purposes_there_are_no_more_do_not_matter() -> None:
    """A policy that dropped a purpose leaves its grants without effect."""
    made = snapshot(grants=[replace(GRANT, purpose="gone"), GRANT])

    assert decide(LOOK, made, NOW).grant == "g1"
    assert THEFT.id in made.compiled.purposes
