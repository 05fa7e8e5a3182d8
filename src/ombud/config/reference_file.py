"""Reference file: the YAML that declares tables of the organisation, checked at load.

One file per home.  All faults are found at once, each with file, line and key, and
a file with a fault is refused as a whole.  A secret in it is a fault: it names the
environment variable that holds one.  Reference: `docs/reference-data.md`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import yaml

from ombud.access.justification import Aspect
from ombud.access.reference import KINDS, Origin, References, ReferenceTable
from ombud.config.home_file import read_home_file
from ombud.core.errors import FaultyFileError

FILE_NAME = "reference.yaml"
FILE_SIZE_MAX = 512 << 10  # Bytes: some thousand declared tables.
TABLES_MAX = 100
DEPTH_MAX = 8  # `tables`, a table, `columns`, a column.

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_TOP = ("tables", "justification")
_JUSTIFICATION = ("require", "days", "keep")
_COMMON = (
    "kind", "from", "columns", "constants", "zone", "closed", "fresh_minutes",
    "refresh_minutes", "rows_max", "seconds_max",
)  # fmt: skip
_OF_ORIGIN: dict[Origin, tuple[tuple[str, ...], tuple[str, ...]]] = {  # Needed, and allowed.
    Origin.CSV: (("path",), ("encoding", "delimiter")),
    Origin.PARQUET: (("path",), ()),
    Origin.SQL: (("url", "table"), ("secret", "live")),
    Origin.HTTP: (("url",), ("items", "secret", "live")),
}
_NUMBERS = {
    "fresh_minutes": (1, 366 * 24 * 60),
    "refresh_minutes": (1, 366 * 24 * 60),
    "rows_max": (1, 10_000_000),
    "seconds_max": (1, 3_600),
    "days": (0, 3_660),
    "keep": (1, 10_000),
}
_WHOLE = re.compile(r"[0-9]{1,9}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ENCODINGS = ("utf-8", "utf-16", "windows-1252", "latin-1")
_DELIMITERS = {",": ",", ";": ";", "|": "|", "tab": "\t"}
_SQL_SCHEMES = ("postgresql", "sqlite")


class ReferenceFileError(FaultyFileError[str]):
    """A reference file with faults, each a line of its own in `faults`."""

    code = "reference"


def load_references(home: Path) -> References:
    """Return what is declared in a home; a home without the file declares nothing.

    Raises `ReferenceFileError` with every fault of the file.
    """
    path = home / FILE_NAME
    text = read_home_file(
        path, size_max=FILE_SIZE_MAX, error=lambda why: ReferenceFileError([f"{path}: {why}"])
    )
    return References() if text is None else parse_references(text, origin=str(path))


def parse_references(text: str, *, origin: str = FILE_NAME) -> References:
    """Return what a file's text declares; raises `ReferenceFileError` with every fault."""
    return _Checker(origin).references(text)


def _suggest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


class _Checker:
    """Reads one file and collects its faults."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._faults: list[tuple[int, str]] = []

    def _fault(self, node: yaml.Node | None, key: str, message: str) -> None:
        line = 1 if node is None else node.start_mark.line + 1
        self._faults.append((line, f"{self._origin}:{line}: `{key}`: {message}"))

    def references(self, text: str) -> References:
        root = self._compose(text)
        top = self._members(root, "", _TOP)
        tables = [
            self._table(name, node)
            for name, node in self._members(top.get("tables"), "tables", None).items()
        ]
        if len(tables) > TABLES_MAX:
            self._fault(top["tables"], "tables", f"more than {TABLES_MAX}")
        said = self._members(top.get("justification"), "justification", _JUSTIFICATION)
        made: dict[str, Any] = {"tables": tuple(one for one in tables if one is not None)}
        if "require" in said:
            made["require"] = self._aspects(said["require"])
        for name in ("days", "keep"):
            if name in said:
                made[name] = self._number(said[name], f"justification.{name}", name)
        if self._faults:
            raise ReferenceFileError(fault for _, fault in sorted(self._faults))
        return References(**made)

    def _compose(self, text: str) -> yaml.Node | None:
        try:
            depth = 0
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                depth += isinstance(event, yaml.CollectionStartEvent)
                depth -= isinstance(event, yaml.CollectionEndEvent)
                if isinstance(event, yaml.AliasEvent) or depth > DEPTH_MAX:
                    at = event.start_mark.line + 1 if event.start_mark else 1
                    why = "nested too deeply" if depth > DEPTH_MAX else "aliases are not allowed"
                    raise ReferenceFileError([f"{self._origin}:{at}: {why}"])
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark is not None else 1
            problem = getattr(error, "problem", None) or "cannot be read"
            raise ReferenceFileError([f"{self._origin}:{line}: not YAML: {problem}"]) from None

    def _members(
        self, node: yaml.Node | None, key: str, known: Sequence[str] | None
    ) -> dict[str, yaml.Node]:
        """Return the members of a mapping, faulting twins and what is not known."""
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._fault(node, key or "file", "must be a mapping")
            return {}
        members: dict[str, yaml.Node] = {}
        for name_node, child in node.value:
            name = str(name_node.value) if isinstance(name_node, yaml.ScalarNode) else ""
            place = f"{key}.{name}" if key else name
            if not name:
                self._fault(name_node, place, "a key must be a single value")
            elif name in members:
                self._fault(name_node, place, "given twice")
            elif known is not None and name not in known:
                self._fault(name_node, place, f"unknown key{_suggest(name, known)}")
            else:
                members[name] = child
        return members

    def _text(self, node: yaml.Node, key: str) -> str:
        if isinstance(node, yaml.ScalarNode) and not node.tag.endswith((":null", ":bool")):
            if node.value.strip() and len(node.value) <= 1_000:
                return str(node.value)
            self._fault(node, key, "must be 1 to 1000 characters")
        else:
            self._fault(node, key, "must be a text")
        return ""

    def _texts(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self._fault(node, key, "must be a list")
            return ()
        return tuple(self._text(item, key) for item in node.value)

    def _number(self, node: yaml.Node, key: str, name: str) -> int:
        low, high = _NUMBERS[name]
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if _WHOLE.fullmatch(text) and low <= int(text) <= high:
            return int(text)
        self._fault(node, key, f"must be a whole number in {low}..{high}")
        return low

    def _aspects(self, node: yaml.Node) -> tuple[Aspect, ...]:
        known = [aspect.value for aspect in Aspect]
        found = []
        for word in self._texts(node, "justification.require"):
            if word in known:
                found.append(Aspect(word))
            elif word:
                self._fault(node, "justification.require", f"`{word}` is not one of {known}")
        return tuple(found)

    def _table(self, name: str, node: yaml.Node) -> ReferenceTable | None:
        key = f"tables.{name}"
        if not _NAME.fullmatch(name):
            self._fault(node, key, "a name is a lower-case word such as `cases`")
            return None
        given = self._members(node, key, None)
        kind = self._word(given, node, key, "kind", KINDS)
        origin = self._word(given, node, key, "from", [one.value for one in Origin])
        if not kind or not origin:
            return None
        needed, allowed = _OF_ORIGIN[Origin(origin)]
        known = (*_COMMON, *needed, *allowed)
        for unknown in given.keys() - set(known):
            hint = _suggest(unknown, known) or f"; `{origin}` takes {', '.join(known)}"
            self._fault(given[unknown], f"{key}.{unknown}", f"unknown key{hint}")
        for lacking in [one for one in (*needed, "columns") if one not in given]:
            self._fault(node, key, f"needs `{lacking}`")
        made: dict[str, Any] = {"name": name, "kind": kind, "origin": Origin(origin)}
        made["constants"] = self._mapped(given.get("constants"), f"{key}.constants", kind)
        made["columns"] = self._columns(given, key, kind, made["constants"])
        self._values(given, key, made)
        return ReferenceTable(**made)

    def _values(self, given: dict[str, yaml.Node], key: str, made: dict[str, Any]) -> None:
        """Add the single values that are given."""
        for word in ("path", "table", "items", "zone", "url", "secret", "encoding", "delimiter"):
            if word in given:
                made[word] = self._text(given[word], f"{key}.{word}")
                self._check_text(word, made[word], given[word], key, made["origin"])
        if "delimiter" in made:
            made["delimiter"] = _DELIMITERS.get(made["delimiter"], ",")
        for word in ("fresh_minutes", "refresh_minutes", "rows_max", "seconds_max"):
            if word in given:
                made[word] = self._number(given[word], f"{key}.{word}", word)
        if "closed" in given:
            made["closed"] = self._texts(given["closed"], f"{key}.closed")
        if "live" in given:
            made["live"] = self._live(given["live"], key, made)

    def _word(
        self,
        given: dict[str, yaml.Node],
        node: yaml.Node,
        key: str,
        name: str,
        known: Iterable[str],
    ) -> str:
        words = list(known)
        if name not in given:
            self._fault(node, key, f"needs `{name}`, one of {', '.join(words)}")
            return ""
        word = self._text(given[name], f"{key}.{name}")
        if word and word not in words:
            said = f"must be one of {', '.join(words)}{_suggest(word, words)}"
            self._fault(given[name], f"{key}.{name}", said)
            return ""
        return word

    def _mapped(self, node: yaml.Node | None, key: str, kind: str) -> dict[str, str]:
        names = KINDS[kind].names
        return {
            name: self._text(child, f"{key}.{name}")
            for name, child in self._members(node, key, names).items()
        }

    def _columns(
        self, given: dict[str, yaml.Node], key: str, kind: str, constants: dict[str, str]
    ) -> dict[str, str]:
        columns = self._mapped(given.get("columns"), f"{key}.columns", kind)
        facts = KINDS[kind]
        for fact in facts.columns:
            if fact.is_required and fact.name not in columns and fact.name not in constants:
                self._fault(given.get("columns"), f"{key}.columns", f"`{fact.name}` is missing")
            if fact.name in columns and fact.name in constants:
                self._fault(given["constants"], f"{key}.constants.{fact.name}", "is a column, too")
        if facts.key in constants:
            self._fault(given["constants"], f"{key}.constants", f"`{facts.key}` must be a column")
        return columns

    def _live(self, node: yaml.Node, key: str, made: dict[str, Any]) -> bool:
        word = node.value if isinstance(node, yaml.ScalarNode) else ""
        if word not in {"true", "false"}:
            self._fault(node, f"{key}.live", "must be true or false")
        if word == "true" and made["kind"] != "case":
            self._fault(node, f"{key}.live", "only cases are asked for one by one")
        if word == "true" and made["origin"] is Origin.HTTP and "{case}" not in made.get("url", ""):
            self._fault(node, f"{key}.live", "`url` must hold `{case}`, where the case is put")
        return bool(word == "true")

    def _check_text(self, word: str, value: str, node: yaml.Node, key: str, origin: Origin) -> None:
        place = f"{key}.{word}"
        if word == "url" and value:
            fault = _url_fault(value, origin)
            if fault:
                self._fault(node, place, fault)
        elif word == "secret" and value and not _ENVIRONMENT.fullmatch(value):
            self._fault(node, place, "is the name of an environment variable, never a secret")
        elif word == "encoding" and value not in _ENCODINGS:
            self._fault(node, place, f"must be one of {', '.join(_ENCODINGS)}")
        elif word == "delimiter" and value not in _DELIMITERS:
            self._fault(node, place, f"must be one of {' '.join(_DELIMITERS)}")
        elif word == "zone" and value:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError):
                self._fault(node, place, f"`{value}` is no time zone, such as Europe/Dublin")


def _url_fault(url: str, origin: Origin) -> str:
    """Return what is wrong with a URL, without a word of it: it may hold what it must not."""
    try:
        parts = urlsplit(url)
        password, host, scheme = parts.password, parts.hostname, parts.scheme
        _ = parts.port
    except ValueError:
        return "cannot be read as a URL"
    if password is not None or "password" in parts.query.lower():
        return "holds a password; name an environment variable in `secret` instead"
    if origin is Origin.SQL:
        is_known = scheme.partition("+")[0] in _SQL_SCHEMES
        known = ", ".join(f"{one}://" for one in _SQL_SCHEMES)
        return "" if is_known else f"must begin with one of {known}"
    is_safe = (scheme == "https" and bool(host)) or (scheme == "http" and host in _LOOPBACK)
    return "" if is_safe else "must be https, or http on the loopback"
