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

FIELD_PARTS_MAX = 32  # Dots in a field name; no log nests deeper in practice.

_MISSING = object()


def flatten(values: Sequence[Any]) -> list[Any]:
    """Return the elements of a list, those of lists inside it included, in order."""
    for value in values:
        if isinstance(value, list | tuple):
            break
    else:
        return list(values)
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


def find(event: EventView, name: str) -> list[Any]:
    """Return what `name` leads to, lists unopened: nothing, one value, or several in order."""
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
    return flatten(find(event, name))


def is_present(event: EventView, name: str) -> bool:
    """Whether the event carries the field, be it null or an empty list."""
    return bool(find(event, name))


def peeker(name: str) -> Callable[[EventView], Any]:
    """Return the value of one name by the shortest way, for those to whom null is missing.

    What is found may be one value, a list of them (see `opened`), or None for none.
    """
    if "." not in name:
        return lambda event: event.get(name)
    first, _, rest = name.partition(".")
    if "." in rest:
        return partial(find_values, name=name)

    def peek(event: EventView) -> Any:
        inner = event.get(first)
        if inner is None:
            return event.get(name)
        if inner.__class__ is dict and name not in event:
            return inner.get(rest)
        return find_values(event, name)

    return peek


def opened(value: Any) -> Sequence[Any]:
    """Return what `peeker` found as a flat sequence of values."""
    return flatten(value) if isinstance(value, list | tuple) else (value,)


def presence(name: str) -> Callable[[EventView], bool]:
    """Return `is_present` for one name, with the usual cases made short."""
    if "." not in name:
        return lambda event: name in event
    first, _, rest = name.partition(".")
    if "." in rest:
        return partial(is_present, name=name)

    def has(event: EventView) -> bool:
        inner = event.get(first)
        if inner is None:
            return name in event
        if inner.__class__ is dict:
            return rest in inner or name in event
        return is_present(event, name)

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
