"""Selections: the names that a rule gives to the parts of its condition.

They decide nothing and are not kept in the tree that runs; whoever explains a
rule to the person who wrote it finds the part again by what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigma.exceptions import SigmaError

from ombud.core.errors import RuleError
from ombud.detect.atoms import Node
from ombud.detect.condition import Placeholders, compile_detection
from ombud.detect.documents import parse_documents

_NOT_NAMES = frozenset({"condition", "timeframe"})
_FAULTS = (SigmaError, RuleError, AttributeError, KeyError, TypeError, ValueError)


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
            tree = compile_detection({"part": item}, ["part"], placeholders or {}).tree
        except _FAULTS:
            continue
        found.setdefault(tree, name)
    return found


def parts_of_file(text: bytes, rule_id: str) -> dict[Node, str]:
    """Return the named parts of one rule of a YAML file; none when it is not found there."""
    try:
        documents = [
            document
            for document in parse_documents(text)
            if isinstance(document, dict) and "detection" in document
        ]
    except RuleError:
        return {}
    named = [document for document in documents if rule_id in _ids(document)]
    found = named or (documents if len(documents) == 1 else [])
    return named_parts(found[0]) if found else {}


def _ids(document: Mapping[str, Any]) -> tuple[Any, Any]:
    return (document.get("id"), document.get("name"))
