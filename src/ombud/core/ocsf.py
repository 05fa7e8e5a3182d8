"""OCSF: events as OCSF 1.8 documents, and back.

`event_from_ocsf(event_to_ocsf(event)) == event`, for every event.
"""

from __future__ import annotations

from ombud.core.ocsf_read import event_from_ocsf
from ombud.core.ocsf_write import event_to_ocsf

__all__ = ["event_from_ocsf", "event_to_ocsf"]
