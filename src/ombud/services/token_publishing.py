"""Token publishing: the tokens in force, for the workers of a server.

They travel as the policy does (`published`), so that a token that is revoked stops working
in every worker before its revocation is acknowledged.  What a worker is given is the
hash of a token, never the token.
"""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec

from ombud.core.clock import Clock
from ombud.core.errors import Unauthenticated, Unavailable
from ombud.services.asker import Asker
from ombud.services.published import last_epoch, publish
from ombud.services.tokens import token_hash
from ombud.store.control import ControlStore, TokenRow

FOLDER = "tokens"  # Within the folder in which the policy is published.


class _Token(msgspec.Struct, array_like=True):
    hash: str
    id: str
    person: str
    scopes: tuple[str, ...]
    units: tuple[str, ...]
    systems: tuple[str, ...]
    expires_at: int | None


class TokenPublisher:
    """Lets workers see the tokens in force, anew as soon as one changes."""

    def __init__(self, control: ControlStore, folder: Path) -> None:
        self._control = control
        self._folder = folder / FOLDER
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._known: tuple[TokenRow, ...] | None = None
        self._epoch = last_epoch(self._folder)

    def follow(self) -> None:
        """Publish if a token changed; to be called before the change is acknowledged."""
        rows = self._control.tokens()
        if rows is self._known:
            return
        with self._lock:
            rows = self._control.tokens()
            if rows is self._known:
                return
            packed = msgspec.msgpack.encode([_pack(row) for row in rows if row.revoked_at is None])
            self._epoch += 1
            publish(self._folder, packed, self._epoch)
            self._known = rows


def _pack(row: TokenRow) -> _Token:
    return _Token(row.hash, row.id, row.person, row.scopes, row.units, row.systems, row.expires_at)


class KnownTokens:
    """The tokens in force, as a worker was told last."""

    def __init__(self, packed: bytes) -> None:
        """Take what was published; raises `Unavailable` when it is something else."""
        try:
            tokens = msgspec.msgpack.decode(packed, type=list[_Token])
        except msgspec.MsgspecError as error:
            raise Unavailable(f"the tokens that were published cannot be read: {error}") from error
        # Looked up by a hash of 256 random bits: how long it takes tells nothing of use.
        self._askers = {
            token.hash: (
                Asker(
                    person=token.person,
                    scopes=frozenset(token.scopes),
                    units=token.units,
                    systems=token.systems,
                    token_id=token.id,
                ),
                token.expires_at,
            )
            for token in tokens
        }

    def authenticate(self, token: str, clock: Clock) -> Asker:
        """Return who stands behind a token; raises `Unauthenticated`."""
        asker, expires_at = self._askers.get(token_hash(token), (None, None))
        if asker is None:
            raise Unauthenticated(
                "unknown or revoked token", hint="`ombud token list` shows those in force"
            )
        if expires_at is not None and expires_at <= clock():
            raise Unauthenticated(
                "the token has expired", hint="`ombud token create` makes another"
            )
        return asker
