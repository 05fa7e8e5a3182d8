"""The proxy check: headers read once, one act asked for, and nothing let through in doubt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from ombud.access.attempt import Attempt
from ombud.access.decision import Decision, Obligation
from ombud.config.ext_authz_file import parse_proxy_file
from ombud.core.errors import Forbidden, Unavailable
from ombud.services.asker import Asker
from ombud.services.ext_authz import ExtAuthz, Verdict

FILE = """\
actor_type: user
cookies: {purpose: why, case: case}
request_url: https://ombud.example/requests
routes:
  - path: /plates/{plate}
    hosts: [files.example]
    actions: {GET: read, DELETE: delete}
    resource: {id: plates}
    columns: [plate]
    subjects: ["plate:{plate}"]
    handles: [masks, notify]
  - path: /reports/{rest*}
    actions: {GET: read}
    resource: {type: report, id: "{rest}"}
    purpose: reporting
"""
PROXY = Asker(person="proxy", scopes=frozenset({"decide"}))
SENT = {
    "x-forwarded-user": ["ana"],
    "x-original-uri": ["/plates/AB%20123?x=1"],
    "x-original-method": ["GET"],
    "x-forwarded-host": ["files.example"],
    "x-ombud-purpose": ["stolen-vehicles"],
}


@dataclass
class Decider:
    """Answers every attempt with one decision and remembers them."""

    permit: bool = True
    more: dict[str, Any] = field(default_factory=dict)
    asked: list[Attempt] = field(default_factory=list)
    fault: Exception | None = None

    def decide(self, attempt: Attempt, *, asker: Asker) -> Decision:
        """Return the decision."""
        asker.require("decide")
        if self.fault is not None:
            raise self.fault
        self.asked.append(attempt)
        reasons = ("granted",) if self.permit else ("no_grant",)
        return Decision(
            **{
                "permit": self.permit,
                "reasons": reasons,
                "policy_version": "v",
                "decision_id": "d-1",
                **self.more,
            }
        )


def check(decider: Decider, *, asker: Asker = PROXY, **changed: Any) -> Verdict:
    """Check the request with some headers changed; None takes one away."""
    sent: dict[str, Any] = {**SENT, **{k.replace("_", "-"): v for k, v in changed.items()}}
    door = ExtAuthz(parse_proxy_file(FILE, file="f"), decider)
    return door.check(lambda name: sent.get(name) or [], asker=asker)


def test_a_request_is_asked_for_as_an_act() -> None:
    """Who, what, for which purpose, about whom, and what the server behind can do."""
    decider = Decider()
    verdict = check(decider, x_ombud_case=["24-118"], x_ombud_justification_id=["j-1"])

    assert verdict == Verdict(True, ("granted",), "d-1")
    assert decider.asked == [
        Attempt(
            "user",
            "ana",
            "read",
            "dataset",
            "plates",
            "stolen-vehicles",
            context={
                "route": "/plates/{plate}",
                "method": "GET",
                "supported_obligations": ["custom", "notification"],
                "ombud_obligations": ["masks"],
                "case": "24-118",
                "justification_id": "j-1",
                "subjects": ["plate:AB 123"],
            },
            columns=("plate",),
        )
    ]


def test_a_route_may_state_the_purpose() -> None:
    """Where nothing else does; what is stated wins."""
    decider = Decider()
    uri = ["/reports/2026/may"]
    check(decider, x_original_uri=uri, x_ombud_purpose=None)
    check(decider, x_original_uri=uri)
    check(decider, x_original_uri=uri, x_ombud_purpose=None, cookie=["a=b; why=audit"])

    assert [one.purpose for one in decider.asked] == ["reporting", "stolen-vehicles", "audit"]
    assert decider.asked[0].resource_id == "2026/may"
    assert decider.asked[0].columns is None
    assert "subjects" not in decider.asked[0].context


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"x_original_uri": None}, "proxy_silent"),
        ({"x_original_method": None}, "proxy_silent"),
        ({"x_original_method": [""]}, "proxy_silent"),
        ({"x_original_uri": ["/plates/a", "/plates/b"]}, "malformed"),
        ({"x_original_method": ["GET", "GET"]}, "malformed"),
        ({"x_forwarded_user": ["ana", "ben"]}, "malformed"),
        ({"x_forwarded_host": ["files.example", "b"]}, "malformed"),
        ({"x_ombud_purpose": ["a", "a"]}, "malformed"),
        ({"x_ombud_case": ["a", "b"]}, "malformed"),
        ({"x_ombud_purpose": ["x" * 1001]}, "malformed"),
        ({"x_forwarded_user": ["a\tb"]}, "malformed"),
        ({"cookie": ["why=other"]}, "malformed"),
        ({"cookie": ["why=stolen-vehicles; why=stolen-vehicles"]}, "malformed"),
        ({"cookie": ["why=a"], "x_ombud_purpose": ["b"]}, "malformed"),
        ({"cookie": ["case=" + "x" * 1001]}, "malformed"),
        ({"x_original_uri": ["/plates/../admin"]}, "malformed"),
        ({"x_original_uri": ["/plates/a?_method=DELETE"]}, "malformed"),
        ({"x_original_uri": ["/plates//a"]}, "malformed"),
        ({"x_original_uri": ["/plates"]}, "no_route"),
        ({"x_original_uri": ["/admin"]}, "no_route"),
        ({"x_forwarded_host": ["other.example"]}, "no_route"),
        ({"x_forwarded_host": None}, "no_route"),
        ({"x_original_method": ["POST"]}, "no_route:method"),
        ({"x_original_method": ["get"]}, "no_route:method"),
        ({"x_original_method": ["GET DELETE"]}, "no_route:method"),
        ({"x_http_method_override": ["DELETE"]}, "override:x-http-method-override"),
        ({"x_http_method": ["DELETE"]}, "override:x-http-method"),
        ({"x_method_override": ["DELETE"]}, "override:x-method-override"),
        ({"x_original_url": ["/admin"]}, "override:x-original-url"),
        ({"x_rewrite_url": ["/admin"]}, "override:x-rewrite-url"),
    ],
    ids=str,
)
def test_what_is_no_act_is_refused_unasked(changed: dict[str, Any], reason: str) -> None:
    """Twice the same header, another path, another method: 403, and no decision of it."""
    decider = Decider()
    verdict = check(decider, **changed)

    assert not verdict.permit
    assert verdict.is_known
    assert verdict.reasons[0].startswith(reason)
    assert decider.asked == []


@pytest.mark.parametrize("user", [None, [""], ["  "]])
def test_nobody_signed_in(user: list[str] | None) -> None:
    """That is another answer: to sign in helps."""
    verdict = check(Decider(), x_forwarded_user=user)

    assert (verdict.permit, verdict.is_known) == (False, False)


def test_a_denial_says_what_would_lift_it() -> None:
    """The checkpoint to meet, or where to ask."""
    checkpoint = Obligation("checkpoint", {"name": "why", "prompt": "Say why"})
    more = {"reasons": ("checkpoint:why",), "checkpoint": checkpoint}
    verdict = check(Decider(permit=False, more=more))
    assert (verdict.permit, verdict.checkpoint, verdict.request_url) == (False, "why", "")

    verdict = check(Decider(permit=False, more={"is_requestable": True, "decision_id": "d/1"}))
    assert verdict.request_url == "https://ombud.example/requests?decision=d%2F1"


def test_obligations_go_to_the_server_behind_or_deny() -> None:
    """As visible ASCII; what the route does not say that it handles is not let through."""
    masks = Obligation("masks", {"masks": [{"column": "größe", "kind": "null\U0001f5dd"}]})
    verdict = check(Decider(more={"obligations": (masks,)}))
    assert verdict.permit
    assert verdict.obligations.isascii()
    assert verdict.obligations.decode().isprintable()
    assert orjson.loads(verdict.obligations) == [{"id": "masks", **masks.parameters}]

    for one in (Obligation("row_filter", {"expression": "true"}), Obligation("new", {})):
        verdict = check(Decider(more={"obligations": (masks, one)}))
        assert verdict.reasons == (f"obligation_unknown:{one.id}",)
        assert verdict.obligations == b""
    long = Obligation("masks", {"masks": ["x" * 5000]})
    assert check(Decider(more={"obligations": (long,)})).reasons == ("obligation_unknown:too_long",)


def test_without_a_record_there_is_no_answer() -> None:
    """What cannot be recorded, or asked for, is an error and never a permit."""
    with pytest.raises(Unavailable):
        check(Decider(fault=Unavailable("the disk is full")))
    with pytest.raises(Forbidden):
        check(Decider(), asker=Asker(person="x", scopes=frozenset({"search"})))
    with pytest.raises(Forbidden):
        check(Decider(), asker=Asker(person="x", scopes=frozenset()), x_original_uri=["//"])
