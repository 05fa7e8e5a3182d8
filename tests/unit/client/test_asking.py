"""Asking: what is sent, what is taken for a permit, and that nothing else ever is."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from doubles.decision_server import DENIAL, PERMIT, DecisionServer, Reply, permit
from ombud.client import (
    Client,
    Decision,
    Denied,
    Guarded,
    GuardedError,
    Resource,
    dataset,
    purpose,
)
from ombud.core.errors import (
    Forbidden,
    InputError,
    OmbudError,
    Unauthenticated,
    Unavailable,
)

CLAIMS = dataset("claims", columns=["name", "amount"])
ROWS: list[dict[str, Any]] = [{"name": "Dee", "amount": 117}, {"name": "Eve", "amount": None}]
MASK = {"action": "masks", "masks": [{"column": "name", "kind": "redact"}]}


def test_what_is_asked(server: DecisionServer, client: Client) -> None:
    """The question says who, what, why, and which obligations can be met."""
    with purpose("fraud.review", case="24-118", justification=("j1", "j2")):
        decision = client.check(
            "read", CLAIMS, context={"rows": 7}, handles={"notify", "watermark"}
        )

    path, headers, _ = server.asked[0]
    assert decision.permit
    assert bool(decision)
    assert (path, headers["Authorization"]) == ("/access/v1/evaluation", "Bearer tok")
    assert server.question() == {
        "subject": {"type": "user", "id": "ana"},
        "action": {"name": "read"},
        "resource": {
            "type": "dataset",
            "id": "claims",
            "properties": {"columns": ["name", "amount"]},
        },
        "context": {
            "purpose": "fraud.review",
            "case": "24-118",
            "justification_id": ["j1", "j2"],
            "rows": 7,
            "supported_obligations": ["custom", "notification"],
            "ombud_obligations": ["watermark"],
        },
    }


def test_without_a_purpose_none_is_sent(server: DecisionServer, client: Client) -> None:
    """The server decides what that means; nobody can slip one in beside the block."""
    client.check("read", Resource("record", "r-1"), actor="service:nightly")
    assert "purpose" not in server.question()["context"]
    assert server.question()["subject"] == {"type": "service", "id": "nightly"}

    with purpose("care"), pytest.raises(InputError):
        client.check("read", CLAIMS, context={"purpose": "fraud"})
    assert len(server.asked) == 1


def test_a_denial_is_a_value_until_it_is_required(server: DecisionServer, client: Client) -> None:
    """`check` returns it, `require` and `fetch` raise it with what would lift it."""
    checkpoint = {"name": "why", "kind": "text", "prompt": "Say why"}
    context = {"reasons": ["checkpoint:why"], "checkpoint": checkpoint, "decision_id": "d"}
    server.otherwise = lambda *_: Reply(body={"decision": False, "context": context})
    decision = client.check("read", CLAIMS)
    assert (decision.permit, decision.checkpoint) == (False, checkpoint)

    with pytest.raises(Denied, match="checkpoint:why") as caught:
        client.require("read", CLAIMS)
    assert caught.value.decision == decision
    assert "Say why" in caught.value.hint
    with purpose("care"), pytest.raises(Denied):
        client.fetch("read", CLAIMS, _never)

    asked = {"access_request": {"url": "https://ombud.example/r"}, "reasons": ["no_grant"]}
    server.otherwise = lambda *_: Reply(body={"decision": False, "context": asked})
    with pytest.raises(Denied) as caught:
        client.require("read", CLAIMS)
    assert "https://ombud.example/r" in caught.value.hint


def _never(decision: Decision) -> list[dict[str, Any]]:
    raise AssertionError(decision)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"true",
        b"{}",
        b"[]",
        b'{"decision": "true"}',
        b'{"decision": 1}',
        b'{"decision": null}',
        b'{"decision": true',
        b'{"decision": true, "context": []}',
        b'{"decision": true, "context": {"obligations": {}}}',
        b'{"decision": true, "context": {"obligations": ["masks"]}}',
        b'{"decision": true, "context": {"obligations": [{"type": "custom", "properties": 1}]}}',
        b'{"decision": true, "context": {"reasons": "granted"}}',
        b'{"context": {"decision": true}}',
        b"\xff",
        b"[" * 100_000,
        b'{"decision":true,"context":{"x":' + b"[" * 100_000,
    ],
    ids=lambda body: body[:70].decode(errors="replace"),
)
def test_what_is_no_answer_is_no_permit(
    server: DecisionServer, client: Client, body: bytes
) -> None:
    """Anything but a clear answer means that there is none."""
    server.replies.append(Reply(body=body))
    with pytest.raises(Unavailable):
        client.check("read", CLAIMS)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (201, Unavailable),
        (204, Unavailable),
        (302, Unavailable),
        (400, InputError),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, Unavailable),
        (413, InputError),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_every_other_status_is_an_error(
    server: DecisionServer, client: Client, status: int, error: type[OmbudError]
) -> None:
    """A permit in the body of another status is none; `Retry-After` is told."""
    body = b"" if status == 204 else PERMIT
    server.replies.append(Reply(status, body, {"Retry-After": "7", "Location": server.url}))
    with pytest.raises(error) as caught:
        client.check("read", CLAIMS)
    if isinstance(caught.value, Unavailable):
        assert caught.value.retry_seconds == 7
    assert len(server.asked) == 1


def test_no_permit_is_kept_for_later(server: DecisionServer, client: Client) -> None:
    """Each check asks; a server that is gone permits nothing that it permitted before."""
    with purpose("care"):
        assert client.check("read", CLAIMS).permit
        server.replies.append(Reply(body=DENIAL))
        assert not client.check("read", CLAIMS).permit
        server.replies.append(Reply(breaks="within"))
        with pytest.raises(Unavailable):
            client.check("read", CLAIMS)


@pytest.mark.parametrize(
    "told",
    [
        {"action": "row_filter", "expression": "row.a == 1"},
        {"action": "aggregate_only", "columns": ["name"]},
        {"action": "masks", "masks": []},
        {"action": "max_rows", "count": 5},
        {"action": "watermark"},
        {"action": "something-new"},
        {},
        {"vendor": "other", "action": "watermark"},
    ],
    ids=str,
)
def test_an_obligation_nobody_handles_is_a_denial(
    server: DecisionServer, client: Client, told: dict[str, Any]
) -> None:
    """`check` discharges none itself; the program says which it does."""
    server.otherwise = lambda *_: permit(told)
    decision = client.check("read", CLAIMS)

    assert not decision.permit
    assert decision.reasons[0].startswith("obligation_unknown:")
    if told.get("vendor") is None and "action" in told:
        assert client.check("read", CLAIMS, handles={told["action"]}).permit


def test_a_notification_is_an_obligation(server: DecisionServer, client: Client) -> None:
    """As is every other registered type."""
    for kind, name in (("notification", "notify"), ("step-up", "step-up"), ("", "")):
        told = [{"id": "o1", "type": kind, "properties": {"to": "person:dpo"}}]
        body = {"decision": True, "context": {"obligations": told}}
        server.otherwise = lambda *_, body=body: Reply(body=body)
        assert not client.check("read", CLAIMS).permit
        assert client.check("read", CLAIMS, handles={name}).permit


def test_rows_come_masked_and_guarded(server: DecisionServer, client: Client) -> None:
    """`fetch` masks and counts itself, and gives the rows out guarded."""
    server.otherwise = lambda *_: permit(MASK, {"action": "max_rows", "count": 2})
    seen: list[Decision] = []

    def load(decision: Decision) -> list[dict[str, Any]]:
        seen.append(decision)
        return ROWS

    with purpose("care", case="7"):
        rows = client.fetch("read", CLAIMS, load)
        assert rows.unwrap() == [
            {"name": "[redacted]", "amount": 117},
            {"name": "[redacted]", "amount": None},
        ]
    assert isinstance(rows, Guarded)
    assert (rows.decision_id, seen[0].permit, ROWS[0]["name"]) == ("d-1", True, "Dee")
    assert server.question()["context"]["ombud_obligations"] == ["masks", "max_rows"]
    with pytest.raises(GuardedError):
        rows.unwrap()


def test_more_rows_than_allowed_are_refused_whole(server: DecisionServer, client: Client) -> None:
    """Nothing is cut off in silence."""
    server.otherwise = lambda *_: permit({"action": "max_rows", "count": 1})
    with purpose("care"), pytest.raises(Denied, match="too_many_rows"):
        client.fetch("read", CLAIMS, lambda _: ROWS)


def test_what_fetch_cannot_do_is_refused_before_loading(
    server: DecisionServer, client: Client
) -> None:
    """A row filter, or a mask that is not known here, is done by the program or by nobody."""
    row_filter = {"action": "row_filter", "expression": "row.a == 1"}
    hashed = {"action": "masks", "masks": [{"column": "name", "kind": "hash"}]}
    for told, name in ((row_filter, "row_filter"), (hashed, "masks")):
        server.otherwise = lambda *_, told=told: permit(told)
        with purpose("care"):
            with pytest.raises(Denied, match=f"obligation_unknown:{name}"):
                client.fetch("read", CLAIMS, _never)
            rows = client.fetch("read", CLAIMS, lambda _: ROWS, handles={name})
            assert rows.unwrap() == ROWS


def test_rows_are_loaded_inside_a_purpose(server: DecisionServer, client: Client) -> None:
    """Also where the policy has one for who states none: nothing could open the rows."""
    with pytest.raises(InputError, match="inside a purpose"):
        client.fetch("read", CLAIMS, _never)


@pytest.mark.parametrize("actor", ["ana", ":ana", "user:", ""])
def test_an_actor_has_a_type(server: DecisionServer, actor: str) -> None:
    """Nobody is guessed."""
    with Client(server.url, "tok") as client, pytest.raises(InputError):
        client.check("read", CLAIMS, actor=actor)
    assert not server.asked


@pytest.mark.parametrize(
    "context",
    [
        pytest.param({"a": object()}, id="an object"),
        {"a": 1 << 70},
        {"a": "\ud800"},
        {"a": "x" * 70_000},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_not(client: Client, context: dict[str, Any]) -> None:
    """What JSON cannot hold, or too much of it, is the caller's fault and said so."""
    with pytest.raises(InputError):
        client.check("read", CLAIMS, context=context)


def test_the_client_needs_no_server_side() -> None:
    """Importing it brings in no database, no web framework, nothing of the server."""
    code = (
        "import sys, ombud.client, ombud.client.asgi\n"
        "heavy = {'duckdb', 'fastapi', 'starlette', 'sqlalchemy', 'pyarrow', 'numpy', 'uvicorn',"
        " 'cryptography', 'pydantic', 'typer'}\n"
        "ours = {m.split('.')[1] for m in sys.modules if m.startswith('ombud.')}\n"
        "print(sorted(heavy & set(sys.modules)), sorted(ours))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[] ['client', 'core']"
