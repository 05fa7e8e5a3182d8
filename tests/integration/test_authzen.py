"""AuthZEN: the certification scenario and the Todo scenario, over real HTTP.

The cases are those that openid/authzen publishes (e287920); what the file leaves to prose
(which of several bodies a status belongs to, headers, idempotency) is spelled out here.
Golden cases of our own run always.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from doubles.running_home import Answer, RunningHome

Make = Callable[[Path], RunningHome]
Json = dict[str, Any]

POLICIES = Path(__file__).resolve().parents[2] / "policies"
EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SUBJECT = "/access/v1/search/subject"
RESOURCE = "/access/v1/search/resource"
ACTION = "/access/v1/search/action"
ALICE_READS: Json = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "record-1"},
}


class Pdp:
    """One decision point, by its address; a token of scope `decide`."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.token = token

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request as it is."""
        place = urlsplit(self.address).netloc
        connection = http.client.HTTPConnection(place, timeout=30)
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, orjson.loads(text) if text else None, found)

    def ask(self, path: str, said: Any, **headers: str) -> Answer:
        """Post a document."""
        return self.send("POST", path, orjson.dumps(said), **headers)


def serve(running: Make, folder: Path, policy: str) -> RunningHome:
    """Serve a policy of ours, with a decision port; the owner's token is used."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMBUD_POLICY", str(POLICIES / policy))
        patch.setenv("OMBUD_DECIDE_WORKERS", "1")
        patch.setenv("OMBUD_DECIDE_PORT", "0")
        home = running(folder / "home").start()
    home.own_token()
    return home


@pytest.fixture(scope="module")
def served(running: Make, tmp_path_factory: pytest.TempPathFactory) -> RunningHome:
    """Serve the certification policy."""
    return serve(running, tmp_path_factory.mktemp("certification"), "authzen-certification")


@pytest.fixture(scope="module")
def held(served: RunningHome) -> str:
    """Return a token of scope `decide`."""
    return served.make_token("pep", "decide")


@pytest.fixture(params=["address", "decide_address"], ids=["application", "worker"])
def pdp(request: pytest.FixtureRequest, served: RunningHome, held: str) -> Pdp:
    """Return the decision point, by both of its doors."""
    return Pdp(served.told[request.param], held)


@pytest.fixture(scope="module")
def cases(vectors: Path) -> dict[str, Json]:
    """Return the certification cases by id."""
    read = orjson.loads((vectors / "authzen" / "cert_cases.json").read_bytes())
    return {case["id"]: case for case in read}


def bodies(case: Json) -> list[Json]:
    """Return every document of a case."""
    return [block["json"] for block in case["blocks"] if "json" in block]


# Requests that must be permitted or denied as their case says, by the path they are sent to.
DECIDED = {
    EVALUATION: [f"c-2-2-{number}" for number in range(1, 10)],
    EVALUATIONS: [f"c-3-2-{number}" for number in range(1, 8)] + ["c-3-4-1", "c-3-4-2", "c-3-4-3"],
}
SEARCHED = {
    SUBJECT: [f"c-4-2-{number}" for number in range(1, 5)] + ["c-4-6-2"],
    RESOURCE: [f"c-4-3-{number}" for number in range(1, 5)],
    ACTION: [f"c-4-4-{number}" for number in range(1, 4)] + ["c-4-6-1"],
}
MALFORMED = ["c-2-4-1", "c-2-4-2", "c-2-4-6"]
BY_ENDPOINT = ["c-4-7-1", "c-4-7-2"]  # One body for each kind of search, in this order.
BY_HAND = ["c-2-2", "c-2-4-3", "c-2-4-4", "c-2-4-5", "c-4-5-1", "c-4-5-2"]
DISCOVERY = ["c-6-2", "c-6-5", "c-6-6"]
# What the text of the scenario says of cases whose file states no whole answer.
SAID: dict[str, Json] = {
    "c-2-2-3": {"decision": True},
    "c-2-2-8": {"decision": True},
    "c-2-2-9": {"decision": True},
    "c-3-2-1": {"evaluations": [{"decision": True}, {"decision": False}]},
    "c-3-2-6": {"evaluations": [{"decision": True}, {"decision": False}]},
    "c-3-4-1": {"evaluations": [{"decision": True}, {"decision": False}]},
    "c-4-2-2": {"results": [{"type": "user", "id": "alice"}, {"type": "user", "id": "bob"}]},
    "c-4-2-3": {"results": [{"type": "user", "id": "alice"}, {"type": "user", "id": "bob"}]},
    "c-4-3-2": {"results": [{"type": "record", "id": "record-1"}]},
    "c-4-3-3": {"results": [{"type": "record", "id": "record-1"}]},
    "c-4-4-2": {"results": [{"name": "read"}, {"name": "write"}]},
}


def each(table: dict[str, list[str]]) -> pytest.MarkDecorator:
    """Parametrize by path and case."""
    rows = [(path, name) for path, names in table.items() for name in names]
    return pytest.mark.parametrize(("path", "name"), rows, ids=[name for _, name in rows])


def expected(case: Json) -> Json:
    """Return what a case demands of the answer."""
    if case["id"] in SAID:
        return dict(SAID[case["id"]])
    return dict(bodies(case)[1])


def test_every_case_of_the_scenario_is_here(cases: dict[str, Json]) -> None:
    """A case that openid/authzen adds is noticed."""
    known = [name for table in (DECIDED, SEARCHED) for names in table.values() for name in names]

    assert sorted([*known, *MALFORMED, *BY_ENDPOINT, *BY_HAND, *DISCOVERY]) == sorted(cases)


@each(DECIDED)
def test_decisions(pdp: Pdp, cases: dict[str, Json], path: str, name: str) -> None:
    """Levels Basic and Batch, Core and Properties: each decision is the one demanded."""
    answer = pdp.ask(path, bodies(cases[name])[0])

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    wanted = expected(cases[name])
    if "evaluations" in wanted:
        found = answer.body["evaluations"]
        assert [one["decision"] for one in found] == [
            one["decision"] for one in wanted["evaluations"]
        ]
        assert all(isinstance(one["context"], dict) for one in found)
        assert "decision" not in answer.body
    else:
        assert answer.body["decision"] is wanted["decision"]


@each(SEARCHED)
def test_searches(pdp: Pdp, cases: dict[str, Json], path: str, name: str) -> None:
    """Level Search, Core and Properties: at least what is demanded, nothing where it is unknown."""
    answer = pdp.ask(path, bodies(cases[name])[0])

    assert answer.status == 200  # Also where the file's `statuses` says 400: `expected` wins.
    wanted = expected(cases[name])["results"]
    if wanted:
        assert all(one in answer.body["results"] for one in wanted)
    else:
        assert answer.body["results"] == []
    assert answer.body["page"]["next_token"] == ""


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests(pdp: Pdp, cases: dict[str, Json], name: str) -> None:
    """What is missing or of another type is 400, with an error that names it."""
    for body in [*bodies(cases[name]), {}]:
        answer = pdp.ask(EVALUATION, body)

        assert answer.status == 400, body
        assert answer.body["error"]["origin"] == "body"
    assert pdp.ask(EVALUATION, ALICE_READS | {"resource": "record-1"}).status == 400


@pytest.mark.parametrize("name", BY_ENDPOINT)
def test_malformed_searches(pdp: Pdp, cases: dict[str, Json], name: str) -> None:
    """What is sought may go without id, what is given may not."""
    sent = bodies(cases[name])
    assert len(sent) == 3

    for path, body in zip((SUBJECT, RESOURCE, ACTION), sent, strict=True):
        assert pdp.ask(path, body).status == 400, path


def test_bodies_that_are_no_json(pdp: Pdp) -> None:
    """c-2-4-3, c-2-4-4, c-2-4-5: another content type, malformed, empty: always 400."""
    body = orjson.dumps(ALICE_READS)

    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", ""):
        assert pdp.send("POST", EVALUATION, body, Content_Type=kind).status == 400
    assert pdp.send("POST", EVALUATION, b'{"subject": ').status == 400
    empty = pdp.send("POST", EVALUATION, b"")
    assert (empty.status, empty.body["error"]["message"]) == (400, "the body is empty")


def test_request_ids_and_idempotency(pdp: Pdp) -> None:
    """c-2-2, c-2-5, c-2-6: the id comes back, also with an error; the decision is the same."""
    for body, status in ((orjson.dumps(ALICE_READS), 200), (b"{", 400)):
        answer = pdp.send("POST", EVALUATION, body, X_Request_ID="bfe9eb29-ab87")
        assert (answer.status, answer.headers["x-request-id"]) == (status, "bfe9eb29-ab87")
    assert "x-request-id" not in pdp.ask(EVALUATION, ALICE_READS).headers
    assert [pdp.ask(EVALUATION, ALICE_READS).body["decision"] for _ in range(3)] == [True] * 3


def test_pages(pdp: Pdp) -> None:
    """c-4-5-1, c-4-5-2: a page, the next by its token alone, and the end of it."""
    asked = {k: v for k, v in ALICE_READS.items() if k != "subject"} | {"subject": {"type": "user"}}
    first = pdp.ask(SUBJECT, asked | {"page": {"limit": 1}})
    token = first.body["page"]["next_token"]
    second = pdp.ask(SUBJECT, asked | {"page": {"token": token}})

    assert next(iter(first.body)) == "page"
    assert first.body["page"] == {"next_token": token, "count": 1, "total": 2}
    assert second.body["page"] == {"next_token": "", "count": 1, "total": 2}
    assert [one.body["results"][0]["id"] for one in (first, second)] == ["alice", "bob"]


@pytest.mark.parametrize(
    "changed",
    [
        {"action": {"name": "write"}},
        {"resource": {"type": "record", "id": "record-2"}},
        {"context": {"purpose": "records"}},
        {"page": {"limit": 2}},
        {"page": {"properties": {"sort": "id"}}},
        {"page": {"token": "x"}},
    ],
)
def test_a_token_is_of_one_question(pdp: Pdp, changed: Json) -> None:
    """Whatever was changed while turning pages is an error."""
    asked = ALICE_READS | {"subject": {"type": "user"}}
    first = pdp.ask(SUBJECT, asked | {"page": {"limit": 1}}).body["page"]
    page = {"token": first["next_token"]} | changed.get("page", {})
    answer = pdp.ask(SUBJECT, asked | changed | {"page": page})

    assert (answer.status, answer.body["error"]["origin"]) == (400, "page.token")


def test_discovery(pdp: Pdp) -> None:
    """c-6-2, c-6-5, c-6-6: the metadata names the base it was asked at, and default paths."""
    answer = pdp.send("GET", "/.well-known/authzen-configuration")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body["policy_decision_point"] == pdp.address
    assert {name: url for name, url in answer.body.items() if name.endswith("_endpoint")} == {
        "access_evaluation_endpoint": pdp.address + EVALUATION,
        "access_evaluations_endpoint": pdp.address + EVALUATIONS,
        "search_subject_endpoint": pdp.address + SUBJECT,
        "search_resource_endpoint": pdp.address + RESOURCE,
        "search_action_endpoint": pdp.address + ACTION,
        "access_request_endpoint": pdp.address + "/access/v1/requests",
    }
    assert answer.body["supported_obligations"] == ["notification", "step-up", "custom"]


def test_golden_decisions_of_our_own(pdp: Pdp) -> None:
    """Without the published file: what the certification policy says, once over."""

    def asked(who: str, what: str, which: str, /, **properties: Json) -> Any:
        said = {
            "subject": {"type": "user", "id": who, "properties": properties.get("who", {})},
            "action": {"name": what, "properties": properties.get("what", {})},
            "resource": {"type": "record", "id": which, "properties": properties.get("which", {})},
        }
        return pdp.ask(EVALUATION, said).body["decision"]

    archived = {"status": "archived"}
    assert asked("alice", "read", "record-1") is True
    assert asked("alice", "write", "record-1") is True
    assert asked("bob", "read", "record-1") is True
    assert asked("bob", "write", "record-1") is False
    assert asked("alice", "write", "record-2", which=archived) is False
    assert asked("bob", "write", "record-2", who={"role": "admin"}, which=archived) is True
    assert asked("alice", "delete", "record-1", what={"soft": True}) is True
    assert asked("alice", "delete", "record-1", what={"soft": False}) is False
    assert asked("mallory", "read", "record-1") is False
    assert asked("alice", "read", "record-9") is False


@pytest.mark.parametrize(
    ("semantic", "found"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_semantics_of_a_batch(pdp: Pdp, semantic: str, found: list[bool]) -> None:
    """The answer ends with the decision that settled it."""
    names = ("record-1", "record-9", "record-1")
    said = {
        "subject": ALICE_READS["subject"],
        "action": ALICE_READS["action"],
        "options": {"evaluations_semantic": semantic},
        "evaluations": [{"resource": {"type": "record", "id": name}} for name in names],
    }
    answer = pdp.ask(EVALUATIONS, said)

    assert [one["decision"] for one in answer.body["evaluations"]] == found


def test_decisions_are_on_record_and_a_batch_is_one_event(pdp: Pdp, served: RunningHome) -> None:
    """The id in an answer is that of an event; those of a batch share one."""
    one = pdp.ask(EVALUATION, ALICE_READS).body["context"]["decision_id"]
    many = pdp.ask(
        EVALUATIONS, ALICE_READS | {"evaluations": [{}, {"action": {"name": "shred"}}]}
    ).body["evaluations"]
    ids = [answer["context"]["decision_id"] for answer in many]

    (event,) = served.search(f"decision.id:{one}")
    assert (event["ombud"]["decision"]["permit"], event["status"]) == (True, "success")
    (batch,) = served.search(f"decision.id:{ids[0].partition('.')[0]}")
    held = batch["ombud"]["attributes"]["decisions"]
    assert [(item["id"], item["permit"]) for item in held] == [(ids[0], True), (ids[1], False)]


def test_who_may_only_simulate_gets_no_permit_and_leaves_no_trace(
    pdp: Pdp, served: RunningHome
) -> None:
    """What would be decided is told, and `decision` is false whatever that is."""
    before = served.look("/v1/record/head")["size"]
    asker = Pdp(pdp.address, served.make_token(f"sim-{pdp.address}", "simulate"))
    answer = asker.ask(EVALUATION, ALICE_READS)
    batch = asker.ask(EVALUATIONS, ALICE_READS | {"evaluations": [{}]}).body["evaluations"]
    found = asker.ask(SUBJECT, ALICE_READS)

    for told in (answer.body, *batch):
        assert told["decision"] is False
        assert told["context"]["what_if"] is True
        assert told["context"]["would"]["decision"] is True
        assert "decision_id" not in told["context"]
    assert found.body["context"]["what_if"] is True
    assert found.body["results"]
    # The one event since is that of the token.
    assert served.look("/v1/record/head")["size"] == before + 1


@pytest.mark.parametrize(
    ("scopes", "status"), [((), 401), (("search",), 403), (("admin", "ingest"), 403)]
)
def test_who_may_not_ask(
    pdp: Pdp, served: RunningHome, scopes: tuple[str, ...], status: int
) -> None:
    """Without a token, or with one for something else, nothing is decided."""
    name = f"{'-'.join(scopes)} {pdp.address}"
    asker = Pdp(pdp.address, served.make_token(name, *scopes) if scopes else "ombud_nobody")

    for path in (EVALUATION, EVALUATIONS, SUBJECT):
        answer = asker.ask(path, ALICE_READS)
        assert (answer.status, set(answer.body)) == (status, {"error"})


@pytest.fixture(scope="module")
def todo(running: Make, tmp_path_factory: pytest.TempPathFactory) -> list[Pdp]:
    """Serve the policy of the Todo scenario; return both doors to it."""
    home = serve(running, tmp_path_factory.mktemp("todo"), "authzen-todo")
    held = home.make_token("pep", "decide")
    return [Pdp(home.told[name], held) for name in ("address", "decide_address")]


def as_final(request: Json) -> Json:
    """Return a request of draft 00 as the final specification has it; others as they are.

    That draft knew no `properties`: attributes stood beside `type` and `id`, where 1.0
    wants them ignored, and the subject's id for the policy was called `identity`.
    """
    subject, resource = request["subject"], request["resource"]
    known = {"type", "id", "properties"}
    beside = {name: resource[name] for name in resource if name not in known}
    return {
        **request,
        "subject": {**subject, "id": subject.get("identity", subject["id"])},
        "resource": {"properties": beside, **resource},
    }


@pytest.mark.parametrize("version", ["00", "01", "02"])
def test_interop_decisions_of_the_todo_scenario(
    todo: list[Pdp], vectors: Path, version: str
) -> None:
    """Every decision that the interop documents expect, alone and in batches."""
    path = vectors / "authzen" / f"decisions-authorization-api-1_0-{version}.json"
    said = orjson.loads(path.read_bytes())
    assert len(said["evaluation"]) >= 40

    for pdp in todo:
        for case in said["evaluation"]:
            answer = pdp.ask(EVALUATION, as_final(case["request"]))
            assert answer.body["decision"] is case["expected"], case
        for case in said.get("evaluations", []):
            answer = pdp.ask(EVALUATIONS, case["request"])
            found = [one["decision"] for one in answer.body["evaluations"]]
            assert found == [one["decision"] for one in case["expected"]], case
