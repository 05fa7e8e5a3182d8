"""Collection: held back for a while, and never left off for whoever had it on."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ombud.core.collection import paused_collection


@pytest.fixture(autouse=True)
def _on() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_nothing_is_collected_meanwhile() -> None:
    """It is off inside and on again after."""
    with paused_collection():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_failure_leaves_it_on() -> None:
    """What fails inside does not end collection for good."""
    with pytest.raises(ValueError, match="no"), paused_collection():
        raise ValueError("no")
    assert gc.isenabled()


def test_who_had_it_off_finds_it_off() -> None:
    """One pause within another does not end the outer."""
    with paused_collection():
        with paused_collection():
            pass
        assert not gc.isenabled()
