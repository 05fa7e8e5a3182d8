"""AuthZEN requests: bound to a denial, carried by a program, decided on by people, followed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from doubles.web_home import Client
from ombud.access.attempt import Attempt
from ombud.access.decision import Decision
from ombud.app.home import OpenHome, open_here
from ombud.core.errors import InputError
from ombud.services.asker import Asker
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.request_binding import DENIAL_MS, SKEW_MS, Binding, attempt_parts, read_key
from ombud.services.request_wanted import StepWanted
from ombud.web.app import create_app

POLICY = """
attributes: {context: {area: string}}
actions: [can_read, can_write]
purposes:
  plans:
    title: Read plans
    owner: person:kim
    approval: {approvers: {actors: [person:kim, person:carrier]}, quorum: 1}
    days_max: 30
    scope: [{name: read, actions: [can_read], type: document, resources: ["q4-*"]}]
  other: {title: Other, owner: person:kim}
datasets:
  q4-plan: {type: document}
  q4-other: {type: document}
  secret: {type: document}
"""
ROOT = Asker(person="root", scopes=frozenset({"admin", "search"}), via="cli")
KIM = Asker(person="kim", scopes=frozenset({"request"}))
ERROR = "urn:openid:authzen:access-request:error:"
ASKED: dict[str, Any] = {
    "subject": {"type": "user", "id": "alice", "properties": {"level": 2, "act": {"sub": "x"}}},
    "action": {"name": "can_read"},
    "resource": {"type": "document", "id": "q4-plan"},
    "context": {"purpose": "plans", "area": "north", "time": "2026-11-22T10:00:00Z"},
}
ENDPOINT = "/access/v1/requests"


class Program:
    """A program that asks for decisions and carries requests, with a token of its own."""

    def __init__(self, opened: OpenHome) -> None:
        self.opened = opened
        self.client = Client(create_app(opened.services))
        self.tokens = {
            name: opened.services.token_create(
                {"name": name, "person": person, "scopes": scopes}, asker=ROOT
            )["token"]
            for name, person, scopes in (
                ("pep", "carrier", ["decide"]),
                ("another", "other-pep", ["decide"]),
                ("alice", "alice", ["request"]),
                ("eve", "eve", ["request"]),
                ("reader", "reader", ["search"]),
            )
        }

    def ask(self, method: str, path: str, *, by: str = "pep", **given: Any) -> httpx.Response:
        """Send one request with somebody's token."""
        return self.client.ask(method, path, token=self.tokens[by], **given)

    def denied(self, **changed: Any) -> dict[str, Any]:
        """Return the context of a denial."""
        answer = self.ask("POST", "/access/v1/evaluation", json={**ASKED, **changed}).json()
        assert answer["decision"] is False
        return dict(answer["context"])

    def submission(self, **changed: Any) -> dict[str, Any]:
        """Return what answers a denial, changed."""
        context = self.denied()
        offered = context["access_request"]
        said = copy.deepcopy(ASKED)
        said["context"] = {**ASKED["context"], "business_justification": "Renewal of Q4"}
        said["denial"] = {
            "evaluation_id": context["evaluation_id"],
            "evaluated_at": context["evaluated_at"],
            "expires_at": offered["expires_at"],
            "reason": context["reason"],
            "binding_token": offered["binding_token"],
            "template": offered["template"],
        }
        return {**said, **changed}

    def submit(self, said: Any, *, by: str = "pep", **headers: str) -> httpx.Response:
        """Submit it."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", ENDPOINT, by=by, json=said, headers=named)

    def approve(self, task: str) -> None:
        """Let kim approve it."""
        self.opened.services.access.requests.step(task, StepWanted(step="approve"), asker=KIM)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Return a program beside a home with a policy, for tests that leave nothing behind."""
    with open_here(tmp_path_factory.mktemp("shared")) as opened:
        opened.services.policies.apply(PolicyWanted({"p.yaml": POLICY}, why="first"), asker=ROOT)
        yield Program(opened)


@pytest.fixture
def program(home: Path) -> Iterator[Program]:
    """Return a program beside a home of its own, with a policy."""
    with open_here(home) as opened:
        opened.services.policies.apply(PolicyWanted({"p.yaml": POLICY}, why="first"), asker=ROOT)
        yield Program(opened)


def test_from_denial_to_permit(program: Program) -> None:
    """Denied, asked for, pending, approved, and permitted when it is decided anew."""
    answer = program.submit(program.submission())
    assert answer.status_code == 202
    task = answer.json()["task"]
    assert (task["status"], answer.headers["location"]) == ("pending", task["status_endpoint"])
    path = f"{ENDPOINT}/{task['id']}"
    assert task["status_endpoint"] == f"http://ombud{path}"
    pending = program.ask("GET", path, by="another")
    assert pending.headers["retry-after"] == "10"
    assert "result" not in pending.json()
    program.approve(task["id"])
    done = program.ask("GET", path).json()

    assert done["task"]["status"] == "approved"
    approval = done["result"]["approval"]
    assert done["result"]["mode"] == "reevaluate"
    assert approval["id"].startswith("grant-")
    asked = {**ASKED, "context": {**ASKED["context"], "approval": approval}}
    permitted = program.ask("POST", "/access/v1/evaluation", json=asked).json()
    assert permitted["decision"] is True
    request = program.opened.control.requests.request(task["id"])
    assert request is not None
    assert (request.requester, request.beneficiary) == ("user:alice", "user:alice")
    assert (request.asked or {})["evaluation_id"]


def test_metadata_and_schema(shared: Program) -> None:
    """Where to ask, and what to say, nobody needs a token for."""
    told = shared.client.ask("GET", "/.well-known/authzen-configuration").json()
    assert told["access_request_endpoint"] == f"http://ombud{ENDPOINT}"
    assert told["capabilities"] == ["urn:openid:authzen:capability:access-request"]
    schema = shared.client.ask("GET", "/access/v1/request-schema").json()
    assert schema["properties"]["context"]["required"] == ["business_justification"]


def test_what_no_grant_would_lift_is_not_requestable(program: Program) -> None:
    """Out of scope, or without a purpose: nothing to ask for."""
    for context in ({}, {"purpose": "none"}):
        assert "access_request" not in program.denied(context=context)
    program.approve(program.submit(program.submission()).json()["task"]["id"])
    assert "access_request" not in program.denied(resource={"type": "document", "id": "secret"})


def test_a_known_approval_permits_nothing(shared: Program) -> None:
    """What a program says of an approval is not believed; it is told what to do next."""
    context = {**ASKED["context"], "approval": {"id": "grant-1", "approved_until": "2030-01-01"}}
    told = shared.denied(context=context)
    assert told["next_action"] == "request"
    assert told["access_request"]["binding_token"]


def put(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what changes a submission at a place."""

    def change(said: dict[str, Any]) -> None:
        at = said
        for name in path[:-1]:
            at = at.setdefault(name, {})
        at[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "status", "problem"),
    [
        (put("subject", "id", value="bob"), 400, "invalid_denial_binding"),
        (put("resource", "id", value="q4-other"), 400, "invalid_denial_binding"),
        (put("action", "name", value="can_write"), 400, "invalid_denial_binding"),
        (put("context", "area", value="south"), 400, "invalid_denial_binding"),
        (put("context", "purpose", value="other"), 400, "invalid_denial_binding"),
        (put("subject", "properties", "level", value=3), 400, "invalid_denial_binding"),
        (put("denial", "binding_token", value=""), 400, "invalid_denial_binding"),
        (put("denial", "binding_token", value="a.b.c"), 400, "invalid_denial_binding"),
        (put("denial", "binding_token", value="é" * 20), 400, "invalid_denial_binding"),
        (put("denial", "binding_token", value="a" * 9_000), 400, "invalid_denial_binding"),
        (put("denial", "evaluation_id", value="e1"), 400, "invalid_denial_binding"),
        (put("denial", "expires_at", value="2030-01-01T00:00:00Z"), 400, "invalid_denial_binding"),
        (put("denial", value={}), 400, "invalid_denial_binding"),
        (put("context", "business_justification", value=" "), 400, None),
        (put("requested_access", value={"requested_until": "soon"}), 400, None),
        (put("requested_access", value={"requested_until": "2001-01-01T00:00:00Z"}), 400, None),
        (put("requested_access", value={"requested_until": "2999-01-01T00:00:00Z"}), 400, None),
        (put("items", value=[]), 400, None),
        (put("subject", value="alice"), 400, None),
        (put("client", value={"actor": {"id": "mallory"}}), 403, None),
        (put("client", value={"actor": {"id": "alice", "act": {"sub": "x"}}}), 403, None),
    ],
)
def test_what_is_not_bound_is_refused(
    shared: Program, change: Any, status: int, problem: str | None
) -> None:
    """Nothing but what was denied, to whom it was denied, with a reason; no event otherwise."""
    said = shared.submission()
    size, _ = shared.opened.appender.head()
    change(said)
    answer = shared.submit(said)

    assert answer.status_code == status
    if problem is not None:
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["type"] == ERROR + problem
    assert shared.opened.appender.head()[0] == size


def test_numbers_and_actors_may_be_written_otherwise(program: Program) -> None:
    """What is equal is equal: 2 and 2.0; an actor chain may have moved; new members may come."""
    said = program.submission()
    said["subject"]["properties"] = {"level": 2.0}
    said["context"] |= {"time": "later", "case": "24-118", "note": "more"}
    said["requested_access"] = {
        "requested_until": (datetime.now(UTC) + timedelta(days=3)).isoformat(),
        "emergency": True,
    }
    answer = program.submit(said)
    assert answer.status_code == 202
    row = program.opened.control.requests.request(answer.json()["task"]["id"])
    assert row is not None
    assert (row.days, row.case, row.text) == (3, "24-118", "Renewal of Q4")


def test_the_same_key_is_the_same_task(program: Program) -> None:
    """Sent again it is the same; with another body it is refused; by another it is its own."""
    said = program.submission()
    first = program.submit(said, Idempotency_Key="k1").json()["task"]["id"]
    assert program.submit(said, Idempotency_Key="k1").json()["task"]["id"] == first
    said["context"]["business_justification"] = "Something else"
    other = program.submit(said, Idempotency_Key="k1")
    assert (other.status_code, other.json()["type"]) == (409, ERROR + "duplicate_request")
    assert program.submit(said).json()["task"]["id"] == first  # It waits for the same.
    assert program.submit(said, Idempotency_Key="x" * 201).status_code == 400


def test_who_follows_and_who_cancels(program: Program) -> None:
    """Programs that may ask for decisions follow a task; its own people and carrier end it."""
    task = program.submit(program.submission()).json()["task"]
    path = f"{ENDPOINT}/{task['id']}"
    for by, status in (("pep", 200), ("another", 200), ("eve", 404), ("reader", 403)):
        assert program.ask("GET", path, by=by).status_code == status, by
    unknown = program.ask("GET", f"{ENDPOINT}/none")
    assert (unknown.status_code, unknown.json()["type"]) == (404, ERROR + "unknown_task")
    assert program.ask("POST", f"{path}/cancel", by="another").status_code == 403
    ended = program.ask("POST", f"{path}/cancel", json={"comment": "not needed"})
    assert (ended.status_code, ended.json()["task"]["status"]) == (200, "cancelled")
    again = program.ask("POST", f"{path}/cancel")
    assert (again.status_code, again.json()["type"]) == (409, ERROR + "invalid_task_state")


def test_the_carrier_decides_on_nothing_it_carried(program: Program) -> None:
    """Whose program asked for others is no approver of that, though the policy names them."""
    task = program.submit(program.submission()).json()["task"]["id"]
    carrier = Asker(person="carrier", scopes=frozenset({"request"}))
    with pytest.raises(Exception, match="own request"):
        program.opened.services.access.requests.step(
            task, StepWanted(step="approve"), asker=carrier
        )


def test_a_rejected_request_is_denied(program: Program) -> None:
    """The task says so, and a new denial can be asked for anew."""
    task = program.submit(program.submission()).json()["task"]["id"]
    program.opened.services.access.requests.step(
        task, StepWanted(step="reject", text="no"), asker=KIM
    )
    told = program.ask("GET", f"{ENDPOINT}/{task}").json()
    assert (told["task"]["status"], "result" in told) == ("denied", False)
    assert program.submit(program.submission()).status_code == 202


def test_a_denial_grows_old(tmp_path: Path) -> None:
    """After its time, and what clocks may differ by, a denial is too old; its key is one."""
    binding = Binding(lambda: read_key(tmp_path))
    attempt = Attempt("user", "alice", "can_read", "document", "q4-plan", purpose="plans")
    token = binding.token(attempt, Decision(False, ("no_grant",), "v", "d1"), "plans", 1_000_000)
    parts = attempt_parts(attempt)
    last = 1_000_000 + DENIAL_MS + SKEW_MS
    again = Binding(lambda: read_key(tmp_path))
    assert again.check(token, parts, last).evaluation_id == "d1"
    with pytest.raises(InputError) as late:
        again.check(token, parts, last + 1)
    assert late.value.code == "expired_denial"
    with pytest.raises(InputError):
        Binding(lambda: bytes(32)).check(token, parts, last)
    assert (tmp_path / "binding.key").stat().st_mode & 0o077 == 0
