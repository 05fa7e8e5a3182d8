"""Request members: one person behind every name that the directory knows of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ombud.access.model import Entity, Policy
from ombud.app.home import OpenHome, open_here
from ombud.services.asker import Asker
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.services.request_members import Members

FILES = {
    "person": "person,name\nana,Ana\nben,Ben\neve,Eve\n",
    "account": "account,system,person,from,to\nana-adm,,ana,,\nold,,ana,2020-01-01,2021-01-01\n",
    "unit": "unit,parent\ncounty,\n",
    "membership": "person,unit,role\nana,county,officer\nben,county,clerk\n",
}
NOW = 1_795_305_600_000


@pytest.fixture
def opened(home: Path) -> Iterator[OpenHome]:
    """Return a home that knows its people."""
    with open_here(home) as one:
        files = [WantedFile(f"{kind}.csv", text=text) for kind, text in FILES.items()]
        asker = Asker(person="cy", scopes=frozenset({"admin"}))
        one.directory.load(DirectoryWanted(files, force=True), asker=asker)
        yield one


def members(opened: OpenHome, policy: Policy | None = None) -> Members:
    """Return everybody."""
    return Members(policy or Policy(), opened.control.directory, NOW)


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("person:ana-adm", True),
        ("person:ANA-ADM", True),
        ("user:Ana", True),
        ("person:old", False),  # It was theirs once, and may be somebody else's.
        ("person:ben", False),
    ],
)
def test_accounts_are_their_person(opened: OpenHome, other: str, is_same: bool) -> None:
    """In either direction, however the name is written."""
    found = members(opened)

    assert found["person:ana"].is_same(found[other]) is is_same
    assert found[other].is_same(found["person:ana"]) is is_same


def test_who_has_no_unit_is_not_known(opened: OpenHome) -> None:
    """What the directory does not say cannot be told; a stored role of the policy says it."""
    stored = Policy(entities=(Entity(type="person", id="eve", attributes={"role": "chief"}),))

    assert members(opened)["person:ana-adm"].is_known
    assert not members(opened)["person:eve"].is_known
    assert not members(opened)["person:nobody"].is_known
    assert members(opened, stored)["person:eve"].is_known


def test_without_a_directory_nobody_is_unknown(home: Path) -> None:
    """Where there is none, it forgets nobody."""
    with open_here(home) as opened:
        assert members(opened)["person:nobody"].is_known
