"""Rule cache: rule sets that were parsed before, one file each, named by what they were made of.

The name is a hash of every rule file with its path, the placeholders, and the
programs that read them; the file bears a checksum.  A file that is damaged, not
ours or not readable is as good as none: the rules are parsed again.  It is
plain data, and nothing in it is run.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import mkstemp

import msgspec

import ombud
from ombud.config.plain_file import read_plain_file
from ombud.detect.loading.condition import Placeholders
from ombud.detect.loading.rule_codec import FORMAT, decode_rules, encode_rules
from ombud.detect.loading.rule_set import RuleSet

ENTRIES_MAX = 8  # Sets kept; a home has one, and whoever writes rules comes back to a few.
SIZE_MAX = 64 << 20  # Bytes of one set; 3,141 public rules have 3 MB.

_SUFFIX = ".rules"
_MAGIC = b"ombud rules\n"
_PACKAGES = ("core", "detect")  # Which fields there are is said in `core`.
_HASH_SIZE = hashlib.sha256().digest_size

Files = Sequence[tuple[str, bytes]]


def cache_folder() -> Path | None:
    """Return the user's folder for rule sets of commands without a home (XDG base directories).

    None for a user without one, as in a container; a relative path is void, as the standard says.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            return None
    return base / "ombud" / "rules"


def cache_key(files: Files, placeholders: Placeholders) -> str:
    """Return the name of the set that these files make under this program."""
    digest = hashlib.sha256(_program())
    digest.update(msgspec.json.encode(sorted((k, list(v)) for k, v in placeholders.items())))
    for path, text in files:
        name = path.encode("utf-8", "surrogateescape")
        digest.update(b"%d:%d:" % (len(name), len(text)))
        digest.update(name)
        digest.update(text)
    return digest.hexdigest()


@cache
def _program() -> bytes:
    """Return what a set depends on besides its files: who reads them, and what is lower case."""
    code = hashlib.sha256()
    for name in _PACKAGES:
        for file in sorted((Path(ombud.__file__).parent / name).rglob("*.py")):
            code.update(file.read_bytes())
    versions = [version(package) for package in ("pysigma", "google-re2", "pyyaml")]
    parts = (FORMAT, ombud.__version__, *versions, unicodedata.unidata_version)
    return repr((*parts, code.hexdigest())).encode()


def find_cached(folder: Path, key: str) -> RuleSet | None:
    """Return the set of this name; None if there is none that is whole and our own."""
    try:
        data = read_plain_file(folder / f"{key}{_SUFFIX}", size_max=SIZE_MAX, is_private=True)
        rest = data.removeprefix(_MAGIC)
        stored = rest[_HASH_SIZE:]
        if len(rest) == len(data) or rest[:_HASH_SIZE] != _checksum(key, stored):
            return None
        return decode_rules(stored)
    except (OSError, ValueError):
        return None


def keep_cached(folder: Path, key: str, rule_set: RuleSet) -> None:
    """Write a set, and delete all but the newest few; that it cannot be written is no fault."""
    try:
        data = encode_rules(rule_set)
    except (TypeError, ValueError, OverflowError):
        return  # A number beyond 64 bits, or a path that is no text: the rules run all the same.
    if len(data) > SIZE_MAX:
        return
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = mkstemp(prefix=".", suffix=_SUFFIX, dir=folder)  # Of mode 0600.
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines((_MAGIC, _checksum(key, data), data))
            Path(name).replace(folder / f"{key}{_SUFFIX}")
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        _forget(folder)


def _checksum(key: str, data: bytes) -> bytes:
    return hashlib.sha256(key.encode() + data).digest()


def _forget(folder: Path) -> None:
    """Delete the oldest files beyond the bound, those left over of a writer that ended too."""
    for path in _by_age(folder.glob(f"*{_SUFFIX}"))[ENTRIES_MAX:]:
        path.unlink(missing_ok=True)


def _by_age(paths: Iterable[Path]) -> list[Path]:
    """Return the files that are there, the newest first."""
    aged = []
    for path in paths:
        with suppress(OSError):
            aged.append((path.lstat().st_mtime_ns, path))
    return [path for _, path in sorted(aged, reverse=True)]
