"""Palantir audit lines as events: every category, what decides among several, and who."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.spoilt_records import spoilt
from ombud.collect.fit import fit
from ombud.collect.palantir import Palantir
from ombud.collect.palantir_categories import CATEGORIES, find_category, guess_category
from ombud.core.errors import EventError
from ombud.core.event import ACTIONS, Event

SOURCE = Palantir()
GOLDEN = Path(__file__).parents[2] / "golden" / "sources" / "palantir.audit3" / "audit.ndjson"
LINES = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
DATASET = "ri.foundry.main.dataset.1"


def event_of(
    *categories: str,
    request: dict[str, Any] | None = None,
    told: dict[str, Any] | None = None,
    **members: Any,
) -> Event:
    """Return the event of a line with these categories."""
    line = {
        "type": "audit.3",
        "logEntryId": "l-1",
        "time": "2026-03-04T08:00:00.123456789Z",
        "name": "PRODUCT_ENDPOINT",
        "categories": list(categories),
        "uid": "u-ana",
        "origins": ["203.0.113.7"],
        "result": "SUCCESS",
        "requestFields": request or {},
        "resultFields": told or {},
        **members,
    }
    return SOURCE.parse(json.dumps(line).encode(), now_ms=5)


def test_table_is_of_the_vocabulary() -> None:
    """Every category has an action of the closed vocabulary, and a rank of its own."""
    assert {category.action for category in CATEGORIES.values()} <= ACTIONS
    assert sorted(category.rank for category in CATEGORIES.values()) == list(range(len(CATEGORIES)))
    assert len(CATEGORIES) >= 100


@pytest.mark.parametrize("name", sorted(CATEGORIES))
def test_each_category_and_what_it_names(name: str) -> None:
    """Each category decides the action, and each member it names is found as the resource."""
    category = CATEGORIES[name]
    assert event_of(name).action == category.action
    assert find_category(name.upper()) is category
    for member in category.resources:
        value = [{"id": {"type": "rid", "rid": DATASET}, "context": []}]
        for found in (
            event_of(name, request={member: value}),
            event_of(name, told={member: value}),
        ):
            assert (found.resource_id, found.resource_type) == (DATASET, "dataset")


@pytest.mark.parametrize(
    ("categories", "action"),
    [
        pytest.param(["dataLoad", "dataExport"], "export", id="load and export"),
        pytest.param(["userJustify", "dataExport"], "export", id="export with its reason"),
        pytest.param(["requestCreate", "userJustify"], "justify", id="checkpoint"),
        pytest.param(["tokenGeneration", "userLogin"], "authenticate", id="sign-in makes a token"),
        pytest.param(["onBehalfOf", "dataLoad", "inApplicationContext"], "read", id="context"),
        pytest.param(["internal", "ontologyDataSearch"], "search", id="internal and search"),
        pytest.param(["dataLoad", "managementPermissions"], "grant", id="load and grant"),
        pytest.param(["ontologyDataLoad", "ontologyDataTransform"], "write", id="load and edit"),
        pytest.param(["somethingExport", "dataLoad"], "export", id="unknown, by its name"),
        pytest.param([], "other", id="none"),
        pytest.param(["frobnicate"], "other", id="unknown"),
    ],
)
def test_consequence_decides(categories: list[str], action: str) -> None:
    """Of several categories the one of most consequence decides, in whatever order they come."""
    assert event_of(*categories).action == action
    assert event_of(*reversed(categories)).action == action


def test_unknown_acts_are_counted() -> None:
    """What neither the table nor a name explains is `other` with a flag; `internal` is not."""
    assert event_of("frobnicate").flags == ("action_unknown",)
    assert event_of("internal").flags is None


@pytest.mark.parametrize(
    ("name", "action"),
    [("EXPORT_DATASET", "export"), ("PUT_FILE", "write"), ("GET_OBJECT", "read"),
     ("LOGIN", "authenticate"),
     ("deleteBranch", "delete"), ("SEARCH-OBJECTS", "search"), ("REMOVE_ROLE", "grant"),
     ("REVOKE_TOKEN", "revoke"), ("RUN_BUILD", "execute"), ("FROB", "other")],
)  # fmt: skip
def test_names_of_audit2(name: str, action: str) -> None:
    """Without a category the name of the event says what it can."""
    assert guess_category(name).action == action
    line = {"type": "audit.2", "name": name, "request_params": {}, "uid": "u"}
    assert SOURCE.parse(json.dumps(line).encode(), now_ms=5).action == action


def test_who() -> None:
    """The most downstream caller acts; those it acted for stand most upstream first."""
    alone = event_of("dataLoad", users=[{"uid": "u-ana", "firstName": "Ana", "lastName": "A"}])
    assert (alone.actor_id, alone.actor_type, alone.actor_name) == ("u-ana", "person", "Ana A")
    assert (alone.account, alone.attributes and alone.attributes["user_initiated"]) == (
        "u-ana",
        True,
    )

    request = {"onBehalfOfUserIds": ["u-ana", "u-portal"]}
    served = event_of("dataLoad", "onBehalfOf", uid="u-svc", request=request)
    assert (served.actor_id, served.actor_type) == ("u-svc", "service")
    assert (served.on_behalf_of, served.account) == (("u-ana", "u-portal"), "u-ana")

    backend = event_of("dataLoad", origins=[])
    assert (backend.actor_type, backend.origin_ip) == (None, None)
    assert event_of("userLogin", uid=None, told={"loginUserId": "u-new"}).actor_id == "u-new"


def test_justification_and_decision() -> None:
    """Reasons, checkpoint, request and decision have fields of their own."""
    found = event_of(
        "userJustify",
        request={"userJustifyId": "ri.checkpoints.main.record.1",
                 "userJustification": [{"justification": "case 7"}, "and 8"]},
    )  # fmt: skip
    assert found.justification_text == "case 7\nand 8"
    assert found.justification_checkpoint == "ri.checkpoints.main.record.1"
    other = event_of("userJustify", request={"userJustifyId": "u-ben"})
    assert other.justification_checkpoint is None
    assert (other.attributes or {})["justified_by"] == "u-ben"

    yes = event_of("requestApprove", request={"approvedRequestIds": ["r-1"]})
    no = event_of("requestDisapprove", request={"disapprovedRequestIds": ["r-2"]})
    review = event_of("reviewInfraAction", told={"reviewInfraActionWasApproved": False})
    assert [(e.request, e.decision_permit) for e in (yes, no, review)] == [
        ("r-1", True), ("r-2", False), (None, False),
    ]  # fmt: skip


def test_volume_recipient_and_words() -> None:
    """An export tells bytes and destination, a search its words and how much it gave."""
    export = event_of("dataExport", request={"downloadedResources": [DATASET]},
                      told={"downloadedSize": "77"})  # fmt: skip
    assert (export.bytes_returned, export.resource_dataset) == (77, DATASET)
    promoted = event_of("dataPromote", request={"promotionDestinations": ["state"]})
    assert promoted.destination == "state"
    search = event_of("dataSearch", request={"dataSearchQuery": {"text": "dee"}},
                      told={"dataSearchResults": ["a", "b"]})  # fmt: skip
    assert (search.query_text, search.rows_returned) == ('{"text":"dee"}', 2)
    listed: dict[str, Any] = {
        "loadedOntologyDataResources": [{"ontologyDataResources": [{}, {}, {}]}]
    }
    assert event_of("ontologyDataLoad", told=listed).rows_returned == 3


def test_records_of_persons_stay_out_of_the_content() -> None:
    """A single object is the resource's id alone: nothing else in the event repeats it."""
    key = [{"propertyIdentifier": "ssn", "propertyValue": "900-11"}]
    loaded = [{"objectPrimaryKey": key, "ontologyContext": {"entityType": "ri.o.m.object-type.p"}}]
    found = event_of("ontologyDataLoad", told={"loadedOntologyDataResources": loaded * 2})
    assert (found.resource_id, found.resource_dataset) == ("900-11", "ri.o.m.object-type.p")
    assert "900-11" not in json.dumps(found.attributes)


@pytest.mark.parametrize(
    ("result", "more", "outcome"),
    [("SUCCESS", {}, "success"), ("UNAUTHORIZED", {}, "denied"), ("ERROR", {}, "failure"),
     (None, {}, "unknown"), ("SUCCESS", {"authenticationCheckResult": False}, "denied"),
     ("SUCCESS", {"authorizationCheckFailedTargets": ["x"]}, "denied")],
)  # fmt: skip
def test_outcomes(result: str | None, more: dict[str, Any], outcome: str) -> None:
    """A result says how it ended, unless a check says it was refused."""
    assert event_of("authenticationCheck", told=more, result=result).outcome == outcome


def test_groups_that_only_lose_members() -> None:
    """A patch that adds nobody takes access away, and names the accounts it concerns."""
    lost = {"groupPatches": [{"id": "g", "addedIds": [], "removedIds": ["u-cy"]}]}
    both = {"groupPatches": [{"id": "g", "addedIds": ["u-b"], "removedIds": ["u-cy"]}]}
    found = event_of("managementGroups", request=lost)
    assert (found.action, found.subjects) == ("revoke", (("account", "u-cy"),))
    assert event_of("managementGroups", request=both).action == "grant"


def test_stranger_is_refused() -> None:
    """An object without any telling member is no line of this log."""
    with pytest.raises(EventError, match=r"not a record of palantir\.audit3"):
        SOURCE.parse(b'{"eventName":"GetObject"}', now_ms=5)


@given(raw=spoilt(LINES))
def test_spoilt_lines_stay_events(raw: bytes) -> None:
    """Whatever becomes of its members, a line is an event the record holds, or is refused."""
    try:
        event = SOURCE.parse(raw, now_ms=5)
    except EventError:
        return
    assert event.raw == raw
    assert event.action in ACTIONS
    fit(event, now_ms=5)


@given(name=st.text(max_size=300))
def test_any_name_has_a_category(name: str) -> None:
    """No name of a category is without an action."""
    assert find_category(name).action in ACTIONS
