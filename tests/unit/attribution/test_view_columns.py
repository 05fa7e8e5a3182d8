"""Columns of views: followed to the table where they come from, and no further than that."""

from __future__ import annotations

import pytest

from ombud.attribution.catalogue import Catalogue, Column, Table
from ombud.attribution.view_columns import view_origins

TABLES = {
    name: Table(name, tuple(Column(column, "integer") for column in columns))
    for name, columns in {
        "public.p": ("id", "name"),
        "public.v": ("id", "p_id"),
        'public."Odd"': ("id", "x"),
    }.items()
}


@pytest.mark.parametrize(
    ("definition", "origins"),
    [
        ("select p.id, p.name as n from public.p", {"a": ("public.p", "id"),
                                                     "b": ("public.p", "name")}),
        ("select v.p_id, p.name from public.v join public.p on p.id = v.p_id",
         {"a": ("public.v", "p_id"), "b": ("public.p", "name")}),
        ("select q.k, 1 from (select id as k from public.p) q", {"a": ("public.p", "id")}),
        ("with c as (select id from public.p) select c.id, now() from c",
         {"a": ("public.p", "id")}),
        ("select id, upper(name) from public.p", {"a": ("public.p", "id")}),
        ("select id, max(p_id) from public.v group by id", {"a": ("public.v", "id")}),
        ("select id, name from public.p union all select id, name from public.p",
         {"a": ("public.p", "id"), "b": ("public.p", "name")}),
        ("select id from public.p union select p_id from public.v", {}),
        ('select o.id, o.x from public."Odd" o', {"a": ('public."Odd"', "id"),
                                                  "b": ('public."Odd"', "x")}),
        ("select id from public.p, public.v", {}),
        ("select nothing.id from public.nothing", {}),
        ("values (1, 2)", {}),
        ("select (", {}),
        ("select 1; select 2", {}),
        ("delete from public.p", {}),
        ("select " * 5 + "id from public.p", {}),
    ],
)  # fmt: skip
def test_view_origins(definition: str, origins: dict[str, tuple[str, str]]) -> None:
    """A column straight from a table is followed; what is reckoned or unclear is left out."""
    view = Table("public.w", (Column("a", "integer"), Column("b", "text")), definition=definition)

    assert view_origins(view, Catalogue(TABLES)) == origins


def test_depth_is_bounded() -> None:
    """Levels beyond the bound give nothing, and no error."""
    text = "select id from public.p"
    for _ in range(40):
        text = f"select id from ({text}) q"
    view = Table("public.w", (Column("a", "integer"),), definition=text)

    assert view_origins(view, Catalogue(TABLES)) == {}
