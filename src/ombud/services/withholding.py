"""Withholding: originals that hold rows of the directory, kept from whoever merely searches.

A load of the directory is part of the record, and its rows - leave, relations,
assignments of everybody - are the originals of its events.  Whoever may load them
sees them; for all others a person's entry is asked for by name, which is on record
as a look at that person.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.store.control_events import (
    CONTROL,
    DIRECTORY_LOADED,
    RULE_DISABLED,
    RULE_ENABLED,
    SETTING_CHANGED,
    SOURCE_ADDED,
    SOURCE_REMOVED,
    TOKEN_CREATED,
    TOKEN_REVOKED,
)
from ombud.store.request_events import INQUIRY_OPENED, REQUEST_PROJECTIONS, REQUEST_REFUSED

WITHHELD = "original_withheld"  # Flag of an event as it is answered, never as it is recorded.

# The originals of these say what the event itself says; of any other, nothing is known.
_OPEN = frozenset(
    {
        TOKEN_CREATED,
        TOKEN_REVOKED,
        SETTING_CHANGED,
        RULE_ENABLED,
        RULE_DISABLED,
        SOURCE_ADDED,
        SOURCE_REMOVED,
        DIRECTORY_LOADED,
        *REQUEST_PROJECTIONS,
        INQUIRY_OPENED,
        REQUEST_REFUSED,
    }
)


def withhold(events: Sequence[Event], asker: Asker) -> list[Event]:
    """Return the events, without those originals that are not for this asker.

    An event without one says so by the flag `original_withheld`.  What does not say
    whose event it is, because its content was erased, is withheld too.
    """
    if "admin" in asker.scopes and not asker.is_restricted:
        return list(events)
    return [_without(event) if _is_closed(event) else event for event in events]


def _is_closed(event: Event) -> bool:
    if not event.source:
        return True
    return event.source == CONTROL and event.operation not in _OPEN


def _without(event: Event) -> Event:
    if not event.raw:
        return event
    return msgspec.structs.replace(event, raw=b"", flags=(*(event.flags or ()), WITHHELD))
