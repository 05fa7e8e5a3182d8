"""Searching: exactly what would be permitted, in one order, and never without end."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.access_worlds import GRANT, LOOK, NOW, look, purpose_with, snapshot
from ombud.access.attempt import Attempt
from ombud.access.decide import decide
from ombud.access.find import find_actions, find_resources, find_subjects
from ombud.access.model import Audience
from ombud.access.snapshot import Snapshot
from ombud.bench.random_policy import Maker
from ombud.core.errors import InputError

replace = msgspec.structs.replace


def permits(attempt: Attempt, made: Snapshot, now: int) -> bool:
    """Return the decision alone."""
    return decide(attempt, made, now).permit


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_searches_find_what_asking_for_each_would(seed: int) -> None:
    """All three, for any world, against asking for all that is known."""
    maker = Maker(seed)
    world = maker.world()
    made = snapshot(world.policy, world.grants, world.attachments, world.directory)
    for number in range(6):
        attempt, now = maker.attempt(world, number), maker.now()
        kind, thing = attempt.actor_type, attempt.resource_type

        holders = {(each.actor_type, each.actor_id) for each in world.grants}
        actors = sorted(key for key in {*made.actors, *holders} if key[0] == kind)
        assert find_subjects(made, attempt, now, kind) == [
            key
            for key in actors
            if permits(replace(attempt, actor_type=key[0], actor_id=key[1], actor={}), made, now)
        ]
        things = sorted(key for key in made.compiled.things if key[0] == thing)
        assert find_resources(made, attempt, now, thing) == [
            key
            for key in things
            if permits(replace(attempt, resource_id=key[1], resource={}), made, now)
        ]
        assert find_actions(made, attempt, now) == [
            action
            for action in sorted(made.compiled.actions)
            if permits(replace(attempt, action=action), made, now)
        ]


def test_finds_who_what_and_how() -> None:
    """Whatever the attempt says of what is searched for is put aside."""
    several = [GRANT, replace(GRANT, id="g2", actor_id="ben"), replace(GRANT, id="g3", ends=NOW)]
    made = snapshot(grants=several)

    assert find_subjects(made, look(actor_id="nobody"), NOW, "person") == [
        ("person", "ana"), ("person", "ben"),
    ]  # fmt: skip
    assert find_subjects(made, LOOK, NOW, "service") == []
    assert find_resources(made, look(resource_id=""), NOW, "dataset") == [("dataset", "plates")]
    assert find_resources(made, LOOK, NOW, "door") == []
    assert find_actions(made, look(action=""), NOW) == ["read", "search"]


def test_those_who_stand_are_found_without_a_grant() -> None:
    """All that are known, if they are of the audience."""
    made = snapshot(purpose_with(standing=True, audience=Audience(units=("county",))), grants=())

    assert find_subjects(made, LOOK, NOW, "person") == [("person", "ana")]


@pytest.mark.parametrize("purpose", ["fun", None])
def test_without_a_purpose_nothing_is_found(purpose: str | None) -> None:
    """Neither with none nor with one there is not."""
    made = snapshot()
    attempt = look(purpose=purpose)

    assert find_subjects(made, attempt, NOW, "person") == []
    assert find_resources(made, attempt, NOW, "dataset") == []
    assert find_actions(made, attempt, NOW) == []


def test_a_search_over_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep everybody else waiting."""
    monkeypatch.setattr("ombud.access.find.CANDIDATES_MAX", 1)

    with pytest.raises(InputError, match="2 candidates"):
        find_actions(snapshot(), LOOK, NOW)
