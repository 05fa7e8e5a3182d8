"""Story 5, the policy half: a workflow left its contract; it is stopped, by two people.

The policy is that of the fictional county, with one word changed: the nightly match of
stolen vehicles runs at any hour, so that the test may.  What is expected is read from the
lines of the log and from the directory's CSV files, by functions that know nothing of
Ombud.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from doubles.running_home import LOOK, Answer, RunningHome
from ombud.app.home import open_here
from ombud.services.asker import local_owner
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.services.verifying import verify
from ombud.simulate.county import FILES, write_county
from ombud.simulate.reference import DIRECTORY_FOLDER

Make = Callable[[Path], RunningHome]
Json = dict[str, Any]

END = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY_MS = 86_400_000
KINDS = ("person", "account", "unit", "membership", "supervision")
POLICIES = Path(__file__).resolve().parents[2] / "policies" / "county"
JOB, WORKFLOW, PURPOSE = "svc-nightly-etl", "wf-stolen-vehicle-match", "stolen_vehicles"
STANDING = "    standing: true\n    audience: {actors: [service:svc-nightly-etl]}\n    until:"
STOPPED = STANDING.replace("    standing: true\n", "")


def changed(files: dict[str, str], old: str, new: str) -> dict[str, str]:
    """Return policy files with a text that stands in one of them replaced."""
    assert sum(text.count(old) for text in files.values()) == 1
    return {name: text.replace(old, new) for name, text in files.items()}


@dataclass
class County:
    """A running home with the county's log and directory, and who is in which unit."""

    served: RunningHome
    folder: Path
    files: dict[str, str]
    tokens: dict[str, str]

    def post(self, path: str, said: Any, *, by: str) -> Answer:
        """Post a document with somebody's token."""
        return self.served.ask("POST", path, orjson.dumps(said), token=self.tokens[by])

    def status(self) -> Json:
        """Return how the policy stands."""
        body: Json = self.served.ask("GET", "/v1/policy/status", token=self.tokens["analyst"]).body
        return body

    def ask(self, dataset: str = "plate_reads") -> Json:
        """Ask whether the job may read a dataset for its purpose."""
        said = {
            "subject": {"type": "service", "id": JOB},
            "action": {"name": "read"},
            "resource": {"type": "dataset", "id": dataset},
            "context": {"purpose": PURPOSE, "workflow_id": WORKFLOW},
        }
        answer = self.post("/access/v1/evaluation", said, by="job")
        assert answer.status == 200, answer.body
        body: Json = answer.body
        return body


def members(folder: Path, unit: str) -> list[str]:
    """Return who is in a unit for good, by the directory's file."""
    with (folder / DIRECTORY_FOLDER / "membership.csv").open(encoding="utf-8", newline="") as file:
        return [
            row["person"] for row in csv.DictReader(file) if row["unit"] == unit and not row["to"]
        ]


def lines_of_job(folder: Path) -> list[Json]:
    """Return what the log says that the workflow did, line by line."""
    text = (folder / FILES["mapping"]).read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if WORKFLOW in line]
    return [line for line in lines if line.get("workflow") == WORKFLOW]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory, running: Make) -> County:
    """Give a served home: log and directory loaded, the county's policy named by the settings."""
    folder, home = tmp_path_factory.mktemp("county"), tmp_path_factory.mktemp("home")
    told = write_county(folder, 7, people=60, end=END, events=16_000)
    (home / "mappings").mkdir()
    shutil.copy(told["mapping"], home / "mappings" / "cases.yaml")
    with open_here(home) as opened:
        opened.ingesting.deliver("county.cases", iter([(folder / FILES["mapping"]).read_bytes()]))
        listed = [
            WantedFile(f"{kind}.csv", text=(folder / DIRECTORY_FOLDER / f"{kind}.csv").read_text())
            for kind in KINDS
        ]
        opened.directory.load(DirectoryWanted(listed, force=True), asker=local_owner())
    files = {path.name: path.read_text(encoding="utf-8") for path in POLICIES.glob("*.yaml")}
    files = changed(
        files,
        'resources: [plate_reads, stolen_vehicles]\n        hours: ["00:00-06:00"]\n',
        "resources: [plate_reads, stolen_vehicles]\n",
    )
    policy = home.with_name("policy")
    policy.mkdir()
    for name, text in files.items():
        (policy / name).write_text(text, encoding="utf-8")
    (home / "settings.yaml").write_text(f"policy: {policy}\n")
    served = running(home).start()
    served.own_token()
    tokens = {}
    for name, person, scopes in (
        ("analyst", members(folder, "data-office")[0], ["admin", "simulate", "search"]),
        ("colleague", members(folder, "data-office")[1], ["admin", "request"]),
        ("auditor", members(folder, "audit")[0], ["request"]),
        ("job", "platform", ["decide"]),
    ):
        wanted = {"name": name, "person": person, "scopes": scopes}
        tokens[name] = served.ask("POST", "/v1/tokens", orjson.dumps(wanted)).body["token"]
    return County(served, folder, files, tokens)


def test_workflow_that_left_its_contract_is_stopped_by_two(county: County) -> None:
    """Simulated, proposed, confirmed by the auditor alone; the next run is told where to ask."""
    in_force = county.status()
    assert in_force["in_force"]["alone"] == "first"  # The folder of the settings, at the start.
    assert in_force["second_person"]["state"] == "needed"
    assert county.ask()["decision"] is True
    stop = changed(county.files, STANDING, STOPPED)

    check_simulation(county, stop)

    why = "reads benefit files beyond clause 3.2 and delivers to a partner"
    proposed = county.post("/v1/policy/versions", {"files": stop, "why": why}, by="analyst")
    assert (proposed.status, proposed.body["state"]) == (201, "waiting"), proposed.body
    assert county.ask()["decision"] is True  # Nothing is half in force.
    confirmation = f"/v1/policy/proposals/{proposed.body['id']}/confirmation"
    for by, said in (("analyst", "whoever proposes"), ("colleague", "is not among those")):
        refused = county.post(confirmation, {"why": "go"}, by=by)
        assert (refused.status, said in refused.body["error"]["message"]) == (403, True), by
    confirmed = county.post(confirmation, {"why": "I looked at the runs"}, by="auditor")
    assert (confirmed.status, confirmed.body["state"]) == (200, "applied"), confirmed.body

    check_next_run(county, proposed.body["version"])
    report = verify(county.served.home, county.served.home / "index" / "control.sqlite")
    assert report.ok, report.fault


def check_simulation(county: County, stop: dict[str, str]) -> None:
    """Check what the stop would have done against a count of the lines of the log."""
    lines = lines_of_job(county.folder)
    runs = {line["session"] for line in lines}
    crossing = [line for line in lines if line["object"]["dataset"] == "benefit_files"]
    until = round(END.timestamp() * 1000)
    wanted = {"files": stop, "since": until - 60 * DAY_MS, "until": until, **LOOK}
    answer = county.post("/v1/policy/simulations", wanted, by="analyst")
    assert answer.status == 200, answer.body
    newly, denied = answer.body["newly_denied"], answer.body["denied"]

    assert len(crossing) > 10
    (workflow,) = newly["by_workflow"]
    assert (workflow["workflow"], workflow["runs"]) == (WORKFLOW, len(runs))
    assert (newly["people"], newly["machines"]) == (0, 1)
    assert [row["machine"] for row in newly["by_machine"]] == [JOB]
    assert list(newly["reasons"]) == ["no_grant"]
    assert f"({len(runs)} runs of workflows)" in answer.body["says_newly"]
    # What it read beyond its contract is denied by both policies.
    mine = next(row for row in denied["by_workflow"] if row["workflow"] == WORKFLOW)
    assert mine["acts"] == len(lines)
    alone = county.post("/v1/policy/simulations", wanted | {"workflow": WORKFLOW}, by="analyst")
    assert alone.body["acts"] == len(lines)
    assert alone.body["newly_denied"] == newly
    events = county.served.look(
        "/v1/search", token=county.tokens["analyst"], q=f"workflow:{WORKFLOW} dataset:benefit_files"
    )["events"]
    assert len(events) == len(crossing)


def check_next_run(county: County, version: str) -> None:
    """Check that it is refused under the new version, with a reason and where to ask."""
    refused = county.ask()
    context = refused["context"]

    assert refused["decision"] is False
    assert context["reasons"] == ["no_grant"]
    assert context["policy_version"] == version
    assert context["access_request"]["binding_token"]
    assert PURPOSE in context["access_request"]["display"]["description"]
    (event,) = county.served.look(
        "/v1/search",
        token=county.tokens["analyst"],
        q=f"decision.id:{context['decision_id']}",
    )["events"]
    assert event["ombud"]["decision"]["policy"] == version
    shown = county.served.ask("GET", "/v1/policy", token=county.tokens["auditor"]).body
    assert shown["reason"].startswith("reads benefit files beyond clause 3.2")
    assert [one["person"] for one in shown["confirmations"]] == members(county.folder, "audit")[:1]
