"""Trino home double: as much of a home's services as the Trino door needs over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field

from doubles.trino_door import Door
from ombud.core.errors import Unauthenticated
from ombud.services.asker import Asker
from ombud.services.trino import Trino
from ombud.services.trino_access import TrinoAccess


@dataclass
class Services:
    """A home that knows a Trino door and two tokens."""

    door: Door = field(default_factory=Door)
    trino_access: TrinoAccess = field(default_factory=TrinoAccess)
    checks: dict[str, bool] = field(default_factory=lambda: {"record": True})
    trino: Trino = field(init=False)

    def __post_init__(self) -> None:
        """Open the door."""
        self.trino = self.door.trino

    def authenticate(self, token: str) -> Asker:
        """Know two tokens."""
        if token not in {"decide", "search"}:
            raise Unauthenticated("unknown or revoked token")
        return Asker(person=token, scopes=frozenset({token}))

    def health(self) -> dict[str, bool]:
        """Return the checks."""
        return self.checks
