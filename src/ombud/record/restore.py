"""Restore: a backup verified, and laid out again as a home that signs nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from ombud.core.errors import Conflict, NotFound, TamperError, Unavailable
from ombud.record import files
from ombud.record.backup_manifest import Manifest, find_backup, hash_file, read_manifest
from ombud.record.copying import Copier
from ombud.record.paths import Home
from ombud.record.standing import COPY_NAME, Copy, check_version, read_copy, write_copy
from ombud.record.verify import Progress, verify_home
from ombud.record.verify_report import Fault, VerifyReport

NAMES_LEFT = frozenset({"lost+found"})  # What a file system of its own begins with.
FilesProgress = Callable[[int, int], None]


def check_files(
    backup: Path, manifest: Manifest, progress: FilesProgress = lambda _done, _total: None
) -> Fault | None:
    """Return the first file of a backup that is not what its manifest says."""
    for done, file in enumerate(manifest.files, start=1):
        path = backup / file.path
        if path.is_symlink():
            return Fault(file.path, "is a link, not a file")
        try:
            size, sha256 = hash_file(path)
        except FileNotFoundError:
            return Fault(file.path, "file is missing")
        except OSError as error:
            raise Unavailable(f"cannot read `{path}`: {error.strerror}") from error
        if (size, sha256) != (file.size, file.sha256):
            return Fault(file.path, "does not match its SHA-256 in the manifest")
        progress(done, len(manifest.files))
    return None


def verify_backup(
    target: Path,
    *,
    vkey: str | None = None,
    known_heads: Sequence[bytes] = (),
    files_progress: FilesProgress = lambda _done, _total: None,
    progress: Progress | None = None,
) -> tuple[Path, Manifest, VerifyReport]:
    """Verify a backup, the newest below a target: its files, then its record from the bytes.

    `vkey` is the key to trust, by default the one in the backup.  Raises `NotFound`
    when there is none, `TamperError` for a manifest that is not what was written.
    """
    backup = find_backup(target)
    check_version(backup)
    manifest = read_manifest(backup)
    fault = check_files(backup, manifest, files_progress)
    if fault is not None:
        return backup, manifest, VerifyReport(fault=fault)
    report = verify_home(
        backup,
        vkey=vkey or manifest.vkey,
        known_heads=[manifest.tree_head.encode(), *known_heads],
        progress=progress,
    )
    if report.ok and (report.size, report.root) != (manifest.size, manifest.root):
        reason = f"says {manifest.size} events, root {manifest.root}: the record has others"
        report.fault = Fault("backup.json", reason)
    return backup, manifest, report


def restore(
    target: Path,
    home: Path,
    *,
    now_ms: int,
    progress: FilesProgress = lambda _done, _total: None,
) -> Copy:
    """Lay a backup, the newest below a target, out as a home; every file is checked on the way.

    The home says that it is a copy and signs nothing until it is resumed.  Raises
    `Conflict` when the home is not empty, `TamperError` for a file that is not what
    was backed up; then what is there says of itself that it is half restored.
    """
    backup = find_backup(target)
    check_version(backup)
    manifest = read_manifest(backup)
    _check_empty(home)
    said = read_copy(backup)
    if said is None:
        raise TamperError("file is missing", origin=str(backup / COPY_NAME))
    root = home.resolve()
    half = msgspec.structs.replace(said, restored_at=now_ms, is_whole=False)
    try:
        files.make_folder(root)
        write_copy(root, half, root / "copy.new")
        _copy_files(backup, manifest, Copier(root), progress)
        for folder in (Home(root).segments, Home(root).log, Home(root).tmp):
            files.make_folder(folder)
        files.sync_filesystem(root)
        whole = msgspec.structs.replace(half, is_whole=True)
        write_copy(root, whole, Home(root).tmp / "copy")
    except OSError as error:
        raise Unavailable(
            f"the home was not restored: {error.filename or home}: {error.strerror}",
            hint="empty its folder and restore again",
        ) from error
    return whole


def _check_empty(home: Path) -> None:
    try:
        names = {path.name for path in home.iterdir()} - NAMES_LEFT
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise Conflict(f"`{home}` is a file") from error
    if names:
        raise Conflict(
            f"`{home}` is not empty: `{min(names)}` lies there",
            hint="restore into a folder that is new; nothing is ever restored over a home",
        )


def _copy_files(backup: Path, manifest: Manifest, copier: Copier, progress: FilesProgress) -> None:
    for done, file in enumerate(manifest.files, start=1):
        if file.path == COPY_NAME:
            continue
        try:
            copied = copier.copy(backup / file.path, file.path)
        except FileNotFoundError as error:
            raise NotFound(f"`{backup}` lacks `{file.path}`") from error
        if copied != file:
            raise TamperError(
                "does not match its SHA-256 in the manifest",
                origin=str(backup / file.path),
                hint="an older backup may be whole: `ombud backup verify` says",
            )
        if done % 50 == 0 or done == len(manifest.files):
            progress(done, len(manifest.files))
