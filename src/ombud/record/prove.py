"""Prove: one event's place in the published log, as a text that stands alone.

The proof carries the leaf entry as its `extra` data: nothing vouches for that
but the proof itself, which leads from this entry and no other to the signed
root.  What the entry commits to is shown apart, group by group, with its salt.
"""

from __future__ import annotations

from pathlib import Path

from ombud.core.commitment import parse_leaf_entry
from ombud.core.errors import InputError, NotFound, TamperError
from ombud.record.keys import read_vkey
from ombud.record.paths import Home
from ombud.record.standing import check_version
from ombud.record.verify_files import read_if_there, read_whole
from ombud.record.verify_tiles import FILE_SIZE_MAX
from ombud.record.wal import NOTE_SIZE_MAX
from ombud.tlog.merkle import HASH_SIZE, ProofError, inclusion_proof
from ombud.tlog.note import NoteError, Verifier
from ombud.tlog.proof import Proof
from ombud.tlog.tile import (
    TILE_WIDTH,
    decode_entries,
    entries_path,
    nodes_from_tiles,
    tile_path,
)
from ombud.tlog.tree_head import TreeHead, open_tree_head

_ATTEMPTS = 3  # A recorder may tidy partial tiles up while they are being read.


def check_proof(data: bytes, verifier: Verifier) -> tuple[Proof, TreeHead]:
    """Return a proof that holds under a key, with the tree head it leads to.

    `Proof.extra` is then the leaf entry that the log has at `Proof.index`.  Raises
    `InputError` for anything else.
    """
    proof = Proof.parse(data)
    try:
        parse_leaf_entry(proof.extra or b"")
    except ValueError as error:
        raise ProofError(f"the proof carries no leaf entry: {error}") from error
    return proof, proof.verify(proof.extra or b"", verifier.name, [verifier])


def prove(home: Path, index: int) -> bytes:
    """Return the proof (C2SP tlog-proof) that the published log has an event at `index`.

    Raises `NotFound` for an index that is not published, and `TamperError` where
    the log does not hold together.
    """
    place = Home(home.resolve())
    check_version(place.root)
    verifier = Verifier.parse(read_vkey(place))
    for _ in range(_ATTEMPTS - 1):
        note = read_whole(place.checkpoint, NOTE_SIZE_MAX)
        try:
            return _prove(place, index, note, verifier)
        except TamperError:
            if read_whole(place.checkpoint, NOTE_SIZE_MAX) == note:
                raise
    return _prove(place, index, read_whole(place.checkpoint, NOTE_SIZE_MAX), verifier)


def _prove(home: Home, index: int, note: bytes, verifier: Verifier) -> bytes:
    try:
        head = open_tree_head(note, verifier.name, [verifier])
    except NoteError as error:
        raise TamperError(
            f"is no tree head of ours: {error}", origin=str(home.checkpoint)
        ) from error
    if not 0 <= index < head.size:
        raise NotFound(f"no event `{index}` among the {head.size} that are published")

    def read_tile(level: int, number: int, width: int) -> bytes:
        path = tile_path(level, number, width)
        return _read(home, path, tile_path(level, number))[: width * HASH_SIZE]

    number, row = divmod(index, TILE_WIDTH)
    width = min(TILE_WIDTH, head.size - number * TILE_WIDTH)
    bundle = _read(home, entries_path(number, width), entries_path(number))
    try:
        hashes = inclusion_proof(index, head.size, nodes_from_tiles(head.size, read_tile))
        data = Proof(index, tuple(hashes), note, decode_entries(bundle)[row]).to_text()
        check_proof(data, verifier)
    except (InputError, IndexError) as error:
        reason = f"its tiles do not prove event {index}: {error}"
        raise TamperError(reason, origin=str(home.log)) from error
    return data


def _read(home: Home, path: str, full_path: str) -> bytes:
    """Return a tile or bundle; a partial one may have given way to the full one."""
    data = read_if_there(home.log / path, FILE_SIZE_MAX)
    return read_whole(home.log / full_path, FILE_SIZE_MAX) if data is None else data
