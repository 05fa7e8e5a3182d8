"""Medians, limits, quantiles and the page of results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ombud.bench.load import cloudtrail_lines
from ombud.bench.meter import Meter, cpu_seconds, folder_bytes, pss_bytes, quantile
from ombud.bench.report import Limit, Options, Report, repeat
from ombud.bench.trend import performance_page, save_result
from ombud.core.errors import Conflict


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """Return options of three runs without vectors."""
    return Options(events=10, reps=3, folder=tmp_path, vectors=None)


def test_medians_and_spread(options: Options) -> None:
    """The median of the runs is the figure; lowest and highest are told."""
    report = repeat(Report("x", options), lambda rep: {"cpu": (3.0, 1.0, 2.0)[rep]})

    assert report.figures == {"cpu": 2.0}
    assert report.spread == {"cpu": (1.0, 3.0)}


def test_limits_are_judged(options: Options) -> None:
    """At most and at least; a limit whose figure was not measured is not told."""
    limits = (Limit("cpu", 2.0), Limit("rate", 5.0, is_most=False), Limit("absent", 1.0))
    report = Report("x", options, figures={"cpu": 2.5, "rate": 6.0}, limits=limits)

    told = report.to_document()["limits"]

    assert told == [
        {"figure": "cpu", "at_most": 2.0, "holds": False},
        {"figure": "rate", "at_least": 5.0, "holds": True},
    ]


@pytest.mark.parametrize(
    ("share", "value"),
    [
        pytest.param(0.5, 6.0, id="median"),
        pytest.param(0.95, 10.0, id="p95"),
        pytest.param(1.0, 10.0, id="highest"),
    ],
)
def test_quantile(share: float, value: float) -> None:
    """The quantile is one of the values."""
    assert quantile([float(n) for n in range(10, 0, -1)], share) == value


def test_meter_counts_this_process(tmp_path: Path) -> None:
    """CPU, memory and files of this process are positive; a process that is gone has none."""
    (tmp_path / "file").write_bytes(bytes(70))
    with Meter({"self": os.getpid()}) as meter:
        sum(range(200_000))

    assert meter.cpu_seconds > 0
    assert meter.wall_seconds > 0
    assert pss_bytes(os.getpid()) > 1_000_000
    assert cpu_seconds(2**22 + 1) == 0.0
    assert pss_bytes(2**22 + 1) == 0
    assert folder_bytes(tmp_path) == 70


def test_lines_of_a_load_all_differ() -> None:
    """Replicated records have ids of their own, and more of them are others again."""
    first = list(cloudtrail_lines(None, 3_000))
    more = list(cloudtrail_lines(None, 10, start=3_000))

    assert len(set(first)) == 3_000
    assert set(first).isdisjoint(more)


def document(**changes: Any) -> dict[str, Any]:
    """Return a small result."""
    return {
        "benchmark": "record-path",
        "at": "2026-11-22T10:00:00Z",
        "machine": {
            "processor": "A processor", "cores": 2, "memory_gb": 8.0, "python": "3.11.7",
            "load": 0.5, "sha256_us": 1.2, "fdatasync_ms": 0.3,
        },
        "events": 200_000,
        "reps": 3,
        "figures": {"cpu_us_per_event": 15.0},
        "spread": {},
        "ratios": {},
        "limits": [{"figure": "cpu_us_per_event", "at_most": 20.0, "holds": True}],
        "notes": [],
        **changes,
    }  # fmt: skip


def test_results_are_added_and_shown(tmp_path: Path) -> None:
    """Results become rows, oldest first, with the limit at the head; none is overwritten."""
    save_result(tmp_path, document(at="2026-11-23T10:00:00Z", figures={"cpu_us_per_event": 14.0}))
    save_result(tmp_path, document())

    page = performance_page(tmp_path)

    assert "| cpu_us_per_event (≤ 20) |" in page
    assert page.index("2026-11-22 10:00") < page.index("2026-11-23 10:00")
    with pytest.raises(Conflict):
        save_result(tmp_path, document())


def test_more_limits_than_columns_have_a_table(tmp_path: Path) -> None:
    """Each limit is told with the latest result that has its figure, whatever part was run."""
    names = [f"figure_{number}" for number in range(8)]
    limits = [{"figure": name, "at_least": 5.0, "holds": True} for name in names]
    save_result(tmp_path, document(figures=dict.fromkeys(names, 6.0), limits=limits))
    save_result(
        tmp_path, document(at="2026-11-23T10:00:00Z", figures={"figure_7": 9.0}, limits=limits[7:])
    )

    page = performance_page(tmp_path)

    assert "| figure_6 | ≥ 5 | 6 | 2026-11-22 10:00 | 0.5 |  |" in page
    assert "| figure_7 | ≥ 5 | 9 | 2026-11-23 10:00 | 0.5 | 6 to 9 |" in page
