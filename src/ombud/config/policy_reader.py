"""Policy reader: values of policy files with their places, and every fault with its own.

A fault has file, line and key (`purposes.billing.scope[0].actions`).  Reading goes
on after one, with a harmless value in place of what was wrong, so that all faults
of all files are found at once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sized
from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import yaml

from ombud.access.condition_lexis import read_timestamp
from ombud.core.instants import to_ms

FAULTS_MAX = 200  # Kept; more say no more about what is wrong.
TEXT_MAX = 4_000  # Characters of a prompt, a description, an acknowledgement.
NAME_MAX = 100
ID_MAX = 300
_SHOWN_MAX = 60  # Characters of what was written, in a message.
_SUGGESTED_MAX = 5_000  # Names: each is compared letter by letter.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_ACTOR = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}:\S(?:.{0,298}\S)?")
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Fault(NamedTuple):
    """What is wrong, and where; `line` counts from 1, 0 means the file as a whole."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        """Return one line for a person."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: `{self.key}`: {self.message}" if self.key else f"{place}: {self.message}"

    def to_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return self._asdict()


class Spot(NamedTuple):
    """A value as it was written: its node, and where it stands."""

    file: str
    key: str
    node: yaml.Node
    key_line: int

    @property
    def is_null(self) -> bool:
        """Whether nothing is written."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag.endswith(":null")


class Like(NamedTuple):
    """That a purpose is like another, and what it says itself all the same."""

    purpose: str
    stated: frozenset[str]


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: what may have been meant."""
    near = difflib.get_close_matches(word[:_SHOWN_MAX], list(known), n=1)
    return f": did you mean `{near[0]}`?" if near else ""


def show(text: str) -> str:
    """Return what was written as a message quotes it."""
    short = text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
    return short if short.isprintable() else repr(short)[1:-1]


class Reader:
    """Reads nodes into values and collects the faults.

    `places` has the file and line of every key that was read.
    """

    def __init__(self) -> None:
        self.places: dict[str, tuple[str, int]] = {}
        self.zone: ZoneInfo | None = None
        self.likes: dict[str, Like] = {}  # By purpose.
        self.nodes = 0  # Values of all files: they share one bound.
        self.count = 0
        self._faults: list[Fault] = []
        self._seen: set[tuple[str, str]] = set()

    @property
    def faults(self) -> list[Fault]:
        """The faults that are kept, in the order of files and lines."""
        return sorted(self._faults)

    def suggest(self, word: str, known: Iterable[str]) -> str:
        """Return what may have been meant, as long as anybody reads it and it takes no time."""
        is_long = len(self._faults) >= FAULTS_MAX or (
            isinstance(known, Sized) and len(known) > _SUGGESTED_MAX
        )
        return "" if is_long else suggest(word, known)

    def add(self, fault: Fault) -> None:
        """Add a fault; one key has one fault, since the second often follows from the first."""
        if (fault.file, fault.key) in self._seen and fault.key:
            return
        self._seen.add((fault.file, fault.key))
        self.count += 1
        if len(self._faults) < FAULTS_MAX:
            self._faults.append(fault)

    def fault(self, spot: Spot, message: str) -> None:
        """Add a fault of a value."""
        is_scalar = isinstance(spot.node, yaml.ScalarNode)
        line = spot.node.start_mark.line + 1 if is_scalar else spot.key_line
        self.add(Fault(spot.file, line, spot.key, message))

    def fault_at(self, key: str, message: str) -> None:
        """Add a fault at a key that was read, or at the nearest one above it."""
        above = key
        while above and above not in self.places:
            above = re.sub(r"(\.[^.\[\]]*|\[\d+\]|^[^.\[\]]*)$", "", above)
        file, line = self.places.get(above, ("", 0))
        self.add(Fault(file, line, key, message))

    def entries(self, spot: Spot | None) -> dict[str, Spot]:
        """Return the entries of a mapping by their names; twins are faults."""
        if spot is None or spot.is_null:
            return {}
        if not isinstance(spot.node, yaml.MappingNode):
            self.fault(spot, "must be a mapping")
            return {}
        found: dict[str, Spot] = {}
        for key, node in spot.node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            path = f"{spot.key}.{name}" if spot.key else name
            line = key.start_mark.line + 1
            if not name or len(name) > ID_MAX or not name.isprintable():
                what = "a key must be one printable text of at most 300 characters"
                self.add(Fault(spot.file, line, f"{spot.key}.{show(name)}", what))
            elif name in found:
                what = f"stands twice; see line {found[name].key_line}"
                self.add(Fault(spot.file, line, path, what))
            else:
                found[name] = Spot(spot.file, path, node, line)
                self.places.setdefault(path, (spot.file, line))
        return found

    def mapping(self, spot: Spot | None, known: Collection[str]) -> Members:
        """Return the members of a mapping whose keys are known; others are faults."""
        found = {}
        for name, member in self.entries(spot).items():
            if name in known:
                found[name] = member
            else:
                near = self.suggest(name, known) or f"; there are {', '.join(known)}"
                self.add(Fault(member.file, member.key_line, member.key, f"unknown key{near}"))
        return Members(self, found, spot)

    def items(self, spot: Spot | None) -> list[Spot]:
        """Return the items of a list."""
        if spot is None:
            return []
        if not isinstance(spot.node, yaml.SequenceNode):
            self.fault(spot, "must be a list")
            return []
        found = []
        for number, node in enumerate(spot.node.value):
            item = Spot(spot.file, f"{spot.key}[{number}]", node, node.start_mark.line + 1)
            self.places.setdefault(item.key, (item.file, item.key_line))
            found.append(item)
        return found

    def text(self, spot: Spot, *, length_max: int = TEXT_MAX) -> str:
        """Return a text; a number or a date is taken as it is written."""
        node = spot.node
        if not isinstance(node, yaml.ScalarNode):
            self.fault(spot, "must be a text")
        elif node.tag.endswith((":null", ":bool")):
            self.fault(
                spot, f"must be a text; put `{show(str(node.value))}` in quotes if it is one"
            )
        elif not node.value.strip():
            self.fault(spot, "must not be empty")
        elif len(node.value) > length_max:
            self.fault(spot, f"longer than {length_max} characters")
        elif "\0" in node.value:
            self.fault(spot, "must not hold NUL")
        else:
            return str(node.value).strip()
        return ""

    def name(self, spot: Spot) -> str:
        """Return a name: letters, digits, `.`, `_` and `-`."""
        return self.check_name(spot, self.text(spot, length_max=NAME_MAX))

    def check_name(self, spot: Spot, name: str) -> str:
        """Return what is a name; anything else is a fault."""
        if name and (len(name) > NAME_MAX or not _NAME.fullmatch(name)):
            message = (
                f"`{show(name)}` is no name: letters, digits, `.`, `_`, `-`, at most {NAME_MAX}"
            )
            self.fault(spot, message)
        return name

    def actor(self, spot: Spot) -> str:
        """Return an actor as `type:id`."""
        text = self.text(spot, length_max=ID_MAX)
        if text and not (_ACTOR.fullmatch(text) and text.isprintable()):
            self.fault(spot, f"`{show(text)}` is no actor such as `person:jdoe`")
        return text

    def whole(self, spot: Spot, low: int, high: int) -> int:
        """Return a whole number in bounds."""
        node = spot.node
        is_number = isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int")
        if is_number and _WHOLE.fullmatch(node.value) and low <= int(node.value) <= high:
            return int(node.value)
        self.fault(spot, f"must be a whole number of {low} to {high}")
        return low

    def flag(self, spot: Spot) -> bool:
        """Return true or false."""
        node = spot.node
        is_bool = isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool")
        if is_bool and node.value.lower() in {"true", "false"}:  # Not YAML's `yes` and `off`.
            return bool(node.value.lower() == "true")
        self.fault(spot, "must be true or false")
        return False

    def instant(self, spot: Spot) -> int:
        """Return ms since the epoch of an instant with a zone, or of the start of a day."""
        text = self.text(spot, length_max=NAME_MAX)
        if _DATE.fullmatch(text):
            try:
                start = datetime.combine(date.fromisoformat(text), time(), self.zone)
                return to_ms(start)
            except (ValueError, OverflowError, TypeError):
                pass
        micros = read_timestamp(text.replace(" ", "T", 1))
        if text and micros is None:
            message = f"`{show(text)}` is no date such as 2027-01-31 or 2027-01-31T12:00:00Z"
            self.fault(spot, message)
        return (micros or 0) // 1_000


class Members:
    """The members of one mapping, read by name; what is absent has the default."""

    def __init__(self, reader: Reader, spots: Mapping[str, Spot], spot: Spot | None) -> None:
        self.reader = reader
        self.spot = spot
        self._spots = spots

    def __contains__(self, name: str) -> bool:
        """Whether a member is written."""
        return name in self._spots

    def get(self, name: str) -> Spot | None:
        """Return a member as it was written."""
        return self._spots.get(name)

    def need(self, *names: str) -> None:
        """Add a fault for each member that is not written."""
        spot = self.spot
        if spot is None or not (spot.is_null or isinstance(spot.node, yaml.MappingNode)):
            return  # A fault already.
        for name in names:
            if name not in self._spots:
                message = f"`{name}` is missing"
                self.reader.add(Fault(spot.file, spot.key_line, f"{spot.key}.{name}", message))

    def text(self, name: str, default: Any = "") -> Any:
        """Return a text, or the default."""
        spot = self._spots.get(name)
        return default if spot is None else self.reader.text(spot)

    def name(self, name: str, default: Any = "") -> Any:
        """Return a name, or the default."""
        spot = self._spots.get(name)
        return default if spot is None else self.reader.name(spot)

    def actor(self, name: str) -> str:
        """Return an actor, or nothing."""
        spot = self._spots.get(name)
        return "" if spot is None else self.reader.actor(spot)

    def texts(self, name: str, default: Any = ()) -> Any:
        """Return a list of different texts, or the default."""
        return self._list(name, default, self.reader.text)

    def names(self, name: str, default: Any = ()) -> Any:
        """Return a list of different names, or the default."""
        return self._list(name, default, self.reader.name)

    def actors(self, name: str) -> tuple[str, ...]:
        """Return a list of different actors."""
        found: tuple[str, ...] = self._list(name, (), self.reader.actor)
        return found

    def _list(self, name: str, default: Any, read: Any) -> Any:
        spot = self._spots.get(name)
        if spot is None:
            return default
        found: dict[str, None] = {}
        for item in self.reader.items(spot):
            text = read(item)
            if text and text in found:
                self.reader.fault(item, f"`{show(text)}` stands twice")
            elif text:
                found[text] = None
        return tuple(found)

    def whole(self, name: str, low: int, high: int, default: Any = None) -> Any:
        """Return a whole number, or the default."""
        spot = self._spots.get(name)
        return default if spot is None else self.reader.whole(spot, low, high)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false, or the default."""
        spot = self._spots.get(name)
        return default if spot is None else self.reader.flag(spot)

    def instant(self, name: str) -> int | None:
        """Return an instant, or None."""
        spot = self._spots.get(name)
        return None if spot is None else self.reader.instant(spot)

    def choice(self, name: str, known: Collection[str], default: Any = None) -> Any:
        """Return one of the known words, or the default."""
        spot = self._spots.get(name)
        if spot is None:
            return default
        word = self.reader.text(spot)
        if word and word not in known:
            near = self.reader.suggest(word, known) or f": one of {', '.join(known)}"
            self.reader.fault(spot, f"unknown `{show(word)}`{near}")
        return word if word in known else default
