"""The API's own document: every path is in it, and its page needs nobody else."""

from __future__ import annotations

import re

from doubles.web_home import Client
from ombud.web.reference import render_reference

PATHS = {
    "/v1/sources/{kind}/events",
    "/v1/events",
    "/v1/search",
    "/v1/sessions",
    "/v1/sessions/{session_id}",
    "/v1/who/{kind}/{key}",
    "/v1/alerts",
    "/v1/alerts/{alert_id}",
    "/v1/coverage",
    "/v1/rules",
    "/v1/rules/backtests",
    "/v1/rules/explain",
    "/v1/rules/fields",
    "/v1/rules/{rule_id}/state",
    "/v1/record/head",
    "/v1/tokens",
    "/v1/tokens/{name}",
    "/v1/directory",
    "/v1/directory/plan",
    "/v1/directory/loads",
    "/v1/directory/people/{person}",
    "/v1/directory/unmatched",
    "/v1/policy",
    "/v1/policy/check",
    "/v1/policy/diff",
    "/v1/policy/explanations",
    "/v1/policy/history",
    "/v1/policy/proposals",
    "/v1/policy/proposals/{policy}/confirmation",
    "/v1/policy/proposals/{policy}/refusal",
    "/v1/policy/simulations",
    "/v1/policy/status",
    "/v1/policy/versions",
    "/v1/data/trino/allow",
    "/v1/data/trino/batch",
    "/v1/data/trino/rowFilters",
    "/v1/data/trino/columnMask",
    "/v1/data/trino/batchColumnMasks",
    "/.well-known/authzen-configuration",
    "/access/v1/evaluation",
    "/access/v1/evaluations",
    "/access/v1/request-schema",
    "/access/v1/requests",
    "/access/v1/requests/{task_id}",
    "/access/v1/requests/{task_id}/cancel",
    "/access/v1/search/action",
    "/access/v1/search/resource",
    "/access/v1/search/subject",
    "/v1/approval-quality",
    "/v1/attachments/{attachment_id}/revoke",
    "/v1/break-glass",
    "/v1/checkpoints",
    "/v1/checkpoints/{name}",
    "/v1/checkpoints/{name}/justifications",
    "/v1/credential",
    "/v1/ext-authz",
    "/v1/grants",
    "/v1/grants/{grant_id}",
    "/v1/grants/{grant_id}/steps",
    "/v1/justifications",
    "/v1/justifications/awaiting",
    "/v1/justifications/report",
    "/v1/justifications/{id_}",
    "/v1/justifications/{id_}/confirmation",
    "/v1/reference",
    "/v1/reference/check",
    "/v1/reference/loads",
    "/v1/reference/{name}/loads",
    "/v1/requests",
    "/v1/requests/{request_id}",
    "/v1/requests/{request_id}/steps",
    "/health",
    "/healthz",
    "/readyz",
    "/metrics",
}
OPEN = {"/access/v1/request-schema"}  # Says what a request looks like, and nothing of the home.


def test_document_lists_every_path(client: Client) -> None:
    """What the API answers is in its document, with what it needs and refuses."""
    document = client.ask("GET", "/openapi.json").json()

    assert document["paths"].keys() == PATHS
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"].endswith("."), path
            is_guarded = path.startswith(("/v1/", "/access/")) and path not in OPEN
            assert bool(operation.get("security")) is is_guarded, path
    refusals = document["paths"]["/v1/events"]["post"]["responses"].keys()
    assert {"200", "400", "401", "403", "404", "408", "413", "415", "422", "429", "503"} <= refusals


def test_page_needs_no_script_and_no_other_origin(client: Client) -> None:
    """The page shows all paths, runs nothing and loads nothing."""
    answer = client.ask("GET", "/docs")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in answer.text
    assert not re.search(r"(src|href)=\"(?!/openapi\.json)", answer.text)
    assert not re.search(r"https?://", answer.text)
    for path in PATHS:
        assert f" {path}</code>" in answer.text


def test_front_page_says_what_answers_here(client: Client) -> None:
    """The root is a page of its own: it links to what there is, and to nobody else."""
    answer = client.ask("GET", "/")

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    links = re.findall(r'(?:src|href|action)="([^"]*)"', answer.text)
    assert {"/docs", "/openapi.json"} <= set(links)
    for link in links:
        assert client.ask("GET", link).status_code == 200, link
    assert "<script" not in answer.text


def test_style_is_what_the_policy_allows(client: Client) -> None:
    """The one style of the page is allowed by its hash, and nothing else is."""
    policy = client.ask("GET", "/docs").headers["content-security-policy"]

    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; frame-ancestors 'none';"
        r" base-uri 'none'; form-action 'none'",
        policy,
    )


def test_everything_on_the_page_is_escaped() -> None:
    """Whatever a document says, it is text."""
    hostile = "<img src=x onerror=alert(1)>"
    operation = {
        "operationId": '"' + hostile,
        "description": hostile,
        "parameters": [{"name": hostile, "in": hostile, "description": hostile}],
        "requestBody": {"description": hostile, "content": {hostile: {}}},
        "responses": {hostile: {"description": hostile}},
    }
    page = render_reference(
        {
            "info": {"title": hostile, "version": hostile, "description": hostile},
            "paths": {hostile: {hostile: operation}},
        }
    )

    assert "<img" not in page
