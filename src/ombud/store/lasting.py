"""Lasting index: the index of a home that outlives a full disk.

An engine that could not write a checkpoint gives its database up and wants it
attached anew.  That is done here, from the last checkpoint, with the next batch:
the watermark says what is to be applied again, and no restart is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ombud.core.batch import Committed
from ombud.core.errors import Unavailable
from ombud.store.index import Index, attach_or_create

log = logging.getLogger("ombud")

_GIVEN_UP = "invalidated"  # The engine's word for a database that must be attached anew.


class LastingIndex(Index):
    """An index that is attached again after the engine has given it up."""

    _is_lost = False

    def apply_all(self, chunks: Sequence[Committed]) -> None:
        """Add consecutive chunks, as `Index` does; raises `Unavailable` on a full disk."""
        with self._mending():
            super().apply_all(chunks)

    def apply_segment(self, path: Path, first_index: int, count: int) -> None:
        """Add the events of a sealed segment, as `Index` does."""
        with self._mending():
            super().apply_segment(path, first_index, count)

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
        applying, connection = self._applying, self._connection
        with applying:
            self._writer.close()
            try:
                connection.execute("DETACH DATABASE IF EXISTS ix")
                attach_or_create(connection, self.path)
                Index.__init__(self, self.path, connection)
            except duckdb.Error as error:
                self._writer = connection.cursor()
                raise Unavailable(f"index cannot be opened again: {error}") from error
            finally:
                self._applying = applying
            self._is_lost = False
