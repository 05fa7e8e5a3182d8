"""Requests at the terminal: asked for, decided on, granted, and an emergency with its secret."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ombud.app.home import open_here
from ombud.cli.main import run
from ombud.services.asker import Asker, local_owner
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.request_wanted import RequestWanted, StepWanted

CY = Asker(person="cy", scopes=frozenset({"request"}))
ME = local_owner().person
POLICY = f"""
purposes:
  stolen-vehicles:
    title: Find stolen vehicles
    owner: person:cy
    approval: {{approvers: {{actors: ["person:{ME}", person:cy]}}, quorum: 1}}
    days_max: 30
    break_glass: {{reasons: [danger-to-life], notify: [person:dpo]}}
    scope: [{{name: read, actions: [read], resources: [plates]}}]
datasets:
  plates: {{system: anpr, owner: "person:{ME}", intended: []}}
"""
WHY = ["--why", "care", "--case", "C-1"]


@pytest.fixture(autouse=True)
def _policy(home: Path) -> None:
    with open_here(home) as opened:
        wanted = PolicyWanted({"p.yaml": POLICY}, why="first")
        opened.services.policies.apply(wanted, asker=local_owner())


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Return what a command prints as JSON; it must succeed."""
    assert run([*arguments, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return lines[0] if len(lines) == 1 else lines


def by_cy(home: Path, request: str, step: str, **other: Any) -> None:
    """Let cy take a step."""
    with open_here(home) as opened:
        wanted = StepWanted(step=step, **other)
        opened.services.access.requests.step(request, wanted, asker=CY)


def test_from_request_to_grant(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for, sent back, amended, approved by another; shown with what was done under it."""
    opened = said(capsys, "request", "open", "stolen-vehicles", "--text", "Case 1", "--days", "9")
    request = opened["id"]
    assert run(["request", "approve", request]) == 1
    assert "nobody decides on their own request" in capsys.readouterr().err
    by_cy(home, request, "changes", text="shorter")
    assert said(capsys, "request", "list", "--for", "me")["awaits"] == "changes"
    assert run(["request", "amend", request, "--days", "3"]) == 0
    by_cy(home, request, "approve")
    assert run(["request", "show", request]) == 0
    shown = capsys.readouterr().out
    for text in ("approved (1 of 1 approvals)", "changes_asked by person:cy: shorter", "Case 1"):
        assert text in shown
    grant = said(capsys, "grant", "list")["id"]
    assert run(["grant", "show", grant]) == 0
    assert f"ombud search 'grant:{grant}'" in capsys.readouterr().out
    assert (
        said(capsys, "grant", "renew", grant, "--text", "Still", "--days", "20")["grant"] == grant
    )
    given = said(capsys, "grant", "delegate", grant, "person:ben", "--text", "leave")
    assert given["delegated_from"] == grant
    assert run(["grant", "revoke", grant, "--text", "done"]) == 0
    capsys.readouterr()
    assert said(capsys, "grant", "list") == []
    assert run(["request", "list", "--all", *WHY]) == 0
    assert "stolen-vehicles" in capsys.readouterr().out


def test_deciding_for_others(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What waits for me I approve or reject; a dataset is attached and taken away."""
    wanted = ("request", "open", "stolen-vehicles", "--for", "user:alice", "--text", "x")
    with open_here(home) as opened:
        kinds: list[dict[str, Any]] = [{}, {"kind": "dataset", "dataset": "plates"}]
        ids = [
            opened.services.access.requests.open(
                RequestWanted(purpose="stolen-vehicles", text="x", **one), asker=CY
            )["id"]
            for one in kinds
        ]
    assert run(["request", "reject", ids[0]]) == 2
    assert "needs a reason" in capsys.readouterr().err
    assert said(capsys, "request", "reject", ids[0], "--text", "no")["state"] == "rejected"
    made = said(capsys, "request", "approve", ids[1])["made"]
    assert run(["grant", "revoke", made, "--text", "done"]) == 0
    capsys.readouterr()
    mine = said(capsys, *wanted)["id"]
    assert run(["request", "comment", mine, "--text", "soon"]) == 0
    assert run(["request", "withdraw", mine]) == 0
    assert run(["request", "quality", *WHY]) == 0
    assert "decisions" in capsys.readouterr().out
    told = said(capsys, "request", "quality", "--approver", f"person:{ME}", *WHY)
    assert (told["decisions"], len(told["unopened"])) == (2, 2)
    assert run(["request", "list", "--for", "you"]) == 2
    assert run(["request", "quality", "--since", "never", *WHY]) == 2
    assert run(["request", "show", "request-0"]) == 1


def test_an_emergency(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started with a secret that is nowhere shown, listed, and decided on by others."""
    with open_here(home) as opened:
        opened.services.desk.checkpoints.credential_set(
            "a long secret", person=None, current=None, asker=local_owner()
        )
    start = ["break-glass", "start", "stolen-vehicles", "--code", "danger-to-life", "--text", "now"]
    monkeypatch.setattr("sys.stdin", io.StringIO("another secret\n"))
    assert run(start) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("a long secret\n"))
    assert run(start) == 0
    told = capsys.readouterr()
    assert "person:dpo" in told.out
    assert "a long secret" not in told.out + told.err
    request = said(capsys, "break-glass", "list")["id"]
    assert run(["break-glass", "decide", request]) == 2
    assert run(["break-glass", "decide", request, "--approve"]) == 1
    by_cy(home, request, "reject", text="no")
    assert run(["break-glass", "list"]) == 0
    assert "rejected" in capsys.readouterr().out
