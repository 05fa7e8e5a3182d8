"""Command `bench`: the list, and a name that is none."""

from __future__ import annotations

import orjson
import pytest

from ombud.bench.registry import BENCHMARKS
from ombud.cli.main import run


def test_lists(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Without a name the benchmarks are listed."""
    status = run(["bench", "--json"])

    listed = [orjson.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert status == 0
    assert [entry["name"] for entry in listed] == list(BENCHMARKS)


def test_unknown_name(capfd: pytest.CaptureFixture[str]) -> None:
    """A name that is none is wrong input and told what there is."""
    assert run(["bench", "nothing"]) == 2
    assert "record-path" in capfd.readouterr().err
