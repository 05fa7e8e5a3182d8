"""Differences of policies for people: what is alike stands together, and nothing is lost."""

from __future__ import annotations

import re

import pytest

from ombud.access.difference import diff_policies
from ombud.access.model import Policy
from ombud.cli.policy_difference import PARTS_MAX, find_groups, print_difference
from ombud.config.policy_files import load_policy, shipped_policies_folder

COUNTY = shipped_policies_folder() / "county"


def test_first_policy_of_a_county_fits_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """How much is gained first, then what lowers oversight, then by purpose; the rest counted."""
    diff = diff_policies(Policy(), load_policy(COUNTY)).to_dict()
    print_difference(diff)
    said = capsys.readouterr()
    lines = said.out.splitlines()

    assert len(diff["gains"]) > 150
    assert len(lines) < 60
    assert lines[:2] == [
        "gained  by 18 audiences, over 16 resources, for 25 purposes",
        "lost    nothing",
    ]
    assert lines[2].startswith("! ")
    assert "+ for investigation, .assault, .burglary, .fraud and 4 more" in lines
    assert re.search(r"^\+ and \d+ more; `--all` lists them$", said.err, re.MULTILINE)


def test_all_lists_every_group(capsys: pytest.CaptureFixture[str]) -> None:
    """With everything asked for, no purpose that changes is missing, and nothing is counted."""
    diff = diff_policies(load_policy(COUNTY), Policy()).to_dict()
    print_difference(diff, everything=True)
    said = capsys.readouterr()

    assert said.err == ""
    heads = [line for line in said.out.splitlines() if line.startswith("- for ")]
    assert len(heads) > PARTS_MAX
    assert sum(line.startswith("! ") for line in said.out.splitlines()) == len(
        diff["lowers_oversight"]
    )


def test_groups_are_the_rights_that_changed() -> None:
    """Taken apart again, the groups are what the difference says, each right once."""
    gains = diff_policies(Policy(), load_policy(COUNTY)).to_dict()["gains"]
    taken_apart = {
        (who, purpose) for group in find_groups(gains) for who, _ in group.who
        for purpose in group.purposes
    }  # fmt: skip
    pairs = [
        (who, purpose) for group in find_groups(gains) for who, _ in group.who
        for purpose in group.purposes
    ]  # fmt: skip

    assert taken_apart == {(gain["who"], gain["purpose"]) for gain in gains}
    assert len(pairs) == len(taken_apart)


def test_people_and_parts_are_named() -> None:
    """Who has it now stands beside the audience; in what a right changed, beside the right."""
    change = {
        "who": "role clerk", "purpose": "p", "actions": ["read"], "type": "record",
        "resource": "files", "what": ["at other hours"], "actors": ["person:ana"],
    }  # fmt: skip
    (group,) = find_groups([change])

    assert group.who == (("role clerk", ("person:ana",)),)
    assert group.rights == ("read record files (at other hours)",)
