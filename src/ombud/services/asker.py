"""Asker: who asks, by which door, and how far they may see."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from ombud.core.errors import Forbidden

SCOPES = ("ingest", "search", "decide", "simulate", "request", "admin")


@dataclass(frozen=True, slots=True)
class Asker:
    """A person behind a token or at the home's own command line.

    Empty `units` and `systems` mean all.  `via` is the door: `cli` or `api`.
    """

    person: str
    scopes: frozenset[str]
    units: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    via: str = "api"
    token_id: str | None = None

    @property
    def is_restricted(self) -> bool:
        """Whether some events are out of the asker's sight."""
        return bool(self.units or self.systems)

    def require(self, scope: str) -> None:
        """Raise `Forbidden` unless the asker holds the scope."""
        if scope not in self.scopes:
            raise Forbidden(
                f"this needs the scope `{scope}`",
                hint=f"`ombud token create NAME --scope {scope}` makes a token that may",
            )


def person_of(uid: int) -> str:
    """Return the name of a local person."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"


def local_owner(uid: int | None = None) -> Asker:
    """Return the person who owns the home and asks at its own command line."""
    person = person_of(os.geteuid() if uid is None else uid)
    return Asker(person=person, scopes=frozenset(SCOPES), via="cli")
