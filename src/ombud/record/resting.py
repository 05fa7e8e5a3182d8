"""Resting record: the record of a home that is a copy, which is read and never written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ombud.core.batch import Batch
from ombud.core.errors import TamperError
from ombud.record.paths import Home
from ombud.record.receipt import Receipt
from ombud.record.standing import check_may_sign
from ombud.record.verify_files import read_whole
from ombud.record.wal import NOTE_SIZE_MAX
from ombud.tlog.note import NoteError
from ombud.tlog.tree_head import TreeHead


class RestingRecord:
    """Stands where a recorder would: knows its head, and refuses every event.

    A look must be recorded before it is answered, so that looks are refused, too.
    """

    def __init__(self, home: Path) -> None:
        """Read the head of a home that is a copy; nobody writes there."""
        self._home = Home(home.resolve())
        self._note = read_whole(self._home.state, NOTE_SIZE_MAX)
        try:
            self._size = TreeHead.parse(self._note.decode().partition("\n\n")[0] + "\n").size
        except (NoteError, UnicodeError) as error:
            reason = f"is no tree head: {error}"
            raise TamperError(reason, origin=str(self._home.state)) from error

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Refuse: raises `Unavailable` that says why, and what ends it."""
        if batches:
            check_may_sign(self._home.root)
        return []

    def head(self) -> tuple[int, bytes]:
        """Return the size of the copy and the signed tree head of that size."""
        return self._size, self._note

    def ping(self) -> bool:
        """Whether events are taken: they are not."""
        return False
