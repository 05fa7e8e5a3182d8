"""Strict YAML: a tree of nodes with their lines, of text whose shape was looked at first.

Making a tree recurses, and an alias makes much of few words: a million brackets
or ten nested aliases would end the process.  Both are refused before there is a tree.
"""

from __future__ import annotations

from typing import Any

import yaml

FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NODES_MAX = 2_000_000  # Each becomes an object with its place.


class YamlFault(Exception):  # noqa: N818 -- Named as the faults of files are.
    """Text that is no YAML, or YAML of a shape that is not taken; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def compose_yaml(text: str, *, depth_max: int, loader: Any = FAST_LOADER) -> yaml.Node | None:
    """Return the tree of the one document in a text, None of an empty one.

    Raises `YamlFault` for what is no YAML, for aliases, and for what is nested
    deeper than `depth_max`.
    """
    try:
        _check_shape(text, depth_max, loader)
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be read"
        raise YamlFault(mark.line + 1 if mark else 1, f"not YAML: {problem}") from None
    except (UnicodeError, ValueError) as error:
        raise YamlFault(1, f"not YAML: {error}") from None
    return node


def _check_shape(text: str, depth_max: int, loader: Any) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        reason = ""
        if isinstance(event, yaml.AliasEvent):
            reason = "aliases are not allowed"
        elif depth > depth_max:
            reason = "nested too deeply"
        elif count > NODES_MAX:
            reason = f"more than {NODES_MAX} values"
        if reason:
            mark = event.start_mark
            raise YamlFault(mark.line + 1 if mark else 1, reason)
