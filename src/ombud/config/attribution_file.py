"""Attribution file: the YAML that declares data subjects and persons, checked at load.

One file per home.  All faults are found at once, each with file, line and key,
and a file with a fault is refused as a whole.  Reference: `docs/attribution.md`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import re2  # type: ignore[import-untyped]
import yaml

from ombud.attribution.declarations import (
    Declarations,
    PersonPattern,
    PersonPlace,
    SystemDeclaration,
)
from ombud.attribution.names import quote_name, split_name
from ombud.config.home_file import read_home_file
from ombud.core.errors import FaultyFileError

FILE_NAME = "attribution.yaml"
SETTING = "attribution"  # The name under which what it says is on record.
FILE_SIZE_MAX = 512 << 10  # Bytes: it goes on record as one event; 40 tables take 2 KB.
DATASETS_MAX = 10_000  # Of one system: more is a catalogue, not a declaration.
PERSONS_MAX = 32  # Patterns of one system: they are tried one after the other.
PATTERN_LENGTH_MAX = 500  # Characters; RE2 needs time linear in the text for any pattern.

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_TOP = ("systems",)
_SYSTEM = ("search_path", "subjects", "functions", "shared_accounts", "persons")
_PERSON = ("from", "pattern", "key", "actors")
_PLACES = tuple(place.value for place in PersonPlace)


class AttributionError(FaultyFileError[str]):
    """A declarations file with faults, each a line of its own in `faults`."""

    code = "attribution"


def load_attribution(home: Path) -> Declarations:
    """Return what is declared in a home; a home without the file declares nothing.

    Raises `AttributionError` with every fault of the file.
    """
    path = home / FILE_NAME
    text = read_home_file(
        path, size_max=FILE_SIZE_MAX, error=lambda why: AttributionError([f"{path}: {why}"])
    )
    return {} if text is None else parse_attribution(text, origin=str(path))


def parse_attribution(text: str, *, origin: str = FILE_NAME) -> Declarations:
    """Return the declarations by system; `origin` names the file in faults.

    Raises `AttributionError` with every fault of the text.
    """
    return _Checker(origin).declarations(text)


def plain_attribution(declarations: Declarations) -> dict[str, Any]:
    """Return the declarations as the file's tree of plain values."""
    return {"systems": {name: _plain(system) for name, system in declarations.items()}}


def render_attribution(declarations: Declarations) -> str:
    """Return the text of a file that declares the same."""
    return yaml.safe_dump(
        plain_attribution(declarations),
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=100,
    )


def _plain(system: SystemDeclaration) -> dict[str, Any]:
    tree: dict[str, Any] = {"search_path": list(system.search_path)}
    tree["subjects"] = {dataset: dict(columns) for dataset, columns in system.subjects.items()}
    if system.functions:
        tree["functions"] = {name: list(kinds) for name, kinds in system.functions.items()}
    if system.shared_accounts:
        tree["shared_accounts"] = sorted(system.shared_accounts)
    if system.persons:
        tree["persons"] = [_plain_person(pattern) for pattern in system.persons]
    return tree


def _plain_person(pattern: PersonPattern) -> dict[str, Any]:
    tree: dict[str, Any] = {"from": pattern.place.value}
    if pattern.key is not None:
        tree["key"] = pattern.key
    if pattern.pattern is not None:
        tree["pattern"] = pattern.pattern
    if pattern.actors:
        tree["actors"] = list(pattern.actors)
    return tree


def _suggest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


class _Checker:
    """Reads one file and collects its faults."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._faults: list[tuple[int, str]] = []  # Line and text.
        self._seen: set[int] = set()

    def _fault(self, node: yaml.Node, key: str, message: str) -> None:
        line = node.start_mark.line + 1
        self._faults.append((line, f"{self._origin}:{line}: `{key}`: {message}"))

    def declarations(self, text: str) -> Declarations:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark is not None else 1
            problem = getattr(error, "problem", None) or "cannot be read"
            raise AttributionError([f"{self._origin}:{line}: not YAML: {problem}"]) from None
        if node is None:
            return {}
        systems = self._members(node, "file", _TOP).get("systems")
        found = {
            name: self._system(name, child)
            for name, (_, child) in self._keyed(systems, "systems").items()
        }
        if self._faults:
            raise AttributionError(fault for _, fault in sorted(self._faults))
        return found

    def _keyed(self, node: yaml.Node | None, key: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the members of a YAML mapping with their keys, faulting twins and aliases."""
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
            return {}
        if not isinstance(node, yaml.MappingNode) or id(node) in self._seen:
            aliased = id(node) in self._seen
            self._fault(node, key, "aliases are not allowed" if aliased else "must be a mapping")
            return {}
        self._seen.add(id(node))
        members: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for name_node, child in node.value:
            name = str(name_node.value) if isinstance(name_node, yaml.ScalarNode) else ""
            place = f"{key}.{name}" if key != "file" else name
            if not name:
                self._fault(name_node, place, "a key must be a single value")
            elif name in members:
                self._fault(name_node, place, "given twice")
            else:
                members[name] = name_node, child
        return members

    def _members(
        self, node: yaml.Node | None, key: str, known: tuple[str, ...]
    ) -> dict[str, yaml.Node]:
        members = {}
        for name, (name_node, child) in self._keyed(node, key).items():
            if name in known:
                members[name] = child
            else:
                place = f"{key}.{name}" if key != "file" else name
                self._fault(name_node, place, f"unknown key{_suggest(name, known)}")
        return members

    def _text(self, node: yaml.Node, key: str) -> str:
        """Return a text; a number is taken as it is written, since accounts may be numbers."""
        if isinstance(node, yaml.ScalarNode) and not node.tag.endswith((":null", ":bool")):
            if node.value.strip():
                return str(node.value)
            self._fault(node, key, "must not be empty")
        else:
            self._fault(node, key, "must be a text")
        return ""

    def _items(self, node: yaml.Node | None, key: str) -> list[yaml.Node]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._fault(node, key, "must be a list")
            return []
        return list(node.value)

    def _texts(self, node: yaml.Node | None, key: str) -> tuple[str, ...]:
        return tuple(self._text(item, key) for item in self._items(node, key))

    def _kind(self, node: yaml.Node, key: str) -> str:
        kind = self._text(node, key)
        if kind and not _KIND.fullmatch(kind):
            self._fault(node, key, "a kind of data subject is a lower-case word such as `patient`")
        return kind

    def _system(self, system: str, node: yaml.Node) -> SystemDeclaration:
        key = f"systems.{system}"
        members = self._members(node, key, _SYSTEM)
        path_node = members.get("search_path")
        path = self._texts(path_node, f"{key}.search_path")
        if path_node is not None and not path:
            self._fault(path_node, f"{key}.search_path", "must name at least one schema")
        return SystemDeclaration(
            system=system,
            subjects=self._subjects(members.get("subjects"), f"{key}.subjects"),
            functions=self._functions(members.get("functions"), f"{key}.functions"),
            search_path=path or ("public",),
            persons=self._persons(members.get("persons"), f"{key}.persons"),
            shared_accounts=frozenset(
                self._texts(members.get("shared_accounts"), f"{key}.shared_accounts")
            ),
        )

    def _named(
        self, node: yaml.Node | None, key: str, example: str
    ) -> dict[str, tuple[str, yaml.Node]]:
        """Return members by qualified name, each with the place that names it."""
        named: dict[str, tuple[str, yaml.Node]] = {}
        members = self._keyed(node, key)
        if node is not None and len(members) > DATASETS_MAX:
            self._fault(node, key, f"more than {DATASETS_MAX} names")
        for text, (name_node, child) in members.items():
            name = split_name(text)
            if name is None:
                self._fault(name_node, f"{key}.{text}", f"needs its schema, such as `{example}`")
            elif quote_name(name) in named:
                self._fault(name_node, f"{key}.{text}", "given twice")
            else:
                named[quote_name(name)] = f"{key}.{text}", child
        return named

    def _subjects(self, node: yaml.Node | None, key: str) -> dict[str, dict[str, str]]:
        subjects = {}
        for name, (place, child) in self._named(node, key, "public.patients").items():
            columns = self._keyed(child, place)
            if not columns:
                self._fault(child, place, "must name at least one column and its kind")
            subjects[name] = {
                column: self._kind(kind, f"{place}.{column}")
                for column, (_, kind) in columns.items()
            }
        return subjects

    def _functions(self, node: yaml.Node | None, key: str) -> dict[str, tuple[str | None, ...]]:
        functions = {}
        for name, (place, child) in self._named(node, key, "public.get_patient").items():
            kinds = tuple(
                None if item.tag.endswith(":null") else self._kind(item, place)
                for item in self._items(child, place)
            )
            if not any(kinds) and isinstance(child, yaml.SequenceNode):
                self._fault(child, place, "must give a parameter a kind, such as `[patient, null]`")
            functions[name] = kinds
        return functions

    def _persons(self, node: yaml.Node | None, key: str) -> tuple[PersonPattern, ...]:
        items = self._items(node, key)
        if node is not None and len(items) > PERSONS_MAX:
            self._fault(node, key, f"more than {PERSONS_MAX} patterns")
        found = (self._person(item, key) for item in items)
        return tuple(pattern for pattern in found if pattern is not None)

    def _person(self, node: yaml.Node, key: str) -> PersonPattern | None:
        members = self._members(node, key, _PERSON)
        if "from" not in members:
            self._fault(node, key, f"needs `from`, one of {', '.join(_PLACES)}")
            return None
        word = self._text(members["from"], f"{key}.from")
        if word not in _PLACES:
            known = f"must be one of {', '.join(_PLACES)}{_suggest(word, _PLACES)}"
            self._fault(members["from"], f"{key}.from", known)
            return None
        place = PersonPlace(word)
        wants = "pattern" if place is PersonPlace.APPLICATION_NAME else "key"
        if wants not in members:
            self._fault(node, key, f"from `{word}` needs a `{wants}`")
        if wants == "pattern" and "key" in members:
            self._fault(members["key"], f"{key}.key", f"has no meaning for `{word}`")
        name = self._text(members["key"], f"{key}.key") if "key" in members else None
        return PersonPattern(
            place=place,
            actors=self._texts(members.get("actors"), f"{key}.actors"),
            pattern=self._pattern(members.get("pattern"), f"{key}.pattern"),
            key=name,
        )

    def _pattern(self, node: yaml.Node | None, key: str) -> str | None:
        if node is None:
            return None
        pattern = self._text(node, key)
        if len(pattern) > PATTERN_LENGTH_MAX:
            self._fault(node, key, f"longer than {PATTERN_LENGTH_MAX} characters")
            return None
        options = re2.Options()
        options.log_errors = False
        try:
            compiled = re2.compile(pattern, options)
        except re2.error as error:
            reason = error.args[0] if error.args else "cannot be read"
            reason = reason.decode() if isinstance(reason, bytes) else reason
            self._fault(node, key, f"not a regular expression of RE2: {reason}")
            return pattern
        if pattern and "person" not in compiled.groupindex:
            self._fault(node, key, "needs a group `person`, such as `user=(?P<person>[^;]+)`")
        return pattern
