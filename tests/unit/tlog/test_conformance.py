"""Other people's vectors: the RFC tree, Tessera's and Sunlight's logs, Ed25519's edges."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ombud.core.errors import InputError
from ombud.tlog.merkle import leaf_hash, verify_consistency, verify_inclusion
from ombud.tlog.note import Signer, Verifier, open_note, verify_ed25519
from ombud.tlog.tile import decode_entries, encode_entries, entries_path, split_tile, tile_path
from ombud.tlog.tree import Tree
from ombud.tlog.tree_head import TreeHead, open_tree_head

# The key with which Tessera's own test log is made, as published with it.
TESSERA_KEY = (
    "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
)


def cases(folder: Path) -> list[dict[str, Any]]:
    """Return the cases below a folder of JSON files."""
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]


def hashes(case: dict[str, Any], *names: str) -> list[bytes]:
    """Return hashes of a case."""
    return [base64.b64decode(case[name] or "") for name in names]


def verdict_is(case: dict[str, Any], verified: bool) -> bool:
    """Whether a case came out as it says."""
    return verified is not case["wantErr"]


def test_inclusion(vectors: Path) -> None:
    """All inclusion cases of transparency-dev/merkle come out as they say."""
    found = cases(vectors / "tlog" / "merkle" / "inclusion")
    assert len(found) == 98
    for case in found:
        proof = [base64.b64decode(item) for item in case["proof"] or ()]
        leaf, root = hashes(case, "leafHash", "root")
        try:
            verify_inclusion(case["leafIdx"], case["treeSize"], leaf, proof, root)
            verified = True
        except InputError:
            verified = False
        assert verdict_is(case, verified), case["desc"]


def test_consistency(vectors: Path) -> None:
    """All consistency cases of transparency-dev/merkle come out as they say.

    Those whose roots are not 32 bytes long are refused here, whatever they say.
    """
    found = cases(vectors / "tlog" / "merkle" / "consistency")
    assert len(found) == 98
    for case in found:
        proof = [base64.b64decode(item) for item in case["proof"] or ()]
        root1, root2 = hashes(case, "root1", "root2")
        try:
            verify_consistency(case["size1"], case["size2"], proof, root1, root2)
            verified = True
        except InputError:
            verified = False
        if len(root1) == 32 and len(root2) == 32:
            assert verdict_is(case, verified), case["desc"]
        else:
            assert not verified, case["desc"]


def test_tessera(vectors: Path) -> None:
    """Replaying Tessera's entries gives its files, byte for byte."""
    folder = vectors / "tlog" / "tessera" / "log"
    entries = decode_entries((folder / entries_path(0, 15)).read_bytes())
    signer = Signer.parse(TESSERA_KEY)
    tree = Tree()
    written: dict[str, bytes] = {}
    for size in range(16):
        if size:
            assert tree.append([leaf_hash(entries[size - 1])]) == []
            written[entries_path(0, size)] = encode_entries(entries[:size])
        written |= {tile.path: tile.data for tile in tree.partial_tiles()}
        head = TreeHead(signer.name, size, tree.root()).sign(signer)
        written[f"checkpoint.{size}"] = head
        assert open_tree_head(head, signer.name, [signer.verifier]).size == size

    assert len(written) == 46
    for path, data in written.items():
        assert (folder / path).read_bytes() == data, path
    assert (folder / "checkpoint").read_bytes() == written["checkpoint.15"]


def test_sunlight(vectors: Path) -> None:
    """The mirrored tiles of Sunlight's log of 300 lead to its tree head."""
    mirror = vectors / "tlog" / "sunlight" / "witness" / "mirror"
    home = next(path for path in mirror.iterdir() if path.is_dir())
    head = TreeHead.parse((home / "checkpoint").read_text().rpartition("\n\n")[0] + "\n")
    leaves = split_tile((home / tile_path(0, 0)).read_bytes(), 256)
    leaves += split_tile((home / tile_path(0, 1, 44)).read_bytes(), 44)
    tree = Tree()
    tiles = [*tree.append(leaves), *tree.partial_tiles()]

    assert [tile.path for tile in tiles] == ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]
    assert all((home / tile.path).read_bytes() == tile.data for tile in tiles)
    assert (head.size, head.root) == (tree.size, tree.root())
    restored = Tree.restore(300, lambda *key: (home / tile_path(*key)).read_bytes())
    assert restored.root() == head.root


def test_a_false_tile_is_refused(vectors: Path) -> None:
    """A tile of Sunlight's test data that is no tile is not taken for one."""
    data = (vectors / "tlog" / "sunlight" / "tree" / "tile" / "0" / "000").read_bytes()
    with pytest.raises(InputError):
        split_tile(data, 256)


def test_the_checksum_database_as_a_witness_got_it(vectors: Path) -> None:
    """The tree head and key in the witness script verify."""
    script = (vectors / "tlog" / "witness" / "sumdb.txt").read_text()
    vkey = next(word for word in script.split() if word.startswith("sum.golang.org+"))
    note = script.partition("old 0\n\n")[2].partition("```")[0]

    head = TreeHead.parse(open_note(note.encode(), [Verifier.parse(vkey)]).text)

    assert head.size == 35225469


def test_ed25519_edges(vectors: Path) -> None:
    """No low-order key, no point with a second encoding, no help from the cofactor."""
    path = vectors / "tlog" / "ed25519" / "ed25519vectors.json"
    refused = {"low_order_A", "non_canonical_A", "non_canonical_R", "low_order_residue"}
    accepted = 0
    for case in json.loads(path.read_text()):
        key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        verified = verify_ed25519(key, signature, case["msg"].encode())
        assert verified is refused.isdisjoint(case["flags"] or ()), case["number"]
        accepted += verified
    assert accepted
