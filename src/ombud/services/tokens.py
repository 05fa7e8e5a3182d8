"""Tokens: who may call the API; each change is an event before it takes effect.

A token is 256 random bits; only its SHA-256 is kept.  That needs no salt or slow
hash: there is nothing to guess (NIST SP 800-63B §5.1.4 asks for them of secrets
that people choose).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from typing import Any

from ombud.core.clock import Clock
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, Unauthenticated
from ombud.services.asker import SCOPES, Asker
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL, TOKEN_CREATED, TOKEN_REVOKED

PREFIX = "ombud_"
DAY_MS = 86_400_000
NAME_MAX = 100


def token_hash(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """Creates, checks and revokes tokens."""

    def __init__(
        self,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`project` brings the control tables up to the last durable event."""
        self._appender = appender
        self._control = control
        self._project = project
        self._clock = clock
        self._creating = threading.Lock()

    def create(self, wanted: dict[str, Any], *, asker: Asker) -> dict[str, Any]:
        """Create a token and return it, the only time that it is shown.

        Raises `Forbidden` for an asker who sees a part: such a token could see more.
        """
        asker.require("admin")
        if asker.is_restricted:
            raise Forbidden("a token limited to units or systems makes no tokens")
        with self._creating:  # Two at once would both find the name free.
            return self._create(wanted, asker)

    def _create(self, wanted: dict[str, Any], asker: Asker) -> dict[str, Any]:
        name = str(wanted.get("name") or "").strip()
        scopes = sorted(set(wanted.get("scopes") or ()))
        if not name or len(name) > NAME_MAX:
            raise InputError(f"a token needs a name of 1 to {NAME_MAX} characters")
        if unknown := sorted(set(scopes) - set(SCOPES)):
            raise InputError(f"unknown scope `{unknown[0]}`", hint=f"one of {', '.join(SCOPES)}")
        if not scopes:
            raise InputError("a token needs a scope", hint=f"one of {', '.join(SCOPES)}")
        if any(row.name == name and row.revoked_at is None for row in self._control.tokens()):
            raise Conflict(f"a token `{name}` exists", hint=f"`ombud token revoke {name}` ends it")
        token = PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        days = wanted.get("days")
        attributes = {
            "token_id": secrets.token_hex(8),
            "name": name,
            "person": str(wanted.get("person") or name),
            "scopes": scopes,
            "units": list(wanted.get("units") or ()),
            "systems": list(wanted.get("systems") or ()),
            "hash": token_hash(token),
            "expires_at": now + int(days) * DAY_MS if days else None,
        }
        self._record(TOKEN_CREATED, "grant", attributes, asker)
        return {"token": token, **{k: v for k, v in attributes.items() if k != "hash"}}

    def revoke(self, name: str, *, asker: Asker) -> None:
        """Revoke a token by name; it stops working at once."""
        asker.require("admin")
        for row in self._control.tokens():
            if row.name == name and row.revoked_at is None:
                self._record(TOKEN_REVOKED, "revoke", {"token_id": row.id, "name": name}, asker)
                return
        raise NotFound(f"no token `{name}` in force", hint="`ombud token list` lists them")

    def authenticate(self, token: str) -> Asker:
        """Return who stands behind a token; raises `Unauthenticated` for any other text."""
        wanted = token_hash(token)
        found = None
        for row in self._control.tokens():
            # Every row is compared, so that time tells nothing about which one matched.
            if hmac.compare_digest(row.hash, wanted):
                found = row
        if found is None or found.revoked_at is not None:
            raise Unauthenticated(
                "unknown or revoked token", hint="`ombud token list` shows those in force"
            )
        if found.expires_at is not None and found.expires_at <= self._clock():
            raise Unauthenticated(
                "the token has expired", hint="`ombud token create` makes another"
            )
        return Asker(
            person=found.person,
            scopes=frozenset(found.scopes),
            units=tuple(found.units),
            systems=tuple(found.systems),
            token_id=found.id,
        )

    def _record(
        self, operation: str, action: str, attributes: dict[str, Any], asker: Asker
    ) -> None:
        event = own_event(
            time=self._clock(),
            source=CONTROL,
            action=action,
            operation=operation,
            actor_id=asker.person,
            actor_type="person",
            attributes={**attributes, "via": asker.via},
        )
        record_events(self._appender, [event])
        self._project()
