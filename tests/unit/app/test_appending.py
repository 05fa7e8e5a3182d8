"""Appending: whichever command records logs, the home's bound of the quarantine holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from ombud.app.appending import open_intake
from ombud.cli.backfill import backfill
from ombud.collect.reading import read_paths
from ombud.collect.sources import get_source
from ombud.core.errors import Unavailable

BAD_LINE = b'{"timestamp": broken, "' + b"x" * 300_000 + b'"}\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home whose quarantine takes a megabyte."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "settings.yaml").write_text("quarantine:\n  max_mb: 1\n")
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give a log of which more than a megabyte cannot become events."""
    path = tmp_path / "server.json"
    path.write_bytes(BAD_LINE * 8)
    return path


def test_intake_keeps_the_bound(home: Path, log: Path) -> None:
    """Beyond it, input is refused and not lost."""
    source = get_source("postgres.pgaudit")
    with (
        pytest.raises(Unavailable, match=r"`quarantine.max_mb` is 1"),
        open_intake(home) as intake,
    ):
        intake.ingest(source, read_paths(source, [str(log)]))


def test_old_logs_keep_the_bound(home: Path, log: Path) -> None:
    """What `connect --logs` records is bounded as what `ingest` does."""
    with pytest.raises(Unavailable, match=r"`quarantine.max_mb` is 1"):
        backfill(home, [str(log)])
