"""Coverage fixes: one line for a directory that is not there, and none that would raise nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.services.coverage_fixes import find_fixes
from ombud.store.coverage import Counted


def counted(*, known: int, events: dict[tuple[str, str], int]) -> Counted:
    """Return counts of events of accounts that no directory knows, by account and system."""
    acted = known + sum(events.values())
    source: dict[str, Any] = {"acted": acted, "person_known": known}
    source |= {"subject_known": 0, "subject_unknown": 0}
    common = {"source": "ocsf", "addresses": 1, "programs": 1, "program": None}
    accounts = [
        {**common, "account": account, "system": system, "events": count}
        for (account, system), count in events.items()
    ]
    return Counted(sources=[source], accounts=accounts)


UNKNOWN = {("ana", "cases"): 60, ("ana", "plates"): 30, ("ben", "plates"): 10}


@pytest.mark.parametrize(
    ("known", "told"),
    [
        pytest.param(0, [(100.0, "nobody behind 2 accounts (`ana`, `ben`)")], id="no directory"),
        pytest.param(
            100, [(30.0, "1 account of cases"), (20.0, "2 accounts of plates")], id="some known"
        ),
    ],
)
def test_a_directory_is_asked_for_once(known: int, told: list[tuple[float, str]]) -> None:
    """While it knows nobody, one line stands for all systems, and counts an account once."""
    fixes = find_fixes(counted(known=known, events=UNKNOWN), {})

    assert [fix.gain_percent for fix in fixes] == [gain for gain, _ in told]
    assert all(words in fix.what for fix, (_, words) in zip(fixes, told, strict=True))


def test_what_would_raise_nothing_is_left_out() -> None:
    """A fix of less than a tenth of a point is not worth a line."""
    assert find_fixes(counted(known=100_000, events={("ana", "cases"): 1}), {}) == []
