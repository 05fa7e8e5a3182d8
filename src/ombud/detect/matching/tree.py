"""Tree: the condition of a rule as data: atoms joined by and, or and not.

A list matches if any of its elements does; `Not` over a missing field is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ombud.detect.matching.atoms import FieldIs, Matched, Node, Occurs, Test, is_one_of
from ombud.detect.matching.paths import EventView
from ombud.detect.matching.values import lower_text_of


@dataclass(frozen=True, slots=True)
class All(Node):
    """Every part must match."""

    parts: tuple[Node, ...]

    def is_match(self, event: EventView) -> bool:
        """Whether every part matches."""
        return all(part.is_match(event) for part in self.parts)

    def compiled(self) -> Test:
        """Return the parts one after the other; a generator would cost more than they do."""
        tests = [part.compiled() for part in self.parts]
        if len(tests) == 2:
            first, second = tests
            return lambda event: first(event) and second(event)

        def every(event: EventView) -> bool:
            for test in tests:  # noqa: SIM110 - a generator costs more than the tests.
                if not test(event):
                    return False
            return True

        return every

    def matched(self, event: EventView) -> Matched:
        """Yield what every part matched."""
        for part in self.parts:
            yield from part.matched(event)

    def verdict(self, occurs: Occurs) -> bool | None:
        """Return false if any part is false."""
        verdicts = {part.verdict(occurs) for part in self.parts}
        return False if False in verdicts else None if None in verdicts else True

    def given(self, known: EventView) -> Node | bool:
        """Return the parts that are left, or false if one of them is."""
        left = [part.given(known) for part in self.parts]
        if any(part is False for part in left):
            return False
        nodes = tuple(part for part in left if isinstance(part, Node))
        return All(nodes) if len(nodes) > 1 else nodes[0] if nodes else True

    def fields(self) -> Iterator[str]:
        """Yield the fields of every part."""
        for part in self.parts:
            yield from part.fields()


@dataclass(frozen=True, slots=True)
class Some(Node):
    """At least one part must match."""

    parts: tuple[Node, ...]

    def is_match(self, event: EventView) -> bool:
        """Whether any part matches."""
        return any(part.is_match(event) for part in self.parts)

    def compiled(self) -> Test:
        """Return the alternatives, exact texts for one field looked up together."""
        texts: dict[str, set[str]] = {}
        tests: list[Test] = []
        for part in self.parts:
            if isinstance(part, FieldIs) and part.equals is not None:
                texts.setdefault(part.field, set()).add(part.equals)
            else:
                tests.append(part.compiled())
        tests[:0] = [is_one_of(name, options) for name, options in texts.items()]
        if len(tests) == 1:
            return tests[0]

        def some(event: EventView) -> bool:
            for test in tests:  # noqa: SIM110 - a generator costs more than the tests.
                if test(event):
                    return True
            return False

        return some

    def matched(self, event: EventView) -> Matched:
        """Yield what the parts that match matched."""
        for part in self.parts:
            if part.is_match(event):
                yield from part.matched(event)

    def verdict(self, occurs: Occurs) -> bool | None:
        """Return true if any part is true."""
        verdicts = {part.verdict(occurs) for part in self.parts}
        return True if True in verdicts else None if None in verdicts else False

    def given(self, known: EventView) -> Node | bool:
        """Return the parts that are left, or true if one of them is."""
        left = [part.given(known) for part in self.parts]
        if any(part is True for part in left):
            return True
        nodes = tuple(part for part in left if isinstance(part, Node))
        return Some(nodes) if len(nodes) > 1 else nodes[0] if nodes else False

    def fields(self) -> Iterator[str]:
        """Yield the fields of every part."""
        for part in self.parts:
            yield from part.fields()


@dataclass(frozen=True, slots=True)
class Not(Node):
    """The part must not match."""

    part: Node

    def is_match(self, event: EventView) -> bool:
        """Whether the part does not match."""
        return not self.part.is_match(event)

    def compiled(self) -> Test:
        """Return the contrary of the part."""
        test = self.part.compiled()
        return lambda event: not test(event)

    def matched(self, event: EventView) -> Matched:
        """Yield nothing: what must not be there is no field of the event."""
        del event
        yield from ()

    def verdict(self, occurs: Occurs) -> bool | None:
        """Return the contrary of the part, if it is decided."""
        verdict = self.part.verdict(occurs)
        return None if verdict is None else not verdict

    def given(self, known: EventView) -> Node | bool:
        """Return the contrary of what is left of the part."""
        left = self.part.given(known)
        return Not(left) if isinstance(left, Node) else not left

    def fields(self) -> Iterator[str]:
        """Yield the fields of the part."""
        return self.part.fields()


def matched_fields(node: Node, event: EventView) -> dict[str, Sequence[Any]]:
    """Return the fields by which an event matches, each with its distinct values.

    A field that matched by its absence has the value None.
    """
    found: dict[str, dict[tuple[type, str], Any]] = {}
    for name, value in node.matched(event):
        text = "" if value is None else lower_text_of(value)
        found.setdefault(name, {}).setdefault((type(value), text), value)
    return {name: list(values.values()) for name, values in found.items()}
