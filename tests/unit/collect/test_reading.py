"""Files, folders and pipes: read in order, and read on from where they were left."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest

from doubles.memory_record import MemoryRecord
from ombud.collect.inputs import CHUNK_SIZE
from ombud.collect.intake import Intake
from ombud.collect.mapping import MappedSource
from ombud.collect.mapping_file import parse_mapping
from ombud.collect.pgaudit import PgAudit
from ombud.collect.positions import Positions
from ombud.collect.reading import read_paths, size_of
from ombud.collect.streams import stream_blocks
from ombud.core.errors import NotFound, Unavailable

SOURCE = MappedSource(parse_mapping("source: t\nfields: {actor.id: a, native_id: id}", path="m"))


def line(number: int) -> bytes:
    """Return a record with an id of its own."""
    return b'{"a":"ana","id":"%d"}' % number


def raws(*paths: Path, positions: Positions | None = None) -> list[bytes]:
    """Return the originals that are read and not known."""
    blocks = read_paths(SOURCE, [str(path) for path in paths], positions=positions)
    return [raw for block in blocks if not block.is_known for raw in block.raws]


def test_folder_in_the_order_of_names(tmp_path: Path) -> None:
    """Folders are read recursively by name, gzip by its content, hidden files not at all."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1").write_bytes(line(2))
    (tmp_path / "a.log").write_bytes(line(1))
    (tmp_path / "c").write_bytes(gzip.compress(line(3)))
    (tmp_path / ".hidden").write_bytes(line(4))

    assert raws(tmp_path) == [line(1), line(2), line(3)]
    assert raws(tmp_path / "c", tmp_path / "a.log") == [line(3), line(1)]
    assert size_of(SOURCE, [str(tmp_path)]) == sum(
        (tmp_path / name).stat().st_size for name in ("a.log", "b/1", "c")
    )


def test_folder_of_a_server_log(tmp_path: Path) -> None:
    """Of a server's log folder only the files of its log formats are read."""
    (tmp_path / "postgresql.log").write_bytes(b"ending log output to stderr\n")
    (tmp_path / "postgresql.json").write_bytes(b'{"timestamp":"x","message":"m"}\n')

    blocks = list(read_paths(PgAudit(), [str(tmp_path)]))
    assert {Path(block.file).name for block in blocks} == {"postgresql.json"}


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    """What is not there is said before anything is read; what may not be read, too."""
    (tmp_path / "here").write_bytes(line(1))

    with pytest.raises(NotFound, match="absent"):
        read_paths(SOURCE, [str(tmp_path / "here"), str(tmp_path / "absent")])
    (tmp_path / "here").chmod(0)
    if os.geteuid():
        with pytest.raises(Unavailable, match="Permission"):
            raws(tmp_path / "here")


def test_standard_input() -> None:
    """Standard input is read to its end, plain or gzip, whatever pieces it comes in."""
    for data in (line(1) + b"\n" + line(2), gzip.compress(line(1) + b"\n" + line(2))):
        blocks = read_paths(SOURCE, ["-"], standard_input=io.BytesIO(data))
        assert [raw for block in blocks for raw in block.raws] == [line(1), line(2)]
        pieces = stream_blocks(SOURCE, "http", (bytes([byte]) for byte in data))
        assert [raw for block in pieces for raw in block.raws] == [line(1), line(2)]
    assert size_of(SOURCE, ["-"]) is None


def test_named_pipe(tmp_path: Path) -> None:
    """A named pipe is read like standard input."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child = os.fork()
    if not child:
        pipe.write_bytes(line(1) + b"\n")
        os._exit(0)

    assert raws(pipe) == [line(1)]
    os.waitpid(child, 0)


def ingest(intake: Intake, path: Path, positions: Positions) -> tuple[int, int]:
    """Ingest a file; return how many were recorded and how many were there before."""
    result = intake.ingest(
        SOURCE, read_paths(SOURCE, [str(path)], positions=positions), positions=positions
    )
    return result.recorded, result.duplicate


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_reading_on(pack: type[bytes], tmp_path: Path, intake: Intake) -> None:
    """A grown file is read from where it was left, also after a restart and under another name."""
    path = tmp_path / "log"
    store = tmp_path / "positions.json"
    lines = b"".join(line(n) + b"\n" for n in range(8_000))
    path.write_bytes(pack(lines))

    assert ingest(intake, path, Positions(store)) == (8_000, 0)
    assert ingest(intake, path, Positions(store)) == (0, 0)
    with path.open("ab") as file:
        file.write(pack(line(8_000) + b"\n"))
    path = path.rename(tmp_path / "log.1")
    assert ingest(intake, path, Positions(store)) == (1, 0)


def test_file_filled_anew(tmp_path: Path, intake: Intake) -> None:
    """A file that was emptied and filled anew is read from its beginning."""
    path, store = tmp_path / "log", tmp_path / "positions.json"
    path.write_bytes(b"".join(line(n) + b"\n" for n in range(100)))
    ingest(intake, path, Positions(store))
    path.write_bytes(b"".join(line(n) + b"\n" for n in range(200, 500)))

    assert ingest(intake, path, Positions(store)) == (300, 0)


def test_unfinished_last_line(tmp_path: Path, intake: Intake, sink: MemoryRecord) -> None:
    """A last line without terminator counts, and is read as a whole once it is finished."""
    path, store = tmp_path / "log", tmp_path / "positions.json"
    path.write_bytes(line(1) + b"\n" + line(2))
    assert ingest(intake, path, Positions(store)) == (2, 0)
    assert ingest(intake, path, Positions(store)) == (0, 1)
    with path.open("ab") as file:
        file.write(b"\n" + line(3) + b"\n")

    assert ingest(intake, path, Positions(store)) == (1, 1)
    assert [event.raw for event in sink.events] == [line(1), line(2), line(3)]


TWIN = b'{"a":"ana"}'


def test_twins_stay_two_and_stay_known(tmp_path: Path, intake: Intake, sink: MemoryRecord) -> None:
    """Identical lines without id are as many events, however often and from where read."""
    path, store = tmp_path / "log", tmp_path / "positions.json"
    path.write_bytes((TWIN + b"\n") * 3)
    assert ingest(intake, path, Positions(store)) == (3, 0)
    assert ingest(intake, path, Positions(None)) == (0, 3)
    with path.open("ab") as file:
        file.write((TWIN + b"\n") * 2)

    assert ingest(intake, path, Positions(store)) == (2, 0)
    assert ingest(intake, path, Positions(None)) == (0, 5)
    assert len(sink.events) == 5


def test_unreadable_positions(tmp_path: Path, intake: Intake) -> None:
    """Losing the positions costs time, never an event."""
    path, store = tmp_path / "log", tmp_path / "positions.json"
    path.write_bytes(line(1) + b"\n")
    ingest(intake, path, Positions(store))
    store.write_bytes(b"[{]")

    assert ingest(intake, path, Positions(store)) == (0, 1)


def test_blocks_are_bounded(tmp_path: Path) -> None:
    """A large file comes in blocks of a chunk each, whatever it is packed to."""
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress((line(1) + b"\n") * 200_000))

    sizes = [sum(map(len, block.raws)) for block in read_paths(SOURCE, [str(path)])]
    assert max(sizes) <= CHUNK_SIZE
    assert sum(sizes) == 200_000 * len(line(1))
