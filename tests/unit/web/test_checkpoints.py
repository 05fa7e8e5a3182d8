"""Checkpoints over HTTP: each route over a real desk, its refusals in the one shape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from doubles.desk import CY, GOOD, Desk, open_desk_home
from doubles.web_home import Client
from ombud.services.home import HomeServices
from ombud.web.app import create_app

LOOK = {"why": "care", "case": "C-1"}
PATH = "/v1/checkpoints/reason/justifications"
ANSWER = {"purpose": "theft", "resources": ["dataset:plates"], "answer": {"text": GOOD}}


class Api:
    """The API of an open home whose desk is that of the double."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        services = cast("Any", desk.opened.services)
        services.desk = desk.desk
        self.client = Client(create_app(cast("HomeServices", services)))
        self.tokens = {
            name: services.token_create(
                {"name": name, "person": name, "scopes": scopes}, asker=CY
            )["token"]
            for name, scopes in {
                "ana": ["request"],
                "ben": ["request"],
                "portal": ["decide"],
                "cy": ["search", "admin"],
            }.items()
        }  # fmt: skip

    def ask(self, method: str, path: str, who: str, body: Any = None, **query: Any) -> Any:
        """Return the status and the body of an answer."""
        given: dict[str, Any] = {"params": query} if query else {}
        if body is not None:
            given["json"] = body
        answer = self.client.ask(method, path, token=self.tokens.get(who), **given)
        return answer.status_code, answer.json()


@pytest.fixture
def api(home: Path) -> Iterator[Api]:
    """Return the API."""
    with open_desk_home(home) as desk:
        desk.load_directory()
        desk.load_cases()
        yield Api(desk)


def test_from_question_to_verdict(api: Api) -> None:
    """What is asked, the answer, and what an overseer reads of it."""
    status, listed = api.ask("GET", "/v1/checkpoints", "ana")
    assert status == 200
    assert "reason" in [one["name"] for one in listed["checkpoints"]]
    status, asked = api.ask("GET", "/v1/checkpoints/reason", "portal", purpose="theft")
    assert (status, asked["wording"]) == (200, "What of reason?")
    answer = {**ANSWER, "answer": {"text": GOOD, "case": "C-1", "shown": asked["wording"]}}
    status, met = api.ask("POST", PATH, "ana", answer)
    assert (status, met["verdict"]) == (201, "verified")

    status, found = api.ask("GET", "/v1/justifications", "cy", verdict="verified, stale", **LOOK)
    assert (status, [one["id"] for one in found["justifications"]]) == (200, [met["id"]])
    status, one = api.ask("GET", f"/v1/justifications/{met['id']}", "ana")
    assert (status, one["text"], one["verdict"]) == (200, GOOD, "verified")
    status, report = api.ask("GET", "/v1/justifications/report", "cy", days=7, **LOOK)
    assert (status, report["events"]) == (200, 0)


def test_second_person(api: Api) -> None:
    """Begun by one, confirmed by another, with tokens of their own."""
    body = {**ANSWER, "answer": {"text": GOOD}}
    status, begun = api.ask("POST", "/v1/checkpoints/second/justifications", "ana", body)
    assert (status, begun["state"]) == (201, "awaited")
    path = f"/v1/justifications/{begun['id']}/confirmation"
    assert api.ask("POST", path, "ana", {})[0] == 403
    assert api.ask("POST", path, "portal", {})[0] == 403
    status, waiting = api.ask("GET", "/v1/justifications/awaiting", "ben")
    assert (status, waiting["awaiting"][0]["id"]) == (200, begun["id"])
    assert api.ask("POST", path, "ben", {"declined": False}) == (
        200, {"id": begun["id"], "state": "met"},
    )  # fmt: skip


def test_credential(api: Api) -> None:
    """Set for oneself, proved, and in no answer."""
    status, told = api.ask("PUT", "/v1/credential", "ana", {"secret": "correct horse"})
    assert (status, told["person"]) == (200, "ana")
    path = "/v1/checkpoints/prove/justifications"
    assert (
        api.ask("POST", path, "ana", {"purpose": "theft", "answer": {"secret": "wrong"}})[0] == 401
    )
    proved = api.ask(
        "POST", path, "ana", {"purpose": "theft", "answer": {"secret": "correct horse"}}
    )
    assert proved[0] == 201
    for _ in range(5):
        api.ask("POST", path, "ana", {"purpose": "theft", "answer": {"secret": "wrong"}})
    status, locked = api.ask(
        "POST", path, "ana", {"purpose": "theft", "answer": {"secret": "correct horse"}}
    )
    assert (status, locked["error"]["code"]) == (503, "unavailable")


def test_reference_data(api: Api) -> None:
    """Listed, loaded, checked; what is wrong is said of each table."""
    status, tables = api.ask("GET", "/v1/reference", "cy")
    assert (status, tables["tables"][0]["load"]["rows"]) == (200, 2)
    status, loaded = api.ask("POST", "/v1/reference/loads", "cy", {"why": "nightly"})
    assert (status, loaded["tables"][0]["is_unchanged"]) == (201, True)
    assert api.ask("POST", "/v1/reference/check", "cy", {"tables": ["cases"]})[0] == 200
    status, loads = api.ask("GET", "/v1/reference/cases/loads", "cy")
    assert (status, len(loads["loads"])) == (200, 2)
    assert api.ask("GET", "/v1/reference/nothing/loads", "cy")[0] == 404
    assert api.ask("POST", "/v1/reference/loads", "ana", {})[0] == 403


@pytest.mark.parametrize(
    ("method", "path", "who", "body", "status"),
    [
        ("GET", "/v1/checkpoints", "nobody", None, 401),
        ("POST", PATH, "nobody", ANSWER, 401),
        ("POST", PATH, "cy", ANSWER, 403),
        ("POST", PATH, "ana", {**ANSWER, "actor": "person:ben"}, 403),
        ("POST", PATH, "portal", ANSWER, 400),
        ("POST", PATH, "ana", {**ANSWER, "answer": {"text": "test"}}, 400),
        ("POST", PATH, "ana", {**ANSWER, "answer": {"text": 7}}, 400),
        ("POST", PATH, "ana", {**ANSWER, "answer": {"text": GOOD, "shown": "?"}}, 400),
        ("POST", PATH, "ana", {**ANSWER, "colour": "red"}, 400),
        ("POST", PATH, "ana", [], 400),
        ("POST", "/v1/checkpoints/none/justifications", "ana", ANSWER, 404),
        ("GET", "/v1/checkpoints/none", "ana", None, 404),
        ("GET", "/v1/justifications", "ana", None, 403),
        ("GET", "/v1/justifications?limit=0", "cy", None, 422),
        ("GET", "/v1/justifications/none", "cy", None, 400),
        ("GET", "/v1/justifications/report", "ana", None, 403),
        ("POST", "/v1/justifications/none/confirmation", "ben", {}, 404),
        ("PUT", "/v1/credential", "ana", {"secret": "short"}, 400),
        ("PUT", "/v1/credential", "ana", {"secret": "long enough", "person": "ben"}, 403),
    ],
)
def test_refusals(api: Api, method: str, path: str, who: str, body: Any, status: int) -> None:
    """Each with its status and the one shape, and nothing recorded as met."""
    found, answer = api.ask(method, path, who, body)

    assert found == status, answer
    assert set(answer["error"]) == {"code", "message", "origin", "hint"}
    assert "checkpoint.met" not in api.desk.operations()
