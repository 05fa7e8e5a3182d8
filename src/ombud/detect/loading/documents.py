"""Documents: the YAML of a rule file as maps, lists and scalars, strictly and within bounds.

Made of the parser's events without recursion, so that no nesting ends the
process, and with every value counted as often as aliases repeat it.  What YAML
itself cannot read takes the whole file with it; any other fault only its own
document, so that the rest of the file runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from ombud.core.errors import RuleError

FILE_SIZE_MAX = 1 << 20  # Bytes; the largest public rule has 120 kB.
DOCUMENTS_MAX = 1000  # Rules in one file.
DEPTH_MAX = 50  # Levels of maps and lists; public rules have 5.
VALUES_MAX = 20_000  # Of one document, aliases counted as often as used; public rules have 4,500.
FILE_VALUES_MAX = 200_000  # Of all documents of a file.
NUMBER_LENGTH_MAX = 64  # Characters; reading longer numbers takes the square of their length.

_EQUALS = "tag:yaml.org,2002:value"  # The text `=`, of which nobody makes more than text.
_STRING = "tag:yaml.org,2002:str"
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVERS: dict[str, list[tuple[str, Any]]] = yaml.SafeLoader.yaml_implicit_resolvers
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_PLAIN_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


@dataclass(frozen=True, slots=True)
class Fault:
    """A document that is YAML and yet not taken; `line` counts from 1.

    `name` is what the document calls itself, as far as it could be read.
    """

    line: int
    reason: str
    name: str | None = None

    def __str__(self) -> str:
        """Return place and reason."""
        return f"line {self.line}: {self.reason}"


class _Open:
    """A map or list whose end has not come."""

    __slots__ = ("anchor", "counted", "is_map", "line", "values")

    def __init__(self, event: Any, counted: int) -> None:
        self.values: list[Any] = []
        self.anchor = event.anchor
        self.counted = counted
        self.line = event.start_mark.line + 1
        self.is_map = event.__class__ is yaml.MappingStartEvent


def parse_documents(text: bytes | str) -> list[Any]:
    """Return the documents of a file, without empty ones; a faulty one is a `Fault`.

    Raises `RuleError` for a file that is no YAML, empty, or beyond a bound.
    """
    if len(text) > FILE_SIZE_MAX:
        raise RuleError(f"file is larger than {FILE_SIZE_MAX >> 10} KiB")
    documents: list[Any] = []
    try:
        for document in _Reader(text).documents():
            if len(documents) == DOCUMENTS_MAX:
                raise RuleError(f"file holds more than {DOCUMENTS_MAX} rules")
            if document is not None:
                documents.append(document)
    except yaml.YAMLError as error:
        raise RuleError(yaml_reason(error)) from None
    if not documents:
        raise RuleError("file holds no rule")
    return documents


_STRANGE = "found character that cannot start any token"  # As the YAML parser says it.


def yaml_reason(error: yaml.YAMLError) -> str:
    """Return what is wrong with the YAML, in one line with its place."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        problem = getattr(error, "problem", None) or getattr(error, "context", None)
        if problem == _STRANGE:
            problem += ", such as a tab: YAML is indented with spaces"
        return f"line {mark.line + 1}: {problem}"
    return " ".join(str(error).split())


def _events(text: bytes | str) -> Iterator[Any]:
    """Yield the events of a text; `yaml.parse` asks for each of them twice."""
    parser = _PARSER(text)
    try:
        yield from iter(parser.get_event, None)
    finally:
        parser.dispose()


class _Reader:
    """Makes the documents of one text, one after the other."""

    def __init__(self, text: bytes | str) -> None:
        self._text = text
        self._total = 0  # Values of documents before this one.
        self._scalars: dict[str, Any] = {}
        self._start()

    def _start(self) -> None:
        self._count = 0
        self._fault: Fault | None = None
        self._anchors: dict[str, tuple[Any, int]] = {}

    def documents(self) -> Iterator[Any]:
        """Yield every document; None for an empty one."""
        stack: list[_Open] = []
        values: list[Any] = []
        plain, known = self._plain, self._scalars
        event: Any
        for event in _events(self._text):
            kind = event.__class__
            self._count += 1
            if kind is yaml.ScalarEvent:
                if event.tag is not None or event.anchor is not None:
                    values.append(self._scalar(event))
                elif event.implicit[0]:
                    text = event.value
                    values.append(known[text] if text in known else plain(text, event))
                else:
                    values.append(event.value)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._check_start(event, len(stack))
                stack.append(_Open(event, self._count))
                stack[-1].values, values = values, []
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                opened = stack.pop()
                self._check_count(event)
                made = self._mapping(values, opened.line) if opened.is_map else values
                values = opened.values
                values.append(made)
                if opened.anchor is not None:
                    self._anchors[opened.anchor] = (made, self._count - opened.counted)
            elif kind is yaml.AliasEvent:
                values.append(self._alias(event))
            elif kind is yaml.DocumentEndEvent:
                yield self._finished(values.pop())
                self._total += self._count
                self._start()

    def _finished(self, document: Any) -> Any:
        if self._fault is None:
            return document
        named = document.get("id") or document.get("name") if isinstance(document, dict) else None
        return replace(self._fault, name=named if isinstance(named, str) else None)

    def _note(self, event: Any, reason: str) -> None:
        if self._fault is None:
            self._fault = Fault(event.start_mark.line + 1, reason)

    def _check_start(self, event: Any, depth: int) -> None:
        """Refuse what would go on for ever: the parser's own time grows with the depth."""
        line = event.start_mark.line + 1
        if depth >= DEPTH_MAX:
            raise RuleError(f"line {line}: nested deeper than {DEPTH_MAX} levels")
        if event.tag not in _PLAIN_TAGS:
            self._note(event, f"tag `{event.tag}` is not taken")

    def _check_count(self, event: Any) -> None:
        if self._total + self._count > FILE_VALUES_MAX:
            raise RuleError(f"file holds more than {FILE_VALUES_MAX:,} values")
        if self._count > VALUES_MAX:
            self._note(event, f"rule holds more than {VALUES_MAX:,} values")

    def _plain(self, text: str, event: Any) -> Any:
        """Return what text without quotes stands for."""
        value: Any = text
        for tag, expression in _RESOLVERS.get(text[:1], ()):
            if expression.match(text):
                if tag == _EQUALS:
                    break
                value = self._constructed(tag, text, event)
                break
        self._scalars[text] = value
        return value

    def _constructed(self, tag: str, text: str, event: Any) -> Any:
        if tag in _NUMBERS and len(text) > NUMBER_LENGTH_MAX:
            self._note(event, f"number longer than {NUMBER_LENGTH_MAX} digits: write it in quotes")
            return text
        try:
            node = yaml.ScalarNode(tag, text, event.start_mark)
            return yaml.constructor.SafeConstructor().construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            problem = getattr(error, "problem", None) or str(error)
            self._note(event, f"`{text[:NUMBER_LENGTH_MAX]}` cannot be read: {problem}")
            return text

    def _scalar(self, event: Any) -> Any:
        """Return a scalar with a tag or an anchor."""
        if event.tag not in {None, "!", _STRING}:
            value = self._constructed(event.tag, event.value, event)
        elif event.implicit[0]:
            value = self._plain(event.value, event)
        else:
            value = event.value
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 0)
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            self._note(event, f"alias `{event.anchor}` stands for nothing, or for what it is in")
            return None
        value, size = self._anchors[event.anchor]
        if self._count + size > VALUES_MAX:
            self._note(event, f"aliases make more than {VALUES_MAX:,} values of the rule")
            return None
        self._count += size
        return value

    def _mapping(self, pairs: list[Any], line: int) -> dict[Any, Any]:
        keys = pairs[::2]
        try:
            made = dict(zip(keys, pairs[1::2], strict=True))
        except TypeError:
            self._fault = self._fault or Fault(line, "a key is neither text nor number")
            return {}
        if len(made) != len(keys):
            twice = next(key for key, count in Counter(keys).items() if count > 1)
            self._fault = self._fault or Fault(line, f"duplicate key `{twice}`")
        return made
