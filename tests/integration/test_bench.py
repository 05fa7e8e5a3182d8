"""Each benchmark runs at a tiny size and tells its figures; how fast is no test."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from ombud.bench.registry import BENCHMARKS
from ombud.cli.main import run

TINY = 600


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_benchmark_tells_its_figures(
    name: str,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One JSON object with figures, limits that name figures, and the machine; nothing is left."""
    if name == "detection":  # Thousands of rules take long to load; its unit tests have some.
        monkeypatch.setenv("OMBUD_VECTORS", str(tmp_path))
    work, kept = tmp_path / "work", tmp_path / "kept"
    work.mkdir()
    command = ["bench", name, "--events", str(TINY), "--reps", "1", "--json"]

    status = run([*command, "--folder", str(work), "--save", str(kept)])

    (line,) = capfdbinary.readouterr().out.splitlines()
    told = orjson.loads(line)
    assert status == 0
    assert told["benchmark"] == name
    assert told["events"] == TINY
    assert told["figures"]
    assert all(value >= 0 for value in told["figures"].values())
    assert {limit["figure"] for limit in told["limits"]} <= told["figures"].keys()
    assert told["machine"]["cores"] >= 1
    assert list(work.iterdir()) == []
    (result,) = kept.iterdir()
    assert orjson.loads(result.read_bytes()) == told
