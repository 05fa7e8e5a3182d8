"""Each construct of the query language, and each refusal with its column."""

from __future__ import annotations

import pytest

from ombud.core.errors import QueryError
from ombud.query.parse import DEPTH_MAX, TERMS_MAX, TEXT_MAX, parse_query
from ombud.query.pattern import LENGTH_MAX
from ombud.query.shape import COUNT_BY_MAX, TOP_MAX
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
    Near,
    Node,
    Not,
    Or,
    Pattern,
    Prefix,
    Query,
    Subject,
    TimeOfDay,
    Weekdays,
    Word,
    WordPattern,
)

NEAR = "a place is searched as `near:(52.37,4.9,5km)`: latitude, longitude, radius in m, km or mi"
BEHIND = "RE2 looks neither ahead nor behind: it has `(?:`, `(?i)` and `(?P<name>`"
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
            Match("time", Between(Moment(NOVEMBER + 500, 1, is_fixed=True), Ago(DAY_MS))),
            id="offset and milliseconds",
        ),
        pytest.param("ingested_at:>1h", Match("ingested_at", Compare(">", Ago(HOUR_MS))), id="ago"),
        pytest.param("time:22:00..06:00", TimeOfDay(1320, 360), id="time of day"),
        pytest.param("time:08:00..24:00-05:30", TimeOfDay(480, 1440, -330), id="zone of the clock"),
        pytest.param("time:22:00..06:00Z", TimeOfDay(1320, 360, 0), id="clock of UTC"),
        pytest.param("day:sun,sat", Weekdays((5, 6)), id="days"),
        pytest.param("near:(52.37,4.9,5km)", Near(52.37, 4.9, 5000.0), id="place"),
        pytest.param("near:( -33.9 , 151.2 , 1mi )", Near(-33.9, 151.2, 1609.344), id="miles"),
        pytest.param("area:North*", Match("place.area", Prefix("North")), id="area"),
        pytest.param("person:P-7", Match("person", Equals("P-7")), id="person"),
        pytest.param("unit:traffic", Match("actor.unit", Equals("traffic")), id="unit"),
        pytest.param("account:clinic_app", Match("account", Equals("clinic_app")), id="account"),
        pytest.param("has:person", Has("person"), id="known person"),
        pytest.param("actor.manager:*", Has("actor.manager"), id="has a manager"),
        pytest.param(
            "session.purpose:(audit,fraud*)",
            Match("session.purpose", AnyOf((Equals("audit"), Prefix("fraud")))),
            id="purpose of the session",
        ),
        pytest.param(
            "alert.level:(high,critical)",
            Match("alert.level", AnyOf((Equals("high"), Equals("critical")))),
            id="level of an alert",
        ),
        pytest.param("/7[A-Z]+ x|(y)/", WordPattern("7[A-Z]+ x|(y)"), id="pattern"),
        pytest.param(r"case:/^C-\d\/2$/", Match("case", Pattern(r"^C-\d/2$")), id="slash in it"),
        pytest.param(
            "(case:/a,b/ OR /c/)",
            Or((Match("case", Pattern("a,b")), WordPattern("c"))),
            id="patterns in brackets",
        ),
        pytest.param(
            "case:(/a\\/b/, c)", Match("case", AnyOf((Pattern("a/b"), Equals("c")))), id="in a list"
        ),
        pytest.param("/etc/passwd", Word("/etc/passwd"), id="a path is no pattern"),
        pytest.param("resource:/a/b/", Match("resource.id", Equals("/a/b/")), id="nor is a folder"),
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
        pytest.param("tz:UTC", Query(zone="UTC"), id="only a zone"),
        pytest.param(
            "tz:Europe/Berlin a OR b", Query(Or((A, B)), zone="Europe/Berlin"), id="zone first"
        ),
        pytest.param("a tz:Asia/Tokyo b", Query(And((A, B)), zone="Asia/Tokyo"), id="zone within"),
        pytest.param("a AND tz:Asia/Tokyo", Query(A, zone="Asia/Tokyo"), id="zone joined by AND"),
        pytest.param(
            "tz:America/New_York | count by actor, day",
            Query(None, ("actor.id", "day"), zone="America/New_York"),
            id="count by day",
        ),
        pytest.param("| top 10 person", Query(None, ("person",), 10), id="top"),
        pytest.param(
            "a | top 5 person, unit by subjects",
            Query(A, ("person", "actor.unit"), 5, "subjects"),
            id="top by a measure",
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
        ("near:1", 6, NEAR),
        ("near:(1,2)", 11, NEAR),
        ("near:(1,2,3km,4)", 17, NEAR),
        ("near:(1,2,3km", 14, NEAR),
        ("near:(91,0,5km)", 7, "latitude `91` is not a number from -90 to 90"),
        ("near:(nan,0,5km)", 7, "latitude `nan` is not a number from -90 to 90"),
        ("near:(0, 180.1,5km)", 10, "longitude `180.1` is not a number from -180 to 180"),
        ("near:(0,1e999,5km)", 9, "longitude `1e999` is not a number from -180 to 180"),
        ("near:(0,,5km)", 9, "longitude `` is not a number from -180 to 180"),
        ("near:(0,0,5)", 11, "`5` is not a radius - write it as `800m`, `5km` or `3mi`"),
        ("near:(0,0, 0km)", 12, "radius `0km` is not above 0 and up to 20000 km"),
        ("near:(0,0,20001km)", 11, "radius `20001km` is not above 0 and up to 20000 km"),
        ("near:(0,0,1e300km)", 11, "radius `1e300km` is not above 0 and up to 20000 km"),
        ("within:(1,2,5km)", 1, "unknown field `within` - did you mean `near`?"),
        (
            "a tz:europe/berlin",
            6,
            "unknown time zone `europe/berlin` - did you mean `Europe/Berlin`?",
        ),
        ("tz:Europe/Berln", 4, "unknown time zone `Europe/Berln` - did you mean `Europe/Berlin`?"),
        ("tz:", 4, "unknown time zone ``"),
        ("tz:UTC a tz:UTC", 10, "a query has one `tz:` at most"),
        ("(a tz:UTC)", 4, "`tz:` holds for the whole query - write it outside of it"),
        ("-tz:UTC", 2, "`tz:` holds for the whole query and cannot be negated"),
        ("a OR tz:UTC", 12, "something to search for is missing beside `OR`"),
        ("a case.status:open", 3, "`case.status`: cases come with a later version"),
        ("grant.purpose:x", 1, "`grant.purpose`: grants come with a later version"),
        ("human:x", 1, "unknown field `human` - did you mean `person`?"),
        ("alert.level:hgh", 13, "unknown alert.level `hgh` - did you mean `high`?"),
        ("a /x[b/", 5, "`[` of the pattern is not closed"),
        (r"case:/a\/b(?=c)/", 11, f"{BEHIND}"),
        ("//", 2, "a pattern is missing between the slashes"),
        ("native_id:/a/", 11, "`native_id` is found by whole values, not by a pattern"),
        ("time_known:/t/", 12, "`time_known` is found by whole values, not by a pattern"),
        ("a | top actor", 9, "`top` needs a number from 1 to 1000, as in `| top 10 actor`"),
        ("a | top 0 actor", 9, "`top` needs a number from 1 to 1000, as in `| top 10 actor`"),
        ("a | top 10", 11, "a field to count by is missing"),
        (
            "| top 3 actor by size",
            18,
            "`top` is by one of `events`, `rows`, `bytes`, `subjects`, not by `size`",
        ),
        ("a | count by alert.rule", 14, "cannot count by `alert.rule`"),
        ("a | sort by x", 5, "unknown shape `sort` - only `| count by` and `| top` are known"),
        ("a | count actor", 11, "`count` must be followed by `by` and a field"),
        ("a | count by", 13, "a field to count by is missing"),
        ("a | count by tme", 14, "unknown field `tme` - did you mean `time`?"),
        ("a | count by time", 14, "cannot count by `time` - count by `day` or `hour`"),
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
        pytest.param(f"| top {TOP_MAX + 1} case", id="rows"),
        pytest.param(f"/{'a' * (LENGTH_MAX + 1)}/", id="pattern"),
        pytest.param(" ".join(["/[a-z]{150}/"] * 4), id="patterns together"),
        pytest.param(f"| count by {', '.join(['case'] * (COUNT_BY_MAX + 1))}", id="columns"),
    ],
)
def test_bound(text: str) -> None:
    """Whatever a query costs is bounded before it runs."""
    with pytest.raises(QueryError, match=r"longer|deeper|more than|at most|a number from|together"):
        parse_query(text)
