"""What of a table is shown: never an answer that Trino takes for "no filter" by chance."""

from __future__ import annotations

from typing import Any

import pytest

from doubles.trino_door import KEY, POLICY, TRINO, Door, ask, table, with_columns
from ombud.core.errors import InputError
from ombud.services.trino_view import FilterError

NATION = table("tpch.tiny.nation")
COLUMNS = {
    "nationkey": "bigint",
    "name": "varchar(25)",
    "regionkey": "bigint",
    "comment": "varchar(152)",
}
PEOPLE = table("memory.default.people")
OPEN = table("hive.a.open")


def test_rows_and_columns_of_a_purpose() -> None:
    """The filter has the actor's region; columns out of scope are NULL, names are hashed."""
    door = Door()
    assert door.filters(NATION) == ['(("regionkey" = 3))']
    assert door.filters(NATION, user="bob", query="q2") == ['(("regionkey" = 1))']
    masks = door.masks(NATION, COLUMNS)
    assert masks.keys() == {"name", "regionkey", "comment"}
    assert masks["comment"] == masks["regionkey"] == "NULL"
    assert KEY.hex().upper() in masks["name"]
    assert masks["name"].endswith("AS varchar(25))")


def test_no_filter_and_no_mask_are_said_only_by_decision() -> None:
    """An empty list of filters and a null mask: for a table of which everything may be seen."""
    door = Door()
    assert door.trino.row_filters(ask("GetRowFilters", OPEN), asker=TRINO) == {"result": []}
    column = {"column": {**OPEN["table"], "columnName": "a", "columnType": "bigint"}}
    assert door.trino.column_mask(ask("GetColumnMask", column), asker=TRINO) == {"result": None}
    masks = ask("GetColumnMask", filterResources=[column])
    assert door.trino.batch_column_masks(masks, asker=TRINO) == {"result": []}
    for said in ({"purpose": None}, {"purpose": "other"}, {"user": "eve"}):
        asked: dict[str, Any] = {**said, "query": "q2"}
        assert door.filters(OPEN, **asked) == ["false"]
        answer = door.trino.column_mask(ask("GetColumnMask", column, **asked), asker=TRINO)
        assert answer == {"result": {"expression": "NULL"}}


def test_a_table_that_was_denied_shows_nothing_afterwards() -> None:
    """Whoever asks for the filters of a table that may not be read gets no row."""
    door = Door()
    assert not door.allow("SelectFromColumns", with_columns(NATION, "comment"))
    assert door.filters(NATION) == ["false"]
    assert door.filters(NATION, query="another") == ['(("regionkey" = 3))']


def test_a_query_reads_what_it_was_told_how_to_show() -> None:
    """In Trino's own order: masks, filters, then whether the columns may be read."""
    door = Door()
    assert door.select(NATION, {"nationkey": "bigint", "name": "varchar(25)"})
    assert not door.select(NATION, {"comment": "varchar(152)"}, query="q2")


def test_columns_of_the_filter_are_checked_by_trino_and_shown_to_nobody() -> None:
    """Trino asks for them as if the query named them; their mask is NULL."""
    door = Door()
    masks = door.masks(NATION, COLUMNS)
    assert masks["regionkey"] == "NULL"
    assert door.allow("SelectFromColumns", with_columns(NATION, "name", "regionkey"))
    (decision,) = door.decisions()
    assert '"columns":["name"]' in (decision.query_text or "")


def test_columns_that_trino_looks_at_before_it_masks_them() -> None:
    """Of each column with a mask it asks first whether it may be read, and denies nobody then."""
    door = Door()
    masks = door.masks(NATION, COLUMNS)
    answers = {c: door.allow("SelectFromColumns", with_columns(NATION, c)) for c in masks}
    assert answers == {"name": True, "regionkey": True, "comment": False}
    assert door.filters(NATION) == ['(("regionkey" = 3))']  # Nothing was denied to anybody.
    assert door.allow("SelectFromColumns", with_columns(NATION, "nationkey", "regionkey", "name"))
    assert [event.decision_permit for event in door.decisions()] == [True, True, True]
    (event,) = door.joined()
    assert (event.outcome, event.flags) == ("success", None)
    assert event.columns_projected == ("name", "nationkey")


def test_a_mask_that_trino_left_out_is_not_read_without() -> None:
    """Denied while Trino looked at its mask, permitted a moment later: the mask is not there."""
    door = Door(POLICY.replace('"person:ana", "person:bob"', '"person:bob"'))
    door.masks(NATION, COLUMNS)
    name = with_columns(NATION, "name")
    assert not door.allow("SelectFromColumns", name)
    door.live.apply(POLICY)
    said = ["trino_filters_changed"]
    assert door.reasons("SelectFromColumns", name) == said
    door.queries.close()

    door = Door()
    door.masks(NATION, COLUMNS)
    door.queries._unfiltered.add(TRINO.person)  # Denied for a moment.
    assert not door.allow("SelectFromColumns", name)
    door.filters(NATION)
    assert door.reasons("SelectFromColumns", name) == ["trino_mask_skipped"]
    assert door.select(NATION, {"name": "varchar(25)"}, query="q2")


@pytest.mark.parametrize("columns", [["name"], ["regionkey"], ["regionkey", "nationkey"]])
def test_masks_that_were_never_asked_for(columns: list[str]) -> None:
    """Without `batch-column-masking-uri` a column that needs a mask is not read at all."""
    door = Door()
    select = with_columns(NATION, *columns)
    assert door.reasons("SelectFromColumns", select) == ["trino_masks_not_asked"]
    assert door.allow("SelectFromColumns", with_columns(NATION, "nationkey"))


def test_masks_of_another_query_do_not_count() -> None:
    """Each query asks for its own."""
    door = Door()
    door.masks(NATION, COLUMNS, query="q1")
    select = with_columns(NATION, "name")
    assert door.reasons("SelectFromColumns", select, query="q2") == ["trino_masks_not_asked"]
    door.masks(NATION, COLUMNS, query="q3", user="bob")
    assert door.reasons("SelectFromColumns", select, query="q3") == ["trino_masks_not_asked"]


def test_filters_that_were_never_asked_for_are_an_alarm_and_then_a_refusal() -> None:
    """After a read that nobody filtered, this Trino reads nothing that needs a filter."""
    door = Door()
    door.masks(NATION, COLUMNS)
    assert door.allow("SelectFromColumns", with_columns(NATION, "nationkey"))
    (event,) = door.joined()
    assert event.flags == ("trino_filters_not_asked",)
    door.masks(NATION, COLUMNS, query="q2")
    select = with_columns(NATION, "nationkey")
    said: dict[str, Any] = {"query": "q2"}
    assert door.reasons("SelectFromColumns", select, **said) == ["trino_filters_not_asked"]
    assert door.select(OPEN, {"a": "bigint"}, query="q3")  # It asks: it was mended.
    assert door.select(NATION, {"nationkey": "bigint"}, query="q4")


def test_no_alarm_where_nothing_was_left_to_chance() -> None:
    """Queries that asked, that only wrote, that were denied, or that read tables about tables."""
    door = Door()
    assert door.select(NATION, COLUMNS | {"name": "varchar"}) is False
    assert door.select(OPEN, {"a": "bigint"}, query="q2")
    assert door.allow("InsertIntoTable", table("hive.a.target"), query="q3")
    columns = table("tpch.information_schema.tables", "table_name")
    assert door.allow("SelectFromColumns", columns, query="q4")
    assert [event.flags for event in door.joined()] == [None] * 4


def test_a_policy_that_changes_within_a_query() -> None:
    """What Trino was told to leave out no longer fits: the query fails, the next one does not."""
    door = Door()
    door.masks(NATION, COLUMNS)
    door.filters(NATION)
    door.live.apply(POLICY.replace("row.regionkey == actor.region", "row.nationkey > 5"))
    select = with_columns(NATION, "nationkey")
    assert door.reasons("SelectFromColumns", select) == ["trino_filters_changed"]
    assert door.select(NATION, {"nationkey": "bigint"}, query="q2")
    door.masks(NATION, COLUMNS, query="q3")
    door.live.apply(POLICY.replace("kind: hash", 'kind: "null"'))
    named = with_columns(NATION, "name")
    assert door.reasons("SelectFromColumns", named, query="q3") == []  # Trino looks at the mask.
    assert door.reasons("SelectFromColumns", named, query="q3") == ["trino_filters_changed"]


def test_lines_that_show_different_rows_of_one_table() -> None:
    """Trino asks for filters before it knows columns: the first line that has the table counts."""
    door = Door()
    lines = table("hive.a.lines")
    assert door.filters(lines) == ['(("x" = 1))']
    assert door.masks(lines, {"a": "bigint", "b": "bigint"}) == {"b": "NULL"}
    assert door.allow("SelectFromColumns", with_columns(lines, "a", "x")) is False  # No mask of x.
    assert not door.allow("SelectFromColumns", with_columns(lines, "b"))  # Trino looks at the mask.
    assert door.reasons("SelectFromColumns", with_columns(lines, "b")) == ["trino_lines_differ"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("hive.a.limited", "max_rows"), ("hive.a.marked", "watermark")],
)
def test_what_trino_cannot_be_made_to_keep(name: str, reason: str) -> None:
    """A limit of rows and a watermark are not enforced by anybody: nothing is read."""
    door = Door()
    one = table(name)
    assert door.reasons("SelectFromColumns", with_columns(one, "a")) == [
        f"obligation_unknown:{reason}"
    ]
    assert door.filters(one) == ["false"]
    assert door.masks(one, {"a": "bigint"}) == {"a": "NULL"}
    later = Door(rows_counted_later=True)
    assert later.select(one, {"a": "bigint"}) is (reason == "max_rows")


def test_columns_for_aggregates_alone() -> None:
    """Trino does not say what becomes of a column, so it is not shown at all."""
    door = Door()
    counted = table("hive.a.counted")
    assert door.masks(counted, {"salary": "bigint", "unit": "varchar"}) == {"salary": "NULL"}
    assert door.reasons("SelectFromColumns", with_columns(counted, "salary")) == []  # A look.
    reasons = door.reasons("SelectFromColumns", with_columns(counted, "salary"))
    assert reasons == ["aggregate_only:salary"]
    assert door.select(counted, {"unit": "varchar"}, query="q2")


def test_tables_that_were_claimed_twice() -> None:
    """Neither dataset counts."""
    door = Door(POLICY.replace("trino: vault.hidden.table", "trino: hive.a.open"))
    assert door.reasons("SelectFromColumns", with_columns(OPEN, "a")) == ["trino_table_ambiguous"]
    assert door.filters(OPEN) == ["false"]
    assert door.masks(OPEN, {"a": "bigint"}) == {"a": "NULL"}
    assert not door.allow("FilterTables", OPEN)
    assert not door.allow("InsertIntoTable", OPEN)


def test_counting_rows_names_no_column() -> None:
    """`count(*)` reads no column, and its rows are filtered all the same."""
    door = Door()
    assert door.filters(NATION) == ['(("regionkey" = 3))']
    assert door.allow("SelectFromColumns", {"table": {**NATION["table"], "columns": []}})
    assert door.reasons("SelectFromColumns", {"table": {**OPEN["table"], "columns": []}}, user="x")


def test_writers_who_may_not_read() -> None:
    """Rows that are written pass the filter of the line that lets them; none are shown."""
    door = Door()
    kept = table("hive.a.kept")
    assert door.filters(kept) == ["false"]
    assert door.allow("InsertIntoTable", kept)
    assert door.masks(kept, {"id": "bigint", "unit": "varchar"}) == {}  # Trino refuses masks here.
    assert door.filters(kept) == ["((\"unit\" = 'north'))"]
    assert not door.allow("SelectFromColumns", with_columns(kept, "id"))
    assert door.filters(kept) == ["false"]


def test_writes_that_trino_does_not_filter() -> None:
    """TRUNCATE takes every row, whatever the line's filter."""
    door = Door()
    kept = table("hive.a.kept")
    assert door.reasons("TruncateTable", kept) == ["obligation_unknown:row_filter"]
    assert door.allow("DeleteFromTable", kept)


def test_writes_on_lines_that_limit_columns() -> None:
    """Nobody could keep an INSERT to some columns, or a mask away from it."""
    door = Door(POLICY.replace("actions: [read]\n", "actions: [read, write]\n"))
    assert door.reasons("InsertIntoTable", NATION) == [
        "obligation_unknown:columns",
        "obligation_unknown:masks",
    ]


def test_a_filter_that_has_no_form_in_sql_fails_the_query() -> None:
    """Neither every row nor silently none."""
    door = Door()
    broken = Door(POLICY)
    view = "ombud.services.trino_view.render_filter"
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_: object, **__: object) -> str:
            message = "no form"
            raise InputError(message)

        patch.setattr(view, refuse)
        with pytest.raises(FilterError, match="no form"):
            broken.filters(NATION)
    assert door.filters(NATION) != []


def test_a_type_that_cannot_be_masked_is_null() -> None:
    """A mask that makes no sense for a type shows nothing; the type's text goes nowhere."""
    door = Door()
    masks = door.masks(NATION, {"name": "varchar) OR (1=1"})
    assert masks == {"name": "NULL"}


@pytest.mark.parametrize(
    "name", ['na"me', "na.me", "名前", "name'--", "name; DROP", "na\u202eme", "\x00", "N" * 1000]
)
def test_hostile_names(name: str) -> None:
    """They are other names, of which nothing is shown, and they are quoted where written."""
    door = Door()
    place = {"table": {"catalogName": name, "schemaName": name, "tableName": name}}
    assert door.filters(place) == ["false"]
    assert not door.allow("SelectFromColumns", with_columns(place, name))
    assert not door.allow("SelectFromColumns", with_columns(NATION, name))
    assert door.masks(NATION, {name: "varchar"}) == {name: "NULL"}
    assert door.masks(NATION, {"name": "varchar"}, query="q2")["name"].count('"name"') == 1


def test_the_wrong_address() -> None:
    """A question sent to an address of another one is refused, so that the query fails."""
    door = Door()
    for work in (door.trino.row_filters, door.trino.column_mask, door.trino.batch_column_masks):
        with pytest.raises(InputError):
            work(ask("SelectFromColumns", with_columns(NATION, "name")), asker=TRINO)
    for asked in (ask("GetRowFilters"), ask("GetRowFilters", {"catalog": {"name": "x"}})):
        with pytest.raises(InputError):
            door.trino.row_filters(asked, asker=TRINO)
    for asked in (ask("GetColumnMask"), ask("GetColumnMask", NATION)):
        with pytest.raises(InputError):
            door.trino.column_mask(asked, asker=TRINO)
    for asked in (ask("GetColumnMask", NATION), ask("GetColumnMask", filterResources=[NATION])):
        with pytest.raises(InputError):
            door.trino.batch_column_masks(asked, asker=TRINO)


def test_without_query_ids() -> None:
    """Trino before 477: what one person asks for one purpose, until they fall silent, is one."""
    door = Door()
    said: dict[str, Any] = {"query": None}
    assert not door.allow("SelectFromColumns", with_columns(NATION, "comment"), **said)
    assert door.select(NATION, {"name": "varchar(25)"}, **said)
    select = with_columns(NATION, "name")
    assert door.reasons("SelectFromColumns", select, user="bob", **said)
    door.seconds += 60
    assert door.reasons("SelectFromColumns", select, **said) == ["trino_masks_not_asked"]
