"""Requests over HTTP: each person for themself, the same by the API and by its own door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from doubles.web_home import Client
from ombud.app.home import OpenHome, open_here
from ombud.app.request_door import RemoteRequests
from ombud.core.errors import OmbudError
from ombud.services.asker import Asker
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.request_wanted import (
    BreakGlassWanted,
    GrantStepWanted,
    RequestWanted,
    StepWanted,
)
from ombud.web.app import create_app

POLICY = """
purposes:
  stolen-vehicles:
    title: Find stolen vehicles
    owner: person:kim
    approval: {approvers: {actors: [person:kim, person:cy]}, quorum: 1}
    break_glass: {reasons: [danger-to-life], notify: [person:dpo]}
datasets: {plates: {owner: person:cy, intended: []}}
"""
ROOT = Asker(person="root", scopes=frozenset({"admin", "search"}), via="cli")
WHY: dict[str, Any] = {"why": "review", "case": "C-1"}
Door = Callable[[str], RemoteRequests]


class _RefusedError(OmbudError):
    """What the server answered, if it is no."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """Return a home with a policy."""
    with open_here(tmp_path_factory.mktemp("home")) as one:
        one.services.policies.apply(PolicyWanted({"p.yaml": POLICY}, why="first"), asker=ROOT)
        yield one


@pytest.fixture(scope="module")
def client(opened: OpenHome) -> Client:
    """Return a client to the home's application."""
    return Client(create_app(opened.services))


@pytest.fixture(scope="module")
def tokens(opened: OpenHome) -> dict[str, str]:
    """Return a token for each of some people."""
    scopes = {"ana": ["request"], "kim": ["request"], "cy": ["request"], "eve": ["search"],
              "boss": ["admin"]}  # fmt: skip
    return {
        name: opened.services.token_create({"name": name, "scopes": of}, asker=ROOT)["token"]
        for name, of in scopes.items()
    }


@pytest.fixture(scope="module")
def door(client: Client, tokens: dict[str, str]) -> Door:
    """Return the door by which a command asks a running home, with somebody's token."""

    def of(name: str) -> RemoteRequests:
        def call(method: str, path: str, *, body: Any = None, **query: Any) -> dict[str, Any]:
            params = {key: value for key, value in query.items() if value is not None}
            answer = client.ask(method, path, token=tokens[name], json=body, params=params)
            if answer.is_error:
                raise _RefusedError(f"{answer.status_code} {answer.json()['error']['message']}")
            return dict(answer.json())

        return RemoteRequests(call)

    return of


def test_the_course_of_a_request(door: Door, opened: OpenHome) -> None:
    """Asked for, seen by who decides, approved, given on, revoked; and looked at by others."""
    wanted = RequestWanted(purpose="stolen-vehicles", text="Case 1", days=3)
    request = door("ana").request_open(wanted)["id"]
    waits = door("kim").request_list(for_me=True, states=(), everything=False, why=None, case=None)
    assert [row["awaits"] for row in waits["requests"]] == ["decision"]
    assert door("kim").request_show(request, why=None, case=None)["awaits"] == "decision"
    grant = door("kim").request_step(request, StepWanted(step="approve"))["made"]
    shown = door("ana").grant_show(grant, why=None, case=None)
    assert (shown["holds"], shown["query"]) == (True, f"grant:{grant}")
    given = door("ana").grant_step(
        grant, GrantStepWanted(step="delegate", text="leave", actor="person:ben")
    )
    assert given["delegated_from"] == grant
    with pytest.raises(_RefusedError, match="looking needs a reason"):
        door("eve").request_list(for_me=False, states=(), everything=True, why=None, case=None)
    every = door("eve").request_list(for_me=False, states=(), everything=True, **WHY)
    assert [row["id"] for row in every["requests"]] == [request]
    assert len(door("eve").grant_list(actor=None, everything=True, **WHY)["grants"]) == 2
    told = door("eve").request_quality(approver="person:kim", since=0, seconds=30, **WHY)
    assert (told["decisions"], told["unopened"]) == (1, [])
    assert door("boss").grant_step(grant, GrantStepWanted(step="revoke", text="left"))[
        "revoked_by"
    ] == "person:boss"  # fmt: skip
    assert opened.control.requests.grants()[1].ends == opened.control.requests.grants()[0].ends


def test_a_dataset_is_attached_and_taken_away(door: Door) -> None:
    """The second chain by the same routes."""
    wanted = RequestWanted(
        kind="dataset", purpose="stolen-vehicles", dataset="plates", text="Needed"
    )
    request = door("kim").request_open(wanted)["id"]
    made = door("cy").request_step(request, StepWanted(step="approve"))["made"]
    listed = door("kim").grant_list(actor=None, everything=False, why=None, case=None)
    assert [one["id"] for one in listed["attachments"]] == [made]
    assert door("cy").attachment_revoke(made, "over")["holds"] is False


@pytest.mark.parametrize(
    ("name", "method", "path", "body", "status"),
    [
        ("eve", "POST", "/v1/requests", {"text": "x"}, 403),
        ("boss", "POST", "/v1/requests", {"text": "x"}, 403),
        ("ana", "POST", "/v1/requests", {"text": "x", "more": 1}, 400),
        ("ana", "POST", "/v1/requests", [], 400),
        ("ana", "POST", "/v1/requests", {"text": "x", "purpose": "none"}, 404),
        ("ana", "POST", "/v1/requests/none/steps", {"step": "approve"}, 404),
        ("ana", "POST", "/v1/requests/none/steps", {"step": "bless"}, 400),
        ("boss", "POST", "/v1/requests/none/steps", {"step": "approve"}, 403),
        ("ana", "GET", "/v1/requests?state=gone", None, 400),
        ("ana", "GET", "/v1/requests?all=true", None, 403),
        ("boss", "GET", "/v1/requests/none", None, 403),
        ("ana", "GET", "/v1/requests/none", None, 404),
        ("ana", "GET", "/v1/approval-quality", None, 403),
        ("eve", "GET", "/v1/approval-quality?seconds=0", None, 422),
        ("ana", "GET", "/v1/grants/none", None, 404),
        ("ana", "POST", "/v1/grants/none/steps", {"step": "revoke", "text": "x"}, 404),
        ("ana", "POST", "/v1/attachments/none/revoke", {"text": "x"}, 404),
        ("ana", "POST", "/v1/break-glass", {"purpose": "x"}, 400),
        ("eve", "POST", "/v1/break-glass", {"purpose": "x"}, 403),
    ],
)
def test_refusals(
    client: Client,
    tokens: dict[str, str],
    name: str,
    method: str,
    path: str,
    body: Any,
    status: int,
) -> None:
    """Each has its status and the one shape; nothing is half done."""
    answer = client.ask(method, path, token=tokens[name], json=body)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "origin", "hint"}


def test_an_emergency_needs_its_secret(door: Door) -> None:
    """Without a secret that is the asker's, no glass is broken, and the secret is not told."""
    wanted = BreakGlassWanted(
        purpose="stolen-vehicles", code="danger-to-life", text="now", secret="guess"
    )
    assert "guess" not in repr(wanted)
    with pytest.raises(_RefusedError, match="401"):
        door("ana").break_glass_start(wanted)
