"""Each construct of the query language, and each refusal with its column."""

from __future__ import annotations

import pytest

from ombud.core.errors import QueryError
from ombud.query.parse import COUNT_BY_MAX, DEPTH_MAX, TERMS_MAX, TEXT_MAX, parse_query
from ombud.query.terms import LIST_MAX
from ombud.query.tree import (
    DAY_MS,
    HOUR_MS,
    Ago,
    And,
    AnyOf,
    Between,
    Compare,
    Equals,
    Has,
    Is,
    Match,
    Moment,
    Node,
    Not,
    Or,
    Prefix,
    Query,
    Subject,
    TimeOfDay,
    Weekdays,
    Word,
)

NOVEMBER = 1_793_491_200_000  # 2026-11-01T00:00:00Z
A, B, C = Word("a"), Word("b"), Word("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("plate", Word("plate"), id="word"),
        pytest.param("plate*", Word("plate"), id="words match anywhere, so the star says nothing"),
        pytest.param('"free text"', Word("free text"), id="phrase"),
        pytest.param(r'"a \"b\" \\c"', Word('a "b" \\c'), id="escapes"),
        pytest.param('"OR"', Word("OR"), id="quoted keyword"),
        pytest.param("action:export", Match("action", Equals("export")), id="field"),
        pytest.param("actor:ana", Match("actor.id", Equals("ana")), id="short name"),
        pytest.param("case=C-1", Match("case", Equals("C-1")), id="equals sign"),
        pytest.param("case:=C-1", Match("case", Equals("C-1")), id="colon and equals"),
        pytest.param('case:"a b"', Match("case", Equals("a b")), id="quoted value"),
        pytest.param('case:"7*"', Match("case", Equals("7*")), id="quoted star is itself"),
        pytest.param("ip:fe80::1", Match("origin.ip", Equals("fe80::1")), id="colons in a value"),
        pytest.param("resource:/a/b..c", Match("resource.id", Equals("/a/b..c")), id="path"),
        pytest.param("resource:7ABC*", Match("resource.id", Prefix("7ABC")), id="prefix"),
        pytest.param('resource:"7 A"*', Match("resource.id", Prefix("7 A")), id="quoted prefix"),
        pytest.param(
            'case:(a, "b c",d*)',
            Match("case", AnyOf((Equals("a"), Equals("b c"), Prefix("d")))),
            id="list",
        ),
        pytest.param("case:(a)", Match("case", Equals("a")), id="list of one"),
        pytest.param("has:case", Has("case"), id="has"),
        pytest.param("case:*", Has("case"), id="star means has"),
        pytest.param("subject:*", Has("subjects"), id="has a subject"),
        pytest.param("-has:case", Not(Has("case")), id="minus"),
        pytest.param("NOT has:case", Not(Has("case")), id="not"),
        pytest.param("--a", Not(Not(A)), id="twice not"),
        pytest.param("is:denied", Is("denied"), id="flag"),
        pytest.param(
            "bytes:>10MB", Match("bytes.returned", Compare(">", 10_000_000)), id="decimal size"
        ),
        pytest.param("bytes>=2MiB", Match("bytes.returned", Compare(">=", 2 << 20)), id="binary"),
        pytest.param("rows<5k", Match("rows.returned", Compare("<", 5000)), id="thousands"),
        pytest.param("rows:1.5k", Match("rows.returned", Equals(1500)), id="fraction"),
        pytest.param("rows:-1", Match("rows.returned", Equals(-1)), id="negative"),
        pytest.param("rows:1..5", Match("rows.returned", Between(1, 5)), id="range"),
        pytest.param("rows:5..", Match("rows.returned", Compare(">=", 5)), id="open above"),
        pytest.param("rows:..5", Match("rows.returned", Compare("<=", 5)), id="open below"),
        pytest.param(
            "rows:(1,2)", Match("rows.returned", AnyOf((Equals(1), Equals(2)))), id="ints"
        ),
        pytest.param("place.lat:>52.1", Match("place.lat", Compare(">", 52.1)), id="real"),
        pytest.param("time_known:false", Match("time_known", Equals(value=False)), id="boolean"),
        pytest.param("id:7", Match("id", Equals(7)), id="index in the log"),
        pytest.param("flags:id_conflict", Match("flags", Equals("id_conflict")), id="list field"),
        pytest.param(
            "attributes.shift:late", Match("attributes.shift", Equals("late")), id="attribute"
        ),
        pytest.param(
            "attributes.n:>5", Match("attributes.n", Compare(">", 5.0)), id="number in one"
        ),
        pytest.param("subject:plate:7A", Subject("plate", Equals("7A")), id="subject"),
        pytest.param("subject:plate:7A*", Subject("plate", Prefix("7A")), id="subject prefix"),
        pytest.param(
            'subject:"odd kind":(a,b)',
            Subject("odd kind", AnyOf((Equals("a"), Equals("b")))),
            id="subject list",
        ),
        pytest.param("subject:plate:*", Match("subject.kind", Equals("plate")), id="any of a kind"),
        pytest.param("subject.kind:plate", Match("subject.kind", Equals("plate")), id="kind"),
        pytest.param("last:30d", Match("time", Compare(">=", Ago(30 * DAY_MS))), id="last"),
        pytest.param("since:12h", Match("time", Compare(">=", Ago(12 * HOUR_MS))), id="since ago"),
        pytest.param(
            "since:2026-11-01", Match("time", Compare(">=", Moment(NOVEMBER, DAY_MS))), id="since"
        ),
        pytest.param(
            "until:2026-11-01", Match("time", Compare("<=", Moment(NOVEMBER, DAY_MS))), id="until"
        ),
        pytest.param(
            "time:2026-11-01", Match("time", Equals(Moment(NOVEMBER, DAY_MS))), id="on a day"
        ),
        pytest.param(
            "2026-11-01T08..2026-11-01T12",
            Match(
                "time",
                Between(
                    Moment(NOVEMBER + 8 * HOUR_MS, HOUR_MS),
                    Moment(NOVEMBER + 12 * HOUR_MS, HOUR_MS),
                ),
            ),
            id="range of hours",
        ),
        pytest.param(
            "time:2026-11-01T02:00:00.5+02:00..1d",
            Match("time", Between(Moment(NOVEMBER + 500, 1), Ago(DAY_MS))),
            id="offset and milliseconds",
        ),
        pytest.param("ingested_at:>1h", Match("ingested_at", Compare(">", Ago(HOUR_MS))), id="ago"),
        pytest.param("time:22:00..06:00", TimeOfDay(1320, 360), id="time of day"),
        pytest.param("time:08:00..24:00-05:30", TimeOfDay(480, 1440, -330), id="zone of the clock"),
        pytest.param("day:sun,sat", Weekdays((5, 6)), id="days"),
        pytest.param("a b", And((A, B)), id="and by space"),
        pytest.param("a AND b c", And((A, B, C)), id="and by word"),
        pytest.param("a b OR c", Or((And((A, B)), C)), id="and binds closer"),
        pytest.param("a (b OR c)", And((A, Or((B, C)))), id="brackets"),
        pytest.param("-(a b)", Not(And((A, B))), id="not of brackets"),
        pytest.param("(a)", A, id="idle brackets"),
        pytest.param("ORa ANDy", And((Word("ORa"), Word("ANDy"))), id="keywords are whole words"),
    ],
)
def test_construct(text: str, tree: Node) -> None:
    """Every construct of the grammar has one meaning."""
    assert parse_query(text) == Query(tree)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param("", Query(), id="nothing asks for all"),
        pytest.param("  ", Query(), id="blank asks for all"),
        pytest.param("| count by actor", Query(None, ("actor.id",)), id="count all"),
        pytest.param(
            "a | count by action , attributes.shift",
            Query(A, ("action", "attributes.shift")),
            id="count by two",
        ),
    ],
)
def test_whole(text: str, query: Query) -> None:
    """A query may be empty, and may end in how to count."""
    assert parse_query(text) == query


def test_example_of_the_documentation() -> None:
    """The example that the documentation gives is understood."""
    text = (
        "action:export resource.dataset:plates -has:case last:30d bytes:>10MB "
        '"free text" | count by actor'
    )

    assert parse_query(text) == Query(
        And(
            (
                Match("action", Equals("export")),
                Match("resource.dataset", Equals("plates")),
                Not(Has("case")),
                Match("time", Compare(">=", Ago(30 * DAY_MS))),
                Match("bytes.returned", Compare(">", 10_000_000)),
                Word("free text"),
            )
        ),
        ("actor.id",),
    )


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("user:ana", 1, "unknown field `user` - did you mean `actor`?"),
        ("a verb:read", 3, "unknown field `verb` - did you mean `action`?"),
        ("acton:read", 1, "unknown field `acton` - did you mean `action`?"),
        ("has:cse", 5, "unknown field `cse` - did you mean `case`?"),
        (
            "zzq:1",
            1,
            'unknown field `zzq` - put the words in quotes to search for them, as in `"a:b"`',
        ),
        ("is:dened", 4, "unknown flag `dened` - did you mean `denied`?"),
        ("is:", 4, "unknown flag ``"),
        ("action:exprt", 8, "unknown action `exprt` - did you mean `export`?"),
        ("action:(read,exprt)", 14, "unknown action `exprt` - did you mean `export`?"),
        ("outcome:ok", 9, "unknown outcome `ok`"),
        ("case:", 6, "`case` needs a value"),
        ("case: x", 6, "`case` needs a value"),
        ("rows>", 6, "`rows.returned` needs a value"),
        ("rows:many", 6, "`many` is not a whole number - write it as `12`, `5k` or `10MB`"),
        ("rows:1..x", 9, "`x` is not a whole number - write it as `12`, `5k` or `10MB`"),
        ("rows:..", 6, "a range needs a bound: write it as `1..5`, `1..` or `..5`"),
        (
            "rows:99999999999999999999",
            6,
            "`99999999999999999999` is not a whole number - write it as `12`, `5k` or `10MB`",
        ),
        ("place.lat:x", 11, "`x` is not a number - write it as `52.37`"),
        ("time_known:maybe", 12, "`maybe` is not `true` or `false`"),
        (
            "time:yesterday",
            6,
            "`yesterday` is not a time - write it as `2026-11-01`, `2026-11-01T08` or `12h`",
        ),
        (
            "since:2026-13-01",
            7,
            "`2026-13-01` is not a time - write it as `2026-11-01`, `2026-11-01T08` or `12h`",
        ),
        ("last:30", 6, "`30` is not a duration - write it as `12h` or `30d`"),
        ("2026-11-01..soon", 1, "`2026-11-01..soon` is not a range of dates or times"),
        (
            "time:25:00..26:00",
            6,
            "`25:00..26:00` is not a time of day - write it as `22:00..06:00`",
        ),
        ("day:sat,holiday", 5, "unknown day `holiday` - write it as `mon`, `tue` … `sun`"),
        ("case:>3", 7, "`case` is text and has no `>`"),
        ("flags<x", 7, "`flags` is a list and has no `<`"),
        ("time_known:>1", 13, "`time_known` is true or false and has no `>`"),
        ("case:a*b", 6, "`*` may only stand at the end - quote the value to mean it"),
        ("time_known:true*", 12, "`time_known` is found by whole values, not by a prefix"),
        ("native_id:ab*", 11, "`native_id` is found by whole values, not by a prefix"),
        ("case:(*)", 7, "a prefix is missing - write `has:case` for any value"),
        ("subject:plate", 9, "a data subject is searched as `subject:kind:key`"),
        ("subject>1", 1, "a data subject is searched as `subject:kind:key`"),
        (
            "attributes:x",
            1,
            "`attributes` holds many values - name one, as in `attributes.shift:late`",
        ),
        ("unmapped:x", 1, "`unmapped` is not searched - only `has:unmapped` is"),
        ("near:(1,2,5km)", 1, "`near`: places come with a later version"),
        ("a actor.unit:traffic", 3, "`actor.unit`: joins come with a later version"),
        ("/7[A-Z]+/", 1, "regular expressions come with a later version"),
        ("case:/7.*/", 6, "regular expressions come with a later version"),
        ("a | top 10 actor", 5, "`| top` comes with a later version - use `| count by`"),
        ("a | sort by x", 5, "unknown shape `sort` - only `| count by` is known"),
        ("a | count actor", 11, "`count` must be followed by `by` and a field"),
        ("a | count by", 13, "a field to count by is missing"),
        ("a | count by tme", 14, "unknown field `tme` - did you mean `time`?"),
        ("a | count by time", 14, "cannot count by `time`"),
        ("a | count by native_id", 14, "cannot count by `native_id`"),
        ("a | count by actor | count by x", 20, "a query has one `|` at most, at its end"),
        ('a "b', 3, "quote is not closed"),
        ('a "b\\', 3, "quote is not closed"),
        ("a (b", 3, "bracket is not closed"),
        ("a b)", 4, "bracket was never opened"),
        ("case:(a", 6, "bracket is not closed"),
        ("case:(a b)", 9, "values are parted by commas"),
        ("()", 2, "something to search for is missing"),
        ("a OR", 5, "something to search for is missing"),
        ("a AND", 6, "something to search for is missing"),
        ("OR a", 1, "something to search for is missing before it"),
        ("-", 2, "something to search for is missing"),
        ('""', 1, "a word to search for is missing"),
        ("*", 1, "a word to search for is missing"),
    ],
)
def test_refusal(text: str, column: int, message: str) -> None:
    """A query that cannot be understood is refused at its column, with a way out."""
    with pytest.raises(QueryError) as refusal:
        parse_query(text)

    assert (refusal.value.column, refusal.value.message) == (column, message)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * (TEXT_MAX + 1), id="length"),
        pytest.param("(" * (DEPTH_MAX + 2) + "a" + ")" * (DEPTH_MAX + 2), id="depth of brackets"),
        pytest.param("-" * (DEPTH_MAX + 2) + "a", id="depth of negations"),
        pytest.param("a " * (TERMS_MAX + 1), id="terms"),
        pytest.param(f"case:({'1,' * LIST_MAX}1)", id="list"),
        pytest.param(f"| count by {', '.join(['case'] * (COUNT_BY_MAX + 1))}", id="columns"),
    ],
)
def test_bound(text: str) -> None:
    """Whatever a query costs is bounded before it runs."""
    with pytest.raises(QueryError, match=r"longer|deeper|more than|at most"):
        parse_query(text)
