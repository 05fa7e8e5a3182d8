"""Request events: access requests, grants and attachments, as control events."""

from __future__ import annotations

from ombud.store.control_change import Projection

REQUEST_PROJECTIONS: dict[str, Projection] = {}
