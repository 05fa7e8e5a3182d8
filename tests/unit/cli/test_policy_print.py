"""Test how versions of the policy are printed."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.cli.policy_print import print_version, print_versions


def version(**other: Any) -> dict[str, Any]:
    """Return a version of a policy, as the services tell of it."""
    return {
        "id": "p1",
        "version": "00",
        "state": "applied",
        "proposed_at": 0,
        "ended_at": 60_000,
        "proposed_by": "ana",
        "reason": "spring",
        "lowers": [],
        "alone": None,
        "confirmations": [],
        "files": ["policy.yaml"],
        **other,
    }


def test_hundreds_of_rights_do_not_fill_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """The first of what lowers oversight are named, and how many more there are."""
    row = version(lowers=[f"right {number}" for number in range(203)])

    print_version(row)
    print_versions([row])

    one, listed = capsys.readouterr().out.split("files", 1)
    for text in (one, " ".join(listed.split())):
        assert "right 2" in text
        assert "right 3" not in text
    assert "right 0; right 1; right 2; and 200 more: `--json` lists them" in one


def test_all_who_confirmed_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a quorum of two, both."""
    confirmed = [{"at": 0, "person": "ben"}, {"at": 60_000, "person": "cy"}]

    print_version(version(confirmations=confirmed))

    out = capsys.readouterr().out
    assert "by ben" in out
    assert "by cy" in out
