"""Paths: where a field name of a rule leads in one event.

A name may be a key that contains dots (`{"a.b": 1}`), a way through nested
objects (`{"a": {"b": 1}}`), or a mixture; lists on the way are entered.  What
is found is a flat sequence of values: a list counts as its elements, a missing
field as no value at all, an explicit null as the value None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

EventView = dict[str, Any]
Getter = Callable[[EventView], Sequence[Any]]

FIELD_PARTS_MAX = 32  # Dots in a field name; no log nests deeper in practice.

_NOTHING: tuple[Any, ...] = ()
_MISSING = object()


def flatten(values: Sequence[Any]) -> list[Any]:
    """Return the elements of a list, those of lists inside it included, in order."""
    flat: list[Any] = []
    stack = [iter(values)]
    while stack:
        for value in stack[-1]:
            if isinstance(value, list | tuple):
                stack.append(iter(value))
                break
            flat.append(value)
        else:
            stack.pop()
    return flat


def _found(event: EventView, name: str) -> list[Any]:
    """Return what `name` leads to, lists unopened."""
    if "." not in name:
        value = event.get(name, _MISSING)
        return [] if value is _MISSING else [value]
    parts = name.split(".")
    found: list[Any] = []
    stack: list[tuple[EventView, int]] = [(event, 0)]
    while stack:
        node, start = stack.pop()
        for end in range(start + 1, len(parts) + 1):
            value = node.get(".".join(parts[start:end]), _MISSING)
            if value is _MISSING:
                continue
            if end == len(parts):
                found.append(value)
            elif isinstance(value, dict):
                stack.append((value, end))
            elif isinstance(value, list | tuple):
                stack.extend(
                    (item, end) for item in reversed(flatten(value)) if isinstance(item, dict)
                )
    return found


def find_values(event: EventView, name: str) -> Sequence[Any]:
    """Return the values of a field, lists opened; empty when the event does not carry it."""
    return flatten(_found(event, name))


def is_present(event: EventView, name: str) -> bool:
    """Whether the event carries the field, be it null or an empty list."""
    return bool(_found(event, name))


def getter(name: str) -> Getter:
    """Return `find_values` for one name, with the usual cases made short."""

    def from_key(event: EventView) -> Sequence[Any]:
        value = event.get(name, _MISSING)
        if value is _MISSING:
            return _NOTHING
        if isinstance(value, list | tuple):
            return flatten(value)
        return (value,)

    if "." not in name:
        return from_key

    first, _, rest = name.partition(".")
    from_inner = getter(rest)

    def from_path(event: EventView) -> Sequence[Any]:
        inner = event.get(first, _MISSING)
        if inner is _MISSING:
            return from_key(event)
        if isinstance(inner, dict) and name not in event:
            return from_inner(inner)
        return find_values(event, name)

    return from_path if "." not in rest else partial(find_values, name=name)


def presence(name: str) -> Callable[[EventView], bool]:
    """Return `is_present` for one name, with the usual cases made short."""
    if "." not in name:
        return lambda event: name in event
    first, _, rest = name.partition(".")
    inner_has = presence(rest)

    def has(event: EventView) -> bool:
        if name in event:
            return True
        inner = event.get(first, _MISSING)
        if isinstance(inner, dict) and inner_has(inner):
            return True
        if "." in rest or isinstance(inner, list | tuple):
            return is_present(event, name)
        return False

    return has


def leaves(event: EventView) -> Iterator[tuple[str, Any]]:
    """Yield every value that is neither object nor list, with the path to it."""
    stack: list[tuple[str, Any]] = [("", event)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, dict):
            prefix = f"{path}." if path else ""
            stack.extend((f"{prefix}{key}", value) for key, value in reversed(list(node.items())))
        elif isinstance(node, list | tuple):
            stack.extend((path, value) for value in reversed(node))
        elif node is not None:
            yield path, node
