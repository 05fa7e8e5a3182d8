"""Streams: bytes that come once and cannot be read again, such as a request or a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ombud.collect.cut import Cuts
from ombud.collect.place import Block, next_input_id
from ombud.collect.source import Source
from ombud.collect.unpack import GZIP_MAGIC, Unpacker


def stream_blocks(
    source: Source, name: str, chunks: Iterable[bytes], *, unpacks: bool = True
) -> Iterator[Block]:
    """Yield the records of a stream, plain or gzip, under the name it is given.

    Without `unpacks` gzip is bytes like any other: for a stream whose size was
    bounded as it came.
    """
    cutter = source.cutter()
    input_id = next_input_id()
    unpacker: Unpacker | None = None
    first = b""
    is_open = False
    for chunk in chunks:
        data = first + chunk
        if not is_open:
            if len(data) < len(GZIP_MAGIC):
                first = data
                continue
            is_open, first = True, b""
            unpacker = Unpacker() if unpacks and data[:2] == GZIP_MAGIC else None
        size = len(data)
        for piece in unpacker.feed(data) if unpacker is not None else (data,):
            cuts = Cuts()
            cutter.feed(piece, cuts)
            yield Block(name, cuts.raws, cuts.lines, cuts.faults, input_id=input_id, size=size)
            size = 0
    cuts = Cuts()
    cutter.feed(first, cuts)
    reason = ""
    if unpacker is not None:
        for piece in unpacker.finish():
            cutter.feed(piece, cuts)
        reason = unpacker.fault
    line = cutter.line
    cutter.finish(cuts, reason=reason)
    if reason and not cuts.faults:
        cuts.fault(line, reason, b"", 0)
    yield Block(name, cuts.raws, cuts.lines, cuts.faults, input_id=input_id, is_last=True)
