"""Backup: a consistent copy of a home at one durable size, running or not.

A backup is a folder below the target that is laid out as a home and says that it
is a copy.  Segments and full tiles never change, so that those of the backup
before are linked, not copied again.  The recorder is asked for its size once and
is not held up; what lies beside the record is copied first, so that positions are
never ahead of what was recorded.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ombud.core.errors import Conflict, InputError, NotFound, TamperError, Unavailable
from ombud.record import files
from ombud.record.backup_manifest import (
    LAYOUT,
    MANIFEST_NAME,
    PART_SUFFIX,
    BackupFile,
    Manifest,
    hash_file,
    list_backups,
    read_manifest,
    write_manifest,
)
from ombud.record.backup_tail import Tail, held_still, open_tail, read_state
from ombud.record.copying import Copier
from ombud.record.keys import read_vkey
from ombud.record.lock import lock_folder, release_lock
from ombud.record.paths import INDEX_DIGITS, Home
from ombud.record.standing import Copy, check_version, write_copy
from ombud.record.verify_files import read_if_there, read_whole
from ombud.record.verify_tiles import FILE_SIZE_MAX
from ombud.tlog.merkle import HASH_SIZE
from ombud.tlog.note import Verifier
from ombud.tlog.tile import TILE_HEIGHT, TILE_WIDTH, entries_path, tile_path
from ombud.tlog.tree import Tree
from ombud.tlog.tree_head import TreeHead

KEEP = 3  # Backups kept; what never changes is shared between them.
# What is the record's own, is derived, or belongs to processes that run.
NOT_COPIED = frozenset(
    {"log", "segments", "wal", "duplicates", "index", "tmp", "state", "lock", "copy.json"}
)
KEY_NAME = "keys/record.key"
POSITIONS_FIRST = ("positions",)  # Before quarantine and record: see the heading.
_UNFINISHED = (".new", ".lock", ".sock", PART_SUFFIX)

Progress = Callable[[int, int], None]
DurableSize = Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was backed up where; `copied` and `linked` count files."""

    path: Path
    manifest: Manifest
    copied: int
    copied_bytes: int
    linked: int
    skipped: tuple[str, ...]


class BackUp:
    """One run of a backup."""

    def __init__(self, home: Path, target: Path, *, with_key: bool, progress: Progress) -> None:
        self._home = Home(home.resolve())
        self._target = target
        self._with_key = with_key
        self._progress = progress
        self._verifier = Verifier.parse(read_vkey(self._home))
        self._before: tuple[Path, Manifest] | None = None
        self._known: dict[str, BackupFile] = {}
        self._linked = self._linked_bytes = 0
        self._base = 0  # Below it nothing changes any more.
        self._skipped: list[str] = []

    def run(self, durable_size: DurableSize, *, now_ms: int, keep: int) -> BackupReport:
        """Make the backup; `durable_size` asks the running recorder, None if there is none."""
        self._find_before()
        part = self._target / f"new{PART_SUFFIX}"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=files.FOLDER_MODE)
        copier = Copier(part)
        self._copy_others(copier)
        head, note = self._copy_record(copier, Home(part), durable_size)
        self._check_goes_on(Home(part), head)  # Else what was shared is of another history.
        report = self._finish(part, copier, (head, note), now_ms)
        for old in list_backups(self._target)[:-keep]:
            _discard(old)
        return report

    def _find_before(self) -> None:
        backups = list_backups(self._target)
        if not backups:
            return
        manifest = read_manifest(backups[-1])
        if manifest.vkey != self._verifier.vkey:
            raise Conflict(
                f"`{self._target}` holds backups of another log, `{manifest.origin}`",
                hint="one folder for one home",
            )
        self._before = (backups[-1], manifest)
        self._known = {file.path: file for file in manifest.files}

    def _copy_others(self, copier: Copier) -> None:
        """Copy what lies beside the record: settings, positions, quarantine, mappings, the key."""
        entries = sorted(path.name for path in self._home.root.iterdir())
        first = [name for name in POSITIONS_FIRST if name in entries]
        for name in [*first, *(name for name in entries if name not in POSITIONS_FIRST)]:
            if name not in NOT_COPIED:
                for path in _plain_files(self._home.root / name, self._skipped):
                    self._copy_other(copier, path)

    def _copy_other(self, copier: Copier, path: Path) -> None:
        name = path.relative_to(self._home.root).as_posix()
        if name.endswith(_UNFINISHED) or (name == KEY_NAME and not self._with_key):
            return
        try:
            copier.copy(path, name)
        except FileNotFoundError:
            return  # Replaced or removed just now.

    def _copy_record(
        self, copier: Copier, part: Home, durable_size: DurableSize
    ) -> tuple[TreeHead, bytes]:
        """Copy segments and full tiles, then the tail, at one durable size."""
        with open_tail(self._home) as tail:
            base = tail.base
        self._copy_settled(copier, base)  # The bulk, while the home goes on.
        files.make_folder(part.tmp)
        files.make_folder(part.segments)
        with held_still(self._home) as rests, open_tail(self._home) as tail:
            self._base = tail.base
            self._copy_settled(copier, tail.base)
            # Asked after listing, so that what the files hold reaches up to it.
            durable = None if rests else durable_size()
            state = read_state(self._home)
            # What was let out is durable; of a process that cannot be asked, no more is known.
            until = None if rests else max(durable or 0, TreeHead.parse(_text_of(state)).size)
            found = Tail(part, self._verifier).take(tail, copier, state, until=until)
            # Files sealed meanwhile: the event that says so may be among those taken.
            self._copy_settled(copier, tail.last, is_tail=True)
        shutil.rmtree(part.tmp)
        files.create(part.state, found[1])
        return found

    def _copy_settled(self, copier: Copier, base: int, *, is_tail: bool = False) -> None:
        """Copy what never changes and is not there yet: segments and full tiles below an index."""
        names = [
            (file.path, f"segments/{file.path.name}")
            for file in self._home.segment_files()
            if file.first_index < base
        ]
        if not is_tail:  # The tail brings its own.
            names += [(self._home.log / name, f"log/{name}") for name in full_tiles(base)]
        for done, (path, name) in enumerate(names, start=1):
            if name not in copier.files:
                self._take(copier, path, name)
            if done % 50 == 0 or done == len(names):
                self._progress(done, len(names))

    def _take(self, copier: Copier, path: Path, name: str) -> None:
        known = self._known.get(name)
        if known is not None and self._before and copier.link(known, self._before[0] / name):
            self._linked += 1
            self._linked_bytes += known.size
            return
        try:
            copier.copy(path, name)
        except FileNotFoundError as error:
            raise TamperError("file is missing", origin=str(path)) from error

    def _check_goes_on(self, part: Home, head: TreeHead) -> None:
        """See that the log goes on from the backup before; else it is another history."""
        if self._before is None:
            return
        size, root = self._before[1].size, self._before[1].root
        if size <= head.size and self._root_at(part, head.size, size).hex() == root:
            return
        raise TamperError(
            f"the log does not go on from the backup of {size} events: it was cut or rewritten",
            origin=str(self._home.root),
            hint=f"keep `{self._before[0]}`, it may be the only witness; back up elsewhere",
        )

    def _root_at(self, part: Home, size: int, old_size: int) -> bytes:
        """Return the root that the log had when it was `old_size`, from the home's own tiles.

        Never from those shared with the backup before, which would agree with it.
        """

        def read_tile(level: int, number: int, width: int) -> bytes:
            name = tile_path(level, number)
            if (number + 1) << (TILE_HEIGHT * (level + 1)) <= self._base:
                return read_whole(self._home.log / name, FILE_SIZE_MAX)[: width * HASH_SIZE]
            full = read_if_there(part.log / name, FILE_SIZE_MAX)
            if full is None:
                now = (size >> (TILE_HEIGHT * level)) - number * TILE_WIDTH
                full = read_whole(part.log / tile_path(level, number, now), FILE_SIZE_MAX)
            return full[: width * HASH_SIZE]

        return Tree.restore(old_size, read_tile).root()

    def _finish(
        self, part: Path, copier: Copier, found: tuple[TreeHead, bytes], now_ms: int
    ) -> BackupReport:
        head, note = found
        stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
        name = f"{head.size:0{INDEX_DIGITS}d}-{stamp}Z"
        copy = Copy(
            id=name,
            origin=head.origin,
            size=head.size,
            root=head.root.hex(),
            backed_up_at=now_ms,
        )
        write_copy(part, copy, part / "copy.new")
        for path in _plain_files(part, []):
            inner = path.relative_to(part).as_posix()
            if inner not in copier.files:
                copier.files[inner] = BackupFile(inner, *hash_file(path))
        files.sync_filesystem(part)
        manifest = Manifest(
            layout=LAYOUT,
            id=name,
            origin=head.origin,
            vkey=self._verifier.vkey,
            format=check_version(self._home.root),
            size=head.size,
            root=head.root.hex(),
            tree_head=note.decode(),
            created_at=now_ms,
            has_key=KEY_NAME in copier.files,
            files=sorted(copier.files.values(), key=lambda file: file.path),
        ).sealed()
        write_manifest(part, manifest)
        place = self._target / name
        if place.exists():
            raise Conflict(f"`{place}` is there already")
        files.replace(part, place)
        files.sync_path(self._target)
        return BackupReport(
            place,
            manifest,
            copied=len(manifest.files) - self._linked,
            copied_bytes=sum(file.size for file in manifest.files) - self._linked_bytes,
            linked=self._linked,
            skipped=tuple(self._skipped),
        )


def back_up(
    home: Path,
    target: Path,
    *,
    durable_size: DurableSize,
    now_ms: int,
    with_key: bool = False,
    keep: int = KEEP,
    progress: Progress = lambda _done, _total: None,
) -> BackupReport:
    """Back up a home below a target, and let go of all but the newest `keep` backups.

    Raises `NotFound` when there is no record, `TamperError` when what is there is
    not what was signed or not what was backed up before, `Unavailable` when the
    target takes nothing or another backup is being made there.
    """
    root = home.resolve()
    if not root.is_dir():
        raise NotFound(f"no home at `{home}`")
    check_version(root)
    place = target.resolve()
    if place.is_relative_to(root) or root.is_relative_to(place):
        raise InputError(f"`{target}` and the home lie one within the other")
    try:
        place.mkdir(mode=files.FOLDER_MODE, parents=True, exist_ok=True)
        if any(place.iterdir()) and not list_backups(place) and not _has_part(place):
            raise Conflict(
                f"`{target}` holds other things than backups", hint="name a folder of its own"
            )
        lock = lock_folder(place)
    except OSError as error:
        raise Unavailable(f"cannot write to `{target}`: {error.strerror}") from error
    try:
        run = BackUp(root, place, with_key=with_key, progress=progress)
        return run.run(durable_size, now_ms=now_ms, keep=keep)
    except OSError as error:
        raise Unavailable(
            f"the backup was not made: {error.filename or target}: {error.strerror}"
        ) from error
    finally:
        release_lock(lock)


def _has_part(target: Path) -> bool:
    return any(path.suffix == PART_SUFFIX for path in target.iterdir())


def _text_of(note: bytes) -> str:
    return note.decode().partition("\n\n")[0] + "\n"


def _plain_files(path: Path, skipped: list[str]) -> Iterator[Path]:
    """Yield the plain files at or below a path, sorted; what is neither is named in `skipped`."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        for inner in sorted(path.iterdir()):
            yield from _plain_files(inner, skipped)
    elif stat.S_ISREG(mode):
        yield path
    elif not stat.S_ISSOCK(mode):
        skipped.append(str(path))


def full_tiles(size: int) -> Iterator[str]:
    """Yield the paths of the full tiles and bundles of a tree, which never change."""
    level = 0
    while count := size >> (TILE_HEIGHT * (level + 1)):
        for number in range(count):
            yield tile_path(level, number)
            if level == 0:
                yield entries_path(number)
        level += 1


def _discard(backup: Path) -> None:
    """Remove a backup, its manifest first: what is left half-removed is no backup."""
    files.remove(backup / MANIFEST_NAME)
    files.sync_path(backup)
    shutil.rmtree(backup, ignore_errors=True)
