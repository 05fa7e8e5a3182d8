"""Time zones of the machine: what is recorded and found does not depend on where it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from doubles.running_home import LOOK, rows_of

GOLDEN = Path(__file__).parents[1] / "golden" / "sources"
ZONES = ("UTC", "America/St_Johns", "Pacific/Kiritimati")
WHY = ["--why", LOOK["why"], "--case", LOOK["case"]]
LOGS = (
    ("postgres.pgaudit", GOLDEN / "postgres.pgaudit" / "pg15.csv"),
    ("aws.cloudtrail", GOLDEN / "aws.cloudtrail" / "records.json"),
    ("mapping", GOLDEN / "mapping" / "hospital.ndjson"),
)


def ombud(home: Path, zone: str, *words: str) -> bytes:
    """Run one command on a machine of that zone; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "ombud", *words],
        env=os.environ | {"OMBUD_HOME": str(home), "TZ": zone},
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, object]]]:
    """Return what each zone's home finds of the same logs, without what only Ombud did."""
    told = {}
    for zone in ZONES:
        home = tmp_path_factory.mktemp(zone.replace("/", "-")) / "home"
        for kind, path in LOGS:
            mapping = ["--mapping", str(path.with_suffix(".yaml"))] if kind == "mapping" else []
            ombud(home, zone, "ingest", str(path), "--source", kind, *mapping)
        rows = rows_of(ombud(home, zone, "search", "NOT source:ombud.*", *WHY, "--json"))
        for row in rows:
            metadata = row["metadata"]
            metadata.pop("logged_time")
            metadata.pop("uid")
            if not row["ombud"]["time_known"]:
                row.pop("time")  # That of taking it in.
        told[zone] = sorted(rows, key=str)
    return told


def test_the_same_events_in_every_zone(found: dict[str, list[dict[str, object]]]) -> None:
    """Times, fields and originals are equal, event by event."""
    first, *others = (found[zone] for zone in ZONES)

    assert len(first) > 10
    assert all(other == first for other in others)


def test_a_home_may_move(tmp_path: Path) -> None:
    """Recorded in one zone and asked in another, the same days hold the same events."""
    home = tmp_path / "home"
    kind, path = LOGS[1]
    ombud(home, ZONES[1], "ingest", str(path), "--source", kind)
    query = "NOT source:ombud.* since:2000-01-01 until:2100-01-01 | count by action"
    answers = [ombud(home, zone, "search", query, *WHY, "--json") for zone in ZONES]

    assert answers[0]
    assert len(set(answers)) == 1
