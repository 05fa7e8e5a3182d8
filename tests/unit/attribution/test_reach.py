"""What a statement can reach: with no flag, its answer needs the rows of the persons named alone.

Random queries are answered twice by DuckDB: over all rows, and over those of the
persons that attribution named.  Where it says that nobody is missing the answers are one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import pytest

from ombud.attribution.declarations import SystemDeclaration
from ombud.attribution.statements import Statements

DECLARED = SystemDeclaration(
    system="postgresql/x",
    subjects={
        "main.people": {"id": "person", "ssn": "ssn"},
        "main.visits": {"pid": "person"},
        "main.letters": {"sender": "person", "recipient": "person"},
    },
    search_path=("main",),
)
TABLES = {
    "people": ["id", "ssn", "n"],
    "visits": ["pid", "n"],
    "letters": ["sender", "recipient", "n"],
    "other": ["k", "n"],
}
PEOPLE = range(1, 7)
SSN = 100  # More than the person's number.
JOINS = [",", "join", "join", "left join", "left join", "right join", "full join"]
Names = dict[str, list[str]]


class Queries:
    """Random SELECTs over the tables; each is of PostgreSQL and of DuckDB alike."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._aliases = 0
        self._withs: Names = {}

    def query(self) -> str:
        """Return one query."""
        parts = []
        for number in range(self._random.choice([0, 0, 1, 2])):
            text, names = self._select(1, {})
            parts.append(f"w{number} as ({text})")
            self._withs[f"w{number}"] = names
        start = f"with {', '.join(parts)} " if parts else ""
        return start + self._select(2, {})[0]

    def _table(self, depth: int, outer: Names, *, lateral: bool) -> tuple[str, Names]:
        pick = self._random.random()
        self._aliases += 1
        alias = f"t{self._aliases}"
        if depth <= 0 or pick < 0.55:
            table = self._random.choice(list(TABLES))
            return f"{table} {alias}", {alias: TABLES[table]}
        if self._withs and pick < 0.7:
            table = self._random.choice(list(self._withs))
            return f"{table} {alias}", {alias: self._withs[table]}
        if lateral and pick < 0.8:
            text, names = self._select(depth - 1, outer)
            return f"lateral ({text}) {alias}", {alias: names}
        text, names = self._select(depth - 1, {})
        if pick < 0.9:
            names = [f"r{number}" for number in range(len(names))]
            return f"({text}) {alias} ({', '.join(names)})", {alias: names}
        return f"({text}) {alias}", {alias: names}

    def _from(self, depth: int, outer: Names) -> tuple[str, Names]:
        text, names = self._table(depth, {}, lateral=False)
        for _ in range(self._random.choice([0, 0, 1, 1, 2])):
            join = self._random.choice(JOINS)
            lateral = join in {",", "join", "left join"}
            other, found = self._table(depth, {**outer, **names}, lateral=lateral)
            last = list(names)[-1]
            if join == ",":
                text, names = f"{text}, {other}", {**names, **found}
                continue
            around = names if "," not in text.split("join")[0] else {last: names[last]}
            on = self._on({**around, **found}, depth if lateral else 0)
            text, names = f"{text} {join} {other} on {on}", {**names, **found}
        return text, names

    def _on(self, names: Names, depth: int) -> str:
        if self._random.random() < 0.6:
            return f"{self._column(names)} = {self._column(names)}"
        return self._condition(depth - 1, names, {})

    def _column(self, names: Names) -> str:
        return self._random.choice([f"{a}.{c}" for a, columns in names.items() for c in columns])

    def _condition(self, depth: int, names: Names, outer: Names) -> str:
        column, other = self._column(names), self._column({**names, **outer})
        one, two = (self._random.choice([1, 2, 3, 4, 5, 101, 103]) for _ in range(2))
        simple = [
            *[f"{column} = {one}"] * 4, *[f"{column} = {other}"] * 2,
            f"{column} in ({one}, {two})", f"{column} is not distinct from {one}",
            f"{column} is null", f"({column}, {other}) = ({one}, {two})", f"{column} <> {one}",
        ]  # fmt: skip
        pick = self._random.random()
        if depth <= 0 or pick < 0.6:
            return self._random.choice(simple)
        left, right = (self._condition(depth - 1, names, outer) for _ in range(2))
        inner = self._select(depth - 1, {**outer, **names}, width=1)[0]
        return self._random.choice([
            f"({left} and {right})", f"({left} or {right})", f"not ({left})",
            f"{column} in ({inner})", f"exists ({inner})", f"not exists ({inner})",
        ])  # fmt: skip

    def _select(self, depth: int, outer: Names, *, width: int = 0) -> tuple[str, list[str]]:
        if depth > 0 and self._random.random() < 0.15:
            width = width or 2
            (one, names), (two, _) = (self._select(depth - 1, outer, width=width) for _ in "12")
            word = self._random.choice(["union", "union all", "except", "intersect"])
            return f"{one} {word} {two}", names
        source, found = self._from(depth, outer)
        where = ""
        if self._random.random() < 0.85:
            where = f" where {self._condition(depth, found, outer)}"
        if not width and len(found) == 1 and self._random.random() < 0.3:
            return f"select * from {source}{where}", next(iter(found.values()))
        width = width or self._random.choice([1, 2, 3])
        items = [self._item(found, outer) for _ in range(width)]
        names = [f"c{self._aliases}_{number}" for number in range(width)]
        listed = ", ".join(f"{item} as {name}" for item, name in zip(items, names, strict=True))
        return f"select {listed} from {source}{where}", names

    def _item(self, names: Names, outer: Names) -> str:
        column = self._column(names)
        return self._random.choice(
            [column] * 8
            + [self._column({**names, **outer}), f"sum(1) over (partition by {column})", "4"]
        )


def fill(base: duckdb.DuckDBPyConnection, schema: str, kept: frozenset[int]) -> None:
    """Make the tables of a schema, with the rows of some persons; `other` is about nobody."""
    base.execute(f"create schema if not exists {schema}; use {schema}")
    for table, columns in TABLES.items():
        base.execute(f"create table {table} ({', '.join(f'{name} int' for name in columns)})")
    for one in PEOPLE:
        base.execute("insert into other values (?, ?)", [one, one * 3 % 7])
        if one in kept:
            base.execute("insert into people values (?, ?, ?)", [one, one + SSN, one * 10])
            for day in range(one % 3):
                base.execute("insert into visits values (?, ?)", [one, day])
        for two in (1, 3, 5):
            if one in kept or two in kept:
                base.execute("insert into letters values (?, ?, ?)", [one, two, one * two])


@pytest.fixture
def base() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give an empty database."""
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def test_nobody_is_missing(base: duckdb.DuckDBPyConnection) -> None:
    """Thousands of queries: those without a flag depend on nobody who is not named."""
    statements = Statements(DECLARED)
    schemas: dict[frozenset[int], str] = {}
    everybody = frozenset(PEOPLE)
    compared = 0
    for seed in range(2_500):
        text = Queries(seed).query()
        found = statements.find(text)
        if found.reasons:
            continue
        kept = frozenset(
            int(key) - (SSN if kind == "ssn" else 0) for kind, key in found.subjects or ()
        )
        answers = []
        for people in (everybody, kept & everybody):
            if people not in schemas:
                schemas[people] = f"s{len(schemas)}"
                fill(base, schemas[people], people)
            base.execute(f"use {schemas[people]}")
            try:
                answers.append(sorted(map(repr, base.execute(text).fetchall())))
            except duckdb.BinderException:  # Names that only PostgreSQL resolves.
                break
        else:
            compared += bool(found.subjects)
            assert answers[0] == answers[1], (text, found.subjects)
    assert compared > 200
