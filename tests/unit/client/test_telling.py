"""Telling: events of a program's own reach the server whole and once, or are refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest

from doubles.decision_server import DecisionServer, Reply
from ombud.client import Client, Decision, SpoolFull, dataset, purpose
from ombud.client import sending as module
from ombud.client.sending import RefusedError
from ombud.client.telling import event_document
from ombud.core.errors import InputError, Unavailable
from ombud.core.ocsf import event_from_ocsf

CLAIMS = dataset("claims", columns=["name"])


def taking(_path: str, body: bytes) -> Reply:
    """Record everything."""
    count = body.count(b"\n")
    return Reply(body={"read": count, "recorded": count, "duplicate": 0, "quarantined": 0})


def told(server: DecisionServer) -> list[dict[str, Any]]:
    """Return the documents that the server was sent."""
    lines = (line for _, _, body in server.asked for line in body.splitlines())
    return [orjson.loads(line) for line in lines]


@pytest.fixture
def spooled(server: DecisionServer, tmp_path: Path) -> Callable[..., Client]:
    """Return a maker of clients with the same spool."""
    server.otherwise = taking

    def make(**more: Any) -> Client:
        return Client(
            server.url, "tok", source="app.claims", actor="person:ana", spool=tmp_path, **more
        )

    return make


def test_an_event_says_what_was_done() -> None:
    """Read by the server it is the event that was meant."""
    with purpose("fraud", case="7"):
        document = event_document(
            "read",
            CLAIMS,
            source="app.claims",
            actor="person:ana",
            subjects=["person:dee", "plate:AB:1"],
            fields={"rows_returned": 12, "decision_id": "d-1"},
        )
    event = event_from_ocsf(orjson.loads(document), document, now_ms=0)

    assert (event.source, event.action, event.operation) == ("app.claims", "read", "read")
    assert (event.actor_type, event.actor_id) == ("person", "ana")
    assert (event.purpose, event.case, event.decision_id) == ("fraud", "7", "d-1")
    assert event.subjects == (("person", "dee"), ("plate", "AB:1"))
    assert (event.resource_dataset, event.columns_projected) == ("claims", ("name",))
    assert (event.rows_returned, event.outcome, event.class_uid) == (12, "success", 6005)
    assert event.native_id
    assert event.time > 1_700_000_000_000


def test_an_action_of_its_own_is_kept_as_the_operation() -> None:
    """The vocabulary is closed, what the program calls it is not lost; no resource is fine."""
    document = event_document("print", None, source="app", actor="user:ana", fields={"time": 5})
    event = event_from_ocsf(orjson.loads(document), document, now_ms=0)

    assert (event.action, event.operation, event.time) == ("other", "print", 5)
    assert (event.actor_type, event.actor_id, event.class_uid) == (None, "ana", 6003)


@pytest.mark.parametrize(
    ("actor", "more"),
    [
        ("ana", {}),
        ("person:ana", {"subjects": ["dee"]}),
        ("person:ana", {"fields": {"rows": 1}}),
        ("person:ana", {"fields": {"case": "\ud800"}}),
        ("person:ana", {"fields": {"rows_returned": "many"}}),
        ("person:ana", {"fields": {"id": 7}}),
        ("person:ana", {"fields": {"source": "ombud.control"}}),
        ("person:ana", {"fields": {"outcome": "splendid"}}),
    ],
)
def test_what_is_no_event_is_refused(actor: str, more: dict[str, Any]) -> None:
    """A field that there is not, a subject without a kind, what has no JSON."""
    with pytest.raises(InputError):
        event_document("read", CLAIMS, source="a", actor=actor, **({"fields": {}} | more))


def test_without_a_spool_it_is_recorded_or_refused(server: DecisionServer, client: Client) -> None:
    """`record` returns when the server has it; away, or in doubt, it raises."""
    server.otherwise = taking
    client.record("read", CLAIMS, decision=Decision(permit=True, decision_id="d-9"))
    assert told(server)[0]["ombud"]["decision"]["uid"] == "d-9"

    nothing = {"read": 1, "recorded": 0, "duplicate": 0, "quarantined": 0}
    for reply in (Reply(503), Reply(401), Reply(body=b"{}"), Reply(body=nothing)):
        server.replies.append(reply)
        with pytest.raises(Unavailable):
            client.record("read", CLAIMS)
    server.replies.append(Reply(400))
    with pytest.raises(RefusedError):
        client.record("read", CLAIMS)


def test_a_program_has_a_name(server: DecisionServer) -> None:
    """Nobody would know whose events these are."""
    with Client(server.url, "tok", actor="user:ana") as client, pytest.raises(InputError):
        client.record("read", CLAIMS)


def test_events_are_sent_in_order(server: DecisionServer, spooled: Callable[..., Client]) -> None:
    """Each once, from many threads, by the thread that empties the spool."""
    with spooled() as client:

        def work() -> None:
            for _ in range(10):
                client.record("read", CLAIMS)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.flush()

    ids = [one["metadata"]["original_event_uid"] for one in told(server)]
    assert (len(ids), len(set(ids))) == (40, 40)


def test_a_server_that_is_away_is_waited_for(
    server: DecisionServer, spooled: Callable[..., Client]
) -> None:
    """Events wait on disk, also while the program is not running, and are sent when it is."""
    server.otherwise = lambda *_: Reply(503)
    client = spooled()
    client.record("read", CLAIMS, rows_returned=1)
    with pytest.raises(Unavailable):
        client.flush(0)
    client.close()
    before = server.asked.copy()
    server.asked.clear()
    server.otherwise = taking

    with spooled() as client:
        client.record("read", CLAIMS, rows_returned=2)
        client.flush()

    assert all(b'"rows_returned":1' in body for _, _, body in before)
    assert [one["ombud"]["rows_returned"] for one in told(server)] == [1, 2]


def test_the_sender_tries_again_by_itself(
    server: DecisionServer, spooled: Callable[..., Client]
) -> None:
    """Nobody has to ask for it; and it hurries when something new comes."""
    server.replies.extend([Reply(503), Reply(breaks="before"), Reply(200, b"nonsense")])
    with patch.object(module, "RETRY_SECONDS", 0.01), spooled() as client:
        client.record("read", CLAIMS)
        deadline = time.monotonic() + 20
        while client._spool is not None and client._spool.pending:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    assert len(server.asked) == 4


def test_what_is_never_taken_is_put_aside_and_said(
    server: DecisionServer, spooled: Callable[..., Client], tmp_path: Path
) -> None:
    """One event that the server refuses holds up none of the others, and is not forgotten."""

    def refuse_bad(path: str, body: bytes) -> Reply:
        return Reply(400) if b'"bad"' in body else taking(path, body)

    server.otherwise = lambda *_: Reply(503)
    client = spooled()
    for number in range(7):
        client.record("read", CLAIMS, case="bad" if number == 3 else str(number))
    server.asked.clear()
    server.otherwise = refuse_bad
    with pytest.raises(RefusedError, match=r"1 in `refused\.lines`"):
        client.flush()
    client.close()

    good = [body for _, _, body in server.asked if b'"bad"' not in body]
    cases = [orjson.loads(line)["ombud"]["case_uid"] for b in good for line in b.splitlines()]
    assert cases == ["0", "1", "2", "4", "5", "6"]
    assert b'"bad"' in (tmp_path / "refused.lines").read_bytes()


def test_a_full_spool_refuses(server: DecisionServer, spooled: Callable[..., Client]) -> None:
    """Events are never dropped to make room."""
    server.otherwise = lambda *_: Reply(503)
    client = spooled(spool_bytes_max=1500)
    client.record("read", CLAIMS)
    with pytest.raises(SpoolFull):
        client.record("read", CLAIMS, query_text="x" * 1500)
    client.close()


def test_quarantine_is_said(
    server: DecisionServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """What the server could not read it keeps; the program's log says so."""
    server.otherwise = lambda *_: Reply(
        body={"read": 1, "recorded": 0, "duplicate": 0, "quarantined": 1}
    )
    client.record("read", CLAIMS)

    assert "1 events are in the server's quarantine" in caplog.text
