"""Policy events: versions of the policy applied and proposed, as control events."""

from __future__ import annotations

from ombud.store.control_change import Projection

POLICY_PROJECTIONS: dict[str, Projection] = {}
