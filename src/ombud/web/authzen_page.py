"""AuthZEN page: tokens by which the results of a search are read on.

A token is the place and the page size with an HMAC-SHA-256 over them, the request, who
asked and the policy: it holds for the same question alone, and only as long as the
policy is the same (AuthZEN 1.0, pagination: what was changed SHOULD be an error).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass

from ombud.core.errors import InputError

PAGE_MAX = 1_000  # Results in one answer, and as many when no limit is stated.
_PLACE = struct.Struct(">II")
_MAC_SIZE = 16
TOKEN_SIZE = 32  # Characters: 24 bytes in base64.


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page starts, and how many results it has at most."""

    start: int
    limit: int


class Pages:
    """Makes and checks tokens under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, place: Place, question: bytes) -> str:
        """Return the token of a place in the results of a question."""
        told = _PLACE.pack(place.start, place.limit)
        return base64.urlsafe_b64encode(told + self._mac(told, question)).decode()

    def place(self, token: str, limit: int | None, question: bytes) -> Place:
        """Return where a page starts; raises `InputError` for a token of another question."""
        if limit is not None and limit < 0:
            raise InputError("`limit` is negative", origin="page.limit")
        if not token:
            return Place(0, PAGE_MAX if limit is None else min(limit, PAGE_MAX))
        try:
            data = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            data = b""
        told, mac = data[: _PLACE.size], data[_PLACE.size :]
        if len(mac) != _MAC_SIZE or not hmac.compare_digest(mac, self._mac(told, question)):
            raise _other()
        start, size = _PLACE.unpack(told)
        if limit is not None and min(limit, PAGE_MAX) != size:
            raise _other()
        return Place(start, size)

    def _mac(self, told: bytes, question: bytes) -> bytes:
        return hmac.digest(self._key, told + question, "sha256")[:_MAC_SIZE]


def _other() -> InputError:
    return InputError(
        "the token is not of this question, or the policy has changed since",
        origin="page.token",
        hint="begin again without a token",
    )


def question_of(*parts: str | bytes) -> bytes:
    """Return the hash of what a token is bound to; each part with its length before it."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
