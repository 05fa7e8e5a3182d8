"""Benchmark `verify`: how fast the whole record is derived again from its bytes."""

from __future__ import annotations

from ombud.bench.report import Options, Report


def run(options: Options) -> Report:
    """Verify a sealed record of CloudTrail records; one process."""
    return Report("verify", options)
