"""Asker: who asks, by which door, and how far they may see."""

from __future__ import annotations

from dataclasses import dataclass

from ombud.core.errors import Forbidden

SCOPES = ("ingest", "search", "decide", "simulate", "admin")


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

    def require(self, scope: str) -> None:
        """Raise `Forbidden` unless the asker holds the scope."""
        if scope not in self.scopes:
            raise Forbidden(
                f"this needs the scope `{scope}`",
                hint=f"ask for a token of scope `{scope}`: `ombud token create NAME --scope {scope}`",
            )
