"""Trino speaker: who asks through Trino, for which purpose, and what they say about why.

The purpose comes from what the client states (`extraCredentials`, Trino 484 and
later), from a group `purpose:ID` or `purpose=ID`, or from a user `NAME+ID`.  Statements that
differ are a conflict, and a conflict is denied: which one counts is not guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ombud.core.errors import SettingsError
from ombud.services.trino_request import Identity

PLACES = ("credentials", "group", "user")
# Trino's own file of groups cannot have a colon in a name.
GROUP_PREFIXES = ("purpose:", "purpose=")
MARK = "+"
# What else of the credentials becomes part of the attempt's context.
STATED = ("case", "justification", "justification_id", "reason_code")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who asks: an actor, a purpose if one was stated, and the rest that was said."""

    type: str
    id: str
    user: str  # As Trino has it.
    purpose: str | None = None
    is_conflict: bool = False
    stated: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str | None]:
        """What tells speakers apart where Trino sends no id of the query."""
        return (self.user, self.purpose)


class Speakers:
    """Reads speakers out of identities, as the settings say."""

    def __init__(self, *, places: Collection[str], services: Collection[str] = ()) -> None:
        """`places` are those of `PLACES` to be looked at; `services` users that are no persons."""
        if unknown := sorted(set(places) - set(PLACES)):
            raise SettingsError(
                f"`trino.purpose_from` knows no `{unknown[0]}`",
                hint=f"any of {', '.join(PLACES)}",
            )
        self._places = frozenset(places)
        self._services = frozenset(services)

    def base(self, user: str) -> str:
        """Return a user's name without the purpose that may stand behind it."""
        if "user" in self._places:
            name, mark, purpose = user.rpartition(MARK)
            if mark and name and purpose:
                return name
        return user

    def speaker(self, identity: Identity) -> Speaker:
        """Return who an identity is."""
        base = self.base(identity.user)
        purposes = self._purposes(identity, base)
        stated = {
            name: value
            for name in STATED
            if (value := identity.extra_credentials.get(name, "").strip())
        }
        properties: dict[str, Any] = {"groups": sorted(identity.groups)}
        if identity.principal is not None:
            properties["principal"] = identity.principal
        return Speaker(
            type="service" if base in self._services else "person",
            id=base,
            user=identity.user,
            purpose=next(iter(purposes)) if len(purposes) == 1 else None,
            is_conflict=len(purposes) > 1,
            stated=stated,
            properties=properties,
        )

    def _purposes(self, identity: Identity, base: str) -> set[str]:
        found: set[str] = set()
        if "credentials" in self._places:
            found.add(identity.extra_credentials.get("purpose", "").strip())
        if "group" in self._places:
            found.update(
                group.removeprefix(prefix)
                for group in identity.groups
                for prefix in GROUP_PREFIXES
                if group.startswith(prefix)
            )
        if base != identity.user:
            found.add(identity.user[len(base) + len(MARK) :])
        return found - {""}
