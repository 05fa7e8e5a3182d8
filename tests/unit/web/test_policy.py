"""Policy over HTTP: each question reaches its use case whole, and malformed ones reach none."""

from __future__ import annotations

from typing import Any

import pytest

from doubles.web_home import Client, Services
from ombud.services.policy_wanted import AttemptWanted, PolicyWanted, SimulationWanted
from ombud.web.app import create_app
from ombud.web.limits import Limits

FILES = {"a.yaml": "purposes: {}"}
ATTEMPT: dict[str, Any] = {"actor": "person:ana", "action": "read", "resource": "dataset:plates"}


def post(client: Client, path: str, body: Any, token: str | None = "tok-admin") -> Any:
    """Send a question."""
    return client.ask("POST", f"/v1/policy{path}", json=body, token=token)


@pytest.mark.parametrize(
    ("path", "body", "status", "asked"),
    [
        ("/check", {"files": FILES}, 200, ("check", FILES)),
        ("/diff", {"files": FILES, "why": "w"}, 200, ("diff", PolicyWanted(FILES, why="w"))),
        (
            "/versions",
            {"files": FILES, "compared_with": 7},
            201,
            ("apply", PolicyWanted(FILES, compared_with=7)),
        ),
        (
            "/explanations",
            {**ATTEMPT, "context": {"rows": 5}},
            200,
            ("explain", AttemptWanted(**ATTEMPT, context={"rows": 5})),
        ),
        (
            "/simulations",
            {"files": FILES, "days": 5, "workflow": "w"},
            200,
            ("simulate", SimulationWanted(FILES, days=5, workflow="w")),
        ),
        ("/proposals/p2/confirmation", {"why": "yes"}, 200, ("confirm", "p2")),
        ("/proposals/p1/refusal", {"why": "no"}, 200, ("refuse", "p1")),
    ],
)
def test_question_reaches_its_use_case(
    client: Client, services: Services, path: str, body: Any, status: int, asked: Any
) -> None:
    """With everything that was said, in the name of whoever asks."""
    answer = post(client, path, body)

    assert (answer.status_code, answer.json()) == (status, {"asked": asked[0]})
    said = services.asked[0]
    assert (said[0], said[1], said[-1]) == (f"policy_{asked[0]}", asked[1], "tok-admin's owner")
    assert said[2] == ({"why": body["why"]} if asked[0] in {"confirm", "refuse"} else {})


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", ("show", None, {})),
        ("?policy=p1", ("show", "p1", {})),
        ("/status", ("status", {})),
        ("/history?limit=3", ("history", {"limit": 3})),
        ("/proposals?ended=true", ("proposals", {"limit": 100, "ended": True})),
    ],
)
def test_look_reaches_its_use_case(
    client: Client, services: Services, path: str, asked: tuple[Any, ...]
) -> None:
    """Versions and proposals, as they are asked for."""
    answer = client.ask("GET", f"/v1/policy{path}", token="tok-search")

    assert answer.status_code == 200
    assert services.asked[0] == (f"policy_{asked[0]}", *asked[1:], "tok-search's owner")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/versions", [], 400, id="no object"),
        pytest.param("/versions", {"files": ["a"]}, 400, id="no texts"),
        pytest.param("/versions", {"files": {"a": 7}}, 400, id="no text"),
        pytest.param("/versions", {"files": {}, "forse": True}, 400, id="unknown field"),
        pytest.param("/versions", {"files": {"a": "x" * 5_000}}, 413, id="large"),
        pytest.param("/simulations", {"files": {"a": "x" * 5_000}}, 413, id="large replay"),
        pytest.param("/simulations", {"files": {}, "days": "x"}, 400, id="no days"),
        pytest.param("/explanations", {"actor": "a"}, 400, id="no action"),
        pytest.param("/proposals/p/confirmation", {"why": "x" * 600}, 413, id="large why"),
        pytest.param("/proposals/p/refusal", {"why": []}, 400, id="no why"),
    ],
)
def test_malformed_question_reaches_nobody(
    services: Services, path: str, body: Any, status: int
) -> None:
    """The documented status, one shape, and nothing is asked."""
    limits = Limits(question_max=500, policy_max=4_000)
    answer = post(Client(create_app(services.as_home(), limits=limits)), path, body)

    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert services.asked == []


@pytest.mark.parametrize(
    "path", ["", "/status", "/history", "/proposals", "/check", "/versions", "/simulations"]
)
def test_nobody_asks_without_a_token(client: Client, path: str) -> None:
    """Each needs one; and applying needs the scope before the body is read."""
    method = "POST" if path in {"/check", "/versions", "/simulations"} else "GET"
    body = {"json": {"files": FILES}} if method == "POST" else {}

    assert client.ask(method, f"/v1/policy{path}", **body).status_code == 401
    if path == "/versions":
        assert post(client, path, {"files": FILES}, token="tok-search").status_code == 403


def test_monitors_are_told_what_should_not_stay(client: Client, services: Services) -> None:
    """That one person may change the policy is told to whoever asks how the home is."""
    services.noted = ["one person may change the policy until tomorrow"]
    answer = client.ask("GET", "/readyz").json()

    assert answer["notes"] == ["one person may change the policy until tomorrow"]
