"""Trino's HTTP event listener: each of its requests to a served home becomes one event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from doubles.running_home import RunningHome

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "sources" / "trino.events"
# As the listener sends it: the type that its library writes, and the header of its properties.
TYPE = "application/json; charset=utf-8"
PATH = "/v1/sources/trino.events/events"


def test_one_request_one_event(tmp_path: Path, running: Callable[[Path], RunningHome]) -> None:
    """A token that may only ingest is enough; a retry records nothing twice; no token, nothing."""
    home = running(tmp_path / "home").start()
    home.own_token()
    made = home.ask("POST", "/v1/tokens", b'{"name": "trino", "scopes": ["ingest"]}')
    token = made.body["token"]
    lines = (GOLDEN / "events.ndjson").read_bytes().splitlines()

    for line in lines:
        answer = home.ask("POST", PATH, line, token=token, kind=TYPE)
        assert (answer.status, answer.body["recorded"]) == (200, 1), answer.body
    again = home.ask("POST", PATH, lines[1], token=token, kind=TYPE)
    assert (again.status, again.body["duplicate"]) == (200, 1)
    assert home.ask("POST", PATH, lines[1], token="wrong", kind=TYPE).status == 401

    found = home.search("source:trino.events action:read resource.dataset:hive.people.residents")
    assert [event["ombud"].get("on_behalf_of") for event in found] == [["ana"], None]
    every = home.search("source:trino.events")
    assert {event["raw_data"].encode() for event in every} == set(lines)
