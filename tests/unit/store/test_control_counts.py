"""Control counts: what is in force and what waits, from the file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ombud.app.home import open_here
from ombud.app.standing import home_status
from ombud.cli.main import run
from ombud.core.errors import Unavailable
from ombud.services.asker import Asker, local_owner
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.request_wanted import RequestWanted, StepWanted
from ombud.store.control_counts import count_matters

POLICY = """
purposes:
  thefts:
    title: Find thieves
    approval: {approvers: {actors: [person:cy]}}
    scope: [{name: all, actions: [read], resources: [plates]}]
datasets: {plates: {}}
prohibitions: {no-export: {reason: never, actions: [export]}}
"""


def person(name: str) -> Asker:
    """Return somebody who acts for themself."""
    return Asker(person=name, scopes=frozenset({"request"}))


def test_status_says_what_waits(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy in force, a change that waits, a request that waits and a grant that holds."""
    with open_here(home) as opened:
        policies, requests = opened.services.policies, opened.services.access.requests
        policies.apply(PolicyWanted({"p.yaml": POLICY}), asker=local_owner())
        policies.apply(
            PolicyWanted({"p.yaml": POLICY.partition("prohibitions")[0]}), asker=local_owner()
        )
        wanted = RequestWanted(purpose="thefts", text="Case 24-118")
        first = requests.open(wanted, asker=person("ana"))["id"]
        requests.step(first, StepWanted(step="approve"), asker=person("cy"))
        requests.open(wanted, asker=person("ben"))
        expected = local_owner().person
    matters = home_status(home)["matters"]

    assert matters["policy"]["by"] == expected
    assert (matters["proposals"], matters["grants"]) == (1, 1)
    assert (matters["requests"]["waiting"], matters["requests"]["emergencies"]) == (1, 0)
    assert matters["checkpoints"] == {"hold": 0, "waiting": 0}
    assert run(["status", "--home", str(home)]) == 0
    said = capsys.readouterr().out
    assert "1 change waits: `ombud policy proposals`" in said
    assert "1 request waits, the first until" in said
    assert "grants that hold: 1" in said


def test_empty_home_says_what_comes_first(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a policy everything is denied, and the command that changes it is named."""
    with open_here(home):
        pass
    assert run(["status", "--home", str(home)]) == 0
    assert "everything is denied: `ombud policy apply FOLDER`" in capsys.readouterr().out


def test_file_that_is_none_is_no_figure(tmp_path: Path) -> None:
    """No file is no answer; a file of something else is an error that names it."""
    assert count_matters(tmp_path / "none.sqlite", 0) is None
    (tmp_path / "control.sqlite").write_text("no database")
    with pytest.raises(Unavailable) as failed:
        count_matters(tmp_path / "control.sqlite", 0)
    assert failed.value.origin == str(tmp_path / "control.sqlite")
