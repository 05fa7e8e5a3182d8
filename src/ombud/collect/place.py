"""Places: blocks of records on their way from an input, and how far it was read.

A position is only worth keeping once everything before it is durable: a reader
hands it out with a block, and whoever made the block durable commits it.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field
from typing import Any

from ombud.collect.cut import Fault

_inputs = itertools.count(1)


def next_input_id() -> int:
    """Return a number that no other input of this process has."""
    return next(_inputs)


@dataclass(frozen=True, slots=True)
class Position:
    """How far one file was read.

    `offset` counts bytes after decompression and `line` is the line that starts
    there.  `file_id` (device and inode), and the digests of the first `head_size`
    bytes of the file and of the `tail_size` bytes before `offset`, recognise the
    file under another name, and a file that was emptied and filled anew under the
    same one.  `packed_size` is the size of a compressed file read to its end.
    """

    path: str
    file_id: str
    offset: int
    line: int
    head_size: int
    head: str
    tail_size: int = 0
    tail: str = ""
    packed_size: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the position as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Position:
        """Return the position that `to_dict` wrote; raises `TypeError` on other keys."""
        return cls(**values)


@dataclass(slots=True)
class Block:
    """Records of one file, in order, and the position after them.

    `is_known` marks records before the position that reading resumed from: they
    are counted for the sake of their twins and not recorded again.  `is_last`
    says that the input ends here.  A block without records lets a follower tell
    that it is waiting.
    """

    file: str
    raws: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    position: Position | None = None
    input_id: int = 0  # Tells inputs apart whose records are counted for their twins.
    is_known: bool = False
    is_last: bool = False
    size: int = 0  # Bytes of the input that the block stands for, for progress.
