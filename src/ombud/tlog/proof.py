"""Proof: one event's place in the log as a text that stands alone, C2SP tlog-proof.

The lines are: the format, optionally `extra` (data that nothing authenticates),
the index, the hashes of the inclusion proof from the leaf upward, an empty line,
and the signed tree head as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ombud.tlog.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from ombud.tlog.note import NOTE_SIZE_MAX, NoteError, Verifier, decode_base64, encode_base64
from ombud.tlog.tree_head import TreeHead, open_tree_head, parse_decimal

FORMAT = "c2sp.org/tlog-proof@v1"
HASH_COUNT_MAX = 63  # A tree of 2**63 leaves is no higher.


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion proof with the signed tree head that it leads to.

    `note` is the signed tree head, byte for byte.  `extra` is not authenticated.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    def to_text(self) -> bytes:
        """Return the proof as bytes of UTF-8."""
        lines = [FORMAT]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [encode_base64(item) for item in self.hashes]
        return "\n".join([*lines, "", ""]).encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """Return the proof; raises `NoteError` for anything that is not exactly one."""
        if len(data) > 2 * NOTE_SIZE_MAX:
            raise NoteError("the proof is too large")
        head, separator, note = data.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise NoteError("the head of the proof is not ASCII") from error
        if not separator or lines.pop(0) != FORMAT:
            raise NoteError(f"that is not a `{FORMAT}`")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "))
        if not lines or not lines[0].startswith("index "):
            raise NoteError("the proof does not say its index")
        index = parse_decimal(lines.pop(0).removeprefix("index "))
        if len(lines) > HASH_COUNT_MAX:
            raise NoteError(f"the proof has more than {HASH_COUNT_MAX} hashes")
        hashes = tuple(decode_base64(line) for line in lines)
        if any(len(item) != HASH_SIZE for item in hashes):
            raise NoteError(f"a hash of the proof is not {HASH_SIZE} bytes long")
        return cls(index, hashes, note, extra)

    def verify(self, entry: bytes, origin: str, verifiers: Sequence[Verifier]) -> TreeHead:
        """Check that `entry` is at `index` of the log `origin`; return the tree head.

        Raises `NoteError` or `ProofError`.
        """
        head = open_tree_head(self.note, origin, verifiers)
        verify_inclusion(self.index, head.size, leaf_hash(entry), self.hashes, head.root)
        return head
