"""Backtests over HTTP: the question reaches its use case whole, malformed ones reach none."""

from __future__ import annotations

from typing import Any

import pytest

from doubles.web_home import Client, Services
from ombud.core.errors import Unavailable
from ombud.services.backtest_wanted import BacktestWanted

WANTED: dict[str, Any] = {"files": {"a.yml": "title: A"}, "rules": ["b"], "days": 5, "why": "w"}


def post(client: Client, body: Any, token: str | None = "tok-search") -> Any:
    """Ask for a backtest."""
    return client.ask("POST", "/v1/rules/backtests", json=body, token=token)


def test_question_reaches_its_use_case(client: Client, services: Services) -> None:
    """With everything that was said, in the name of whoever asks, who can be gone."""
    answer = post(client, WANTED)

    assert (answer.status_code, answer.json()) == (200, {"asked": "backtest"})
    ((name, wanted, named, person),) = services.asked
    assert (name, wanted) == ("policy_backtest", BacktestWanted(**WANTED))
    assert person == "tok-search's owner"
    assert named["is_stopped"]()  # It is over: nobody waits any more.


@pytest.mark.parametrize(
    ("body", "token", "status"),
    [
        ({"files": {"a.yml": 5}}, "tok-search", 400),
        ({"nonsense": 1}, "tok-search", 400),
        ([], "tok-search", 400),
        (WANTED, "tok-ingest", 403),
        (WANTED, None, 401),
    ],
)
def test_malformed_or_not_permitted(
    client: Client, services: Services, body: Any, token: str | None, status: int
) -> None:
    """Refused, and nothing is looked at."""
    assert post(client, body, token).status_code == status
    assert services.asked == []


def test_a_fault_is_answered_as_it_is(client: Client, services: Services) -> None:
    """A second backtest at a time is told when to come again."""
    services.fault = Unavailable("another backtest is running", retry_seconds=30)
    answer = post(client, WANTED)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert answer.json()["error"]["message"] == "another backtest is running"
