"""JSON cutting: lines, documents and arrays, mixed as they come.

NDJSON is the fast way.  A document that holds many records (`{"Records": […]}`
or an array) gives its elements, on one line or over many, however large it is;
a pretty-printed record gives itself.  A document that breaks off gives what was
whole, and what follows is read line by line again: no neighbour is lost.
"""

from __future__ import annotations

import functools
import re

import msgspec

from ombud.collect.cut import HEAD_KEPT, Cuts, LineCutter
from ombud.collect.scan import ElementScanner
from ombud.core.batch import RAW_SIZE_MAX

_FAILURES_MAX = 64  # Broken documents tried in one input before lines are only lines.

_BEHIND = re.compile(rb"[ \t\r]*,?[ \t\r]*")  # What separates a document from the next.


RECORDS = "Records"  # The member in which Amazon's documents hold their records.

_decode_document = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@functools.cache
def _opens_many(member: str) -> re.Pattern[bytes]:
    """Return what the beginning of a document of many records looks like."""
    return re.compile(rb'\s*(?:\[|\{\s*"%s"\s*:)' % re.escape(member.encode()))


def elements(document: bytes, member: str = RECORDS) -> list[bytes] | None:
    """Return the exact bytes of the records of one whole document, or None if it holds none."""
    try:
        if document.lstrip()[:1] != b"[":
            document = bytes(_decode_document(document)[member])
        found = _decode_array(document)
    except (*_ERRORS, KeyError):
        return None
    raws = [bytes(element) for element in found]
    return raws if all(raw[:1] == b"{" for raw in raws) else None


def _are_objects(lines: list[bytes], opening: bytes) -> bool:
    """Whether each line is one object as far as its ends tell, and not of many records."""
    size = len(opening)
    heads = {line[:size] for line in lines}
    tails = {line[-2:] for line in lines}
    if b"]}" in tails:  # As the list of records ends, when it does not come first.
        return False
    return all(tail[-1:] == b"}" for tail in tails) and all(
        head[:2] == b'{"' and head != opening for head in heads
    )


def _goes_on(line: bytes) -> bool:
    """Whether a line opens an object that goes on on the next line: pretty-printed."""
    return line.lstrip()[:1] == b"{" and line.rstrip()[-1:] in (b"{", b"[", b",", b":")


class JsonCutter(LineCutter):
    """Cuts JSON lines and JSON documents.

    `member` names the list in which a document of many records holds them.
    """

    def __init__(self, member: str = RECORDS) -> None:
        super().__init__()
        self._member = member
        self._opens_many = _opens_many(member)
        self._quoted = b'"%s"' % member.encode()
        self._opening = b"{" + self._quoted[:2]
        self._scanner: ElementScanner | None = None
        self._failures = 0
        self._document_size = 0  # Bytes fed to the document being scanned.
        self._is_behind = False  # Whether the unfinished line begins behind a document.
        self._is_plain = False  # Whether it failed to open one, so is a line whatever it is.

    @property
    def pending(self) -> int:
        """How many bytes belong to the unfinished line or document."""
        return self._size + self._document_size

    def unfinished(self) -> bytes:
        """Return the unfinished line, unless a document is open."""
        return super().unfinished() if self._scanner is None else b""

    def _is_document(self, head: bytes) -> bool:
        opens = self._opens_many.match(head) is not None or self._may_hold(head[:HEAD_KEPT])
        return self._failures < _FAILURES_MAX and opens

    def _may_hold(self, data: bytes) -> bool:
        """Whether a list of records may stand amid the members of a document.

        Amazon's list is the only member, so that the ends of its document tell.
        """
        return self._member != RECORDS and self._quoted in data

    def _step(self, data: bytes, cuts: Cuts) -> bytes:
        if self._scanner is not None:
            self._document_size += len(data)
            done = self._scan(data, 0, cuts)
            return b"" if done is None else done[0][done[1] :]
        rest = super()._step(data, cuts)
        if self._size > RAW_SIZE_MAX and not self._skipped:  # Too long a line, but a document.
            done = self._begin(self._strip(self._join()), 0, cuts)
            return b"" if done is None else done[0][done[1] :]
        return rest

    def _take(self, block: bytes, tail: bytes, cuts: Cuts) -> bytes:
        lines = block.split(b"\n")
        lines.pop()
        is_free = not self._is_behind and not self._is_plain and not self._may_hold(block)
        if is_free and len(lines[0]) <= RAW_SIZE_MAX and _are_objects(lines, self._opening):
            cuts.raws += lines
            cuts.lines += range(self.line, self.line + len(lines))
            self.line += len(lines)
            self._keep(tail)
            return b""
        data, position = block + tail, 0
        while (newline := data.find(b"\n", position)) >= 0:
            position = self._skip_separator(data, position)
            line = data[position:newline]
            done = self._open(line, data, position, cuts)
            if done is None:
                return b""
            if done[1] == position:
                self._cut_line(line, cuts)
                done = data, newline + 1
            data, position = done
        self._keep(data[position:])
        return b""

    def _skip_separator(self, data: bytes, position: int) -> int:
        """Return where a line begins that may begin behind a document."""
        behind = _BEHIND.match(data, position) if self._is_behind else None
        self._is_behind = False
        return position if behind is None else behind.end()

    def _open(
        self, line: bytes, data: bytes, position: int, cuts: Cuts
    ) -> tuple[bytes, int] | None:
        """Cut the document that a line opens, if it does; the same position says it does not."""
        opens = self._opens_many.match(line) is not None or _goes_on(line)
        if self._is_plain:
            self._is_plain = False
            return data, position
        if self._failures >= _FAILURES_MAX or not (opens or self._quoted in line):
            return data, position
        many = elements(line, self._member) if b"]" in line else None
        if many is not None:
            for raw in many:
                cuts.add(raw, self.line)
            self.line += 1
            return data, position + len(line) + 1
        return self._begin(data, position, cuts) if opens else (data, position)

    def _begin(self, data: bytes, position: int, cuts: Cuts) -> tuple[bytes, int] | None:
        self._scanner = ElementScanner(self.line, self._member)
        self._document_size = len(data) - position
        return self._scan(data, position, cuts)

    def _scan(self, data: bytes, position: int, cuts: Cuts) -> tuple[bytes, int] | None:
        """Scan on in the open document; return where lines go on, or None for more."""
        scanner = self._scanner
        done = scanner.feed(data, position, cuts) if scanner is not None else (data, position)
        if done is None or scanner is None:
            return done
        self._scanner, self._document_size, self.line = None, 0, scanner.line
        data, end = done
        if not scanner.failed:
            self._is_behind = True
            return data, end
        self._failures += 1
        newline = data.find(b"\n", end)
        if newline < 0:
            self._is_plain = True
            self._keep(data[end:])
            return data, len(data)
        self._cut_line(data[end:newline], cuts)
        return data, newline + 1

    def finish(self, cuts: Cuts, *, reason: str = "") -> None:
        """Take the end of the input: what is whole counts, an open document does not."""
        self._drop_separator()
        while self._scanner is not None or b"".join(self._parts[:1]).lstrip()[:1] in (b"[", b"{"):
            if self._scanner is None:
                if self._skipped or not self._finish_line(cuts):
                    break
                continue
            scanner, self._scanner, self._document_size = self._scanner, None, 0
            self.line = scanner.line
            if scanner.is_inside and (reason or scanner.element_count):
                cuts.fault(
                    self.line, reason or "breaks off", scanner.kept, max(1, len(scanner.kept))
                )
                return
            self._failures += 1
            head, newline, rest = scanner.kept.partition(b"\n")
            if not newline:
                self._keep(head)
                break
            self._cut_line(head, cuts)
            self._feed(rest, cuts)
            self._drop_separator()
        super().finish(cuts, reason=reason)

    def _drop_separator(self) -> None:
        """Leave out what separates the unfinished last line from a document before it."""
        if self._is_behind and self._scanner is None and not self._skipped:
            line = self._join()
            self._keep(line[self._skip_separator(line, 0) :])

    def _finish_line(self, cuts: Cuts) -> bool:
        """Cut an unterminated last line that opens a document; say whether it did."""
        line = self._strip(self._join())
        done = self._open(line, line, 0, cuts)
        if done is not None and not done[1]:
            self._keep(line)
            return False
        if done is not None:
            self._keep(done[0][done[1] :])
            self._drop_separator()
        return True
