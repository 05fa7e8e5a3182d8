"""Command `simulate`: files on disk, figures on standard output."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from ombud.cli.main import run

SMALL = ["--people", "40", "--days", "8", "--events", "900", "--end", "2026-11-22T00:00:00Z"]


def test_writes_a_county(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """One JSON object tells what was written, and it is there."""
    status = run(["simulate", "--seed", "4", "--out", str(tmp_path), "--json", *SMALL])

    told = orjson.loads(capfdbinary.readouterr().out)
    assert status == 0
    assert told["seed"] == 4
    assert told["end"] == "2026-11-22T00:00:00+00:00"
    for source in told["sources"].values():
        assert Path(source["file"]).read_bytes().count(b"\n") == source["events"]


def test_speaks_to_people(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without `--json` the files are listed, and nothing goes to standard error."""
    status = run(["simulate", "--seed", "4", "--out", str(tmp_path), *SMALL])

    told = capfd.readouterr()
    assert status == 0
    assert "county-plates.ndjson" in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--people", "3"], "40 to 20000 actors", id="too few people"),
        pytest.param(["--end", "yesterday"], "`yesterday` is no instant", id="no instant"),
    ],
)
def test_refuses(
    arguments: list[str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A county that cannot be is refused with the reason, and status 2."""
    status = run(["simulate", "--seed", "4", "--out", str(tmp_path), *SMALL, *arguments])

    assert status == 2
    assert message in capfd.readouterr().err
