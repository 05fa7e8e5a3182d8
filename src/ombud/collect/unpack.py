"""Unpacking: gzip of any number of members, in bounded pieces.

A file that breaks off, or is damaged, gives what came before, and then says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

GZIP_MAGIC = b"\x1f\x8b"
PIECE_SIZE = 256 << 10  # Bytes unpacked at a time: bounds what a small file can grow to in memory.
_GZIP_WBITS = 31  # A gzip header and trailer, and nothing else.


class Unpacker:
    """Takes the bytes of a gzip file, of any number of members, apart in bounded pieces."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_WBITS)
        self._waiting = b""
        self._is_between = True  # Whether no member is open.
        self.fault = ""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the packed bytes hold, at most a chunk at a time."""
        self._waiting += data
        while self._waiting and not self.fault:
            if self._is_between and not self._waiting.strip(b"\0"):
                self._waiting = b""  # Padding, as tapes and some writers leave it.
                return
            self._is_between = False
            try:
                piece = self._member.decompress(self._waiting, PIECE_SIZE)
            except zlib.error as error:
                self.fault = f"the gzip data is damaged: {error}"
                return
            self._waiting = self._member.unconsumed_tail
            if self._member.eof:
                self._waiting = self._member.unused_data
                self._member = zlib.decompressobj(_GZIP_WBITS)
                self._is_between = True
            if piece:
                yield piece

    def finish(self) -> Iterator[bytes]:
        """Yield what is left at the end of the file."""
        piece = self._member.flush() if not self.fault and not self._is_between else b""
        if not self.fault and not self._is_between:
            self.fault = "the gzip file breaks off"
        if piece:
            yield piece
