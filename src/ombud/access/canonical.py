"""Canonical form: the bytes of a policy that its version is the hash of.

Two policies that say the same have the same bytes: what is at its default is left
out, and what has no order of its own is sorted.  A field that is added to the model
later changes no version of policies that do not use it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from ombud.access.model import Policy

# In these the order says nothing; in scopes, prohibitions and checkpoints it does.
_SORTED = ("purposes", "datasets", "entities", "terms", "reason_codes", "actions", "holidays")


def canonical_policy(policy: Policy) -> bytes:
    """Return the policy as JSON (UTF-8, keys sorted, no blanks)."""
    plain = _plain(policy)
    for name in _SORTED:
        if name in plain:
            plain[name] = sorted(plain[name], key=_key)
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def hash_policy(policy: Policy) -> str:
    """Return the version of a policy: SHA-256 of its canonical form, in hex."""
    return hashlib.sha256(canonical_policy(policy)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        plain = {}
        for name, default in _defaults(type(value)).items():
            inner = getattr(value, name)
            if inner != default or type(inner) is not type(default):
                plain[name] = _plain(inner)
        return plain
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return value


_NONE = object()
_KNOWN: dict[type, dict[str, Any]] = {}


def _defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the fields of a struct with their defaults."""
    known = _KNOWN.get(struct)
    if known is None:
        known = {}
        for field in msgspec.structs.fields(struct):
            if field.default_factory is not msgspec.NODEFAULT:
                known[field.name] = field.default_factory()
            else:
                known[field.name] = _NONE if field.default is msgspec.NODEFAULT else field.default
        _KNOWN[struct] = known
    return known


def _key(plain: Any) -> tuple[str, str]:
    if isinstance(plain, dict):
        name = plain.get("id") or plain.get("name") or plain.get("code") or ""
        return str(plain.get("type", "")), str(name)
    return "", str(plain)
