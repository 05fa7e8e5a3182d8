"""Commitment: how a leaf binds the four field groups without showing them.

`d = SHA256(0x11 | salt[16] | u8 group | u32 length | canonical bytes)`,
`commit = SHA256(0x10 | u16 schema | d1 | d2 | d3 | d4)`, and the leaf entry is
`01 | u16 class | u64 unix_ms | commit[32]`: 43 bytes, big-endian, for ever.
One group can be disclosed (its salt and bytes) or erased (both gone) without
touching the proof of any other.  The domain bytes 0x10 and 0x11 differ from the
0x00 and 0x01 of the tree (RFC 6962 §2.1).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

SALT_SIZE = 16
LEAF_ENTRY_SIZE = 43
LEAF_ENTRY_VERSION = 1
SCHEMA = 1

DIGEST_DOMAIN = b"\x11"
COMMIT_PREFIX = b"\x10" + struct.pack(">H", SCHEMA)
_LEAF = struct.Struct(">BHQ32s")


def group_digest(salt: bytes, group: int, canonical: bytes) -> bytes:
    """Return the salted digest of one field group, 32 bytes."""
    head = DIGEST_DOMAIN + salt + struct.pack(">BI", group, len(canonical))
    return hashlib.sha256(head + canonical).digest()


def commit(digests: Sequence[bytes]) -> bytes:
    """Return the commitment to the four group digests, in group order, 32 bytes."""
    return hashlib.sha256(COMMIT_PREFIX + b"".join(digests)).digest()


def leaf_entry(class_uid: int, unix_ms: int, commitment: bytes) -> bytes:
    """Return the 43-byte leaf entry; `unix_ms` is the time of recording."""
    return _LEAF.pack(LEAF_ENTRY_VERSION, class_uid, unix_ms, commitment)


def parse_leaf_entry(entry: bytes) -> tuple[int, int, bytes]:
    """Return class, unix_ms and commitment; raises `ValueError` if it is not a leaf entry."""
    if len(entry) != LEAF_ENTRY_SIZE or entry[0] != LEAF_ENTRY_VERSION:
        raise ValueError("not a leaf entry of version 1")
    _, class_uid, unix_ms, commitment = _LEAF.unpack(entry)
    return class_uid, unix_ms, commitment
