"""The reference page names everything a query may use, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ombud.core.errors import QueryError
from ombud.core.fields import FIELDS
from ombud.query import parse, pattern, shape, terms
from ombud.query.names import ALIASES, FLAGS, QUERY_FIELDS
from ombud.query.parse import parse_query
from ombud.query.reference import field_table, flag_table

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "search.md").read_text(encoding="utf-8")


def test_tables_are_those_of_the_program() -> None:
    """The page holds the tables as they are written from the names."""
    assert f"<!-- fields -->\n{field_table()}\n<!-- end -->" in PAGE
    assert f"<!-- flags -->\n{flag_table()}\n<!-- end -->" in PAGE


def test_every_field_is_there() -> None:
    """Each field of the event model, each short name and each flag is on the page."""
    for name in (*(field.name for field in FIELDS), *QUERY_FIELDS):
        assert f"| `{name}` |" in PAGE
    for alias in ALIASES.keys() - {"index"}:
        assert f"| `{alias}` |" in PAGE
    for flag in FLAGS:
        assert f"| `is:{flag}` |" in PAGE


@pytest.mark.parametrize("name", sorted({*QUERY_FIELDS, *ALIASES}))
def test_every_name_is_understood(name: str) -> None:
    """Each name on the page works in a query."""
    assert parse_query(f"has:{name}").where is not None


@pytest.mark.parametrize("flag", sorted(FLAGS))
def test_every_flag_is_a_query(flag: str) -> None:
    """What a flag stands for is itself a query."""
    assert parse_query(FLAGS[flag].query).where is not None


def test_every_example_is_understood() -> None:
    """Each term that the page shows in its tables is parsed, but for those it says are refused."""
    asked, _, rest = PAGE.partition("## Terms")
    cells = re.findall(r"^\| [^`]+ \| (`.*?`) \|$", asked, re.MULTILINE)
    assert len(cells) > 8
    cells += re.findall(r"^\| (`.*?`) \|", rest.partition("## Bounds")[0], re.MULTILINE)
    # A bar within a table is escaped there.
    examples = [
        example.replace("\\|", "|") for cell in cells for example in re.findall(r"`([^`]+)`", cell)
    ]
    assert len(examples) > 60
    for example in examples:
        parse_query(example)
    for refused in ("case.status:open", "grant.purpose:x", "session.count:>5"):
        with pytest.raises(QueryError, match="later version"):
            parse_query(refused)


def test_bounds_are_those_of_the_program() -> None:
    """The page states the bounds that hold."""
    for bound in (
        f"{parse.TEXT_MAX:,}",
        parse.TERMS_MAX,
        parse.DEPTH_MAX,
        terms.LIST_MAX,
        pattern.LENGTH_MAX,
        f"{shape.TOP_MAX:,}",
    ):
        assert str(bound) in PAGE
