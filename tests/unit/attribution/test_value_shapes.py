"""Shapes of values: what they look like, and nothing else, is kept."""

from __future__ import annotations

import pytest

from ombud.attribution.value_shapes import is_iban, is_nhs, observe, shapes_of


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("dee@example.org", {"email"}),
        ("078-05-1120", {"us_ssn", "phone"}),
        ("2026-11-22", {"date", "phone"}),
        ("943 476 5919", {"nhs", "phone"}),
        ("GB82 WEST 1234 5698 7654 32", {"iban"}),
        ("42", {"integer"}),
        ("7f8d1e9c-0000-4000-8000-000000000000", {"uuid"}),
        ("Dee", set()),
    ],
)
def test_shapes_of(text: str, shapes: set[str]) -> None:
    """Each shape is told from the others."""
    assert shapes_of(text) == shapes


@pytest.mark.parametrize("text", ["GB82WEST12345698765433", "GB8", "", "1234"])
def test_no_iban(text: str) -> None:
    """A wrong check digit makes it none."""
    assert not is_iban(text)


@pytest.mark.parametrize("text", ["9434765918", "943476591", "94347659\uff11\uff19", "abcdefghij"])
def test_no_nhs(text: str) -> None:
    """A wrong check digit, a digit too few or of another script makes it none."""
    assert not is_nhs(text)


def test_observe_keeps_no_value() -> None:
    """A sample is counted; empty values count for nothing, and no value is left."""
    shape = observe(["dee@example.org", "eve@example.org", None, " ", 7])

    assert (shape.count, shape.distinct) == (3, 3)
    assert shape.shares == {"email": 0.667, "integer": 0.333}
    assert "dee" not in repr(shape)
    assert not shape.is_mostly("email")
    assert observe(["a"] * 60).is_lookup
    assert not observe([]).is_lookup
