"""Detection rules: the published rules that benchmarks of detection are run with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ombud.config.rule_files import read_rules
from ombud.core.errors import Conflict
from ombud.detect.matching.atoms import Keyword, Node
from ombud.detect.matching.tree import All, Not, Some
from ombud.detect.rule import Rule

RULES = Path("sigma") / "rules"
AWS = ("cloud/aws",)
CLOUD = ("cloud", "identity", "application")
EVERYTHING = ("",)
NO_VECTORS = "left out, for want of published rules and events (set OMBUD_VECTORS)"


@lru_cache(maxsize=4)
def published_rules(vectors: Path, folders: tuple[str, ...]) -> tuple[Rule, ...]:
    """Return the rules of these folders; raises `Conflict` if one is refused."""
    read = read_rules([vectors / RULES / folder for folder in folders])
    if read.refusals:
        raise Conflict(f"{len(read.refusals)} published rules are refused: {read.refusals[0]}")
    return read.rules


def without_keywords(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules that name the fields they look at."""
    return tuple(rule for rule in rules if not _has_keywords(rule.tree))


def _has_keywords(node: Node) -> bool:
    if isinstance(node, All | Some):
        return any(map(_has_keywords, node.parts))
    if isinstance(node, Not):
        return _has_keywords(node.part)
    return isinstance(node, Keyword)
