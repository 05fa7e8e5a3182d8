"""Lasting index: the index of a home, which outlives a full disk and forgets what is old.

An engine that could not write a checkpoint gives its database up and wants it
attached anew.  That is done here, from the last checkpoint, with the next batch:
the watermark says what is to be applied again, and no restart is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ombud.core.batch import Committed
from ombud.core.errors import Unavailable
from ombud.directory.span import AccountSpan
from ombud.store.index import Index, attach_or_create
from ombud.store.retention import Kept, drop_below, read_kept

log = logging.getLogger("ombud")

_GIVEN_UP = "invalidated"  # The engine's word for a database that must be attached anew.


class LastingIndex(Index):
    """An index that is attached again after the engine has given it up."""

    _is_lost = False
    _kept: Kept | None = None

    def kept(self) -> Kept:
        """Return from which event on the index holds everything."""
        if self._kept is None:
            with self._applying:
                self._kept = read_kept(self._writer)
        return self._kept

    def keep_from(self, kept: Kept) -> None:
        """Hold nothing of events before this one any more; an index never goes further back.

        Raises `Unavailable` on a full disk; then everything is still there.
        """
        if kept.first_index <= self.kept().first_index:
            return
        with self._mending(), self._applying, self._sealing:
            drop_below(self._writer, kept)
            self._hot_from = max(self._hot_from, kept.first_index)
            self._save()
        if self._watermark < kept.first_index:
            self._begin_again()
        self._kept = kept

    def apply_all(self, chunks: Sequence[Committed]) -> None:
        """Add consecutive chunks, as `Index` does; raises `Unavailable` on a full disk."""
        with self._mending():
            super().apply_all(chunks)

    def apply_segment(self, path: Path, first_index: int, count: int) -> None:
        """Add the events of a sealed segment, as `Index` does."""
        with self._mending():
            super().apply_segment(path, first_index, count)

    def seal(self) -> None:
        """Move what has waited long enough to the sealed tables, as `Index` does."""
        with self._mending():
            super().seal()

    def set_spans(self, spans: Iterable[AccountSpan], *, stamp: int) -> None:
        """Replace what is known of accounts, as `Index` does."""
        with self._mending():
            super().set_spans(spans, stamp=stamp)

    def close(self) -> None:
        """Save what was applied, if the disk lets us, and let the file go."""
        try:
            super().close()
        except duckdb.Error as error:
            log.warning("index was not saved, what is missing is applied again: %s", error)
            self._writer.close()
            self._connection.close()

    @contextmanager
    def _mending(self) -> Iterator[None]:
        if self._is_lost:
            self._attach_again()
        try:
            yield
        except (duckdb.Error, Unavailable) as error:
            if isinstance(error, Unavailable) and _GIVEN_UP not in str(error):
                raise
            self._is_lost = True
            self._watermark = 0  # Unknown until it is attached; what is known is then skipped.
            raise Unavailable(
                f"index cannot be saved: {error}",
                retry_seconds=5.0,
                hint="free space on its disk: it goes on by itself",
            ) from error

    def _attach_again(self) -> None:
        """Go back to the last checkpoint; raises `Unavailable` when the file cannot be had."""
        self._begin_again(is_lost=True)
        self._is_lost, self._kept = False, None

    def _begin_again(self, *, is_lost: bool = False) -> None:
        """Read again how far the file has come."""
        applying, sealing, connection = self._applying, self._sealing, self._connection
        with applying, sealing:
            self._writer.close()
            try:
                if is_lost:
                    connection.execute("DETACH DATABASE IF EXISTS ix")
                    attach_or_create(connection, self.path)
                Index.__init__(self, self.path, connection)
            except duckdb.Error as error:
                self._writer = connection.cursor()
                raise Unavailable(f"index cannot be opened again: {error}") from error
            finally:
                self._applying, self._sealing = applying, sealing
