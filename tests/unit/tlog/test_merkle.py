"""The tree is that of RFC 6962, every proof verifies, and no altered one does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.tlog.merkle import (
    EMPTY_ROOT,
    SIZE_MAX,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(300)]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root as RFC 6962 §2.1 defines it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(
        b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])
    ).digest()


def node(level: int, index: int) -> bytes:
    """Look a node of the tree over `LEAVES` up."""
    return naive_root(LEAVES[index << level : (index + 1) << level])


def flipped(data: bytes, bit: int) -> bytes:
    """Return the bytes with one bit turned over."""
    return bytes(
        byte ^ (1 << bit % 8) if place == bit // 8 else byte for place, byte in enumerate(data)
    )


def test_hashes_are_those_of_the_standard() -> None:
    """Leaves and nodes live in different domains."""
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT
    assert leaf_hash(b"L") == hashlib.sha256(b"\x00L").digest()
    assert (
        node_hash(b"a" * 32, b"b" * 32) == hashlib.sha256(b"\x01" + b"a" * 32 + b"b" * 32).digest()
    )


@given(st.integers(0, 300))
def test_root_is_the_naive_root(size: int) -> None:
    """Folding by level is the recursion of the standard."""
    assert subtree_root(LEAVES[:size]) == naive_root(LEAVES[:size])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33])
def test_every_inclusion_proof_verifies_only_in_its_place(size: int) -> None:
    """The proof of one leaf proves no other leaf and no other index."""
    root = naive_root(LEAVES[:size])
    for index in range(size):
        proof = inclusion_proof(index, size, node)
        for place in range(size):
            if place == index:
                verify_inclusion(place, size, LEAVES[index], proof, root)
            else:
                with pytest.raises(ProofError):
                    verify_inclusion(place, size, LEAVES[index], proof, root)


@pytest.mark.parametrize("size2", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33])
def test_every_consistency_proof_verifies_only_for_its_sizes(size2: int) -> None:
    """The proof between two trees proves nothing of a third."""
    root2 = naive_root(LEAVES[:size2])
    for size1 in range(1, size2 + 1):
        proof = consistency_proof(size1, size2, node)
        root1 = naive_root(LEAVES[:size1])
        verify_consistency(size1, size2, proof, root1, root2)
        for size in {size1 - 1, size1 + 1, size2 + 1}:
            with pytest.raises(ProofError):
                verify_consistency(size, size2, proof, naive_root(LEAVES[:size]), root1)


@settings(max_examples=60)
@given(st.data())
def test_no_flipped_bit_of_an_inclusion_proof_verifies(data: st.DataObject) -> None:
    """Whatever single bit of proof, leaf or root is turned, the proof fails."""
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, node)
    parts = [*proof, LEAVES[index], naive_root(LEAVES[:size])]
    verify_inclusion(index, size, parts[-2], parts[:-2], parts[-1])

    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = flipped(parts[which], data.draw(st.integers(0, 255)))

    with pytest.raises(ProofError):
        verify_inclusion(index, size, parts[-2], parts[:-2], parts[-1])


@settings(max_examples=60)
@given(st.data())
def test_no_flipped_bit_of_a_consistency_proof_verifies(data: st.DataObject) -> None:
    """Whatever single bit of proof or roots is turned, the proof fails."""
    size2 = data.draw(st.integers(2, 300))
    size1 = data.draw(st.integers(1, size2 - 1))
    proof = consistency_proof(size1, size2, node)
    parts = [*proof, naive_root(LEAVES[:size1]), naive_root(LEAVES[:size2])]
    verify_consistency(size1, size2, parts[:-2], parts[-2], parts[-1])

    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = flipped(parts[which], data.draw(st.integers(0, 255)))

    with pytest.raises(ProofError):
        verify_consistency(size1, size2, parts[:-2], parts[-2], parts[-1])


def test_every_bit_of_one_proof_counts() -> None:
    """All bits of one inclusion and one consistency proof, not a sample."""
    root1, root2 = naive_root(LEAVES[:6]), naive_root(LEAVES[:11])
    inclusion, consistency = inclusion_proof(5, 11, node), consistency_proof(6, 11, node)
    for bit in range(256):
        for which in range(len(inclusion)):
            altered = [
                flipped(item, bit) if n == which else item for n, item in enumerate(inclusion)
            ]
            with pytest.raises(ProofError):
                verify_inclusion(5, 11, LEAVES[5], altered, root2)
        for which in range(len(consistency)):
            altered = [
                flipped(item, bit) if n == which else item for n, item in enumerate(consistency)
            ]
            with pytest.raises(ProofError):
                verify_consistency(6, 11, altered, root1, root2)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, SIZE_MAX + 1)], ids=str)
def test_no_proof_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    """An index outside the tree is refused when proving and when verifying."""
    with pytest.raises(ProofError, match="no leaf"):
        inclusion_proof(index, size, node)
    with pytest.raises(ProofError, match="no leaf"):
        verify_inclusion(index, size, LEAVES[0], [], LEAVES[0])


def test_no_proof_from_an_empty_or_larger_tree() -> None:
    """Nothing is proved of an empty tree, and no tree shrinks."""
    for size1, size2 in ((0, 3), (4, 3), (-1, 3)):
        with pytest.raises(ProofError):
            consistency_proof(size1, size2, node)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_of_another_length_is_refused(length: int) -> None:
    """A hash that is not 32 bytes cannot be smuggled in by concatenation."""
    odd = bytes(length)
    root = naive_root(LEAVES[:2])
    for leaf, proof, top in ((odd, [odd], root), (LEAVES[0], [odd], root), (LEAVES[0], [], odd)):
        with pytest.raises(ProofError, match="32 bytes"):
            verify_inclusion(0, 2, leaf, proof, top)
    with pytest.raises(ProofError, match="32 bytes"):
        verify_consistency(1, 2, [odd], LEAVES[0], root)


def test_a_proof_too_long_or_too_short_is_refused() -> None:
    """The length of a proof follows from the sizes alone."""
    root = naive_root(LEAVES[:11])
    inclusion, consistency = inclusion_proof(5, 11, node), consistency_proof(6, 11, node)
    extra = LEAVES[0]
    with pytest.raises(ProofError, match="too long"):
        verify_inclusion(5, 11, LEAVES[5], [*inclusion, extra], root)
    with pytest.raises(ProofError, match="too short"):
        verify_inclusion(5, 11, LEAVES[5], inclusion[:-1], root)
    with pytest.raises(ProofError, match="too long"):
        verify_consistency(6, 11, [*consistency, extra], naive_root(LEAVES[:6]), root)
    with pytest.raises(ProofError, match="too short"):
        verify_consistency(6, 11, consistency[:-1], naive_root(LEAVES[:6]), root)
    with pytest.raises(ProofError, match="empty"):
        verify_consistency(6, 11, [], naive_root(LEAVES[:6]), root)
    with pytest.raises(ProofError, match="one size"):
        verify_consistency(11, 11, [extra], root, root)
