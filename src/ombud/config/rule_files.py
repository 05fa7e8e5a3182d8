"""Rule files: where rules lie on disk, and what is read of them.

The folder of shipped rules stands beside the sources in a checkout and inside
the package when installed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import ombud
from ombud.config.plain_file import read_plain_file
from ombud.config.rule_cache import cache_folder, cache_key, find_cached, keep_cached
from ombud.config.settings import Settings
from ombud.core.collection import paused_collection
from ombud.core.errors import InputError, RuleError, Unavailable
from ombud.detect.cases import SUFFIX
from ombud.detect.loading.condition import Placeholders
from ombud.detect.loading.documents import FILE_SIZE_MAX
from ombud.detect.loading.placeholders import parse_placeholders
from ombud.detect.loading.rule_set import RuleSet, load_rules
from ombud.detect.rule import Refusal

RULE_SUFFIXES = (".yml", ".yaml")
PLACEHOLDERS = "placeholders.yml"  # Beside rules: what is put for `%name%` in them.
FILES_MAX = 50_000  # Files of all folders given: more is a mistaken path.
ENTRIES_MAX = 1_000_000  # Names in all folders given: more is one, too.
CACHED_FILES_MIN = 50  # Fewer are parsed as fast as they are looked up.


def shipped_rules_folder() -> Path:
    """Return the folder of the rules that come with Ombud; raises `Unavailable` without one."""
    package = Path(ombud.__file__).parent
    for folder in (package / "rules", package.parent.parent / "rules"):
        if folder.is_dir():
            return folder
    raise Unavailable("the shipped rules are missing", hint="install the package again")


def find_rule_files(paths: Iterable[Path]) -> list[Path]:
    """Return the rule files at these paths, folders searched in order of name, each file once.

    Linked folders inside a folder are not followed.  Raises `InputError` for a
    path that does not exist.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise InputError(f"`{path}` does not exist")
        if not path.is_dir():
            found.setdefault(os.path.realpath(path), path)
            continue
        root = os.path.realpath(path)
        for parts, is_link in sorted(_inside(root)):
            real = "/".join((root, *parts))
            found.setdefault(os.path.realpath(real) if is_link else real, path.joinpath(*parts))
        if len(found) > FILES_MAX:
            raise InputError(f"`{path}` holds more than {FILES_MAX} rule files")
    return list(found.values())


def _inside(root: str) -> Iterator[tuple[list[str], bool]]:
    """Yield the rule files below a folder, as parts of their paths, and whether each is a link.

    A folder that cannot be searched is among them, to be refused by name when it is read.
    """
    stack: list[list[str]] = [[]]
    count = 0
    while stack:
        folder = stack.pop()
        try:
            with os.scandir("/".join((root, *folder))) as entries:
                found = list(entries)
        except OSError:
            yield folder, False
            continue
        count += len(found)
        if count > ENTRIES_MAX:
            raise InputError(f"`{root}` holds more than {ENTRIES_MAX:,} files")
        for entry in found:
            parts = [*folder, entry.name]
            if entry.is_dir(follow_symlinks=False):
                stack.append(parts)
            elif _is_rule_file(entry.name) and not Path(entry.path).is_dir():
                yield parts, entry.is_symlink()


def _is_rule_file(name: str) -> bool:
    return name.endswith(RULE_SUFFIXES) and not name.endswith(SUFFIX) and name != PLACEHOLDERS


def configured_folders(settings: Settings) -> list[Path]:
    """Return where the rules of a home lie: those that come with Ombud, then further ones."""
    folders = [Path(folder) for folder in settings["rules.folders"]]
    if settings["rules.shipped"]:
        folders.insert(0, shipped_rules_folder())
    return folders


def cases_file(rule_file: Path) -> Path:
    """Return the file that holds the events of a rule file, which may not exist."""
    return rule_file.with_name(rule_file.stem + SUFFIX)


def read_rules(
    paths: Iterable[Path],
    *,
    placeholders: Placeholders | None = None,
    cache: Path | None = None,
) -> RuleSet:
    """Return the rules at these paths and every refusal, an unreadable file among them.

    `placeholders.yml` in a folder given, or beside a file given, is put for
    `%name%`, `placeholders` before it.  Many rules are kept parsed in the folder
    `cache`, or else in the user's own.
    """
    paths = list(paths)
    refusals: list[Refusal] = []
    known = {**_placeholders(paths, refusals), **(placeholders or {})}
    files = list(_contents(find_rule_files(paths), refusals))
    if len(files) < CACHED_FILES_MIN:
        loaded = load_rules(files, placeholders=known)
    else:
        with paused_collection():
            loaded = _cached(files, known, cache or cache_folder())
    return replace(loaded, refusals=(*loaded.refusals, *refusals))


def _cached(
    files: list[tuple[str, bytes]], placeholders: Placeholders, folder: Path | None
) -> RuleSet:
    if folder is None:
        return load_rules(files, placeholders=placeholders)
    key = cache_key(files, placeholders)
    loaded = find_cached(folder, key)
    if loaded is None:
        loaded = load_rules(files, placeholders=placeholders)
        keep_cached(folder, key, loaded)
    return loaded


def read_placeholders(paths: Iterable[Path]) -> dict[str, list[str]]:
    """Return what is put for each name in the rules at these paths; raises `RuleError`."""
    refusals: list[Refusal] = []
    known = _placeholders(list(paths), refusals)
    for refusal in refusals:
        raise RuleError(refusal.reason, origin=refusal.path)
    return {name: list(values) for name, values in known.items()}


def _placeholders(paths: Iterable[Path], refusals: list[Refusal]) -> dict[str, Sequence[str]]:
    """Return what the files beside the rules put for each name; notes those that cannot be read."""
    files = dict.fromkeys((path if path.is_dir() else path.parent) / PLACEHOLDERS for path in paths)
    known: dict[str, Sequence[str]] = {}
    for path, text in _contents(filter(os.path.lexists, files), refusals):
        try:
            given = parse_placeholders(text, path=path)
        except RuleError as error:
            refusals.append(Refusal(path, None, error.message))
            continue
        for name, values in given.items():
            if known.setdefault(name, values) != values:
                reason = f"placeholder `{name}` has other values in another folder"
                refusals.append(Refusal(path, None, reason))
    return known


def read_rule_text(file: Path) -> bytes:
    """Return what a rule file holds now, for showing; empty when it cannot be read."""
    try:
        return _read(file)
    except OSError:
        return b""


def _contents(files: Iterable[Path], unreadable: list[Refusal]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        try:
            yield str(file), _read(file)
        except OSError as error:
            unreadable.append(Refusal(str(file), None, _reason(error)))


def _read(file: Path) -> bytes:
    return read_plain_file(file, size_max=FILE_SIZE_MAX)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
