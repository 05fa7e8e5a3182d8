"""Times as sources write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.core.instants import INT64_MAX, INT64_MIN, parse_iso, parse_number

EIGHT = 1_772_611_200_000  # 2026-03-04T08:00:00Z


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-03-04T08:00:00Z", EIGHT),
        ("2026-03-04 08:00:00", EIGHT),
        ("2026-03-04T08:00:00.123456789Z", EIGHT + 123),
        ("2026-03-04 08:00:00.000000000", EIGHT),
        ("2026-03-04T09:30:00+0130", EIGHT),
        ("2026-03-04 08:00:00.5 UTC", EIGHT + 500),
        ("2026-03-04 09:00:00 CET", EIGHT),
        ("2026-03-04 03:00:00 EST", EIGHT),
        ("2026-03-04 10:00:00 +02", EIGHT),
        ("2026-03-04 08:00:00 XYZ", None),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ("10000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000),
        ("yesterday", None),
        ("", None),
        ("2026-03-04T08:00:00Z" * 10, None),
    ],
)
def test_iso(text: str, ms: int | None) -> None:
    """ISO 8601 in every dress; what is not a time is nothing."""
    assert parse_iso(text) == ms


@pytest.mark.parametrize(
    ("value", "unit", "ms"),
    [
        (1.5, 1000.0, 1500),
        ("1772611200", 1000.0, EIGHT),
        (1_772_611_200_000_000, 1e-3, EIGHT),
        (10**30, 1.0, None),
        (float("inf"), 1.0, None),
        (float("nan"), 1.0, None),
        ("x", 1.0, None),
        (10**400, 1.0, None),
    ],
)
def test_numbers(value: float | str, unit: float, ms: int | None) -> None:
    """Counts of units; what does not fit in 64 bits is nothing."""
    assert parse_number(value, unit_ms=unit) == ms


@given(text=st.text(alphabet="0123456789-:T. Z+abcXé", max_size=30))
def test_no_text_is_too_strange(text: str) -> None:
    """No text makes parsing fail."""
    ms = parse_iso(text)

    assert ms is None or INT64_MIN <= ms <= INT64_MAX
