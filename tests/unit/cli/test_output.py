"""Output: tables that can be read in the width there is, and facts in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.cli import output
from ombud.cli.output import (
    GAP,
    ROOM,
    brief_id,
    print_facts,
    print_line,
    print_table,
    visible,
    whole_columns,
)


@pytest.mark.parametrize(
    ("widths", "screen", "whole"),
    [
        pytest.param([5, 19, 12], 100, {0, 1, 2}, id="all fit"),
        pytest.param([5, 40, 200], 60, {0}, id="the narrow stay whole"),
        pytest.param([25, 12, 12, 300], 64, {0}, id="what is copied comes first"),
        pytest.param([9, 12, 15], 42, {0, 1, 2}, id="just fits"),
        pytest.param([9, 12, 15], 41, {0, 1}, id="one too narrow"),
        pytest.param([9, 12, 15], 34, set(), id="no room for all"),
        pytest.param([], 80, set(), id="no columns"),
    ],
)
def test_whole_columns(widths: list[int], screen: int, whole: set[int]) -> None:
    """The narrowest columns are kept whole, as far as the others have room."""
    assert whole_columns(widths, screen) == whole


@given(st.lists(st.integers(0, 300), max_size=12), st.integers(20, 250))
def test_whole_columns_never_push_others_out(widths: list[int], screen: int) -> None:
    """What stays whole leaves room for each of the rest, so that nothing is cut off."""
    whole = whole_columns(widths, screen)

    taken = sum(width if at in whole else min(width, ROOM) for at, width in enumerate(widths))
    assert not whole or taken + GAP * len(widths) <= screen


def test_a_narrow_table_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ids are in one piece; the long column is folded and complete."""
    monkeypatch.setattr(output.stdout, "width", 40)
    print_table(("id", "source", "what"), [("19292", "postgres.pgaudit", "abcdefghij" * 5)])

    printed = capsys.readouterr().out
    assert "postgres.pgaudit" in printed
    folded = "".join(line.split()[-1] for line in printed.splitlines()[1:])
    assert folded == "abcdefghij" * 5


def test_facts_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Values are what people say, not what Python prints."""
    print_facts({"has_key": False, "bytes": 5_619_996, "steps": [], "fails": ["a", "b"], "x": None})

    assert capsys.readouterr().out.splitlines() == [
        "has key  no",
        "bytes    5,619,996",
        "steps    nothing",
        "fails    a, b",
        "x        none",
    ]


def test_what_commands_a_terminal_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes and what turns the direction of writing are shown, by every way to print."""
    evil = "a\x1b[2J\x9b31m\u202eb"
    print_line(evil)
    print_table(("name",), [(evil,)])
    print_facts({"name": evil})
    out = capsys.readouterr().out

    assert out.count(r"a\u001b[2J\u009b31m\u202eb") == 3
    assert not {"\x1b", "\x9b", "\u202e"} & {*out}
    assert visible("Ana Müller\n\tن") == "Ana Müller\n\tن"


def test_a_sparse_table_has_no_empty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """What no row has is left out; without rows the names of all columns stay."""
    rows = [("a", None, "c"), ("d", "", "f")]
    print_table(("one", "two", "three"), rows, is_sparse=True)
    print_table(("one", "two", "three"), [], is_sparse=True)
    heads = [line.split() for line in capsys.readouterr().out.splitlines() if "one" in line]

    assert heads == [["one", "three"], ["one", "two", "three"]]


@pytest.mark.parametrize(
    ("whole", "brief"),
    [
        ("request-1b6dd3d16a0391199a1c31cd3878fcf5", "request-1b6dd3d1"),
        ("ba31bf614356c042fc0bc2690109360e", "ba31bf61"),
        ("grant-abc", "grant-abc"),
        ("", ""),
    ],
)
def test_ids_are_brief(whole: str, brief: str) -> None:
    """The prefix stays, and eight digits."""
    assert brief_id(whole) == brief
