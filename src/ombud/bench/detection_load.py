"""Detection load: reading and compiling every published rule, in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ombud.bench.apart import run_apart
from ombud.bench.detection_rules import NO_VECTORS, RULES
from ombud.bench.meter import folder_bytes, pss_bytes
from ombud.bench.report import Figures, Limit, Options, Report
from ombud.config.rule_files import read_rules
from ombud.core.errors import Conflict
from ombud.detect.columnar.program import Program

LIMITS = (Limit("load_cold_seconds", 3.0), Limit("load_cached_seconds", 0.5))


def load(options: Options, report: Report) -> Callable[[int], Figures] | None:
    """Load all rules without a cache and from one, and make one program of them."""
    if options.vectors is None:
        report.notes.append(f"load: {NO_VECTORS}")
        return None
    folder = options.vectors / RULES
    report.notes.append("load: all published rules; seconds are CPU of one process")

    def once(rep: int) -> Figures:
        cache = options.folder / f"rules-{rep}"
        figures = run_apart(_load, folder, cache)
        again = run_apart(_load, folder, cache)
        if again["load_rules"] != figures["load_rules"]:
            raise Conflict("the cache does not hold the rules that it was made of")
        return figures | {
            "load_cached_seconds": again["load_cold_seconds"],
            "load_cached_memory_mb": again["load_memory_mb"],
            "load_cache_mb": folder_bytes(cache) / 1e6,
        }

    return once


def _load(folder: Path, cache: Path) -> Figures:
    before = pss_bytes(os.getpid())
    start = time.process_time()
    rules = read_rules([folder], cache=cache).rules
    loaded = time.process_time()
    after = pss_bytes(os.getpid())
    Program(rules)
    built = time.process_time()
    return {
        "load_rules": float(len(rules)),
        "load_cold_seconds": loaded - start,
        "load_memory_mb": max(0, after - before) / 1e6,
        "program_seconds": built - loaded,
        "program_memory_mb": max(0, pss_bytes(os.getpid()) - after) / 1e6,
    }
