"""Actors: what earlier acts say of an act."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from ombud.detect.alerting import actors as actors_module
from ombud.detect.alerting.actors import Actors


@given(st.lists(st.lists(st.tuples(*[st.integers(0, 4)] * 3, st.booleans()), max_size=12)))
def test_many_acts_at_once(batches: list[list[tuple[int, int, int, bool]]]) -> None:
    """The same is derived as of one act after the other, and remembered in the same order."""
    one, other = Actors(), Actors()
    names: list[Any] = [UNSET, "ana", "bo", "cleo", "dan"]
    moments = [0, 5, 3 * 86_400_000, 2 * 86_400_000 + 1, -7]
    for batch in batches:
        codes = np.array([act[0] for act in batch], np.int64)
        times = np.array([moments[act[1]] for act in batch], np.int64)
        recorded = np.array([moments[act[2]] for act in batch], np.int64)
        rows = np.array([row for row, act in enumerate(batch) if act[3]], np.int64)

        plain = one.derive(
            rows.tolist(), [names[code] for code in codes], times.tolist(), recorded.tolist()
        )
        told = other.derive_coded(rows, codes, names, times, recorded)

        assert told is not None
        idle = [UNSET if np.isnan(cell) else cell for cell in told[0].tolist()]
        assert idle == plain["derived.idle_days"]
        assert [cell or UNSET for cell in told[1].tolist()] == plain["derived.first_seen"]
        assert other.state() == one.state()


def test_acts_that_are_taken_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody must be forgotten, or a time is beyond fractions, nothing is done."""
    actors = Actors()
    code, zero = np.array([0]), np.array([0])
    assert actors.derive_coded(zero, code, ["ana"], np.array([1 << 53]), zero) is None
    monkeypatch.setattr(actors_module, "ACTORS_MAX", 0)
    assert actors.derive_coded(zero, code, ["ana"], zero, zero) is None
    assert actors.state() == []
