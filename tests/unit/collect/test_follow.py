"""Following files that grow, across every way to rotate them, and across restarts."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doubles.memory_record import MemoryRecord
from ombud.collect.follow import Follower
from ombud.collect.intake import Intake
from ombud.collect.mapping import MappedSource
from ombud.collect.mapping_file import parse_mapping
from ombud.collect.positions import Positions

SOURCE = MappedSource(parse_mapping("source: t\nfields: {native_id: id}", path="m"))
NAMELESS = MappedSource(parse_mapping("source: t\nfields: {actor.id: id}", path="m"))


def line(number: int) -> bytes:
    """Return one line."""
    return b'{"id":"%d","text":"%s"}\n' % (number, b"x" * 60)


class Scene:
    """A log folder, and what happens to it between polls."""

    def __init__(self, folder: Path, intake: Intake, source: MappedSource) -> None:
        self.folder = folder
        self.path = folder / "app.log"
        self.next = 0
        self._intake = intake
        self._source = source
        self._store = folder.parent / "positions.json"

    def write(self, count: int = 3, *, path: Path | None = None, end: bytes = b"") -> None:
        """Append lines with new numbers."""
        with (path or self.path).open("ab") as file:
            for _ in range(count):
                file.write(line(self.next))
                self.next += 1
            file.write(end)

    def follow(self, *steps: Callable[[], None], followed: Path | None = None) -> None:
        """Follow from where the last run ended, doing one step after each poll."""
        positions = Positions(self._store)
        idle: list[Callable[[], None]] = [lambda: None] * 10  # Until every file rests.
        rest = iter((*steps, *idle))

        def wait(_: float) -> bool:
            step = next(rest, None)
            if step is not None:
                step()
            return step is None

        follower = Follower(
            self._source, [str(followed or self.path)], positions=positions, wait=wait
        )
        self._intake.ingest(self._source, follower.blocks(), positions=positions)


@pytest.fixture(params=[SOURCE, NAMELESS], ids=["ids", "no ids"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, intake: Intake) -> Iterator[Scene]:
    """Return an empty scene; at its end every line was recorded, once."""
    folder = tmp_path / "logs"
    folder.mkdir()
    found = Scene(folder, intake, request.param)
    yield found
    sink = intake._sink
    assert isinstance(sink, MemoryRecord)
    raws = [event.raw + b"\n" for event in sink.events]
    assert sorted(raws) == sorted(line(number) for number in range(found.next))


def test_growing(scene: Scene) -> None:
    """Lines are taken as they come; a file may come later than the follower."""
    scene.follow(scene.write, scene.write)


def test_half_a_line(scene: Scene) -> None:
    """Half a line waits for its other half."""
    half = line(1000)

    def first() -> None:
        scene.write(2, end=half[:10])

    def second() -> None:
        with scene.path.open("ab") as file:
            file.write(half[10:].replace(b"1000", b"%d" % scene.next))
        scene.next += 1

    scene.path.touch()
    with scene.path.open("ab") as file:
        file.write(b'{"id":"0",')
    scene.next = 0

    def whole() -> None:
        with scene.path.open("ab") as file:
            file.write(line(0).removeprefix(b'{"id":"0",'))
        scene.next = 1

    scene.follow(whole, scene.write)


def test_last_line_without_end(scene: Scene) -> None:
    """A whole record at the end of a resting file is taken without its line end."""
    scene.write(2)
    scene.path.write_bytes(scene.path.read_bytes().removesuffix(b"\n"))
    scene.follow()


def test_rename_and_create(scene: Scene) -> None:
    """The old file is read to its end, also what is still written to it after the rename."""

    def rotate() -> None:
        scene.write()
        old = scene.path.rename(scene.folder / "app.log.1")
        scene.write(path=old)
        scene.write(path=scene.path)

    scene.follow(scene.write, rotate, rotate, scene.write)


def test_rename_while_away(scene: Scene) -> None:
    """What was written before a rotation while nobody followed is read after the restart."""
    scene.follow(scene.write)
    scene.write()
    scene.path.rename(scene.folder / "app.log.1")
    scene.write()
    scene.follow()


def test_copy_and_truncate(scene: Scene) -> None:
    """The copy is read on from where the original was left, the original from its beginning."""

    def rotate() -> None:
        scene.write()
        shutil.copy(scene.path, scene.folder / "app.log.1")
        scene.path.write_bytes(b"")
        scene.write(1)

    scene.follow(scene.write, rotate, scene.write)


def test_copy_and_truncate_to_a_larger_file(scene: Scene) -> None:
    """A file that grew beyond its old size within one poll is still noticed."""

    def rotate() -> None:
        shutil.copy(scene.path, scene.folder / "app.log.1")
        scene.path.write_bytes(b"")
        scene.write(20)

    scene.follow(scene.write, rotate)


def test_copy_and_truncate_while_away(scene: Scene) -> None:
    """The copy is found after a restart, too."""
    scene.follow(scene.write)
    scene.write()
    shutil.copy(scene.path, scene.folder / "app.log.1")
    scene.path.write_bytes(b"")
    scene.write()
    scene.follow()


def test_restart_in_the_middle(scene: Scene) -> None:
    """Each run goes on where the last one ended."""
    for _ in range(3):
        scene.follow(scene.write, scene.write)


def test_lost_positions(scene: Scene) -> None:
    """Without positions all is read again, and recognised."""
    scene.follow(scene.write)
    scene._store.unlink()
    scene.follow(scene.write)


def test_folder(scene: Scene) -> None:
    """New files in a folder are followed, packed ones once they have stopped growing."""

    def packed() -> None:
        lines = b"".join(line(number) for number in range(scene.next, scene.next + 5))
        (scene.folder / "old.gz").write_bytes(gzip.compress(lines))
        scene.next += 5

    def other() -> None:
        scene.write(path=scene.folder / "b.log")

    scene.follow(scene.write, other, packed, other, followed=scene.folder)
    scene.follow(other, scene.write, followed=scene.folder)


def test_folder_rotated_by_rename(scene: Scene) -> None:
    """In a folder a renamed file is known by what it is, not by its name."""

    def rotate() -> None:
        scene.path.rename(scene.folder / f"app.log.{scene.next}")
        scene.write()

    scene.follow(scene.write, rotate, rotate, followed=scene.folder)


def test_deleted(scene: Scene) -> None:
    """What was written before a file was deleted is still read."""

    def delete() -> None:
        scene.write()
        scene.path.unlink()

    scene.follow(scene.write, delete, scene.write)
