"""Leaves: the leaf entries and leaf hashes of a batch under its salts, in one tight loop.

The same bytes as `ombud.core.commitment` makes one by one; a test compares them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

from ombud.core.batch import Batch
from ombud.core.commitment import (
    COMMIT_PREFIX,
    DIGEST_DOMAIN,
    LEAF_ENTRY_VERSION,
    SALT_SIZE,
)
from ombud.core.fields import Group
from ombud.tlog.merkle import LEAF_PREFIX

_pack_head = struct.Struct(f">{SALT_SIZE}sBI").pack


def make_leaves(batch: Batch, salts: bytes, unix_ms: int) -> tuple[list[bytes], list[bytes]]:
    """Return the leaf entries and the leaf hashes of a batch.

    `salts` holds four salts an event, in the order of the groups; `unix_ms` is the
    time of recording of all of them.
    """
    # A hash object that has taken the constant head already is cheaper to copy
    # than a new one is to make: 0.7 µs an event.
    digest_start = hashlib.sha256(DIGEST_DOMAIN).copy
    commit_start = hashlib.sha256(COMMIT_PREFIX).copy
    pack = _pack_head
    starts = {class_uid: _leaf_start(class_uid, unix_ms) for class_uid in set(batch.classes)}
    ends1, ends2, ends3, ends4 = (offsets.tolist() for offsets in batch.offsets)
    actors, data_subjects, contents, raws = batch.blobs
    actor_group, data_subject_group, content_group, raw_group = map(int, Group)
    entries: list[bytes] = []
    hashes: list[bytes] = []
    a = d = c = r = s = 0
    for class_uid, a_end, d_end, c_end, r_end in zip(
        batch.classes, ends1[1:], ends2[1:], ends3[1:], ends4[1:], strict=True
    ):
        group1 = digest_start()
        group1.update(pack(salts[s : s + 16], actor_group, a_end - a) + actors[a:a_end])
        group2 = digest_start()
        group2.update(
            pack(salts[s + 16 : s + 32], data_subject_group, d_end - d) + data_subjects[d:d_end]
        )
        group3 = digest_start()
        group3.update(pack(salts[s + 32 : s + 48], content_group, c_end - c) + contents[c:c_end])
        group4 = digest_start()
        group4.update(pack(salts[s + 48 : s + 64], raw_group, r_end - r))
        group4.update(raws[r:r_end])
        commitment = commit_start()
        commitment.update(group1.digest() + group2.digest() + group3.digest() + group4.digest())
        committed = commitment.digest()
        head, leaf_start = starts[class_uid]
        leaf = leaf_start()
        leaf.update(committed)
        entries.append(head + committed)
        hashes.append(leaf.digest())
        a, d, c, r, s = a_end, d_end, c_end, r_end, s + 64
    return entries, hashes


def _leaf_start(class_uid: int, unix_ms: int) -> tuple[bytes, Callable[[], hashlib._Hash]]:
    head = struct.pack(">BHQ", LEAF_ENTRY_VERSION, class_uid, unix_ms)
    return head, hashlib.sha256(LEAF_PREFIX + head).copy
