"""A repeated statement is only read: that gives what the whole parse gives, for any literals."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from doubles.clinic import CLINIC
from ombud.attribution.literals import cut, is_plain, split_comments
from ombud.attribution.parameters import split_array, split_parameters
from ombud.attribution.plan import Found
from ombud.attribution.statements import PLANS_MAX, Statements

TEMPLATES = [
    "select * from patients where id = {} and ssn = {}",
    'select "patients"."id" from "patients" where "patients"."id" = {} or name = {}',
    "select * from patients where id in ({}, {}) limit 10",
    "select * from patients where id = any({}) -- {}",
    "select * from patients p1 where p1.id=-{} and p1.ssn={}::text",
    "insert into visits (patient_id, note) values ({}, {})",
    "/* {} */ select * from patients where id = {}",
    "select * from patients where id = {} /*user='x',t={}*/",
    "select 'ü', 1.5e3, $1, {} from patients where id = {}",
    "fetch {} from c; select * from patients where id = {}",
    "select interval {}, date '2020-01-01' from patients where ssn = {}",
    "update visits set patient_id = {} where patient_id = {};",
]
INSIDE = st.text(alphabet="ab1'\"\\-/*$% {}ü\n;,", max_size=8)
NUMBERS = st.sampled_from([
    "0", "5", "-5", "- 5", "+5", "007", "1.5", "1.", ".5", "1e3", "1E-3", "0x1F", "0b1", "1_000",
    "99999999999", "5::int", "1.2.3", "5a", "$1", "null", "true", "(5)", "f(5)", "x1", "now()",
])  # fmt: skip
LITERALS = st.one_of(
    NUMBERS,
    st.integers(0, 10**12).map(str),
    INSIDE.map(lambda text: "'" + text.replace("'", "''") + "'"),
    INSIDE.map(lambda text: f"'{text}'"),
    INSIDE.map(lambda text: f"E'{text}'"),
    INSIDE.map(lambda text: f"e'{text}' "),
    INSIDE.map(lambda text: f"U&'{text}'"),
    INSIDE.map(lambda text: f"N'{text}'"),
    INSIDE.map(lambda text: f"$t${text}$t$"),
    INSIDE.map(lambda text: f"$${text}$$"),
    INSIDE.map(lambda text: f"'{text}'\n'b'"),
    INSIDE.map(lambda text: f"'{text}' /* it's */"),
    INSIDE.map(lambda text: f'"{text}"'),
    st.sampled_from(["B'101'", "X'1f'", "''", "' '", "'a'", "'{1,2}'"]),
)


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(TEMPLATES),
    st.lists(st.tuples(LITERALS, LITERALS), min_size=2, max_size=4),
)
@example(TEMPLATES[0], [("'q'", "'w'"), ("E'\\' and ssn = '", "'w'")])
@example(TEMPLATES[0], [("5", "'a'"), ("5", "'a''b'"), ("5", "'a' /* '")])
@example(TEMPLATES[4], [("5", "'a'"), ("-5", "'a'"), (" 5", "'a'")])
@example(TEMPLATES[4], [("5", "'a'"), ("0", "1"), ("007", "00.5"), ("00099999999999", "0")])
@example(TEMPLATES[7], [("5", "'a'"), ("5", "*/'a'"), ("'/*'", "1")])
def test_read_equals_parsed(template: str, literals: list[tuple[str, str]]) -> None:
    """Whatever was seen before, a text gives what parsing it afresh and whole gives."""
    statements = Statements(CLINIC)
    for pair in literals:
        text = template.format(*pair)
        whole = statements.parse_whole(text)
        expected = whole.fill(None, ["77"]) if whole.touches else whole.settled
        assert statements.find(text, "77") == expected, text


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(alphabet="select *from pti0=1'\"\\/-;", max_size=40), max_size=4))
def test_any_text_is_read_as_parsed(texts: list[str]) -> None:
    """Texts that are hardly statements are no exception."""
    statements = Statements(CLINIC)
    for text in texts:
        assert statements.find(text, None) == statements.parse_whole(text).fill(None, None)


def test_a_repeated_statement_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only other literals, another comment or other parameters need no parser."""
    statements = Statements(CLINIC)
    first = [
        "select * from patients where id = 1 and ssn = 'a' limit 5",
        "select * from patients where id = -1 /*user='a',trace='00-1'*/",
        "select * from patients where id = $1",
    ]
    for text in first:
        statements.find(text, "1")
    monkeypatch.setattr("ombud.attribution.statements.parse", None)

    again = [
        statements.find("select * from patients where id = 22 and ssn = 'bb' limit 7"),
        statements.find("select * from patients where id = -3 /*user='b',trace='00-2'*/"),
        statements.find("select * from patients where id = $1", "4"),
    ]

    assert [found.subjects for found in again] == [
        (("patient", "22"), ("ssn", "bb")),
        (("patient", "-3"),),
        (("patient", "4"),),
    ]


def test_plans_are_bounded() -> None:
    """The less used half of the plans is forgotten; a plan that is used stays."""
    statements = Statements(CLINIC)
    for number in range(2 * PLANS_MAX + 10):
        statements.plan(f"select c{number}")
        statements.plan("select * from patients where id = 5")

    plans = statements._plans
    assert len(plans.young) + len(plans._old) <= 2 * PLANS_MAX
    assert plans.get(("select * from patients where id = ", "")) is not None


@pytest.mark.parametrize(
    ("body", "is_exact"),
    [
        ("select 1", True),
        ("select 'a', 5", True),
        ('select "a" where "b"=1', True),
        ("select $1", True),
        ("select 'a''b'", False),
        ("select E'a'", False),
        ("select 'a'\n'b'", False),
        ('select "a 1"', False),
        ('select "a\'b", "c\'d"', False),
        ("select 1e5", False),
        ("select 1.", False),
        ("select -- 1", False),
        ("select /* 1 */ 2", False),
        ("select $$1$$", False),
        ("select a$b", False),
        ("select \\ 1", False),
    ],
)
def test_what_is_plain(body: str, is_exact: bool) -> None:
    """A template is plain only where PostgreSQL's lexer would cut the same."""
    pieces = cut(body)
    assert pieces is not None
    assert is_plain(pieces[0]) is is_exact


def test_comments_at_both_ends() -> None:
    """One comment at each end is taken off; a nested or unclosed one stays."""
    assert split_comments("/*a*/ select 1 /*b*/ ;\n") == (" select 1 ", "a", "b")
    assert split_comments("select 1 /* a /* b */ */") == ("select 1 /* a /* b */ */", "", "")
    assert split_comments("select 1 /*/") == ("select 1 /*/", "", "")
    assert split_comments("/* a /* b */ */ select 1") == ("/* a /* b */ */ select 1", "", "")


@given(st.lists(st.text(alphabet="a,\"\n' \\{}", max_size=5), min_size=1, max_size=5))
def test_parameters_round_trip(values: list[str]) -> None:
    """A list of parameters written as pgaudit writes CSV is read back."""
    listed = ",".join(
        '"' + value.replace('"', '""') + '"' if set(value) & set(',"\n\r') else value
        for value in values
    )
    assert split_parameters(listed) == values


@given(st.lists(st.text(alphabet="aN,\"\n' \\{}", max_size=5), max_size=5))
def test_arrays_round_trip(values: list[str]) -> None:
    """An array of one dimension, all elements quoted, is read back."""
    inside = ",".join('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values)
    found = split_array("{" + inside + "}")
    assert found is not None
    assert list(found) == values


def test_nothing_is_shared_between_findings(statements: Statements) -> None:
    """A finding is a value: what one event got, the next does not change."""
    one = statements.find("select * from patients where id = 1")
    two = statements.find("select * from patients where id = 2")

    assert isinstance(one, Found)
    assert (one.subjects, two.subjects) == ((("patient", "1"),), (("patient", "2"),))
