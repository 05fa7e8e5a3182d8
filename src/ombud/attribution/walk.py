"""Walk: the relations, conditions and calls of a statement, gathered as facts.

Nodes are those of PostgreSQL's raw parse tree, as libpg_query writes it in JSON.
What is not known here (a function's body, a view's definition) is left to what
is declared and to the lines that the server logs for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ombud.attribution.calls import Calls
from ombud.attribution.facts import Pins, Relation, Term, Value
from ombud.attribution.output import Output, may_aggregate, partitioned, united
from ombud.attribution.predicates import (
    Predicates,
    TooLarge,
    bare,
    column_names,
    value_of,
)
from ombud.attribution.scope import Cte, Datasets, Scope

Json = dict[str, Any]

_NOT_READ = frozenset({"fromClause", "whereClause", "withClause", "targetList", "valuesLists"})


_LEFT_NULLABLE = frozenset({"JOIN_RIGHT", "JOIN_FULL"})
_RIGHT_NULLABLE = frozenset({"JOIN_LEFT", "JOIN_FULL"})
RELATIONS_MAX = 2_000  # Of one statement: WITH queries that use each other may double each time.


class Walk(Calls):
    """Walks queries; statements that change something are walked by `Changes`."""

    def __init__(self, datasets: Datasets) -> None:
        super().__init__(datasets)
        self.predicates = Predicates(self)
        self._nullable_depth = 0  # Of outer joins on whose nullable side this is.
        self._windows: list[Json] = []  # Of the SELECT that is walked.

    def table(self, node: Json, scope: Scope, *, is_target: bool = False) -> Relation:
        """Return the relation that a RangeVar stands for, added to the scope.

        What is changed (`is_target`) is a table, even if a WITH has its name.
        """
        self.seen.add(id(node))
        name, schema = node.get("relname", ""), node.get("schemaname", "")
        alias = node.get("alias", {}).get("aliasname", name)
        cte = scope.ctes.get(name) if not schema and not is_target else None
        known: Relation
        if cte is not None:
            known = cte.relation or self._refer(cte)
        else:
            found = self.datasets.dataset(schema, name)
            if found is not None:
                schema, written, kinds = found
                known = self.facts.add_relation(written, dataset=written, kinds=kinds)
            else:
                known = self.facts.add_relation(f"{schema}.{name}" if schema else name)
        if "alias" in node and node["alias"].get("colnames"):
            known = self._renamed(known, node["alias"]["colnames"])
        place = None if cte is not None or "alias" in node else schema
        scope.add(known, alias, place)
        return known

    def _renamed(self, relation: Relation, names: list[Json]) -> Relation:
        """Return a relation whose first columns have other names: whose, nobody knows here."""
        columns: dict[str, Term] = {}
        if relation.columns is not None and not relation.stars:
            terms = list(relation.columns.values())
            new = [name.get("String", {}).get("sval", "") for name in names]
            columns = dict(zip(new, terms, strict=False))
        return self.facts.add_relation(columns=columns)

    def derived(self, output: Output, names: Iterable[str] = ()) -> Relation:
        """Return the relation that a query's output is, its columns perhaps renamed."""
        renamed = list(names)
        columns: dict[str, Term] = {}
        if renamed and output.stars:  # Which columns have new names only the catalogue knows.
            return self.facts.add_relation(columns=columns)
        for place, (name, term, _) in enumerate(output.columns):
            known = renamed[place] if place < len(renamed) else name
            columns[known] = term if known not in columns else ()
        return self.facts.add_relation(columns=columns, stars=output.stars)

    def with_clause(self, node: Json, scope: Scope) -> None:
        """Make the names of a WITH known in a scope."""
        arounds: list[tuple[str, Scope]] = []
        for item in node.get("ctes", ()):
            cte = item.get("CommonTableExpr", {})
            name, query = cte.get("ctename", ""), cte.get("ctequery", {})
            names = tuple(part["String"].get("sval", "") for part in cte.get("aliascolnames", ()))
            around = Scope(scope)  # As it is here: later names are not known in this query,
            if node.get("recursive"):  # unless all names of the WITH are known in all its queries.
                around.ctes[name] = Cte(self.facts.add_relation(columns={}))
                arounds.append((name, around))
            if "SelectStmt" in query:
                scope.ctes[name] = Cte(None, query, names, around)
            else:  # It changes data, and does so once.
                scope.ctes[name] = Cte(self.derived(self.query(query, around), names))
            for earlier, within in arounds:
                if earlier != name:
                    within.ctes[name] = scope.ctes[name]

    def _refer(self, cte: Cte) -> Relation:
        """Return what a WITH query is at one of its uses: each has rows of its own to pin."""
        if len(self.facts.relations) > RELATIONS_MAX:
            raise TooLarge
        self.referred.add(id(cte.query))
        outputs: list[Output] = []

        def read() -> Term:
            outputs.append(self.query(cte.query, Scope(cte.scope)))
            return ()

        self.predicates.subquery(read, is_held=False)
        return self.derived(outputs[0], cte.names)

    def query(self, node: Json, scope: Scope) -> Output:
        """Walk a statement that may return rows."""
        select = node.get("SelectStmt")
        if select is not None:
            return self.select(select, scope)
        self.change(node, scope)
        return Output()

    def change(self, node: Json, scope: Scope) -> None:
        """Walk a statement that changes data; overridden where such are known."""
        self.expression(node, scope)

    def output(self, subselect: Json, scope: Scope, *, is_held: bool) -> Term:
        """Walk a subquery and return what its first column stands for."""

        def read() -> Term:
            output = self.query(subselect, Scope(scope))
            return output.columns[0][1] if output.columns and not output.stars else ()

        return self.predicates.subquery(read, is_held=is_held)

    def select(self, node: Json, scope: Scope, *, is_top: bool = False) -> Output:
        """Walk a SELECT, whose scope the caller made for it.

        That a subquery has rows says nothing of the rows outside when one side of a
        UNION has them, or when it is an aggregate, which has one even of none.
        """
        if is_top or not ("larg" in node or may_aggregate(node)):
            return self._select(node, scope, is_top=is_top)
        outputs: list[Output] = []

        def read() -> Term:
            outputs.append(self._select(node, scope, is_top=False))
            return ()

        self.predicates.subquery(read, is_held=False)
        return outputs[0]

    def _select(self, node: Json, scope: Scope, *, is_top: bool) -> Output:
        if "withClause" in node:
            self.with_clause(node["withClause"], scope)
        if "larg" in node:
            left = self.select(node["larg"], Scope(scope), is_top=is_top)
            right = self.select(node["rarg"], Scope(scope), is_top=is_top)
            return united(left, right)
        if "valuesLists" in node:
            return self._values(node["valuesLists"], scope)
        around, self._windows = self._windows, []
        pins = self.from_clause(node.get("fromClause", ()), scope)
        if "whereClause" in node:
            pins = pins.both(self.predicates.condition(node["whereClause"], scope))
        self.hold(pins)
        for key, inner in node.items():
            if key not in _NOT_READ and isinstance(inner, dict | list):
                self.expression(inner, scope)
        output = self.targets(node.get("targetList", ()), scope, is_top=is_top)
        windows, self._windows = self._windows, around
        return partitioned(output, windows, node, scope) if windows else output

    def hold(self, pins: Pins) -> None:
        """Add what a condition pins to what is pinned."""
        if self._nullable_depth:
            self.facts.join_pins = self.facts.join_pins.both(self._own(pins))
        else:
            self.facts.pins = self.facts.pins.both(self._own(pins))

    def _own(self, pins: Pins) -> Pins:
        """Return what a subquery that not every row meets pins of its own relations."""
        floor = self.predicates.floor
        return pins.only(range(floor, len(self.facts.relations))) if floor else pins

    def _values(self, rows: list[Json], scope: Scope) -> Output:
        first: list[tuple[str, Term, Value | None]] = []
        for row in rows:
            items = row.get("List", {}).get("items", ())
            if not first:
                first = [(f"column{place}", (), None) for place in range(1, len(items) + 1)]
            self.expression(items, scope)
        return Output(first)

    def targets(self, items: Iterable[Json], scope: Scope, *, is_top: bool = False) -> Output:
        """Walk a target list; the columns of the outermost one are those returned."""
        output = Output()
        for item in items:
            target = item.get("ResTarget", {})
            value = target.get("val", {})
            reference = value.get("ColumnRef") or bare(value).get("ColumnRef")
            if reference is None:
                if "A_Const" not in value:
                    self.expression(value, scope, is_top=is_top)
                output.columns.append((target.get("name", ""), (), value_of(value)))
                continue
            names = column_names(reference)
            if names is None:
                stars = self._stars(reference, scope)
                output.stars += stars
                if is_top:
                    for star in stars:
                        self._project_star(star)
                continue
            term = scope.term(names)
            if is_top:
                self.facts.use(term, self.facts.projected)
                continue
            output.columns.append((target.get("name", names[-1]), term, None))
        return output

    def _stars(self, reference: Json, scope: Scope) -> tuple[Relation, ...]:
        names = [part["String"].get("sval", "") for part in reference["fields"] if "String" in part]
        if not names:
            return tuple(scope.relations)
        relation = scope.relation(names[-1], names[-2] if len(names) > 1 else None)
        return (relation,) if relation is not None else ()

    def _project_star(self, relation: Relation) -> None:
        if relation.columns is None:
            self.facts.projected[f"{relation.name}.*"] = None
            return
        for term in relation.columns.values():
            self.facts.use(term, self.facts.projected)
        for star in relation.stars:
            self._project_star(star)

    def from_clause(self, items: Iterable[Json], scope: Scope) -> Pins:
        """Walk a FROM and return what the conditions of its inner joins pin."""
        pins = Pins()
        for item in items:
            pins = pins.both(self._from_item(item, scope))
        return pins

    def _from_item(self, item: Json, scope: Scope) -> Pins:
        for kind, node in item.items():
            if kind == "RangeVar":
                self.table(node, scope)
            elif kind == "JoinExpr":
                return self._join(node, scope)
            elif kind == "RangeSubselect":
                self._subselect(node, scope)
            elif kind == "RangeTableSample":
                return self._from_item(node.get("relation", {}), scope)
            else:
                self.expression(node, scope)
                alias = node.get("alias", {}).get("aliasname", "")
                scope.add(self.facts.add_relation(columns={}), alias)
        return Pins()

    def _subselect(self, node: Json, scope: Scope) -> None:
        outputs: list[Output] = []

        def read() -> Term:
            outputs.append(self.query(node.get("subquery", {}), Scope(scope)))
            return ()

        self.predicates.subquery(read, is_held=False)
        alias = node.get("alias", {})
        names = [part.get("String", {}).get("sval", "") for part in alias.get("colnames", ())]
        scope.add(self.derived(outputs[0], names), alias.get("aliasname", ""))

    def _side(self, item: Json, scope: Scope, *, is_nullable: bool) -> Pins:
        self._nullable_depth += is_nullable
        try:
            return self._from_item(item, scope)
        finally:
            self._nullable_depth -= is_nullable

    def _join(self, node: Json, scope: Scope) -> Pins:
        start, first = len(scope.relations), len(self.facts.relations)
        kind = node.get("jointype", "JOIN_INNER")
        inner = kind == "JOIN_INNER"
        pins = self._side(node.get("larg", {}), scope, is_nullable=kind in _LEFT_NULLABLE)
        middle, second = len(scope.relations), len(self.facts.relations)
        other = self._side(node.get("rarg", {}), scope, is_nullable=kind in _RIGHT_NULLABLE)
        pins = pins.both(other)
        left, right = scope.relations[start:middle], scope.relations[middle:]
        nullable = None
        if not inner:  # Of a full join both sides are: one is enough to tell them apart.
            side, own = (
                (left, range(first, second))
                if kind == "JOIN_RIGHT"
                else (right, range(second, len(self.facts.relations)))
            )
            # What a LATERAL passes on from outside stays outside.
            nullable = frozenset(
                number for each in side for number in each.bases() if number in own
            )
        if "alias" in node:
            stars = () if node["alias"].get("colnames") else (*left, *right)
            joined = self.facts.add_relation(columns={}, stars=stars)
            scope.name(joined, node["alias"].get("aliasname", ""))
        if "usingClause" in node or node.get("isNatural"):
            self._merge(node, scope, (left, right), nullable)
        if "quals" in node:
            is_full = kind == "JOIN_FULL"
            found = self.predicates.join_condition(
                node["quals"], scope, nullable=nullable, is_full=is_full
            )
            if nullable is None:
                return pins.both(found)
            if not is_full:
                self.facts.join_pins = self.facts.join_pins.both(found.only(nullable))
        if inner:
            return pins
        # What is pinned below an outer join is pinned on its own side at least.
        self.facts.join_pins = self.facts.join_pins.both(self._own(pins))
        return Pins()

    def _merge(
        self,
        node: Json,
        scope: Scope,
        sides: tuple[list[Relation], list[Relation]],
        nullable: frozenset[int] | None,
    ) -> None:
        left, right = sides
        names = [part.get("String", {}).get("sval", "") for part in node.get("usingClause", ())]
        if node.get("isNatural"):
            declared = {name for relation in left for name in relation.kinds}
            names = [name for relation in right for name in relation.kinds if name in declared]
        for name in names:
            one, other = scope.side(left, name), scope.side(right, name)
            is_full = node.get("jointype") == "JOIN_FULL"
            self.predicates.link(one, other, nullable=nullable, is_full=is_full)
            scope.merged[name] = (*scope.merged.get(name, ()), *one, *other)

    def expression(self, node: Any, scope: Scope, *, is_top: bool = False) -> None:
        """Look for calls and subqueries in any expression."""
        if isinstance(node, list):
            for item in node:
                self.expression(item, scope, is_top=is_top)
            return
        if not isinstance(node, dict):
            return
        for kind, inner in node.items():
            if kind == "ColumnRef":
                names = column_names(inner) if is_top else None
                if names is not None:
                    self.facts.use(scope.term(names), self.facts.projected)
            elif kind == "SubLink":
                self.expression(inner.get("testexpr"), scope)
                self.output(inner.get("subselect", {}), scope, is_held=False)
            elif kind == "FuncCall":
                self._function(inner, scope, is_top=is_top)
            elif kind != "A_Const" and isinstance(inner, dict | list):
                self.expression(inner, scope, is_top=is_top)

    def _function(self, node: Json, scope: Scope, *, is_top: bool) -> None:
        self.call(node)
        if "over" in node:
            self._windows.append(node["over"])
        self.expression(node.get("args"), scope, is_top=is_top)
        for part in ("agg_order", "agg_filter", "over"):
            self.expression(node.get(part), scope)
