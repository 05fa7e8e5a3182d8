"""Tree head: the size and root of the log, as the text that its key signs.

C2SP calls the signed form a checkpoint.  Extension lines are refused: the
format recommends against them, and witnesses do not audit them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ombud.tlog.merkle import HASH_SIZE, SIZE_MAX
from ombud.tlog.note import (
    NoteError,
    Signer,
    Verifier,
    decode_base64,
    encode_base64,
    open_note,
    sign_note,
)

_SIZE_DIGITS_MAX = len(str(SIZE_MAX))


def parse_decimal(text: str) -> int:
    """Return a number written as ASCII decimal without leading zeros; raises `NoteError`."""
    if not (text.isascii() and text.isdigit() and len(text) <= _SIZE_DIGITS_MAX):
        raise NoteError(f"`{text[:40]}` is not a decimal number")
    number = int(text)
    if str(number) != text or number > SIZE_MAX:
        raise NoteError(f"`{text}` is not a canonical decimal number of 63 bits")
    return number


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a log commits to at one size; `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> TreeHead:
        """Return the tree head of exactly three lines; raises `NoteError`."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise NoteError("a tree head has three lines: origin, size and root")
        root = decode_base64(lines[2])
        if len(root) != HASH_SIZE:
            raise NoteError(f"a root is {HASH_SIZE} bytes long, not {len(root)}")
        return cls(lines[0], parse_decimal(lines[1]), root)

    def sign(self, signer: Signer) -> bytes:
        """Return the signed tree head, which C2SP calls a checkpoint."""
        return sign_note(self.to_text(), [signer])


def open_tree_head(note: bytes, origin: str, verifiers: Sequence[Verifier]) -> TreeHead:
    """Return the tree head of a signed note by one of the keys, for that origin.

    Raises `NoteError`.
    """
    head = TreeHead.parse(open_note(note, verifiers).text)
    if head.origin != origin:
        raise NoteError(f"the tree head is of `{head.origin}`, not of `{origin}`")
    return head
