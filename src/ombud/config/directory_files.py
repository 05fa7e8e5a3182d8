"""Directory files: CSV and YAML, read whole, each fault with file and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from ombud.config.directory_csv import ROWS_MAX, read_csv
from ombud.config.directory_text import ENCODINGS, decode
from ombud.config.directory_values import ValueReader, get_zone
from ombud.config.directory_yaml import read_yaml
from ombud.core.errors import InputError
from ombud.directory.faults import Faults
from ombud.directory.kinds import KINDS, Rows

SIZE_MAX = 48 << 20  # Bytes of all files of one load: they are held in memory, and sent as base64.
FILES_MAX = 100
NAME_MAX = 255  # Characters: what file systems take; names go on record.
YAML_SUFFIXES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class DirectoryFile:
    """One file as it came: its name says what it holds, unless `kind` does."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Offered:
    """What files offer: rows of the kinds they contain, and what is wrong with them."""

    rows: Rows
    faults: Faults
    names: list[str] = field(default_factory=list)


def read_directory_files(
    files: Sequence[DirectoryFile],
    *,
    zone: str,
    encoding: str | None = None,
    kind: str | None = None,
) -> Offered:
    """Return the rows of all files; a kind may lie in one file only.

    `zone` is that of days and times without an offset; `kind` that of the CSV
    files, whose names say it otherwise.  Raises `InputError` for options that
    are wrong whatever the files hold.
    """
    _check_options(files, encoding, kind)
    values = ValueReader(get_zone(zone))
    faults, rows = Faults(), Rows()
    for one in files:
        decoded = decode(one.content, encoding=encoding)
        if decoded.fault:
            faults.add(one.name, decoded.line, decoded.fault)
            continue
        for name, read in _read(one.name, decoded.text, kind, values, faults).items():
            if name in rows:
                faults.add(one.name, 1, f"{name} is in another file already; give each kind once")
            rows.setdefault(name, read)
    if sum(map(len, rows.values())) > ROWS_MAX:
        faults.add(
            files[0].name, 0, f"more than {ROWS_MAX} rows at once; load the kinds one by one"
        )
    return Offered(rows, faults, [one.name for one in files])


def _check_options(files: Sequence[DirectoryFile], encoding: str | None, kind: str | None) -> None:
    if not 1 <= len(files) <= FILES_MAX:
        raise InputError(f"give 1 to {FILES_MAX} files, not {len(files)}")
    if sum(len(one.content) for one in files) > SIZE_MAX:
        raise InputError(
            f"the files are larger than {SIZE_MAX} bytes", hint="load the kinds one by one"
        )
    for one in files:
        if not one.name.isprintable() or not 0 < len(one.name) <= NAME_MAX:
            raise InputError(
                f"file name {one.name[:50]!r} is not 1 to {NAME_MAX} characters of text"
            )
    if encoding is not None and encoding not in ENCODINGS:
        raise InputError(f"unknown encoding `{encoding}`", hint=f"one of {', '.join(ENCODINGS)}")
    if kind is not None and kind not in KINDS:
        raise InputError(f"unknown kind `{kind}`", hint=f"one of {', '.join(KINDS)}")


def _read(file: str, text: str, kind: str | None, values: ValueReader, faults: Faults) -> Rows:
    path = PurePath(file)
    if path.suffix.lower() in YAML_SUFFIXES:
        return read_yaml(text, file=file, values=values, faults=faults)
    name = kind or _kind_of(path.stem)
    if name is None:
        known = ", ".join(KINDS)
        faults.add(file, 0, f"the name says no kind; call it by one or give `--kind`: {known}")
        return {}
    return {name: read_csv(text, KINDS[name], file=file, values=values, faults=faults)}


def _kind_of(stem: str) -> str | None:
    """Return the kind that a file's name says: `person`, `persons`, `accounts-2026`."""
    word = stem.lower().replace("_", "-").partition("-")[0].partition(".")[0]
    plurals = {"people": "person", "roster": "roster", "leave": "leave", "leaves": "leave"}
    for name in (word, word.removesuffix("s"), plurals.get(word, "")):
        if name in KINDS:
            return name
    return None
