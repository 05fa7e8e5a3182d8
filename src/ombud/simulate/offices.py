"""Offices: benefits, data platform and audit, and the machines that work for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ombud.simulate.act import Act
from ombud.simulate.desk import Desk
from ombud.simulate.hospital import open_chart
from ombud.simulate.names import RECIPIENTS
from ombud.simulate.sheriff import view_person
from ombud.simulate.texts import reason

LAKE = "hallowmere-lake"
RESULTS = "hallowmere-query-results"


@dataclass(frozen=True, slots=True)
class Contract:
    """What a workflow may read under its purpose, and who receives what it makes."""

    workflow: str
    purpose: str
    agreement: str
    datasets: tuple[str, ...]
    recipient: str
    destination: str


STOLEN_VEHICLES = Contract(
    "wf-stolen-vehicle-match", "stolen_vehicles", "PSA-2026-03 clause 3.2",
    ("plate_reads", "stolen_vehicles"), "Island Insurers' Pool", "s3://insurers-pool-inbox",
)  # fmt: skip
CONTRACTS = (
    Contract("wf-bed-forecast", "planning.capacity", "PSA-2025-11 clause 1.4",
             ("encounters", "ward_capacity"), "County Statistics Unit", "s3://hallowmere-statistics"),
    Contract("wf-benefit-statistics", "statistics.monthly", "PSA-2024-08 clause 2.1",
             ("benefit_files", "households"), "County Statistics Unit",
             "s3://hallowmere-statistics"),
)  # fmt: skip


# Tables of totals on the data platform, and what analysts ask of them.
_TOTALS = (
    ("encounters_daily", "SELECT ward, sum(beds) FROM encounters_daily GROUP BY ward"),
    ("plate_counts", "SELECT hour, sum(reads) FROM plate_counts GROUP BY hour"),
    ("benefit_totals", "SELECT month, sum(paid) FROM benefit_totals GROUP BY month"),
    ("ward_capacity", "SELECT * FROM ward_capacity WHERE day > current_date - 30"),
)


def work_benefits(desk: Desk) -> Iterator[Act]:
    """Assess entitlement: the applicant's file and the people in it."""
    dice = desk.dice
    while True:
        file = desk.case()
        if file is None:
            yield desk.act(
                "person.search", query=dice.pick(desk.world.residents.ordinary).name,
                purpose="enquiry.public", reason=reason(dice, "benefits"),
                dataset="benefit_files", type="benefit_file", rows=dice.between(1, 9),
            )  # fmt: skip
            continue
        about = dice.pick(file.subjects)
        yield desk.act(
            "benefit.view", about=about, file=file, reason=reason(dice, "benefits", case=file.id),
            dataset="benefit_files", type="benefit_file", object_id=about.key, rows=1,
            columns=("income", "household", "bank_account"),
        )  # fmt: skip
        if dice.chance(0.4):
            yield desk.act(
                "benefit.decide", about=about, file=file, dataset="benefit_files",
                type="benefit_file", object_id=about.key, size=dice.between(100, 4_000),
            )  # fmt: skip


def work_audit(desk: Desk) -> Iterator[Act]:
    """Go through what others did: the auditors' own work is logged like any other."""
    dice = desk.dice
    while True:
        colleague = dice.pick(desk.world.staff.actors)
        yield desk.act(
            "audit.view", file=desk.case(), dataset="audit_trail", type="audit_entry",
            object_id=colleague.login, reason="Quarterly sample", rows=dice.between(10, 200),
        )  # fmt: skip


def query_lake(desk: Desk) -> Iterator[Act]:
    """Run queries on the data platform: start, wait, fetch the result."""
    dice = desk.dice
    while True:
        table, text = dice.pick(_TOTALS)
        query = f"{dice.hex(8)}-{dice.hex(4)}-4{dice.hex(3)}-a{dice.hex(3)}-{dice.hex(12)}"
        if dice.chance(0.3):
            yield desk.act("GetTable", context={"databaseName": "county", "name": table})
        yield desk.act(
            "StartQueryExecution",
            context={
                "queryString": text,
                "queryExecutionContext": {"database": "county"},
                "workGroup": "analysts",
            },
        )
        yield desk.act("GetQueryExecution", context={"queryExecutionId": query})
        if dice.chance(0.7):
            yield desk.act("GetQueryResults", context={"queryExecutionId": query})
        if dice.chance(0.3):
            key = f"analysts/{query}.csv"
            yield desk.act(
                "GetObject", context={"bucketName": RESULTS, "key": key},
                size=dice.between(2_000, 400_000),
            )  # fmt: skip


def work_notebooks(desk: Desk) -> Iterator[Act]:
    """Work in the workflow system: try a query, look at a dataset, run a workflow by hand."""
    dice = desk.dice
    while True:
        file = desk.case()
        contract = dice.pick(CONTRACTS)
        dataset = dice.pick(contract.datasets)
        yield desk.act(
            "notebook.query", file=file, dataset=dataset, type="table", rows=dice.between(1, 5_000),
            query=f"open {dataset}, first 5000 rows", reason=reason(dice, "analysis"),
        )  # fmt: skip
        if dice.chance(0.05):
            recipient, destination = RECIPIENTS[4]
            rows = dice.between(20, 4_000)
            yield desk.act(
                "dataset.export", file=file, dataset=dataset, type="table", rows=rows,
                size=rows * 120, recipient=recipient, destination=destination,
                agreement=contract.agreement, request=f"Q-{dice.hex(8)}",
                reason=reason(dice, "analysis", careful=True),
            )  # fmt: skip


def run_workflow(desk: Desk, contract: Contract, *, beyond: tuple[str, ...] = ()) -> Iterator[Act]:
    """Run a workflow once: start, read each dataset, deliver; `beyond` is what it may not read."""
    dice = desk.dice
    shared: dict[str, Any] = {
        "workflow": contract.workflow,
        "purpose": contract.purpose,
        "agreement": contract.agreement,
    }
    limits = {"contract_datasets": list(contract.datasets)}
    yield desk.act("workflow.run", dataset="workflows", type="workflow",
                   object_id=contract.workflow, **shared)  # fmt: skip
    for dataset in (*contract.datasets, *beyond):
        yield desk.act(
            "dataset.read", dataset=dataset, type="table", rows=dice.between(800, 60_000),
            context=limits, **shared,
        )  # fmt: skip
    rows = dice.between(5, 400) * (9 if beyond else 1)
    yield desk.act(
        "workflow.deliver", dataset=f"{contract.workflow}.result", type="table", rows=rows,
        size=rows * 140, recipient=contract.recipient, destination=contract.destination,
        reason=f"Scheduled run under {contract.agreement}", **shared,
    )  # fmt: skip


def run_nightly(desk: Desk) -> Iterator[Act]:
    """Run the workflows that keep to their contract, again and again."""
    while True:
        for contract in CONTRACTS:
            yield from run_workflow(desk, contract)


def load_lake(desk: Desk) -> Iterator[Act]:
    """Load the data platform: the nightly job's calls to the cloud."""
    dice = desk.dice
    while True:
        table = dice.pick(("encounters", "plate_reads", "benefit_files"))
        yield desk.act("StartJobRun", context={"jobName": f"load-{table}"})
        for part in range(dice.between(2, 6)):
            key = f"{table}/part-{part:05d}-{dice.hex(8)}.parquet"
            yield desk.act(
                "PutObject", context={"bucketName": LAKE, "key": key},
                size=dice.between(20, 900),
            )  # fmt: skip
        yield desk.act("GetJobRun", context={"jobName": f"load-{table}"})


def assist(desk: Desk) -> Iterator[Act]:
    """Work as an AI agent on behalf of a member of staff: it reads for them, and says for whom."""
    dice = desk.dice
    role = "clinician" if desk.seat.system == "chartbook" else "detective"
    members = [a for a in desk.world.staff.actors if a.role == role]
    while True:
        principal = dice.pick(members)
        files = desk.world.cases.open_for(principal, desk.time)
        if not files:
            desk.wait(600_000)
            continue
        file = dice.pick(files)
        about = dice.pick(file.subjects)
        make = open_chart if role == "clinician" else view_person
        act = make(desk, about, file, f"Summary for {principal.login}")
        act.on_behalf_of = (principal.login,)
        yield act
