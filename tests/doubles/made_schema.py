"""Made schema: a database in a few lines of text, with the truth about whom its columns name.

One line a table: `name: column type flags; …`.  Flags: `pk`, `uq`, `>table.column`
(a foreign key), `~table.column` (one that nobody declared), `=kind` (the column
names a data subject: the truth, which no proposal reads).  A line that starts with
`view` gives the select behind `::`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ombud.attribution.catalogue import Catalogue, Column, ForeignKey, Place, Table
from ombud.attribution.names import quote_name
from ombud.attribution.proposal import Proposal

TYPES = {"int": "integer", "big": "bigint", "text": "text", "uuid": "uuid", "date": "date",
         "bool": "boolean", "num": "numeric", "ts": "timestamp with time zone"}  # fmt: skip


@dataclass(frozen=True)
class MadeSchema:
    """A catalogue, the statements that make it, and the kind of each column that names somebody."""

    name: str
    catalogue: Catalogue
    statements: tuple[str, ...]
    truth: Mapping[Place, str]

    def score(self, proposals: list[Proposal]) -> tuple[int, int, int]:
        """Return how many are right, wrong and missed; another kind than the truth is wrong."""
        proposed = {proposal.place: proposal.kind for proposal in proposals}
        right = sum(self.truth.get(place) == kind for place, kind in proposed.items())
        return right, len(proposed) - right, len(self.truth) - right


def _qualified(name: str) -> str:
    schema, _, table = name.rpartition(".")
    return quote_name((schema or "public", table))


def _place(text: str) -> Place:
    table, _, column = text.rpartition(".")
    return _qualified(table), column


def make_schema(name: str, text: str) -> MadeSchema:
    """Return the schema that a text describes."""
    reading = _Reading()
    for line in text.strip().splitlines():
        if line.strip():
            reading.line(line.strip())
    schemas = sorted({dataset.partition(".")[0] for dataset in reading.tables} - {"public"})
    made = [f"CREATE SCHEMA {schema}" for schema in schemas]
    return MadeSchema(
        name,
        Catalogue(reading.tables, tuple(reading.foreign)),
        (*made, *reading.statements, *reading.constraints, *reading.views),
        reading.truth,
    )


class _Reading:
    """What has been read so far."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.foreign: list[ForeignKey] = []
        self.statements: list[str] = []
        self.constraints: list[str] = []
        self.views: list[str] = []
        self.truth: dict[Place, str] = {}

    def line(self, line: str) -> None:
        head, _, rest = line.partition(":")
        rest, _, select = rest.partition("::")
        is_view = head.startswith("view ")
        dataset = _qualified(head.removeprefix("view ").strip())
        columns, primary, unique, made = [], [], [], []
        for part in filter(None, (part.strip() for part in rest.split(";"))):
            name, type_name, *flags = part.split()
            columns.append(Column(name, TYPES[type_name]))
            made.append(f"{_quoted(name)} {TYPES[type_name]}")
            for flag in flags:
                if flag == "pk":
                    primary.append(name)
                elif flag == "uq":
                    unique.append((name,))
                elif flag.startswith("="):
                    self.truth[dataset, name] = flag[1:]
                elif flag.startswith(">"):
                    self._reference(dataset, name, *_place(flag[1:]))
        if is_view:
            self.views.append(f"CREATE VIEW {dataset} AS {select.strip()}")
        else:
            keys = [f"PRIMARY KEY ({', '.join(map(_quoted, primary))})"] if primary else []
            keys += [f"UNIQUE ({_quoted(one)})" for (one,) in unique]
            self.statements.append(f"CREATE TABLE {dataset} ({', '.join([*made, *keys])})")
        self.tables[dataset] = Table(
            dataset, tuple(columns), tuple(primary), tuple(unique),
            definition=select.strip() if is_view else None,
        )  # fmt: skip

    def _reference(self, dataset: str, column: str, other: str, other_column: str) -> None:
        self.foreign.append(ForeignKey(dataset, (column,), other, (other_column,)))
        self.constraints.append(
            f"ALTER TABLE {dataset} ADD FOREIGN KEY ({_quoted(column)})"
            f" REFERENCES {other} ({_quoted(other_column)})"
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def without_foreign_keys(made: MadeSchema) -> MadeSchema:
    """Return the schema as those leave it who declare no foreign key."""
    catalogue = Catalogue(made.catalogue.tables, ())
    return MadeSchema(f"{made.name}, no foreign keys", catalogue, (), made.truth)


def renamed(made: MadeSchema, style: str) -> MadeSchema:
    """Return the schema with other names: `camel`, or `prefixed` as with `tbl_`.

    Views are left out: their definitions name tables.
    """

    def table(dataset: str) -> str:
        schema, _, name = dataset.rpartition(".")
        plain = name.strip('"')
        return quote_name((schema, _camel(plain) if style == "camel" else f"tbl_{plain}"))

    def column(name: str) -> str:
        return _camel(name) if style == "camel" else name

    def all_of(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(column, names))

    tables = {
        table(one.dataset): Table(
            table(one.dataset),
            tuple(Column(column(each.name), each.type) for each in one.columns),
            all_of(one.primary_key),
            tuple(map(all_of, one.unique)),
        )
        for one in made.catalogue.tables.values()
        if not one.is_view
    }
    foreign = tuple(
        ForeignKey(
            table(key.dataset),
            all_of(key.columns),
            table(key.referenced),
            all_of(key.referenced_columns),
        )
        for key in made.catalogue.foreign_keys
    )
    truth = {
        (table(dataset), column(name)): kind
        for (dataset, name), kind in made.truth.items()
        if not made.catalogue.tables[dataset].is_view
    }
    return MadeSchema(f"{made.name}, {style}", Catalogue(tables, foreign), (), truth)
