"""Snapshot packing: what a snapshot is made of, as bytes for the workers of a server.

A worker compiles it anew, but for the policy if that is the one it has: grants change
many times a day, the policy some times a year.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ombud.access.attempt import Attachment, Grant
from ombud.access.model import Policy
from ombud.access.snapshot import CompiledPolicy, Snapshot, compile_policy
from ombud.core.errors import TamperError, Unavailable


class _Packed(msgspec.Struct, array_like=True):
    policy: bytes  # A policy, packed by itself.
    grants: tuple[Grant, ...]
    attachments: tuple[Attachment, ...]
    directory: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A snapshot in a worker, with the policy that the next one may still have."""

    snapshot: Snapshot
    compiled: CompiledPolicy
    digest: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Packed)
_policy_decoder = msgspec.msgpack.Decoder(Policy)


def pack_snapshot(
    policy: Policy,
    *,
    grants: Sequence[Grant],
    attachments: Sequence[Attachment],
    directory: Mapping[str, Mapping[str, Any]],
) -> bytes:
    """Return what `unpack_snapshot` makes the same snapshot of."""
    people = {actor: dict(attributes) for actor, attributes in directory.items()}
    return _encoder.encode(
        _Packed(_encoder.encode(policy), tuple(grants), tuple(attachments), people)
    )


def unpack_snapshot(packed: bytes, known: Unpacked | None = None) -> Unpacked:
    """Return the snapshot that was packed; raises `Unavailable` where there is none to be had."""
    if not packed:
        raise Unavailable("no policy can be told, so nothing is permitted")
    try:
        said = _decoder.decode(packed)
        digest = hashlib.sha256(said.policy).digest()
        if known is not None and known.digest == digest:
            compiled = known.compiled
        else:
            compiled = compile_policy(_policy_decoder.decode(said.policy))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise TamperError(f"packed snapshot is not what Ombud writes: {error}") from error
    snapshot = Snapshot.make(
        compiled, grants=said.grants, attachments=said.attachments, directory=said.directory
    )
    return Unpacked(snapshot, compiled, digest)
