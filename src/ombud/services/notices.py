"""Notices: telling somebody at once; what is told is on record before anybody is.

The event is the notice: whoever is addressed finds it in their list.  A notifier
carries it further, by mail or message; one that fails changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger("ombud")


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to some people, as `type:id`."""

    to: tuple[str, ...]
    subject: str
    request: str
    at: int


class Notifier(Protocol):
    """Carries notices to people."""

    def notify(self, notice: Notice) -> None:
        """Carry one notice; called after its event is durable."""


class LoggedNotices:
    """Writes notices to the server's log, for whoever watches it."""

    def notify(self, notice: Notice) -> None:
        """Write one line for each person."""
        for person in notice.to:
            log.warning("notice to %s: %s (request %s)", person, notice.subject, notice.request)
