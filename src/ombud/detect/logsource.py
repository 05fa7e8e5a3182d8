"""Logsource: which rules see which events, and in which form.

A rule of product `ombud` sees every event by the names of the event model.  Any
other rule sees the original of the sources whose product, service and category
it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ombud.core.errors import RuleError
from ombud.core.event import Action

PRODUCT = "ombud"
OWN_SOURCES = "ombud."  # Sources of Ombud itself, overseers' acts among them.
# What was asked before acts, which their own sources tell; and what Trino's questions were about.
DECISIONS = frozenset({"ombud.decision", "ombud.trino"})

_DATA_ACTIONS = frozenset(
    {
        Action.SEARCH,
        Action.READ,
        Action.EXPORT,
        Action.WRITE,
        Action.DELETE,
        Action.SHARE,
        Action.REVEAL,
    }
)
SERVICES = {
    "records": "acts on data: search, read, export, write, delete, share, reveal",
    "control": "acts on access and settings: every other action",
    "oversight": "acts in Ombud itself, by whatever door",
    "decisions": "attempts, permitted or denied before anything was done",
}


@dataclass(frozen=True, slots=True)
class LogSource:
    """Product, service and category, of which a rule names at least one.

    A source may have `services` beside its first.
    """

    product: str | None = None
    service: str | None = None
    category: str | None = None
    services: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Return the three parts as people write them: `aws/cloudtrail/*`."""
        return "/".join(part or "*" for part in (self.product, self.service, self.category))

    @property
    def is_own(self) -> bool:
        """Whether the rule is about the names of the event model."""
        return self.product == PRODUCT

    def covers(self, other: LogSource) -> bool:
        """Whether everything named here is the same there."""
        return (
            self.product in (None, other.product)
            and (self.service in (None, other.service) or self.service in other.services)
            and self.category in (None, other.category)
        )


ROUTES: Mapping[str, LogSource] = {
    "aws.cloudtrail": LogSource("aws", "cloudtrail"),
    "github.audit": LogSource("github", "audit"),
    "google.workspace": LogSource(
        "gcp", "google_workspace.admin", services=frozenset({"google_workspace.login"})
    ),
    "microsoft365.audit": LogSource(
        "m365",
        "audit",
        services=frozenset({"exchange", "threat_detection", "threat_management"}),
    ),
    "okta.systemlog": LogSource("okta", "okta"),
    "postgres.pgaudit": LogSource("postgresql", "pgaudit", "database"),
}


def check_own(logsource: LogSource) -> None:
    """Raise `RuleError` for a logsource of product `ombud` that no event can have."""
    if logsource.category is not None:
        raise RuleError(f"product `{PRODUCT}` has no categories: remove `{logsource.category}`")
    if logsource.service is not None and logsource.service not in SERVICES:
        known = ", ".join(f"`{service}`" for service in SERVICES)
        raise RuleError(f"product `{PRODUCT}` has no service `{logsource.service}`: it has {known}")


def sees_event(logsource: LogSource, source: str, action: str) -> bool:
    """Whether a rule of product `ombud` sees the events of this source and action.

    An attempt is no act: a rule that counts acts would count each of them twice.
    """
    if source in DECISIONS:
        return logsource.service in {None, "decisions"}
    match logsource.service:
        case "records":
            return action in _DATA_ACTIONS
        case "control":
            return action not in _DATA_ACTIONS
        case "oversight":
            return source.startswith(OWN_SOURCES)
        case "decisions":
            return False
    return True


def sees_original(logsource: LogSource, route: LogSource | None) -> bool:
    """Whether a rule of another product sees the originals of a source with this route."""
    return route is not None and not logsource.is_own and logsource.covers(route)
