"""A proof stands alone: it is read as C2SP writes it and checked to the last byte."""

from __future__ import annotations

import pytest

from ombud.core.errors import InputError
from ombud.tlog.merkle import inclusion_proof, leaf_hash, subtree_root
from ombud.tlog.note import NOTE_SIZE_MAX, NoteError, Signer, encode_base64
from ombud.tlog.proof import Proof
from ombud.tlog.tree_head import TreeHead

ORIGIN = "ombud.example/log"
SIGNER = Signer(ORIGIN, bytes(range(32)))
ENTRIES = [f"entry {number}".encode() for number in range(11)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
HEAD = TreeHead(ORIGIN, 11, subtree_root(LEAVES))


def made(index: int, extra: bytes | None = None) -> Proof:
    """Return the proof of one of the entries."""
    hashes = inclusion_proof(
        index, 11, lambda level, n: subtree_root(LEAVES[n << level : (n + 1) << level])
    )
    return Proof(index, tuple(hashes), HEAD.sign(SIGNER), extra)


@pytest.mark.parametrize("extra", [None, b"", b"context"])
@pytest.mark.parametrize("index", range(11))
def test_every_proof_verifies(index: int, extra: bytes | None) -> None:
    """What is written is read back, and proves its entry."""
    proof = Proof.parse(made(index, extra).to_text())

    assert proof == made(index, extra)
    assert proof.verify(ENTRIES[index], ORIGIN, [SIGNER.verifier]) == HEAD
    with pytest.raises(InputError):
        proof.verify(b"another entry", ORIGIN, [SIGNER.verifier])


def test_the_text_is_that_of_the_format() -> None:
    """Lines in the order of the specification, the tree head verbatim."""
    proof = made(10, b"x")
    lines = proof.to_text().decode().split("\n")

    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra eA==", "index 10"]
    assert lines[3:5] == [encode_base64(item) for item in proof.hashes]
    assert lines[5] == ""
    assert "\n".join(lines[6:]).encode() == HEAD.sign(SIGNER)


def test_no_flipped_bit_passes() -> None:
    """Every bit of a proof without extra data is authenticated."""
    text = made(5).to_text()
    for bit in range(len(text) * 8):
        altered = bytearray(text)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InputError):
            Proof.parse(bytes(altered)).verify(ENTRIES[5], ORIGIN, [SIGNER.verifier])


GOOD = made(5).to_text()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(GOOD.replace(b"@v1", b"@v2"), id="another format"),
        pytest.param(GOOD.replace(b"index 5\n", b""), id="no index"),
        pytest.param(b"c2sp.org/tlog-proof@v1\n\n" + HEAD.sign(SIGNER), id="nothing but format"),
        pytest.param(GOOD.replace(b"index 5", b"index 05"), id="leading zero"),
        pytest.param(GOOD.replace(b"index 5", b"index  5"), id="two spaces"),
        pytest.param(GOOD.replace(b"index 5\n", b"index 5\nAAAA\n"), id="short hash"),
        pytest.param(GOOD.replace(b"index 5", "index \u0665".encode()), id="beyond ASCII"),
        pytest.param(
            GOOD.replace(
                b"index 5\n", b"index 5\n" + (encode_base64(bytes(32)).encode() + b"\n") * 64
            ),
            id="too many hashes",
        ),
        pytest.param(GOOD + b"x" * 2 * NOTE_SIZE_MAX, id="too large"),
        pytest.param(GOOD.replace(b"index 5", b"extra eB==\nindex 5"), id="loose base64 bits"),
    ],
)
def test_what_is_nearly_a_proof_is_refused(data: bytes) -> None:
    """A proof has one shape."""
    with pytest.raises(NoteError):
        Proof.parse(data)
