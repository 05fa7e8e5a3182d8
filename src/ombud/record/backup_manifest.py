"""Backup manifest: what a backup holds, file by file, and the signed tree head it ends with.

A backup is a folder below the target, laid out as a home, with its manifest in
`backup.json`.  It is made under a name that ends in `.part` and gets its own name
last, so that a folder with a whole name is a whole backup.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from ombud.core.errors import InputError, NotFound, TamperError, Unavailable
from ombud.record import files

MANIFEST_NAME = "backup.json"
PART_SUFFIX = ".part"
LAYOUT = 1
MANIFEST_SIZE_MAX = 1 << 30  # Some 150 bytes a file, and 800 files for 100,000 events.
READ_STEP = 1 << 20


class BackupFile(msgspec.Struct, frozen=True, array_like=True):
    """One file: its path below the home, its bytes and its SHA-256 in hex."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is: of which log, of which size, when, and its files, sorted by path."""

    layout: int
    id: str
    origin: str
    vkey: str
    format: int
    size: int
    root: str
    tree_head: str
    created_at: int
    has_key: bool
    files: list[BackupFile]
    sha256: str = ""  # Of this manifest with this field empty.

    def sealed(self) -> Manifest:
        """Return the manifest with its own SHA-256."""
        return msgspec.structs.replace(self, sha256=self._digest())

    def _digest(self) -> str:
        bare = msgspec.structs.replace(self, sha256="")
        return hashlib.sha256(msgspec.json.encode(bare)).hexdigest()

    @property
    def is_sound(self) -> bool:
        """Whether the manifest is what it was written as."""
        return self.sha256 == self._digest()


def list_backups(target: Path) -> list[Path]:
    """Return the whole backups below a target, oldest first; names sort as they were made."""
    try:
        found = [path for path in target.iterdir() if (path / MANIFEST_NAME).is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"cannot read `{target}`: {error.strerror}") from error
    return sorted(path for path in found if path.suffix != PART_SUFFIX)


def find_backup(target: Path) -> Path:
    """Return the backup that a path names, or the newest below it; raises `NotFound`."""
    if (target / MANIFEST_NAME).is_file():
        if target.suffix == PART_SUFFIX:
            raise InputError(f"`{target}` was left half-made and is no backup")
        return target
    backups = list_backups(target)
    if not backups:
        raise NotFound(f"no whole backup in `{target}`", hint="`ombud backup TARGET` makes one")
    return backups[-1]


def read_manifest(backup: Path) -> Manifest:
    """Return the manifest of a backup; raises `TamperError` unless it is what was written."""
    path = backup / MANIFEST_NAME
    try:
        if path.stat().st_size > MANIFEST_SIZE_MAX:
            raise TamperError("manifest is too large", origin=str(path))
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise NotFound(f"no backup at `{backup}`") from error
    except OSError as error:
        raise Unavailable(f"cannot read `{path}`: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise TamperError(f"is no manifest of a backup: {error}", origin=str(path)) from error
    if manifest.layout != LAYOUT:
        raise Unavailable(
            f"`{path}` is of layout {manifest.layout}, and this program knows {LAYOUT}"
        )
    if not manifest.is_sound:
        raise TamperError("manifest does not match its own SHA-256", origin=str(path))
    for file in manifest.files:
        if file.path.startswith("/") or ".." in Path(file.path).parts:
            raise TamperError(f"names `{file.path}`, outside the home", origin=str(path))
    return manifest


def write_manifest(backup: Path, manifest: Manifest) -> None:
    """Write the manifest durably; it comes last."""
    temporary = backup / f"{MANIFEST_NAME}.new"
    files.write_durably(backup / MANIFEST_NAME, msgspec.json.encode(manifest), temporary)


def hash_file(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(READ_STEP):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
