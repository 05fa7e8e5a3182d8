"""Rule files: where rules lie on disk, and what is read of them.

The folder of shipped rules stands beside the sources in a checkout and inside
the package when installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import ombud
from ombud.config.settings import Settings
from ombud.core.errors import InputError, Unavailable
from ombud.detect.cases import SUFFIX
from ombud.detect.condition import Placeholders
from ombud.detect.documents import FILE_SIZE_MAX
from ombud.detect.rule import Refusal
from ombud.detect.rule_set import RuleSet, load_rules

RULE_SUFFIXES = (".yml", ".yaml")
FILES_MAX = 50_000  # Files of all folders given: more is a mistaken path.


def shipped_rules_folder() -> Path:
    """Return the folder of the rules that come with Ombud; raises `Unavailable` without one."""
    package = Path(ombud.__file__).parent
    for folder in (package / "rules", package.parent.parent / "rules"):
        if folder.is_dir():
            return folder
    raise Unavailable("the shipped rules are missing", hint="install the package again")


def find_rule_files(paths: Iterable[Path]) -> list[Path]:
    """Return the rule files at these paths, folders searched in order of name, each file once.

    Raises `InputError` for a path that does not exist.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise InputError(f"`{path}` does not exist")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            named = file.name.endswith(RULE_SUFFIXES) and not file.name.endswith(SUFFIX)
            if file == path or (named and file.is_file()):
                found.setdefault(file.resolve(), file)
        if len(found) > FILES_MAX:
            raise InputError(f"`{path}` holds more than {FILES_MAX} rule files")
    return list(found.values())


def configured_folders(settings: Settings) -> list[Path]:
    """Return where the rules of a home lie: those that come with Ombud, then further ones."""
    folders = [Path(folder) for folder in settings["rules.folders"]]
    if settings["rules.shipped"]:
        folders.insert(0, shipped_rules_folder())
    return folders


def cases_file(rule_file: Path) -> Path:
    """Return the file that holds the events of a rule file, which may not exist."""
    return rule_file.with_name(rule_file.stem + SUFFIX)


def read_rules(paths: Iterable[Path], *, placeholders: Placeholders | None = None) -> RuleSet:
    """Return the rules at these paths and every refusal, an unreadable file among them."""
    unreadable: list[Refusal] = []
    loaded = load_rules(_contents(find_rule_files(paths), unreadable), placeholders=placeholders)
    return replace(loaded, refusals=(*loaded.refusals, *unreadable))


def read_rule_text(file: Path) -> bytes:
    """Return what a rule file holds now, for showing; empty when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_SIZE_MAX + 1)
    except OSError:
        return b""


def _contents(files: Iterable[Path], unreadable: list[Refusal]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        try:
            with file.open("rb") as opened:
                yield str(file), opened.read(FILE_SIZE_MAX + 1)
        except OSError as error:
            unreadable.append(Refusal(str(file), None, (error.strerror or str(error)).lower()))
