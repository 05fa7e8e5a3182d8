"""The benchmark of detection in little: its parts, its figures, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from ombud.bench import detection_raw
from ombud.bench.detection import LIMITS, PARTS, run
from ombud.bench.detection_raw import compare
from ombud.bench.detection_rules import AWS, CLOUD, published_rules, without_keywords
from ombud.bench.registry import BENCHMARKS
from ombud.bench.report import Options
from ombud.core.errors import Conflict, InputError
from ombud.services.matching import Faults, Found


def options(folder: Path, vectors: Path | None, *only: str) -> Options:
    """Return options of one small run."""
    return Options(events=400, reps=1, folder=folder, vectors=vectors, only=only)


@pytest.mark.parametrize("part", ["cloudtrail", "windows", "zircolite", "load"])
def test_part_without_vectors_says_so(tmp_path: Path, part: str) -> None:
    """What cannot be measured is left out with one line."""
    report = run(options(tmp_path, None, part))

    assert report.figures == {}
    assert len(report.notes) == 1
    assert "left out" in report.notes[0]
    assert list(tmp_path.iterdir()) == []


def test_cloudtrail_tells_its_figures(
    tmp_path: Path, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sets of rules, over records that repeat and records that do not; files are gone."""
    monkeypatch.setattr(detection_raw, "JOBS", 1)  # Starting processes would take most of the time.
    monkeypatch.setattr(detection_raw, "PLAIN_LINES", 50)

    report = run(options(tmp_path, vectors, "cloudtrail"))

    kinds = [f"{rules}{kind}" for rules in ("aws", "cloud") for kind in ("", "_distinct", "_named")]
    words = ("plain_cpu_us_per_event", "events_per_second", "cpu_us_per_event", "matches")
    assert {f"{kind}_{word}" for kind in kinds for word in words} <= report.figures.keys()
    assert all(math.isfinite(value) for value in report.figures.values())
    assert list(tmp_path.iterdir()) == []
    told = {limit["figure"] for limit in report.to_document()["limits"]}
    assert told == {limit.figure for limit in detection_raw.LIMITS if "windows" not in limit.figure}


def test_rules_about_clouds(vectors: Path) -> None:
    """The sets are those that the figures are about."""
    cloud = published_rules(vectors, CLOUD)

    assert len(published_rules(vectors, AWS)) == 57
    assert (len(cloud), len(without_keywords(cloud))) == (348, 331)


class _Odd:
    """Finds a match that nobody else does."""

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return the second line."""
        del lines
        return [(1, 0)], ()


class _None:
    """Finds nothing."""

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return nothing."""
        del lines
        return [], ()


def test_difference_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A matcher that differs from the plain one is refused, however fast."""
    monkeypatch.setattr(detection_raw, "JOBS", 1)
    path = tmp_path / "lines.ndjson"
    path.write_bytes(b"{}\n" * 3)

    assert compare("same", _Odd, _Odd, path, 3).keys() == {"same_plain_cpu_us_per_event"}
    with pytest.raises(Conflict, match="odd: the plain matcher differs on line 2, rule 0"):
        compare("odd", _Odd, _None, path, 3)


def test_parts_are_named() -> None:
    """A part that there is not is refused with those there are; limits are of figures once."""
    benchmark = BENCHMARKS["detection"]

    assert benchmark.parts == tuple(PARTS)
    with pytest.raises(InputError, match="there is no part `sieve`"):
        benchmark.check_parts(["cloudtrail", "sieve"])
    with pytest.raises(InputError, match="there is no part `windows`"):
        BENCHMARKS["search"].check_parts(["windows"])
    figures = [limit.figure for limit in LIMITS]
    assert len(set(figures)) == len(figures)
