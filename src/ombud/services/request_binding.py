"""Request binding: proof that a denial was ours, carried by whoever asks for what was denied.

A JSON Web Token with HS256 (RFC 7515, RFC 7519): whoever makes it checks it, so no key
is published.  The key lies in a file of the home that may be lost: then the denials of
the last minutes must be asked for anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import orjson

from ombud.access.attempt import Attempt
from ombud.access.decision import Decision
from ombud.core.clock import format_instant
from ombud.core.errors import InputError, Unavailable

KEY_NAME = "binding.key"
KEY_SIZE = 32
TOKEN_MAX = 8_192  # Characters; one has some 900, more with long names of context members.
DENIAL_MS = 600_000  # How long a denial can be asked for: ten minutes, then it is decided anew.
SKEW_MS = 30_000  # Between clocks (profile, time and clock skew).
MEMBERS_MAX = 64  # Members of a context that a denial is bound to.
ISSUER = "ombud"
# What the profile itself puts there, and what changes from one moment to the next.
NOT_BOUND = frozenset(
    {"access_request", "approval", "evaluation_id", "evaluated_at", "reason", "time"}
)
_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: `bound` is the SHA-256 of what was denied."""

    iss: str
    aud: str
    iat: int
    exp: int
    jti: str
    evaluation_id: str
    denial_expires_at: str
    binding_context_members: list[str]
    bound: str
    purpose: str


def read_key(folder: Path) -> bytes:
    """Return the key of a home, made if there is none yet; all its processes have the same.

    Raises `Unavailable` for a file that is no key.
    """
    path = folder / KEY_NAME
    made = folder / f"{KEY_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        if not path.exists():
            descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_SIZE))
            with suppress(FileExistsError):  # Another process was first, and its key counts.
                os.link(made, path)
            made.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"cannot use `{path}`: {error.strerror}") from error
    if len(key) != KEY_SIZE:
        raise Unavailable(f"`{path}` is no key", hint="delete it, and it is made anew")
    return key


class Binding:
    """Makes and checks the tokens of denials."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        """`key` is asked once, when it is needed: a full disk must keep no home from opening."""
        self._read = key

    @cached_property
    def _key(self) -> bytes:
        return self._read()

    def token(self, attempt: Attempt, decision: Decision, purpose: str, now: int) -> str:
        """Return the token of a denial that can be asked for until `now + DENIAL_MS`."""
        members = sorted(set(attempt.context) - NOT_BOUND)
        expires_at = now + DENIAL_MS
        claims = Claims(
            iss=ISSUER,
            aud=ISSUER,
            iat=now // 1000,
            exp=expires_at // 1000,
            jti=decision.decision_id,
            evaluation_id=decision.decision_id,
            denial_expires_at=format_instant(expires_at),
            binding_context_members=members,
            bound=bound_hash(attempt_parts(attempt), members),
            purpose=purpose,
        )
        said = _HEADER + b"." + _encoded(msgspec.json.encode(claims))
        return (said + b"." + _encoded(self._mac(said))).decode()

    def check(self, token: str, parts: Mapping[str, Any], now: int) -> Claims:
        """Return what a token says of what is submitted.

        Raises `InputError` with the code `invalid_denial_binding` or `expired_denial`.
        """
        said, _, mac = token.rpartition(".")
        header, _, body = said.partition(".")
        is_ours = (
            len(token) <= TOKEN_MAX
            and token.isascii()
            and hmac.compare_digest(_encoded(self._mac(said.encode())), mac.encode())
            and header.encode() == _HEADER
        )
        if not is_ours:
            raise not_bound("the token is not one of ours")
        claims = msgspec.json.decode(_decoded(body), type=Claims)
        if (claims.iss, claims.aud) != (ISSUER, ISSUER):
            raise not_bound("the token is for somebody else")
        wanted = bound_hash(parts, claims.binding_context_members)
        if not hmac.compare_digest(wanted, claims.bound):
            raise not_bound("what is asked for is not what was denied")
        if now > claims.exp * 1000 + SKEW_MS:
            raise InputError(
                "the denial is too old: ask for a decision anew", code="expired_denial"
            )
        return claims

    def id_of(self, person: str, idempotency_key: str) -> str:
        """Return the id of the request that a person asks for under a key, however often."""
        said = orjson.dumps(["request", person, idempotency_key])
        return f"request-{self._mac(said).hex()[:32]}"

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")


def not_bound(why: str) -> InputError:
    """Return that a submission is not bound to a denial."""
    return InputError(why, code="invalid_denial_binding")


def attempt_parts(attempt: Attempt) -> dict[str, Any]:
    """Return what a decision was about, as AuthZEN names it."""
    return {
        "subject": _entity(attempt.actor_type, attempt.actor_id, attempt.actor),
        "action": {"name": attempt.action, "properties": attempt.action_properties},
        "resource": _entity(attempt.resource_type, attempt.resource_id, attempt.resource),
        "context": attempt.context,
    }


def _entity(type_: str, id_: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": type_, "id": id_, "properties": properties}


def bound_hash(parts: Mapping[str, Any], members: list[str]) -> str:
    """Return the hash that a denial is bound by; numbers that are equal hash equally.

    `subject.properties.act` is left out: it may be moved to `client.actor` (profile,
    binding token integrity).
    """
    subject = dict(parts["subject"])
    subject["properties"] = {
        name: value for name, value in subject["properties"].items() if name != "act"
    }
    context = parts["context"]
    about = {
        "subject": subject,
        "action": parts["action"],
        "resource": parts["resource"],
        "context": {name: context[name] for name in members if name in context},
    }
    try:
        said = orjson.dumps(_plain(about), option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError) as error:
        raise not_bound(f"what was denied has no canonical form: {error}") from error
    return hashlib.sha256(said).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
