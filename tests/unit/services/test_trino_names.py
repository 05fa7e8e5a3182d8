"""Which dataset a table of Trino is: by its full name, or by what a dataset declares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.access.model import Dataset
from ombud.services.trino_names import TableNames, full_name, is_about_tables, table_name
from ombud.services.trino_request import Table

part = st.text(min_size=0, max_size=8) | st.text(alphabet='.".a', max_size=6)


@given(st.tuples(part, part, part), st.tuples(part, part, part))
def test_no_two_tables_have_one_name(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Dots and quotes in identifiers cannot make one table pass for another."""
    assert (full_name(*one) == full_name(*other)) == (one == other)


@given(part, part, part)
def test_a_table_is_the_dataset_of_its_name(catalog: str, schema: str, name: str) -> None:
    """Whatever identifiers hold, the dataset of the full name is found, and its catalog."""
    table = Table(catalog, schema, name)
    names = TableNames([Dataset(id=table_name(table)), Dataset(id="a.b"), Dataset(id="x")])
    assert names.dataset(table) == table_name(table)
    assert list(names.in_catalog(catalog)) == [table_name(table)]
    assert list(names.in_schema(catalog, schema)) == [table_name(table)]


def test_names_as_people_write_them() -> None:
    """Plain parts stay plain; what would be read as two parts is quoted."""
    assert full_name("hive", "people", "residents") == "hive.people.residents"
    assert full_name("hive", "a.b", 'say "x"') == 'hive."a.b"."say ""x"""'


def test_aliases() -> None:
    """A dataset says which tables it is, one or several, from any catalog."""
    names = TableNames(
        [
            Dataset(id="people", attributes={"trino": ["hive.p.people", "iceberg.p.people"]}),
            Dataset(id="cars", attributes={"trino": "hive.p.cars"}),
            Dataset(id="odd", attributes={"trino": 7}),
            Dataset(id="broken", attributes={"trino": 'hive."p.x'}),
        ]
    )
    assert names.dataset(Table("iceberg", "p", "people")) == "people"
    assert names.dataset(Table("hive", "p", "cars")) == "cars"
    assert names.dataset(Table("hive", "p", "none")) == "hive.p.none"
    assert sorted(names.everything()) == ["cars", "people", "people"]


def test_a_table_that_two_datasets_claim_is_nobodys() -> None:
    """It is not guessed which one counts."""
    names = TableNames(
        [Dataset(id="a", attributes={"trino": "h.p.t"}), Dataset(id="h.p.t"), Dataset(id="h.p.u")]
    )
    assert names.twice == {"h.p.t"}
    assert names.is_ambiguous(Table("h", "p", "t"))
    assert not names.is_ambiguous(Table("h", "p", "u"))


@pytest.mark.parametrize(
    ("name", "is_so"),
    [
        ("hive.information_schema.tables", True),
        ("hive.information_schema.columns", True),
        ("hive.information_schema.views", False),  # It shows the text of views.
        ("hive.information_schema.table_privileges", False),
        ("system.jdbc.tables", True),
        ("system.runtime.queries", True),
        ("system.runtime.nodes", False),
        ("system.metadata.catalogs", True),
        ("system.metadata.table_properties", False),
        ("hive.jdbc.tables", False),
        ("hive.people.tables", False),
    ],
)
def test_tables_about_tables(name: str, is_so: bool) -> None:
    """Only those whose rows Trino itself filters."""
    catalog, schema, table = name.split(".")
    assert is_about_tables(Table(catalog, schema, table)) is is_so
