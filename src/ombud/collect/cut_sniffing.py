"""Sniffing: a cutter that is chosen when the first byte of its input is there."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ombud.collect.cut import Cuts, Cutter, is_cut_mark

_BLANK = b"\xef\xbb\xbf \t\r\n"


class Sniffing(ABC):
    """Cuts an input by the cutter that `choose` returns for its first byte that is not blank."""

    def __init__(self) -> None:
        self._cutter: Cutter | None = None
        self._held = b""  # Of a byte order mark that is cut off.
        self._line = 1

    @abstractmethod
    def choose(self, first: bytes) -> Cutter:
        """Return the cutter for an input that begins with this byte."""

    @property
    def line(self) -> int:
        """The line on which the bytes start that are not cut yet."""
        return self._cutter.line if self._cutter is not None else self._line

    @line.setter
    def line(self, line: int) -> None:
        self._line = line
        if self._cutter is not None:
            self._cutter.line = line

    @property
    def pending(self) -> int:
        """How many bytes belong to the unfinished record."""
        return self._cutter.pending if self._cutter is not None else len(self._held)

    def unfinished(self) -> bytes:
        """Return the last line, when it may be a whole record that lacks its terminator."""
        return self._cutter.unfinished() if self._cutter is not None else b""

    def feed(self, data: bytes, cuts: Cuts) -> None:
        """Take the next bytes of the input."""
        if self._cutter is None:
            data, self._held = self._held + data, b""
            seen = data.lstrip(_BLANK)
            if is_cut_mark(data):
                self._held = data
                return
            if not seen:
                self._line += data.count(b"\n")
                return
            self._cutter = self.choose(seen[:1])
            self._cutter.line = self._line
        self._cutter.feed(data, cuts)

    def finish(self, cuts: Cuts, *, reason: str = "") -> None:
        """Take the end of the input."""
        if self._cutter is not None:
            self._cutter.finish(cuts, reason=reason)
        elif self._held:
            cuts.fault(self._line, reason or "half a byte order mark", self._held, len(self._held))
        elif reason:
            cuts.fault(self._line, reason, b"", 0)
