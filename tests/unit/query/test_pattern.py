"""Patterns: what is let through RE2 takes, and what is refused is refused at its place."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.query.pattern import COST_MAX, DEPTH_MAX, LENGTH_MAX, PatternError, check_pattern

PIECES = (
    *"ab0é-_.^$|()[]{}*+?,:=!<>Pix \\",
    *(r"\d", r"\W", r"\b", r"\B", r"\A", r"\z", r"\n", r"\.", r"\_", r"\x41", r"\x{1F600}"),
    *(r"\pL", r"\p{Greek}", r"\P{Lu}", r"\p{^Lu}", r"\Q", r"\E", r"\C", r"\1", r"\Z", r"\07"),
    *("[a-z]", "[^a]", "[]a]", "[[:alpha:]]", "[[:^digit:]x]", r"[\d-]", r"[\]a]", "[a-", "[z-a]"),
    *("(?:", "(?i)", "(?i:", "(?-s)", "(?P<n>", "(?<m>", "(?=", "(?!", "(?<=", "(?#", "()", "(?"),
    *("{2}", "{1,}", "{,3}", "{2,1}", "{0}", "{1000}", "{1001}", "??", "*?", "++", "{3}?"),
)


@settings(max_examples=600, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES), min_size=1, max_size=10).map("".join))
def test_what_is_let_through_the_engine_takes(text: str) -> None:
    """No pattern that passes the check is refused by the engine."""
    try:
        cost = check_pattern(text)
    except PatternError as refusal:
        at, cost = refusal.at, 0
    else:
        at = 0
    assert 0 <= at <= len(text)
    assert cost <= COST_MAX
    if not cost:
        return
    with duckdb.connect(":memory:") as engine:
        engine.execute("SELECT regexp_matches('some text', $1)", [text]).fetchall()


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a|b",
        "^7[A-Z]{2}\\d{3,4}$",
        "(?i)ab",
        "(?i:ab)c",
        "(?P<plate>[A-Z]+)",
        "[]a]",
        "[^]a]",
        "[a-]",
        r"[\w.-]+@[\w.-]+",
        r"\x{1F600}",
        "[[:alpha:]_]",
        r"\p{Greek}\pL",
        "a{,3}",
        "a{",
        "}",
        "]",
        "()",
        "|a",
    ],
)
def test_ordinary_patterns_are_let_through(text: str) -> None:
    """What people write passes; a brace that is no repetition stands for itself."""
    assert check_pattern(text) > 0


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("", 0, "is missing"),
        ("a" * (LENGTH_MAX + 1), LENGTH_MAX, "at most"),
        ("a)", 1, "never opened"),
        ("x(a", 1, "not closed"),
        ("[a", 0, "not closed"),
        ("[", 0, "not closed"),
        ("*a", 0, "nothing stands before `\\*`"),
        ("a|+", 2, "nothing stands before `\\+`"),
        ("a**", 2, "repeated already"),
        ("a{2}{3}", 4, "repeated already"),
        ("(?i)*", 4, "nothing stands before"),
        ("a(?=b)", 1, "neither ahead nor behind"),
        ("(?<!a)b", 0, "neither ahead nor behind"),
        (r"(a)\1", 3, "back-references"),
        (r"a\Z", 1, "unknown escape"),
        (r"\C", 0, "unknown escape"),
        (r"[\b]", 1, "unknown escape"),
        ("a\\", 1, "escapes nothing"),
        (r"\p{Klingon}", 0, "unknown category"),
        (r"\x{110000}", 0, "no such character"),
        ("[[:nope:]]", 1, "unknown class"),
        ("[z-a]", 1, "from a lower character"),
        (r"[a-\d]", 1, "from a lower character"),
        (r"[\d-z]", 1, "begins with one character"),
        ("(?P<a>x)(?P<a>y)", 8, "two groups"),
        ("(?)", 0, "flags are missing"),
        ("a{3,2}", 1, "lower bound first"),
        ("a{1001}", 1, "no repetition from 0 to 1000"),
        ("(a{100}){100}", 0, "costs too much"),
        ("([a-z]{50}){50}", 0, "costs too much"),
        (r"\pL{20}", 0, "costs too much"),
        ("(" * (DEPTH_MAX + 2) + "a" + ")" * (DEPTH_MAX + 2), DEPTH_MAX + 1, "nests deeper"),
    ],
)
def test_refusal(text: str, at: int, message: str) -> None:
    """What cannot be used is refused where it stands."""
    with pytest.raises(PatternError, match=message) as refusal:
        check_pattern(text)

    assert refusal.value.at == at
