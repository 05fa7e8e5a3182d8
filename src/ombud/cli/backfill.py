"""Backfill: old logs of a database into the record, as `ombud ingest` takes them in."""

from __future__ import annotations

from pathlib import Path

from ombud.app.appending import open_intake
from ombud.cli.output import progress
from ombud.collect.intake import IntakeResult
from ombud.collect.pgaudit import KIND
from ombud.collect.positions import Positions
from ombud.collect.reading import read_paths, size_of
from ombud.collect.sources import get_source
from ombud.config.attribution_file import load_attribution
from ombud.services.ingesting import positions_path


def backfill(home: Path, paths: list[str]) -> IntakeResult:
    """Record old logs; what was read before is passed over, so it may be repeated.

    Raises `NotFound` and `Unavailable`, naming the path.
    """
    source = get_source(KIND, declarations=load_attribution(home))
    positions = Positions(positions_path(home, source.kind))
    size = size_of(source, paths)
    with open_intake(home) as intake, progress("recording old logs", unit="bytes") as bar:
        task = bar.add_task("backfill", total=size)

        def on_progress(result: IntakeResult, advance: int) -> None:
            bar.update(task, advance=advance, description=f"{result.read} events")

        blocks = read_paths(source, paths, positions=positions)
        return intake.ingest(source, blocks, positions=positions, on_progress=on_progress)
