"""Shared accounts: those that seem to stand for several people, and how to name the person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ombud.attribution.declarations import PersonPattern, PersonPlace
from ombud.attribution.identifier_words import word_set, words_of

KEY = "user"
PATTERN = r"user=(?P<person>[^;]+)"
ADDRESSES_MIN = 3  # One person has a desk and a laptop.
SESSIONS_MIN = 4  # At one moment.
APPLICATIONS_MIN = 3
PROPOSED_FROM = 0.5
_APPLICATION = word_set(
    "app application svc service srv web www api portal backend frontend server pool shared "
    "gateway webapp intranet client anwendung dienst aplicacion"
)
_MACHINE = word_set(
    "replication replicator repl backup monitor monitoring exporter postgres root etl batch "
    "cron job sync migration pgbouncer datadog ombud"
)
_KEYS = "user|usr|login|uid|username|person|benutzer|usuario|on_behalf_of|sub"
_KEYED = re.compile(rf"(?:^|[;,\s|])({_KEYS})[=:]([^;,\s|]+)")


@dataclass(frozen=True, slots=True)
class Activity:
    """What was seen of one account: from where, with which programs, how often at once."""

    account: str
    addresses: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    sessions: int = 0
    is_superuser: bool = False


@dataclass(frozen=True, slots=True)
class SharedAccount:
    """An account that seems to be shared, why, and the pattern that would find the person.

    `is_named` says that its sessions name the person already.
    """

    account: str
    confidence: float
    reasons: tuple[str, ...]
    pattern: PersonPattern
    application: str = ""
    is_named: bool = False

    def connection_value(self) -> str:
        """Return the `application_name` to set, with a place for the person."""
        return f"{KEY}={{login}}" + (f";{self.application}" if self.application else "")


def find_shared(activities: Iterable[Activity]) -> list[SharedAccount]:
    """Return the accounts that seem to be shared, the surest first."""
    found = [shared for activity in activities if (shared := _judge(activity)) is not None]
    return sorted(found, key=lambda shared: (-shared.confidence, shared.account))


def _judge(activity: Activity) -> SharedAccount | None:
    words = {activity.account.lower(), *words_of(activity.account)}
    if words & _MACHINE or (activity.is_superuser and not words & _APPLICATION):
        return None
    reasons, confidence = [], 0.0
    if words & _APPLICATION:
        reasons.append(f"named `{activity.account}`")
        confidence += 0.6
    if len(activity.addresses) >= ADDRESSES_MIN:
        reasons.append(f"used from {len(activity.addresses)} addresses")
        confidence += 0.3
    if len(activity.applications) >= APPLICATIONS_MIN:
        reasons.append(f"used by {len(activity.applications)} programs")
        confidence += 0.2
    if activity.sessions >= SESSIONS_MIN:
        reasons.append(f"{activity.sessions} sessions at once")
        confidence += 0.2
    key = _key_in(activity.applications)
    if key:
        reasons.append(f"its sessions name a `{key}`")
        confidence += 0.5
    if confidence < PROPOSED_FROM:
        return None
    named = rf"{key}[=:](?P<person>[^;,\s|]+)" if key else PATTERN
    pattern = PersonPattern(PersonPlace.APPLICATION_NAME, (activity.account,), named)
    plain = sorted(name for name in activity.applications if name and not _KEYED.search(name))
    application = plain[0][:40] if len(plain) == 1 else ""
    return SharedAccount(
        activity.account, round(min(confidence, 0.95), 2), tuple(reasons), pattern,
        application, is_named=bool(key),
    )  # fmt: skip


def _key_in(applications: Iterable[str]) -> str:
    """Return the key by which most programs of an account name somebody, or an empty text."""
    keys = [match[1] for name in applications if (match := _KEYED.search(name))]
    return max(sorted(set(keys)), key=keys.count) if keys else ""
