"""Reference store: rows of the organisation's tables, kept beside the record by their hash.

`HOME/reference/NAME/SHA256.parquet`: whoever has the event of a load can check the
file with `sha256sum`.  Rows are sorted by what they are looked up by, so that one
case is found without reading the rest.  A file is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ombud.access.reference import KINDS, FactKind, Values
from ombud.core.errors import TamperError, Unavailable

GROUP_ROWS = 16_384  # Of a row group: what is read to find one case.
STEP = 1 << 20  # Bytes hashed at once.
_SUFFIX = ".parquet"


class ReferenceStore:
    """The kept loads of one home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checked: dict[Path, tuple[int, ...]] = {}  # As which file it had its hash.

    def write(self, name: str, kind: str, rows: Sequence[Values]) -> str:
        """Keep rows, sorted as they are looked up, and return the hash of their file.

        Raises `Unavailable` when the disk does not take them.
        """
        folder = self._folder / name
        facts = KINDS[kind]
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = folder / "making"
            pq.write_table(
                _to_arrow(facts, rows), made, row_group_size=GROUP_ROWS, compression="zstd"
            )
            sha256 = _sha256(made)
            with made.open("rb") as file:
                os.fsync(file.fileno())
            made.replace(folder / f"{sha256}{_SUFFIX}")
            _sync(folder)
        except OSError as error:
            raise Unavailable(f"cannot keep `{name}`: {error.strerror}") from error
        return sha256

    def find(
        self, name: str, sha256: str, kind: str, keys: Collection[str]
    ) -> dict[str, list[Values]]:
        """Return the rows of some keys by key.

        Raises `Unavailable` for a load that is not kept, `TamperError` for a file that
        does not have its hash.
        """
        if not keys:
            return {}
        facts = KINDS[kind]
        path = self._checked_path(name, sha256)
        try:
            found = pq.read_table(path, filters=pc.field(facts.key).isin(sorted(keys)))
        except (pa.ArrowException, OSError) as error:
            raise Unavailable(f"cannot read `{path}`: {type(error).__name__}") from error
        rows: dict[str, list[Values]] = {}
        for values in zip(*(found[column].to_pylist() for column in facts.names), strict=True):
            rows.setdefault(values[0], []).append(values)
        return rows

    def _checked_path(self, name: str, sha256: str) -> Path:
        path = self._folder / name / f"{sha256}{_SUFFIX}"
        try:
            mark = _mark(path)
            found = sha256 if self._checked.get(path) == mark else _sha256(path)
        except OSError as error:
            raise Unavailable(f"the load `{sha256}` of `{name}` is not kept here",
                              hint=f"`ombud reference load {name}` reads the table again"
                              ) from error  # fmt: skip
        if found != sha256:
            raise TamperError("does not have the hash that it was loaded with",
                              origin=str(path))  # fmt: skip
        self._checked[path] = mark
        return path

    def has(self, name: str, sha256: str) -> bool:
        """Whether a load is kept."""
        return (self._folder / name / f"{sha256}{_SUFFIX}").is_file()

    def prune(self, name: str, *, keep: Collection[str]) -> list[str]:
        """Remove loads of a table that are not among these; return their hashes."""
        gone = []
        for path in sorted((self._folder / name).glob(f"*{_SUFFIX}")):
            if path.stem not in keep:
                path.unlink(missing_ok=True)
                self._checked.pop(path, None)
                gone.append(path.stem)
        return gone


def _to_arrow(facts: FactKind, rows: Sequence[Values]) -> pa.Table:
    ordered = sorted(rows, key=lambda values: str(values[0]))
    columns = list(zip(*ordered, strict=True)) or [()] * len(facts.columns)
    arrays = [
        pa.array(list(values), pa.int64() if fact.is_instant else pa.string())
        for fact, values in zip(facts.columns, columns, strict=True)
    ]
    return pa.table(arrays, names=list(facts.names))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(STEP):
            digest.update(piece)
    return digest.hexdigest()


def _mark(path: Path) -> tuple[int, ...]:
    """Return what changes whenever somebody writes to a file, or puts another in its place."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
