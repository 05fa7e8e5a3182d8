"""Mapping file: the YAML that makes a source out of any JSON lines, checked at load.

All faults of a file are found at once, each with file, line and key; a mapping
with a fault is refused as a whole.  Reference: `docs/sources/mapping.md`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timezone
from pathlib import Path
from typing import Any

import jmespath
import yaml
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from ombud.collect.mapping_value import TEXT_FORMATS, UNITS, Value, ValueTable, as_key, parse_zone
from ombud.core.errors import FaultyFileError, NotFound, Unavailable
from ombud.core.event import ACTIONS, ACTOR_TYPES, OUTCOMES
from ombud.core.fields import BY_NAME, Kind
from ombud.core.ocsf_read import coerce

SIZE_MAX = 1 << 20  # Bytes of a mapping file; the largest real ones have a hundred lines.
_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_DURATION = re.compile(r"(\d{1,6})\s*(s|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, None: 1}
_TOP = ("source", "record_if", "heartbeat", "sequence_scope", "timezone", "columns", "fields",
        "attributes")  # fmt: skip
_VALUE = ("path", "const", "values", "default", "format", "timezone")
_SUBJECT = ("kind", "path")
_PLAIN_PARENTS = frozenset({"mapping", "fields", "attributes"})
_WORDS = {"action": ACTIONS, "outcome": OUTCOMES, "actor.type": ACTOR_TYPES}
# Fields that are not a mapping's to give.
_GIVEN = {
    "source": "it is the `source` of the mapping",
    "time_known": "it follows from `time`",
    "flags": "Ombud sets them",
    "unmapped": "the original holds what is not mapped",
    "attributes": "declare them under `attributes` of the mapping",
}


@dataclass(frozen=True, slots=True)
class Subjects:
    """How data subjects of one kind are taken."""

    kind: str
    keys: Value


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping."""

    source: str
    fields: dict[str, Value]  # By attribute of the event.
    subjects: tuple[Subjects, ...]
    attributes: dict[str, Value]
    record_if: ParsedResult | None
    heartbeat_seconds: int | None
    sequence_scope: str | None
    columns: frozenset[str] = frozenset()  # That tell the header of a CSV file.


class MappingError(FaultyFileError[str]):
    """A mapping file with faults, each a line of its own in `faults`."""

    code = "mapping"


def load_mapping(path: Path) -> Mapping:
    """Return the mapping of a file; raises `MappingError` with every fault in it."""
    try:
        if path.stat().st_size > SIZE_MAX:
            raise MappingError([f"{path}: larger than {SIZE_MAX} bytes"])
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"no such mapping: `{path}`") from None
    except UnicodeDecodeError:
        raise MappingError([f"{path}: not UTF-8"]) from None
    except OSError as error:
        raise Unavailable(f"cannot read `{path}`: {error.strerror}") from None
    return parse_mapping(text, path=str(path))


def parse_mapping(text: str, *, path: str) -> Mapping:
    """Return the mapping that the text holds; `path` names it in faults."""
    return _Checker(path).mapping(text)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a suggestion for a misspelt word, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


class _Checker:
    """Reads one file and collects its faults."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._faults: list[tuple[int, str]] = []  # Line and text.
        self._zone = UTC
        self._seen: set[int] = set()

    def _fault(self, node: yaml.Node | None, key: str, message: str) -> None:
        line = node.start_mark.line + 1 if node is not None else 1
        self._faults.append((line, f"{self._path}:{line}: `{key}`: {message}"))

    def mapping(self, text: str) -> Mapping:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark is not None else 1
            problem = getattr(error, "problem", None) or "cannot be read"
            raise MappingError([f"{self._path}:{line}: not YAML: {problem}"]) from None
        top = self._members(node, "mapping", _TOP)
        source = self._source(top.get("source"), node)
        self._zone = self._time_zone(top.get("timezone"), "timezone")
        record_if = self._record_if(top.get("record_if"))
        heartbeat = self._heartbeat(top.get("heartbeat"))
        fields, subjects = self._fields(top.get("fields"), node)
        attributes = {
            name: value
            for name, child in self._members(top.get("attributes"), "attributes", None).items()
            if (value := self._value(child, f"attributes.{name}", Kind.MAP, None)) is not None
        }
        scope = self._scope(top.get("sequence_scope"), fields)
        columns = self._columns(top.get("columns"))
        if self._faults:
            raise MappingError(fault for _, fault in sorted(self._faults))
        return Mapping(source, fields, subjects, attributes, record_if, heartbeat, scope, columns)

    def _members(
        self, node: yaml.Node | None, key: str, known: tuple[str, ...] | None
    ) -> dict[str, yaml.Node]:
        """Return the members of a YAML mapping, faulting strangers, twins and aliases."""
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode) or id(node) in self._seen:
            aliased = id(node) in self._seen
            self._fault(node, key, "aliases are not allowed" if aliased else "must be a mapping")
            return {}
        self._seen.add(id(node))
        members: dict[str, yaml.Node] = {}
        for name_node, child in node.value:
            name = str(name_node.value) if isinstance(name_node, yaml.ScalarNode) else "?"
            place = name if key in _PLAIN_PARENTS else f"{key}.{name}"
            if name in members:
                self._fault(name_node, place, "given twice")
            elif known is not None and name not in known:
                self._fault(name_node, place, f"unknown key{suggest(name, known)}")
            else:
                members[name] = child
        return members

    def _scalar(self, node: yaml.Node | None, key: str) -> Any:
        """Return the scalar of a node as YAML types it."""
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self._fault(node, key, "must be a single value")
            return None
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._fault(node, key, f"cannot be read: {error}")
            return None

    def _source(self, node: yaml.Node | None, top: yaml.Node | None) -> str:
        name = self._scalar(node, "source")
        if name is None:
            self._fault(node or top, "source", "must name the source, such as `hospital.access`")
        elif not isinstance(name, str) or not _NAME.fullmatch(name):
            self._fault(node, "source", "must be lower-case words joined by dots")
        elif name == "ombud" or name.startswith("ombud."):
            self._fault(node, "source", "names that begin with `ombud` are reserved")
        return str(name)

    def _time_zone(self, node: yaml.Node | None, key: str) -> timezone:
        text = self._scalar(node, key)
        zone = parse_zone(str(text)) if text is not None else UTC
        if zone is None:
            self._fault(node, key, "must be `UTC` or an offset such as `+02:00`")
        return zone or UTC

    def _record_if(self, node: yaml.Node | None) -> ParsedResult | None:
        return self._expression(node, "record_if") if node is not None else None

    def _heartbeat(self, node: yaml.Node | None) -> int | None:
        text = self._scalar(node, "heartbeat")
        if text is None:
            return None
        match = _DURATION.fullmatch(str(text))
        if match is None or not int(match[1]):
            self._fault(node, "heartbeat", "must be a time such as `15m`, `1h` or `2d`")
            return None
        return int(match[1]) * _SECONDS[match[2]]

    def _scope(self, node: yaml.Node | None, fields: dict[str, Value]) -> str | None:
        name = self._scalar(node, "sequence_scope")
        if name is None:
            return None
        found = BY_NAME.get(str(name))
        if found is None or found.attribute not in fields:
            self._fault(node, "sequence_scope", f"`{name}` is not a field this mapping gives")
            return None
        if "sequence" not in fields:
            self._fault(node, "sequence_scope", "there is no `sequence` among the fields")
        return found.attribute

    def _columns(self, node: yaml.Node | None) -> frozenset[str]:
        if node is None:
            return frozenset()
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._fault(node, "columns", "must be a list of names that the header of a file has")
            return frozenset()
        names = [self._scalar(child, "columns") for child in node.value]
        return frozenset(str(name) for name in names)

    def _fields(
        self, node: yaml.Node | None, top: yaml.Node | None
    ) -> tuple[dict[str, Value], tuple[Subjects, ...]]:
        members = self._members(node, "fields", None)
        if not members:
            self._fault(node or top, "fields", "must map at least one field")
        fields: dict[str, Value] = {}
        subjects: tuple[Subjects, ...] = ()
        for name, child in members.items():
            if name in _GIVEN:
                self._fault(child, name, f"cannot be mapped: {_GIVEN[name]}")
            elif name not in BY_NAME:
                self._fault(child, name, f"no such field of an event{suggest(name, BY_NAME)}")
            elif BY_NAME[name].kind is Kind.SUBJECTS:
                subjects = self._subjects(child)
            else:
                value = self._value(child, name, BY_NAME[name].kind, _WORDS.get(name))
                if value is not None:
                    fields[BY_NAME[name].attribute] = value
        return fields, subjects

    def _subjects(self, node: yaml.Node) -> tuple[Subjects, ...]:
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found = []
        for item in items:
            members = self._members(item, "subjects", _SUBJECT)
            kind = self._scalar(members.get("kind"), "subjects.kind")
            path = members.get("path")
            if not isinstance(kind, str) or path is None:
                self._fault(item, "subjects", "each needs a `kind` and a `path`")
                continue
            expression = self._expression(path, "subjects.path")
            found.append(Subjects(kind, Value(Kind.TEXTS, expression)))
        return tuple(found)

    def _expression(self, node: yaml.Node, key: str) -> ParsedResult | None:
        text = self._scalar(node, key)
        if not isinstance(text, str) or not text:
            self._fault(node, key, "must be a JMESPath expression")
            return None
        try:
            return jmespath.compile(text)
        except (JMESPathError, RecursionError) as error:
            reason = str(error).partition("\n")[0]
            self._fault(node, key, f"not a JMESPath expression: {reason}")
            return None

    def _value(
        self, node: yaml.Node, key: str, kind: Kind, words: frozenset[str] | None
    ) -> Value | None:
        if isinstance(node, yaml.ScalarNode):
            expression = self._expression(node, key)
            return Value(kind, expression, zone=self._zone) if expression is not None else None
        if not isinstance(node, yaml.MappingNode):
            self._fault(node, key, "must be a JMESPath expression, or have a `path` or a `const`")
            return None
        members = self._members(node, key, _VALUE)
        if ("path" in members) == ("const" in members):
            self._fault(node, key, "needs either a `path` or a `const`")
            return None
        if "const" in members:
            for name in members.keys() - {"const"}:
                self._fault(members[name], f"{key}.{name}", "has no meaning beside `const`")
            return Value(kind, constant=self._constant(members["const"], key, kind, words))
        default = members.get("default")
        time_format = self._format(members.get("format"), key, kind)
        zone = self._time_zone(members["timezone"], key) if "timezone" in members else self._zone
        return Value(
            kind,
            self._expression(members["path"], key),
            table=self._table(members.get("values"), key, kind, words),
            default=None if default is None else self._constant(default, key, kind, words),
            time_format=time_format,
            zone=zone,
        )

    def _table(
        self, node: yaml.Node | None, key: str, kind: Kind, words: frozenset[str] | None
    ) -> ValueTable | None:
        if node is None:
            return None
        rows = self._members(node, f"{key}.values", None)
        return ValueTable.of(
            {
                word: self._constant(child, f"{key}.values.{word}", kind, words)
                for word, child in rows.items()
            }
        )

    def _format(self, node: yaml.Node | None, key: str, kind: Kind) -> str:
        if node is None:
            return "auto"
        text = self._scalar(node, key)
        if kind is not Kind.INSTANT:
            self._fault(node, f"{key}.format", "only a time has a format")
        elif not isinstance(text, str) or not (
            text in UNITS or text in TEXT_FORMATS or "%" in text
        ):
            known = ", ".join(sorted({*UNITS, *TEXT_FORMATS}))
            self._fault(node, f"{key}.format", f"must be one of {known}, or a pattern with `%`")
        return str(text)

    def _constant(self, node: yaml.Node, key: str, kind: Kind, words: frozenset[str] | None) -> Any:
        """Return a constant of the field's kind, faulting one that does not fit."""
        if isinstance(node, yaml.SequenceNode) and kind is Kind.TEXTS:
            return tuple(str(self._scalar(child, key)) for child in node.value)
        value = self._scalar(node, key)
        if value is None:
            return None
        if kind in (Kind.TEXT, Kind.TEXTS):
            value = as_key(value)
        fitted = value if kind is Kind.MAP else coerce(kind, value)
        if fitted is None:
            self._fault(node, key, f"`{value}` is not {_ARTICLE[kind]}")
        elif words is not None and fitted not in words:
            known = ", ".join(sorted(words))
            self._fault(node, key, f"`{value}` is not one of {known}{suggest(str(value), words)}")
        return fitted


_ARTICLE = {kind: f"a value of type {kind.value}" for kind in Kind}
