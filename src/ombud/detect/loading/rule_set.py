"""Rule set: rules, filters and correlations of a home or a command, and all that was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ombud.core.errors import RuleError
from ombud.detect.correlation.linking import link
from ombud.detect.correlation.model import Correlation
from ombud.detect.correlation.parsing import parse_correlation
from ombud.detect.correlation.telling import check_telling
from ombud.detect.loading.condition import Placeholders
from ombud.detect.loading.documents import parse_documents
from ombud.detect.loading.filters import FILTERS_MAX, Filter, apply_filters, parse_filter
from ombud.detect.rule import (
    OTHER_KINDS,
    PARSE_ERRORS,
    Refusal,
    Rule,
    check_document,
    id_of,
    parse_rule,
    reason_of,
)

CORRELATIONS_MAX = 10_000  # Of one set.

_REFUSED_KINDS = {"action": OTHER_KINDS["action"]}


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in the order of their files, filtered; the filters that apply; every refusal.

    Each correlation stands after those that it refers to.
    """

    rules: tuple[Rule, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    filters: tuple[Filter, ...] = ()
    correlations: tuple[Correlation, ...] = ()

    @property
    def feeding(self) -> frozenset[str]:
        """Ids of what opens no alert of its own, being there for correlations.

        What one correlation that says `generate` refers to does open alerts.
        """
        generating = {name for one in self.correlations if one.generate for name in one.rules}
        named = {name for one in self.correlations for name in one.rules}
        return frozenset(named - generating)


def load_rules(
    files: Iterable[tuple[str, bytes]], *, placeholders: Placeholders | None = None
) -> RuleSet:
    """Return what all files (name and content) hold, and every refusal.

    The second document with an id or a name is refused: alerts are keyed by ids,
    and correlations and filters refer to either.
    """
    loading = _Loading(placeholders or {})
    for path, text in files:
        loading.read(path, text)
    return loading.finish()


class _Loading:
    """Sorts the documents of all files and notes what is refused."""

    def __init__(self, placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self._taken: dict[str, tuple[str, Any]] = {}  # Id or name → where, and what has it.
        self._rules: list[Rule] = []
        self._filters: list[Filter] = []
        self._correlations: list[Correlation] = []
        self._refusals: list[Refusal] = []

    def read(self, path: str, text: bytes) -> None:
        """Take in one file."""
        try:
            documents = parse_documents(text)
        except RuleError as error:
            self._refusals.append(Refusal(path, None, reason_of(error)))
            return
        for document in documents:
            try:
                check_document(document, _REFUSED_KINDS)
                self._take(document, path)
            except PARSE_ERRORS as error:
                self._refusals.append(Refusal(path, id_of(document), reason_of(error)))

    def _take(self, document: Mapping[str, Any], path: str) -> None:
        kinds = sorted({"detection", "filter", "correlation"} & document.keys())
        if len(kinds) > 1:
            raise RuleError(f"a document is either of `{'`, `'.join(kinds)}`: write two")
        if "filter" in document:
            if len(self._filters) == FILTERS_MAX:
                raise RuleError(f"there are more than {FILTERS_MAX} filters")
            self._keep(document, path, parse_filter, self._filters)
        elif "correlation" in document:
            if len(self._correlations) == CORRELATIONS_MAX:
                raise RuleError(f"there are more than {CORRELATIONS_MAX} correlations")
            self._keep(document, path, _correlation, self._correlations)
        else:
            self._keep(document, path, parse_rule, self._rules)

    def _keep(
        self, document: Mapping[str, Any], path: str, parse: Callable[..., Any], kept: list[Any]
    ) -> None:
        made = parse(document, path=path, placeholders=self._placeholders)
        for key, name in (("id", made.id), ("name", made.name)):
            first, owner = self._taken.get(name, (path, made))
            if name and owner is not made:
                raise RuleError(f"{key} is already taken by {first}")
        for name in filter(None, (made.id, made.name)):
            self._taken[name] = (path, made)
        kept.append(made)

    def finish(self) -> RuleSet:
        """Return the set, what refers to others resolved."""
        rules, filters, refusals = apply_filters(self._rules, self._filters)
        correlations, unlinked = link(self._correlations, rules)
        return RuleSet(
            tuple(rules),
            (*self._refusals, *refusals, *unlinked),
            tuple(filters),
            correlations,
        )


def _correlation(
    document: Mapping[str, Any], *, path: str, placeholders: Placeholders
) -> Correlation:
    del placeholders  # A correlation has no values that could hold any.
    correlation = parse_correlation(document, path=path)
    check_telling(correlation)
    return correlation
