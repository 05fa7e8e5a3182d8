"""Checkpoint events: fulfilments, verdicts and loads, as control events."""

from __future__ import annotations

from ombud.store.control_change import Projection

CHECKPOINT_PROJECTIONS: dict[str, Projection] = {}
