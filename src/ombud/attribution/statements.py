"""Statements: the data subjects of one system's statements, parsed once for each template."""

from __future__ import annotations

from functools import partial

from ombud.attribution.declarations import SystemDeclaration
from ombud.attribution.literals import Cut, Template, cut, is_plain, slots, split_comments
from ombud.attribution.names import split_name
from ombud.attribution.parameters import split_parameters
from ombud.attribution.plan import UNPARSED, Found, Plan, make_plan, of_inner
from ombud.attribution.scope import Datasets
from ombud.attribution.statement import Unparsed, gather, parse

PLANS_MAX = 2_048  # Of each of two generations: some 4 KB each.
CACHED_SIZE_MAX = 8_192  # Characters of a text whose plan is kept: bounds the memory of plans.
NOTHING = Found()
NOT_LOGGED = Found(None, ("statement_not_logged",))
INDIRECT = Found(None, ("indirect",))
TEMPORARY = ("temporary_table",)
_FUNCTION = Found(None, ("function",))

_MAYBE_COMMENTED = frozenset("/; \n\t\r")

Key = str | Template


class Plans:
    """Plans by text or template: the less used half is forgotten when there are too many.

    Threads may share one: what is lost by it is parsed again.
    """

    def __init__(self) -> None:
        self.young: dict[Key, Plan] = {}
        self._old: dict[Key, Plan] = {}

    def get(self, key: Key) -> Plan | None:
        """Return the plan of a text or template."""
        plan = self.young.get(key)
        if plan is None and self._old:
            plan = self._old.get(key)
            if plan is not None:
                self.put(key, plan)
        return plan

    def put(self, key: Key, plan: Plan) -> None:
        """Keep a plan."""
        if len(self.young) >= PLANS_MAX:
            self._old, self.young = self.young, {}
        self.young[key] = plan


class Statements:
    """Reads the statements of one system."""

    def __init__(self, declaration: SystemDeclaration) -> None:
        self.datasets = datasets = Datasets(declaration.search_path)
        for written, kinds in declaration.subjects.items():
            name = split_name(written)
            if name is not None:
                datasets.kinds[name] = written, kinds
        for written, parameters in declaration.functions.items():
            name = split_name(written)
            if name is not None:
                datasets.functions[name] = parameters
        self._names = frozenset(declaration.subjects)
        self._plans = Plans()

    def is_declared(self, dataset: str) -> bool:
        """Whether a dataset, named as the log names it, is declared."""
        if dataset in self._names:
            return True
        name = split_name(dataset) if '"' in dataset else None
        return name in self.datasets.kinds

    def _hides(self, dataset: str) -> bool:
        """Whether a temporary table has the name of a declared one, which it then stands for."""
        name = split_name(dataset)
        return name is not None and self.datasets.dataset("", name[1]) is not None

    def find(
        self,
        text: str | None,
        listed: str | None = "",
        *,
        dataset: str | None = None,
        is_inner: bool = False,
    ) -> Found:
        """Return the data subjects of a statement.

        `listed` are its parameters as CSV; None when they were not logged.
        `dataset` is the one that the log names beside it, `is_inner` says that a
        function, a trigger or DO ran it.
        """
        if text is None:
            return NOT_LOGGED if dataset is not None and self.is_declared(dataset) else NOTHING
        plan, pieces = self._plans.young.get(text), None
        if plan is None:
            plan, pieces = self.plan(text)
        if plan.touches:
            if dataset is not None and dataset.startswith("pg_temp") and self._hides(dataset):
                return plan.settled._replace(reasons=TEMPORARY)
            if plan.takes:
                found = plan.fill(pieces, split_parameters(listed) if listed is not None else None)
            else:
                found = plan.settled
            if plan is UNPARSED and dataset is not None:
                return found if self.is_declared(dataset) else NOTHING
            return of_inner(found) if is_inner and found.reasons else found
        if dataset is not None and self.is_declared(dataset):
            reason = _FUNCTION if is_inner else INDIRECT
            return plan.settled._replace(reasons=reason.reasons)
        return plan.settled

    def plan(self, text: str) -> tuple[Plan, Cut | None]:
        """Return the plan that holds for a text, and the text cut as it wants it."""
        plan = self._plans.get(text)
        if plan is not None:
            return plan, None
        body = text
        if text[-1:] in _MAYBE_COMMENTED or text[:1] == "/":
            body = split_comments(text)[0]
        pieces = cut(body)
        if pieces is not None:
            plan = self._plans.get(pieces[0])
            if plan is not None:
                return plan, pieces
        return self._parse(text, body, pieces)

    def _parse(self, text: str, body: str, pieces: Cut | None) -> tuple[Plan, Cut | None]:
        """Parse a text; keep its plan by template where that is exact, else by the text."""
        is_kept = len(text) <= CACHED_SIZE_MAX
        if pieces is not None and is_kept and is_plain(pieces[0]):
            try:
                statements, tree = parse(body)
                if _constants(tree) == len(pieces[1]) // 2 + len(pieces[2]) // 2:
                    facts = gather(statements, tree, self.datasets)
                    plan = make_plan(facts, partial(slots, body, pieces))
                    if plan is not None:
                        self._plans.put(pieces[0], plan)
                        return plan, pieces
            except Unparsed:
                pass  # Perhaps the comment was none: the whole text decides.
        plan = self.parse_whole(text)
        if is_kept:
            self._plans.put(text, plan)
        return plan, None

    def parse_whole(self, text: str) -> Plan:
        """Return the plan of one text, from nothing but the parser."""
        try:
            plan = make_plan(gather(*parse(text), self.datasets), None)
        except Unparsed:
            return UNPARSED
        return plan if plan is not None else UNPARSED


def _constants(tree: bytes) -> int:
    """Return how many constants of a tree were written as strings or numbers.

    Quotes within a string of the tree are escaped, so that it cannot look like a node.
    """
    return tree.count(b'"A_Const":{') - tree.count(b'{"boolval":{') - tree.count(b'"isnull":true')
