"""Explaining: every part of a decision, as a look, and nothing that a program may act on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.core.errors import Forbidden, InputError
from ombud.services.asker import Asker
from ombud.services.policy_wanted import AttemptWanted, PolicyWanted

ANA = Asker(person="ana", scopes=frozenset({"admin", "simulate"}))
POLICY = """
datasets: {plates: {}}
purposes:
  thefts:
    title: Find thieves
    audience: {types: [person]}
    standing: true
    scope: [{name: all, actions: [read], resources: [plates]}]
"""
WANTED: dict[str, Any] = {
    "actor": "person:ana",
    "action": "read",
    "resource": "dataset:plates",
    "purpose": "thefts",
    "why": "asked",
    "case": "C-1",
}


@pytest.fixture
def opened(home: Path) -> Iterator[OpenHome]:
    """Return a home with a policy."""
    with open_here(home) as one:
        one.access.policy.policies.apply(PolicyWanted({"p.yaml": POLICY}), asker=ANA)
        yield one


def ask(opened: OpenHome, asker: Asker = ANA, **other: Any) -> dict[str, Any]:
    """Ask how something would be decided."""
    wanted = AttemptWanted(**{**WANTED, **other})
    return opened.access.policy.explaining.explain(wanted, asker=asker)


def test_explanation_has_reasons_and_parts(opened: OpenHome) -> None:
    """Under the policy in force, or another one; the look is on record, and no decision is."""
    permitted, denied = ask(opened), ask(opened, action="write")
    other = ask(opened, files={"p.yaml": POLICY.replace("[person]", "[service]")})

    assert (permitted["would_permit"], permitted["would"]["reasons"]) == (True, ["standing"])
    assert (denied["would_permit"], denied["reasons"][0]["code"]) == (False, "out_of_scope")
    assert other["reasons"][0]["code"] == "not_in_audience"
    assert "permit" not in permitted
    assert "decision_id" not in permitted["would"]
    size, _ = opened.appender.head()
    looks = opened.reader.fetch(range(size - 3, size))
    assert [look.operation for look in looks] == ["policy.explain"] * 3


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"actor": "ana"}, "`actor` is `type:id`"),
        ({"resource": "dataset:"}, "`resource` is `type:id`"),
        ({"actor": "person:" + "x" * 1_000}, "`actor` is"),
        ({"action": ""}, "an action has"),
        ({"at": 10**18}, "outside of the calendar"),
        ({"why": None}, "looking needs a reason"),
        ({"files": {"p.yaml": "["}}, "p.yaml"),
    ],
)
def test_what_cannot_be_explained(opened: OpenHome, other: dict[str, Any], said: str) -> None:
    """It is refused with the reason."""
    with pytest.raises(InputError, match=said):
        ask(opened, **other)


def test_only_who_may_simulate(opened: OpenHome) -> None:
    """Who holds what is told to no one who may only search."""
    with pytest.raises(Forbidden, match="scope `simulate`"):
        ask(opened, asker=Asker(person="ben", scopes=frozenset({"search"})))
