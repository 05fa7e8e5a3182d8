"""Access requests in a home: what is granted is decided by, and found under its grant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.access.attempt import Attempt
from ombud.app.home import OpenHome, open_here
from ombud.core.errors import NotFound
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.record_port import record_events
from ombud.services.request_wanted import (
    BreakGlassWanted,
    GrantStepWanted,
    RequestWanted,
    StepWanted,
)
from ombud.services.verifying import verify

FILES = {
    "policy.yaml": """
zone: Europe/Dublin
purposes:
  stolen-vehicles:
    title: Find stolen vehicles
    owner: person:kim
    approval: {approvers: {roles: [head]}, quorum: 1}
    days_max: 30
    unused_days: 10
    break_glass: {reasons: [danger-to-life], notify: [person:dpo]}
    scope:
      - {name: look-up, actions: [read, export], resources: [plates]}
datasets:
  plates: {system: anpr, owner: person:kim, columns: {plate: string}}
entities: {person: {cy: {role: head}}}
"""
}
PURPOSE = "stolen-vehicles"
ROOT = Asker(person="root", scopes=frozenset({"admin", "search", "decide", "request"}), via="cli")
PEP = Asker(person="pep", scopes=frozenset({"decide"}))


def person(name: str) -> Asker:
    """Return somebody who acts for themself."""
    return Asker(person=name, scopes=frozenset({"request"}))


@pytest.fixture
def opened(home: Path) -> Iterator[OpenHome]:
    """Return a home that is open, with a policy."""
    with open_here(home) as one:
        one.services.policies.apply(PolicyWanted(FILES, why="first"), asker=ROOT)
        yield one


def granted(opened: OpenHome) -> str:
    """Let ana be granted the purpose."""
    requests = opened.services.access.requests
    wanted = RequestWanted(purpose=PURPOSE, text="Case 24-118", days=5)
    request = requests.open(wanted, asker=person("ana"))["id"]
    return str(requests.step(request, StepWanted(step="approve"), asker=person("cy"))["made"])


def decide(opened: OpenHome, action: str = "read", **context: Any) -> Any:
    """Put an attempt of ana's to the decision."""
    attempt = Attempt(
        "person", "ana", action, "dataset", "plates", purpose=PURPOSE, context=context
    )
    return opened.services.deciding.decide(attempt, asker=PEP)


def test_a_grant_is_in_force_at_once_and_so_is_its_revocation(opened: OpenHome) -> None:
    """Denied and requestable before, permitted after, denied from the revocation on."""
    before = decide(opened)
    assert (before.permit, before.is_requestable) == (False, True)
    grant = granted(opened)
    after = decide(opened)
    assert (after.permit, after.grant) == (True, grant)
    grants = opened.services.access.grants
    grants.step(grant, GrantStepWanted(step="revoke", text="done"), asker=person("kim"))
    assert decide(opened).permit is False


def test_everything_done_under_a_grant_is_one_query_away(opened: OpenHome, home: Path) -> None:
    """The request, its vote and each decision bear the grant; it counts them."""
    grant = granted(opened)
    for action in ("read", "read", "export"):
        decide(opened, action)
    told = opened.services.access.grants.show(grant, asker=ROOT, why="review", case="C-1")
    assert {(use["action"], use["count"]) for use in told["uses"]} == {("read", 2), ("export", 1)}
    page = opened.services.search(
        told["query"], limit=100, cursor=None, asker=ROOT, why="review", case="C-1"
    )
    operations = sorted(one.event.operation or "" for one in page.events)
    assert operations == ["export", "grant", "read", "read", "request.voted"]
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault


def test_a_used_grant_is_noted_and_an_unused_one_goes(opened: OpenHome) -> None:
    """Uses are read from the index: by single decisions and by those of a batch."""
    grant = granted(opened)
    uses = opened.services.access._uses
    opened.follow_index()
    assert uses.last(0) == {}
    attempts = [
        Attempt("person", "ana", "read", "dataset", "plates", purpose=PURPOSE, id=str(number))
        for number in range(2)
    ]
    opened.services.deciding.decide_batch(attempts, asker=PEP)
    opened.follow_index()
    assert set(uses.last(0)) == {grant}
    opened.services.access.upkeep.turn()
    assert set(opened.control.requests.uses()) == {grant}


def test_exports_of_a_refused_emergency_are_found(opened: OpenHome, home: Path) -> None:
    """Decisions on exports under it, and what systems told of it, go into quarantine."""
    checkpoints = opened.services.desk.checkpoints
    checkpoints.credential_set("a long secret", person=None, current=None, asker=person("ana"))
    access = opened.services.access
    wanted = BreakGlassWanted(
        purpose=PURPOSE, code="danger-to-life", text="A child", secret="a long secret"
    )
    told = access.break_glass.start(wanted, asker=person("ana"))
    grant, request = told["grant"]["id"], told["request"]["id"]
    assert decide(opened).reasons == ("break_glass",)
    decide(opened, "export")
    event = Event(
        time=1, source="county", action="export", actor_id="ana", grant=grant, raw=b"exported"
    )
    record_events(opened.appender, [event])
    access.requests.step(
        request, StepWanted(step="reject", text="It was not so"), asker=person("cy")
    )

    assert decide(opened).permit is False
    shown = access.grants.show(grant, asker=ROOT, why="review", case="C-1")
    assert len(shown["quarantined_exports"]) == 2
    fetched = opened.reader.fetch(shown["quarantined_exports"])
    assert {(one.source, one.action) for one in fetched} == {
        ("ombud.decision", "export"), ("county", "export"),
    }  # fmt: skip
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault


def test_a_reopened_home_stands_as_it_stood(home: Path) -> None:
    """Made anew from the record, grants and requests are the same."""
    with open_here(home) as one:
        one.services.policies.apply(PolicyWanted(FILES, why="first"), asker=ROOT)
        granted(one)
        before = one.control.requests.find_grants(), one.control.requests.requests()
    with open_here(home, anew=True) as one:
        assert (one.control.requests.find_grants(), one.control.requests.requests()) == before


def test_requests_and_grants_are_named_by_how_their_ids_begin(opened: OpenHome) -> None:
    """By eight digits, as lists show them; not by fewer, and never by what two begin with."""
    requests, grants = opened.services.access.requests, opened.services.access.grants
    grant = granted(opened)
    whole = requests.list(asker=person("cy"))[0]["id"]
    brief = whole[: len("request-") + 8]
    assert requests.show(brief, asker=person("cy"))["id"] == whole
    assert requests.show(brief, asker=person("cy"))["decided_by"] == ["role head"]
    assert grants.show(grant[: len("grant-") + 8], asker=person("ana"))["id"] == grant
    for short in (brief[:-1], "request-", "%", "request-%%%%%%%%", "request-________"):
        with pytest.raises(NotFound):
            requests.show(short, asker=person("cy"))
    with pytest.raises(NotFound):  # To somebody without a part in it there is none.
        requests.show(brief, asker=person("zoe"))
