"""Calls: the declared functions that a statement calls, and what a walk of it did not come to."""

from __future__ import annotations

from typing import Any

from ombud.attribution.facts import Facts
from ombud.attribution.predicates import bare, is_null, value_of
from ombud.attribution.scope import Datasets

Json = dict[str, Any]

_NEW_NAMES = frozenset({"into", "intoClause", "lockedRels"})


class Calls:
    """Notes calls, and which tables and calls of a tree were seen."""

    def __init__(self, datasets: Datasets) -> None:
        self.facts = Facts()
        self.seen: set[int] = set()  # Tables and calls, by `id` of their node.
        self.referred: set[int] = set()  # Queries of WITH.
        self.datasets = datasets

    def call(self, node: Json) -> None:
        """Note a call, if it is of a declared function or sets a variable."""
        self.seen.add(id(node))
        names = [part.get("String", {}).get("sval", "") for part in node.get("funcname", ())]
        if not names:
            return
        arguments = node.get("args", ())
        if names[-1] == "set_config" and len(arguments) == 3:
            self._setting(arguments)
            return
        kinds = self.datasets.function(names[-2] if len(names) > 1 else "", names[-1])
        if kinds is None:
            return
        if any("NamedArgExpr" in argument for argument in arguments):
            self.facts.lost["function"] = None
            return
        for kind, argument in zip(kinds, arguments, strict=False):
            if kind is None:
                continue
            value = value_of(argument)
            if value is not None:
                self.facts.given.append((kind, value))
            else:
                self.facts.lost["null" if is_null(argument) else "expression"] = None

    def overlooked(self, node: Any) -> None:
        """Tell of declared tables and functions that the walk did not come to."""
        if isinstance(node, list):
            for item in node:
                self.overlooked(item)
            return
        if not isinstance(node, dict):
            return
        if id(node) not in self.seen:
            self._overlooked(node)
        for key, inner in node.items():
            if key == "ctequery" and "SelectStmt" in inner and id(inner) not in self.referred:
                continue  # The server does not run it either.
            if key not in _NEW_NAMES:
                self.overlooked(inner)

    def _overlooked(self, node: Json) -> None:
        schema = node.get("schemaname", "")
        if "relname" in node and self.datasets.dataset(schema, node["relname"]) is not None:
            self.facts.lost["not_read"] = None
        if "funcname" in node:
            before = len(self.facts.given), len(self.facts.settings)
            self.call(node)
            if (len(self.facts.given), len(self.facts.settings)) != before:
                self.facts.lost["not_read"] = None

    def _setting(self, arguments: list[Json]) -> None:
        local = bare(arguments[2]).get("A_Const", {})
        # TRUE or FALSE; of `'t'` or `1::boolean` other texts of the template may say otherwise.
        truth = bool(local["boolval"].get("boolval")) if "boolval" in local else None
        self.facts.settings.append((value_of(arguments[0]), value_of(arguments[1]), truth))
