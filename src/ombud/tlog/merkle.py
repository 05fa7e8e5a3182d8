"""Merkle: hashes and proofs of the RFC 6962 tree, made and checked.

Sizes and indices count leaves from 0; every hash is the 32 bytes of SHA-256.
A proof is a list of hashes from the leaf upward.  Proofs are made from nodes
that the caller looks up (`node(level, index)` is the root of the complete
subtree of `2**level` leaves that starts at leaf `index << level`), so nothing
here knows where a tree is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from ombud.core.errors import InputError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
SIZE_MAX = (1 << 63) - 1  # A signed 64-bit integer holds every size.

NodeLookup = Callable[[int, int], bytes]


class ProofError(InputError):
    """A proof that does not prove what it is given for."""

    code = "proof"


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf entry (RFC 6962 §2.1)."""
    return hashlib.sha256(LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962 §2.1)."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over `hashes`, each the root of an equally large complete subtree."""
    level = list(hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        odd = [level.pop()] if len(level) & 1 else []
        pairs = iter(level)
        level = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]
        level += odd
    return level[0]


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size <= SIZE_MAX:
        raise ProofError(f"no leaf {index} is in a tree of size {size}")


def _check_sizes(smaller: int, larger: int) -> None:
    if not 0 <= smaller <= larger <= SIZE_MAX:
        raise ProofError(f"no tree of size {larger} holds one of size {smaller}")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(item) != HASH_SIZE for item in hashes):
        raise ProofError(f"a hash is not {HASH_SIZE} bytes long")


def _sides(place: int, last: int, count: int) -> list[bool]:
    """Return for each of `count` siblings, from below, whether it stands to the left.

    `place` is where the climb starts and `last` the last place of that level.
    """
    sides: list[bool] = []
    for _ in range(count):
        if last == 0:
            raise ProofError("the proof is too long")
        is_left = bool(place & 1) or place == last
        sides.append(is_left)
        while is_left and place and not place & 1:
            place >>= 1
            last >>= 1
        place >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")
    return sides


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf hash `leaf` is at `index` of the tree of `size` and `root`.

    RFC 9162 §2.1.3.2.  Raises `ProofError`.
    """
    _check_index(index, size)
    _check_hashes((leaf, root, *proof))
    found = leaf
    for is_left, sibling in zip(_sides(index, size - 1, len(proof)), proof, strict=True):
        found = node_hash(sibling, found) if is_left else node_hash(found, sibling)
    if found != root:
        raise ProofError("the inclusion proof leads to another root")


def verify_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """Check that the tree of `size2` extends the tree of `size1`, without change.

    RFC 9162 §2.1.4.2.  Raises `ProofError`, also for `size1` 0, of which there is
    nothing to prove.
    """
    _check_sizes(size1, size2)
    _check_hashes((root1, root2, *proof))
    if size1 == 0:
        raise ProofError("nothing is proved of an empty tree")
    if size1 == size2:
        if proof or root1 != root2:
            raise ProofError("trees of one size have two roots, or a proof between them")
        return
    if not proof:
        raise ProofError("the consistency proof is empty")
    # A complete tree is its own first node, so the proof leaves it out.
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else proof
    place, last = size1 - 1, size2 - 1
    while place & 1:
        place >>= 1
        last >>= 1
    found1 = found2 = path[0]
    for is_left, sibling in zip(_sides(place, last, len(path) - 1), path[1:], strict=True):
        if is_left:
            found1 = node_hash(sibling, found1)
        found2 = node_hash(sibling, found2) if is_left else node_hash(found2, sibling)
    if found1 != root1 or found2 != root2:
        raise ProofError("the consistency proof leads to other roots")


def range_root(start: int, end: int, node: NodeLookup) -> bytes:
    """Return the root over the leaves `start` to `end` (exclusive, more than `start`).

    `start` must be a multiple of a power of two not smaller than the range, as
    each subtree of a tree is.
    """
    parts: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append(node(level, start >> level))
        start += 1 << level
    found = parts.pop()
    while parts:
        found = node_hash(parts.pop(), found)
    return found


def inclusion_proof(index: int, size: int, node: NodeLookup) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size` (RFC 6962 §2.1.1)."""
    _check_index(index, size)
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            proof.append(range_root(split, end, node))
            end = split
        else:
            proof.append(range_root(start, split, node))
            start = split
    proof.reverse()
    return proof


def consistency_proof(size1: int, size2: int, node: NodeLookup) -> list[bytes]:
    """Return the proof that the tree of `size2` extends that of `size1` (RFC 6962 §2.1.2).

    `size1` is at least 1.
    """
    _check_sizes(size1, size2)
    if size1 == 0:
        raise ProofError("nothing can be proved of an empty tree")
    proof: list[bytes] = []
    start, end = 0, size2
    while end > size1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if size1 <= split:
            proof.append(range_root(split, end, node))
            end = split
        else:
            proof.append(range_root(start, split, node))
            start = split
    if start:  # What remains is the old tree itself only when it starts at leaf 0.
        proof.append(range_root(start, end, node))
    proof.reverse()
    return proof
