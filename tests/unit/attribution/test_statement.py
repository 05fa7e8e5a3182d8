"""Whom a statement names, and what it says where it names nobody: never a guess."""

from __future__ import annotations

import pytest

from ombud.attribution.plan import KEY_LENGTH_MAX, SUBJECTS_MAX, Found
from ombud.attribution.statement import DEPTH_MAX, TEXT_SIZE_MAX, Unparsed, parse
from ombud.attribution.statements import Statements


def said(found: Found) -> tuple[str, str]:
    """Return subjects and reasons as one line each."""
    subjects = " ".join(f"{kind}:{key}" for kind, key in found.subjects or ())
    return subjects, " ".join(found.reasons)


NAMED = [
    ("select * from patients where id = 8841", "patient:8841"),
    ("select * from patients where id = '8841'", "patient:8841"),
    ("select * from patients where '8841' = id", "patient:8841"),
    ("select * from patients where id = -5", "patient:-5"),
    ("select * from patients where id = - 5", "patient:-5"),
    ("select * from patients where id = 0", "patient:0"),
    ("select * from patients where id = 99999999999", "patient:99999999999"),
    ("select * from patients where id = '8841'::int", "patient:8841"),
    ("select * from patients where id::text = '8841'", "patient:8841"),
    ("select * from patients where id = cast(8841 as bigint)", "patient:8841"),
    ("select * from patients where ssn = 'O''Brien'", "ssn:O'Brien"),
    (r"select * from patients where ssn = E'a\'b'", "ssn:a'b"),
    ("select * from patients where ssn = $t$a'b$t$", "ssn:a'b"),
    (r"select * from patients where ssn = U&'\0061b'", "ssn:ab"),
    ("select * from patients where ssn = 'a' 'b'".replace("' '", "'\n'"), "ssn:ab"),
    ("select * from patients where ssn = 'ü€' and id = 5", "ssn:ü€ patient:5"),
    ("select 'ü', * from patients where id = 5", "patient:5"),
    ("select * from patients where id in (1, 2, '3')", "patient:1 patient:2 patient:3"),
    ("select * from patients where id = any(array[1, 2])", "patient:1 patient:2"),
    ("select * from patients where id = any('{1,2}'::int[])", "patient:1 patient:2"),
    ("select * from patients where id = any('{}')", ""),
    ("select * from patients where (id, ssn) = (1, 'x')", "patient:1 ssn:x"),
    ("select * from patients where (id, ssn) in ((1, 'x'), (2, 'y'))",
     "patient:1 ssn:x patient:2 ssn:y"),
    ("select * from patients where id is not distinct from 5", "patient:5"),
    ("select * from patients where id operator(pg_catalog.=) 5", "patient:5"),
    ("select * from patients p where p.id = 5", "patient:5"),
    ("select * from patients p where p.id = 5 and name like 'x%'", "patient:5"),
    ("select * from patients where id = 5 or id = 6", "patient:5 patient:6"),
    ("select * from patients where id = 5 or ssn = 'x'", "patient:5 ssn:x"),
    ("select * from public.patients where public.patients.id = 5", "patient:5"),
    ("select * from notes where patient_id = 5", "patient:5"),
    ('select * from "Patient" where "Id" = 5', "patient:5"),
    ('select * from public."Patient" x where x."Id" = 5', "patient:5"),
    ("select * from patients p join visits v on p.id = v.patient_id where v.patient_id = 5",
     "patient:5"),
    ("select * from patients p, visits v where p.id = v.patient_id and p.id = 5", "patient:5"),
    (("select * from patients join visits on visits.patient_id = patients.id"
     " join other o on o.pid = patients.id where o.pid = 9"), "patient:9"),
    ("select * from patients p left join visits v on p.id = v.patient_id where p.id = 5",
     "patient:5"),
    ("select * from patients p left join visits v on v.patient_id = 5 where p.id = 5", "patient:5"),
    ("select * from visits v join notes n using (patient_id) where patient_id = 5", "patient:5"),
    ("select * from visits natural join notes where patient_id = 5", "patient:5"),
    ("select * from visits v right join patients p on p.id = v.patient_id where v.patient_id = 5",
     "patient:5"),
    (("select * from patients p left join (select * from visits where patient_id = 5) s"
     " on s.patient_id = p.id where p.id = 5"), "patient:5"),
    (("select * from patients p left join lateral"
     " (select * from visits v where v.patient_id = p.id) s on true where p.id = 5"), "patient:5"),
    ("select * from (select * from patients) s where s.id = 5", "patient:5"),
    ("select * from (select id as k from patients) s where k = 5", "patient:5"),
    ("select * from (select id, name from patients) s (k, n) where k = 5", "patient:5"),
    ("with x as (select id from patients) select * from x where id = 7", "patient:7"),
    ("with x as (select id from patients), y as (select * from x) select * from y where id = 7",
     "patient:7"),
    ("with x as (select id from patients) select * from x a join x b using (id) where id = 7",
     "patient:7"),
    ("with x (k) as (select id from patients) select * from x where k = 7", "patient:7"),
    ("select * from (select id from patients union select patient_id from visits) q where id = 5",
     "patient:5"),
    (("select id from patients where id = 5 union all select patient_id from visits"
     " where patient_id = 6"), "patient:5 patient:6"),
    ("select * from visits where patient_id in (select id from patients where ssn = '1')", "ssn:1"),
    ("select * from visits where patient_id = (select id from patients where ssn = '1')", "ssn:1"),
    (("select * from patients p where exists (select 1 from visits v where v.patient_id = p.id)"
     " and p.id = 4"), "patient:4"),
    (("select (select count(*) from visits v where v.patient_id = p.id) from patients p"
     " where p.id = 4"), "patient:4"),
    (("select * from patients p, lateral (select * from visits v where v.patient_id = p.id) x"
     " where p.id = 4"), "patient:4"),
    ("insert into visits (patient_id, day) values (5, now()), (6, now())", "patient:5 patient:6"),
    ("insert into visits (patient_id) select id from patients where id = 4", "patient:4"),
    ("insert into visits (patient_id, day) select 4, now()", "patient:4"),
    ("update visits set patient_id = 7 where patient_id = 8", "patient:7 patient:8"),
    ("update visits v set day = now() from patients p where p.id = v.patient_id and p.ssn = 'q'",
     "ssn:q"),
    ("delete from visits using patients p where p.id = visits.patient_id and p.id = 3",
     "patient:3"),
    ("with d as (delete from visits where patient_id = 3 returning *) select * from d",
     "patient:3"),
    (("merge into visits v using patients p on v.patient_id = p.id and p.id = 3"
     " when matched then delete"), "patient:3"),
    ("copy (select * from patients where id = 5) to stdout", "patient:5"),
    ("explain analyze select * from patients where id = 3", "patient:3"),
    ("declare c cursor for select * from patients where id = 3", "patient:3"),
    ("create table t as select * from patients where id = 3", "patient:3"),
    ("select get_patient(8841, 1)", "patient:8841"),
    ("select * from public.get_patient('8841')", "patient:8841"),
    ("call get_patient(8841)", "patient:8841"),
    ("select 1; select * from patients where id = 5;", "patient:5"),
    ("/* hello */ select * from patients where id = 5 /*user='x'*/;", "patient:5"),
    ("select * from patients -- where id = 4\nwhere id = 5", "patient:5"),
    ("select * from patients where id = 5 /* it's */ and name = 'x'", "patient:5"),
]  # fmt: skip

UNNAMED = [
    ("select * from patients", "", "no_comparison"),
    (("select * from patients p left join (select * from visits where patient_id = 5) s"
     " on s.patient_id = p.id"), "patient:5", "no_comparison"),
    (("select * from visits p left join (visits v join notes n on v.patient_id = 5)"
     " using (patient_id)"), "patient:5", "no_comparison"),
    (("select * from patients p left join other o on exists"
     " (select 1 from notes n where n.patient_id = p.id and n.patient_id = 5)"),
     "patient:5", "no_comparison"),
    (("select * from patients p left join visits v on v.patient_id = p.id"
     " where v.patient_id = 5 or v.patient_id is null"), "patient:5", "no_comparison"),
    ("select * from (select max(id) as id from patients) s where s.id = 5", "", "no_comparison"),
    ("with x as (select * from patients) select * from x a, x b where a.id = 5",
     "patient:5", "no_comparison"),
    (("with recursive x as (select id from patients union select x.id from x)"
     " select * from x where id = 5"), "", "no_comparison"),
    ("select * from patients p, visits v where p.id = v.patient_id or p.ssn = 'x'",
     "ssn:x", "no_comparison"),
    ("select count(*) from patients", "", "no_comparison"),
    ("select * from patients where name = 'x'", "", "no_comparison"),
    ("select * from patients where id = id", "", "no_comparison"),
    ("select * from patients where id <> 5", "", "negated"),
    ("select * from patients where not id = 5", "", "negated"),
    ("select * from patients where not (id = 5 or ssn = 'x')", "", "negated"),
    ("select * from patients where id not in (5)", "", "negated"),
    ("select * from patients where id is distinct from 5", "", "negated"),
    ("select * from patients where id between 5 and 6", "", "range"),
    ("select * from patients where id > 5", "", "range"),
    ("select * from patients where ssn like 'x%'", "", "pattern"),
    ("select * from patients where ssn ~ 'x'", "", "pattern"),
    ("select * from patients where lower(ssn) = 'x'", "", "expression"),
    ("select * from patients where ssn = 'x' || 'y'", "", "expression"),
    ("select * from patients where ssn = current_user", "", "expression"),
    ("select * from patients where id = all(array[5])", "", "expression"),
    ("select * from patients where id = (select 5)", "", "subquery"),
    ("select * from patients where id in (select pid from other)", "", "subquery"),
    ("select * from patients where id = null", "", "null"),
    ("select * from patients where ssn = ''", "", "null"),
    ("select * from patients where id is null", "", "no_comparison"),
    ("select * from patients where id = 5 or name = 'x'", "patient:5", "no_comparison"),
    ("select * from patients where id = 5 or ssn like 'x%'", "patient:5", "pattern"),
    ("select * from patients p, visits v where p.id = 5", "patient:5", "no_comparison"),
    ("select * from patients p left join visits v on p.id = v.patient_id and v.patient_id = 5",
     "patient:5", "no_comparison"),
    ("select * from patients p left join visits v on p.id = v.patient_id and p.id = 5",
     "patient:5", "no_comparison"),
    ("select * from patients p full join visits v on p.id = v.patient_id and p.id = 5",
     "patient:5", "no_comparison"),
    (("select * from patients p where not exists"
     " (select 1 from visits v where v.patient_id = p.id and p.id = 4)"),
     "patient:4", "no_comparison"),
    ("select * from patients where id = 5 union all select * from patients",
     "patient:5", "no_comparison"),
    ("select * from patients where exists (select 1 from other where id = 5)",
     "", "no_comparison"),
    ("insert into visits values (5, now())", "", "columns_not_named"),
    ("insert into visits (day) values (now())", "", "no_comparison"),
    ("insert into visits (patient_id) values (f(1))", "", "expression"),
    ("insert into visits (patient_id) values (5), (default)", "patient:5", "expression"),
    ("insert into visits (patient_id) select pid from other", "", "subquery"),
    ("truncate patients", "", "no_comparison"),
    ("copy patients to stdout", "", "copy"),
    ("copy visits (patient_id, day) from stdin", "", "copy"),
    ("delete from patients where current of c", "", "cursor"),
    ("select get_patient(p) from other", "", "expression"),
    ("select get_patient(p_id => 5)", "", "function"),
    ("select * from patients where id = $1", "", "parameters_not_logged"),
    ("select * from patients where id = 5 or id = $1", "patient:5", "parameters_not_logged"),
    ("selekt * from patients where id = 5", "", "unparsed"),
    ("select * from patients where id = 5 and ssn = 'trunc", "", "unparsed"),
]  # fmt: skip

NEITHER = [
    "with x as (select * from patients) select 1",
    "select 1",
    "select * from other where id = 5",
    "select * from elsewhere.patients where id = 5",
    "with patients as (select 1 as id) select * from patients where id = 5",
    "set application_name = 'x'",
    "commit",
    "",
    "do $$ begin perform 1; end $$",
    "create table patients (id int)",
]


@pytest.mark.parametrize(("text", "subjects"), NAMED)
def test_names(statements: Statements, text: str, subjects: str) -> None:
    """A statement whose every use of a declared dataset is pinned names its subjects, no flag."""
    reasons = "" if subjects else "null"
    assert said(statements.find(text, None)) == (subjects, reasons)
    assert said(statements.find(text, None)) == (subjects, reasons), "the second time"


@pytest.mark.parametrize(("text", "subjects", "reasons"), UNNAMED)
def test_says_why_not(statements: Statements, text: str, subjects: str, reasons: str) -> None:
    """What reaches rows of nobody in particular says so, beside those it names."""
    assert said(statements.find(text, None)) == (subjects, reasons)


@pytest.mark.parametrize("text", NEITHER)
def test_touches_nothing_declared(statements: Statements, text: str) -> None:
    """A statement that touches no declared dataset has neither subject nor flag."""
    assert said(statements.find(text, None)) == ("", "")


@pytest.mark.parametrize(
    ("text", "listed", "subjects", "reasons"),
    [
        ("select * from patients where id = $1", "5", "patient:5", ""),
        ("select * from patients where id = $1::uuid", "5", "patient:5", ""),
        ("select * from patients where ssn = $2 and name = $1", '"a,""b",c', "ssn:c", ""),
        ("select * from patients where id = any($1)", '"{1,2}"', "patient:1 patient:2", ""),
        ("select * from patients where ssn = any($1)", '"{""a,b"",NULL,c}"', "ssn:a,b ssn:c", ""),
        ("select * from patients where id = any($1)", '"{{1},{2}}"', "", "expression"),
        ("select * from patients where id = $1", "", "", "null"),
        ("select * from patients where id = $1 and ssn = $2", "5,", "patient:5", ""),
        ("select * from patients where id = $2", "5", "", "parameters_not_logged"),
        ("select * from patients where id = $1", '"5', "", "parameters_not_logged"),
        (
            "select * from patients where ssn = $1",
            "<long param suppressed>",
            "",
            "parameters_not_logged",
        ),
        ("prepare x as select * from patients where id = $1", "5", "patient:5", ""),
        ("insert into visits (patient_id) values ($1)", "5", "patient:5", ""),
    ],
)
def test_parameters(
    statements: Statements, text: str, listed: str, subjects: str, reasons: str
) -> None:
    """Parameters are taken from the list that the log gives."""
    assert said(statements.find(text, listed)) == (subjects, reasons)
    assert said(statements.find(text, listed)) == (subjects, reasons), "the second time"


def test_what_the_log_names_beside_the_statement(statements: Statements) -> None:
    """A declared dataset reached through a view or function says that nobody was named."""
    view = statements.find("select * from v where no = 5", dataset="public.patients")
    inner = statements.find(
        "select name from patients where id = p_id",
        "8841",
        dataset="public.patients",
        is_inner=True,
    )
    trigger = statements.find("delete from v", dataset="public.patients", is_inner=True)
    unlogged = statements.find(None, dataset='public."Patient"')
    quoted = statements.find("select 1", dataset='"public"."Patient"')
    other = statements.find("select 'trunc", dataset="public.other")

    assert said(view) == ("", "indirect")
    assert said(inner) == said(trigger) == ("", "function")
    assert said(unlogged) == ("", "statement_not_logged")
    assert said(quoted) == ("", "indirect")
    assert said(statements.find(None, dataset="public.other")) == said(other) == ("", "")


def test_columns(statements: Statements) -> None:
    """Columns returned and columns only filtered on are told apart."""
    found = statements.find(
        "select p.name, upper(p.ssn), o.x from patients p join other o on o.pid = p.id"
        " where p.id = 5 and p.name = 'x'"
    )

    assert found.projected == ("public.patients.name", "public.patients.ssn", "other.x")
    assert found.filtered == ("other.pid", "public.patients.id")
    assert statements.find("select * from patients").projected == ("public.patients.*",)


def test_bounds(statements: Statements) -> None:
    """Lists, keys, texts and trees have a bound, and beyond it the event says so."""
    keys = range(SUBJECTS_MAX + 1)
    many = statements.find(f"select * from patients where id in ({', '.join(map(str, keys))})")
    array = statements.find(
        "select * from patients where id = any($1)", f'"{{{",".join(map(str, keys))}}}"'
    )
    long = statements.find(f"select * from patients where ssn = '{'x' * (KEY_LENGTH_MAX + 1)}'")

    assert many.subjects is not None
    assert array.subjects is not None
    assert len(many.subjects) == len(array.subjects) == SUBJECTS_MAX
    assert many.reasons == array.reasons == ("too_many",)
    assert said(long) == ("", "long_key")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"select {'+'.join('1' * 100_000)}", id="a chain that would end the process"),
        pytest.param(f"select {'not ' * 3_000}true", id="too deep for the tree's reader"),
        pytest.param(f"select {'(' * 100_000}1{')' * 100_000}", id="parentheses"),
        pytest.param(f"select {'+'.join('1' * 300)}", id="too deep for us, or not"),
        pytest.param("select '" + "x" * TEXT_SIZE_MAX + "'", id="too large"),
        pytest.param("select \x00", id="a zero byte"),
        pytest.param(
            "with x0 as (select 1 as a), "
            + ", ".join(f"x{n + 1} as (select * from x{n} a, x{n} b)" for n in range(40))
            + " select * from x40",
            id="queries that double",
        ),
        pytest.param("select \ud800", id="half a character"),
        pytest.param("select E'\\''" + "+1" * DEPTH_MAX, id="a chain behind an odd quote"),
    ],
)
def test_hostile_text(statements: Statements, text: str) -> None:
    """No text ends the process or takes long; what cannot be looked at is not parsed."""
    found = statements.find(text, dataset="public.patients")

    assert found.reasons in {("unparsed",), ("indirect",)}


def test_large_statement_of_values_is_read(statements: Statements) -> None:
    """A large INSERT is no deep one."""
    rows = ", ".join(f"({number}, 'note {number}')" for number in range(5_000))

    found = statements.find(f"insert into visits (patient_id, note) values {rows}")

    assert found.subjects is not None
    assert found.subjects[:2] == (("patient", "0"), ("patient", "1"))
    assert found.reasons == ("too_many",)


def test_parse_refuses() -> None:
    """The parser's refusal is one answer, whatever its cause."""
    with pytest.raises(Unparsed):
        parse("select from where")
