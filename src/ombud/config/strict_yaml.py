"""Strict YAML: a tree of nodes with their lines, of text whose shape was looked at first.

Making a tree recurses, and an alias makes much of few words: a million brackets
or ten nested aliases would end the process.  Both are refused before there is a tree.
"""

from __future__ import annotations

from typing import Any

import yaml

FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NODES_MAX = 500_000  # Each becomes an object with its place: a gigabyte of memory at most.


class YamlFault(Exception):  # noqa: N818 -- Named as the faults of files are.
    """Text that is no YAML, or YAML of a shape that is not taken; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def compose_yaml(text: str, *, depth_max: int, loader: Any = FAST_LOADER) -> yaml.Node | None:
    """Return the tree of the one document in a text, None of an empty one.

    Raises `YamlFault` as `compose_counted` does.
    """
    return compose_counted(text, depth_max=depth_max, nodes_max=NODES_MAX, loader=loader)[0]


def compose_counted(
    text: str, *, depth_max: int, nodes_max: int, loader: Any = FAST_LOADER
) -> tuple[yaml.Node | None, int]:
    """Return the tree of the one document in a text, None of an empty one, and its size.

    Raises `YamlFault` for what is no YAML, for aliases, and for what is nested
    deeper than `depth_max` or holds more than `nodes_max` values.
    """
    try:
        count = _check_shape(text, depth_max, nodes_max, loader)
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be read"
        raise YamlFault(mark.line + 1 if mark else 1, f"not YAML: {problem}") from None
    except (UnicodeError, ValueError) as error:
        raise YamlFault(1, f"not YAML: {error}") from None
    return node, count


def _check_shape(text: str, depth_max: int, nodes_max: int, loader: Any) -> int:
    depth = count = 0
    for event in yaml.parse(text, Loader=loader):
        count += 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        reason = ""
        if isinstance(event, yaml.AliasEvent):
            reason = "aliases are not allowed"
        elif depth > depth_max:
            reason = "nested too deeply"
        elif count > nodes_max:
            reason = "too many values"
        if reason:
            mark = event.start_mark
            raise YamlFault(mark.line + 1 if mark else 1, reason)
    return count
