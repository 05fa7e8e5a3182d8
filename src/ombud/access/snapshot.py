"""Snapshot: all that decisions depend on, at one moment; immutable, and known by its hash.

It is a compiled policy with the grants and attachments there are and what is known
about actors.  Grants that have ended stay in it: whether one is in force is asked at
each decision, never when a snapshot is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

from ombud.access.attempt import Attachment, Grant
from ombud.access.compiled import CompiledPolicy
from ombud.access.compiling import compile_policy
from ombud.access.holdings import Holdings
from ombud.access.model import Policy
from ombud.access.scene import Actor, ActorKey
from ombud.core.errors import InputError, TamperError

__all__ = ["CompiledPolicy", "Snapshot", "compile_policy"]

BREAK_GLASS = "break_glass"
_MAGIC = b"ombud snapshot 1\n"
_DIGEST = 32


class _Packed(msgspec.Struct, frozen=True):
    version: str
    policy: Policy
    grants: tuple[Grant, ...]
    attachments: tuple[Attachment, ...]
    directory: tuple[tuple[str, str, dict[str, Any]], ...]


class Snapshot:
    """What `decide` looks into; `version` is that of the policy, whatever the grants are.

    `actors` are all whose attributes are stored; those of the policy's `entities`
    have the attributes that the policy gives them before those of the directory.
    """

    __slots__ = (
        "_directory",
        "actors",
        "attached",
        "attachments",
        "compiled",
        "emergencies",
        "granted",
        "grants",
        "has_emergencies",
        "version",
    )

    def __init__(
        self,
        compiled: CompiledPolicy,
        grants: Iterable[Grant],
        attachments: Iterable[Attachment],
        directory: Mapping[ActorKey, Mapping[str, Any]],
    ) -> None:
        self.compiled = compiled
        self.version = compiled.version
        self.grants = tuple(sorted(grants, key=attrgetter("id")))
        self.attachments = tuple(sorted(attachments, key=_place))
        self._directory = directory
        self.actors = _make_actors(compiled.policy, directory)
        self.granted = Holdings(each for each in self.grants if each.kind != BREAK_GLASS)
        self.emergencies = Holdings(each for each in self.grants if each.kind == BREAK_GLASS)
        self.has_emergencies = bool(self.emergencies)
        self.attached: dict[tuple[str, str], tuple[Attachment, ...]] = {}
        for attachment in self.attachments:
            key = (attachment.dataset, attachment.purpose)
            self.attached[key] = (*self.attached.get(key, ()), attachment)

    @classmethod
    def make(
        cls,
        compiled: CompiledPolicy,
        *,
        grants: Iterable[Grant] = (),
        attachments: Iterable[Attachment] = (),
        directory: Mapping[ActorKey, Mapping[str, Any]] | None = None,
    ) -> Snapshot:
        """Return a snapshot; `directory` has attributes by actor (type, id).

        Of these `unit`, `units` (the unit and those above it) and `role` say whether
        an actor belongs to an audience.
        """
        known = {key: dict(attributes) for key, attributes in (directory or {}).items()}
        return cls(compiled, grants, attachments, known)

    def with_grants(self, grants: Iterable[Grant]) -> Snapshot:
        """Return a snapshot with these grants and no others."""
        return Snapshot(self.compiled, grants, self.attachments, self._directory)

    def with_attachments(self, attachments: Iterable[Attachment]) -> Snapshot:
        """Return a snapshot with these attachments and no others."""
        return Snapshot(self.compiled, self.grants, attachments, self._directory)

    def with_directory(self, directory: Mapping[ActorKey, Mapping[str, Any]]) -> Snapshot:
        """Return a snapshot in which this, and nothing else, is known about actors."""
        return Snapshot.make(
            self.compiled,
            grants=self.grants,
            attachments=self.attachments,
            directory=directory,
        )

    def find_attachment(self, dataset: str, lineage: Iterable[str], now: int) -> Attachment | None:
        """Return what lets the dataset be used for the purpose or one above it, now."""
        for purpose in lineage:
            for attachment in self.attached.get((dataset, purpose), ()):
                if attachment.begins <= now < attachment.ends:
                    return attachment
        return None

    def pack(self) -> bytes:
        """Return the snapshot as bytes, for another process; equal ones have equal bytes."""
        packed = _Packed(
            version=self.version,
            policy=self.compiled.policy,
            grants=self.grants,
            attachments=self.attachments,
            directory=tuple(
                (*key, dict(attributes)) for key, attributes in sorted(self._directory.items())
            ),
        )
        payload = msgspec.msgpack.encode(packed, order="deterministic")
        return _MAGIC + hashlib.sha256(payload).digest() + payload

    @staticmethod
    def unpack(
        data: bytes | bytearray | memoryview, known: CompiledPolicy | None = None
    ) -> Snapshot:
        """Return the snapshot that was packed; `known` is not compiled again if it is the same.

        Raises `TamperError` if the bytes are not those that were hashed, `InputError` if
        they are no snapshot of this version of Ombud.
        """
        view = memoryview(data)
        start = len(_MAGIC) + _DIGEST
        if bytes(view[: len(_MAGIC)]) != _MAGIC or len(view) < start:
            raise InputError("not a packed snapshot of this version")
        if hashlib.sha256(view[start:]).digest() != view[len(_MAGIC) : start]:
            raise TamperError("a packed snapshot does not have the hash it was given")
        try:
            packed = _DECODER.decode(view[start:])
        except msgspec.MsgspecError as error:
            raise InputError(f"not a packed snapshot of this version: {error}") from None
        if known is None or known.version != packed.version:
            known = compile_policy(packed.policy)
        if known.version != packed.version:
            raise TamperError("a packed snapshot has another policy than its version says")
        return Snapshot.make(
            known,
            grants=packed.grants,
            attachments=packed.attachments,
            directory={(type_, id_): stored for type_, id_, stored in packed.directory},
        )


_DECODER = msgspec.msgpack.Decoder(_Packed)


def packed_hash(data: bytes | bytearray | memoryview) -> str:
    """Return the hash that a packed snapshot is known by, in hex; it is not checked here."""
    return bytes(data[len(_MAGIC) : len(_MAGIC) + _DIGEST]).hex()


def _make_actors(
    policy: Policy, directory: Mapping[ActorKey, Mapping[str, Any]]
) -> dict[ActorKey, Actor]:
    known = dict(directory)
    for entity in policy.entities:
        key = (entity.type, entity.id)
        known[key] = {**known.get(key, {}), **entity.attributes}
    return {key: Actor(key, attributes) for key, attributes in known.items()}


def _place(attachment: Attachment) -> tuple[str, str, int, int, str]:
    request = attachment.request or ""
    return attachment.dataset, attachment.purpose, attachment.begins, attachment.ends, request
