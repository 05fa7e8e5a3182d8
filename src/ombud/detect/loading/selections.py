"""Selections: the names that a rule gives to the parts of its condition.

They decide nothing and are not kept in the tree that runs; whoever explains a
rule to the person who wrote it finds the part again by what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigma.exceptions import SigmaError

from ombud.core.errors import RuleError
from ombud.detect.loading.condition import Placeholders, compile_detection
from ombud.detect.loading.documents import parse_documents
from ombud.detect.matching.atoms import Node

_NOT_NAMES = frozenset({"condition", "timeframe"})
_FAULTS = (SigmaError, RuleError, AttributeError, IndexError, KeyError, TypeError, ValueError)


def named_parts(
    document: Mapping[str, Any], placeholders: Placeholders | None = None
) -> dict[Node, str]:
    """Return the named parts of a rule's detection, as parts of its tree, with their names.

    Of two that say the same the first gives the name; what cannot be a part has none.
    """
    detection = document.get("detection")
    found: dict[Node, str] = {}
    if not isinstance(detection, dict):
        return found
    for name, item in detection.items():
        if name in _NOT_NAMES or not isinstance(name, str):
            continue
        try:
            tree = compile_detection({name: item}, [name], placeholders or {}).tree
        except _FAULTS:
            continue
        found.setdefault(tree, name)
    return found


def parts_of_file(text: bytes, rule_id: str) -> dict[Node, str]:
    """Return the named parts of one rule of a YAML file; none when it is not found there."""
    try:
        read = parse_documents(text)
    except RuleError:
        return {}
    documents = [one for one in read if isinstance(one, dict) and "detection" in one]
    named = [one for one in documents if rule_id in (one.get("id"), one.get("name"))]
    found = named or (documents if len(documents) == 1 else [])
    return named_parts(found[0]) if found else {}
