"""Approval quality: told of one approver or of all, with the requests, and on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from doubles.request_desk import ANA, CY, DEE, KIM, RequestHome, person
from ombud.core.errors import Forbidden, InputError


def test_what_is_told(tmp_path: Path) -> None:
    """Opened or not, how fast, and for whom; no approver is named unless asked for."""
    home = RequestHome(tmp_path)
    first = home.ask()
    home.requests.show(first, asker=CY)
    home.now += 60_000
    home.step(first, "approve", CY)
    home.step(first, "approve", DEE)  # Never opened.
    second = home.ask(CY)
    home.requests.show(second, asker=DEE)
    home.step(second, "amend", CY, days=3)
    home.now += 10_000
    home.step(second, "approve", DEE)  # Opened only before it was changed.
    eve = person("eve", "search")

    told = home.quality.report(asker=eve)
    assert (told["decisions"], told["approved"], told["approvers"]) == (3, 3, 2)
    assert told["unopened"] == sorted([first, second])
    assert "person:" not in str(told)
    one = home.quality.report(asker=eve, approver="person:cy")
    assert (one["decisions"], one["unopened"], one["hasty"]) == (1, [], [])
    assert (one["decision_seconds_median"], one["reading_seconds_median"]) == (60.0, 60.0)
    assert one["rubber_stamp_index"] is None
    assert home.quality.report(asker=eve, approver="person:dee")["unopened"] == sorted(
        [first, second]
    )
    assert home.looks.noted == ["approvals"] * 3
    home.close()


def test_who_may_ask(tmp_path: Path) -> None:
    """Whoever may search everything, and for a stretch that says something."""
    home = RequestHome(tmp_path)
    with pytest.raises(Forbidden):
        home.quality.report(asker=person("kim", "request", "admin"))
    with pytest.raises(InputError):
        home.quality.report(asker=KIM, seconds=0)
    with pytest.raises(InputError):
        home.quality.report(asker=ANA, approver="cy")
    home.close()
