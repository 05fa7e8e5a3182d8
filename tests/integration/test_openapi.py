"""OpenAPI: whatever the document lets anybody send, no answer is a fault of the server.

Requests are made from the document itself, the same ones each time, also such as break it;
the token may do everything, so that nothing is held off at the door.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from ombud.app.home import open_here
from ombud.services.asker import SCOPES, local_owner
from ombud.services.policy_wanted import PolicyWanted
from ombud.web.app import create_app

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

POLICY = Path(__file__).resolve().parents[2] / "policies" / "authzen-certification" / "policy.yaml"
EXAMPLES = 5  # Of each operation: some hundred requests in all.


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_request_of_the_document_is_a_fault_of_the_server(home: Path) -> None:
    """Below 500, every one of them."""
    faults: list[tuple[str, int, str]] = []
    asked: set[str] = set()
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    with open_here(home) as opened:
        owner = local_owner()
        files = {"policy.yaml": POLICY.read_text(encoding="utf-8")}
        opened.services.policies.apply(PolicyWanted(files), asker=owner)
        wanted = {"name": "all", "scopes": list(SCOPES)}
        token = opened.services.token_create(wanted, asker=owner)["token"]
        schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(opened.services))
        operations = [found.ok() for found in schema.get_all_operations()]
        for operation in operations:

            @settings
            @hypothesis.given(case=operation.as_strategy())
            def send(case: Any) -> None:
                label = case.operation.label
                asked.add(label)
                answer = case.call(headers={"Authorization": f"Bearer {token}"})
                if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    faults.append((label, answer.status_code, answer.text[:200]))

            send()

    assert faults == []
    assert asked == {operation.label for operation in operations}
