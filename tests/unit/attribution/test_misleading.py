"""SQL that misleads: written so that another person is named, or nobody, than the one it reads."""

from __future__ import annotations

import pytest

from doubles.clinic import CLINIC
from ombud.attribution.attribution import SystemAttribution
from ombud.attribution.declarations import SystemDeclaration
from ombud.attribution.keys import DIGITS_MAX, number_key
from ombud.attribution.parameters import split_array
from ombud.attribution.person import Line, SessionStates
from ombud.attribution.statements import Statements

SUM = "sum(1) over (partition by {})"
CASES = [
    # Two tables of one name: which is meant stands before the point.
    ("select * from patients, archive.patients where archive.patients.id = 5",
     "", "no_comparison"),
    ("select * from archive.patients, public.patients where public.patients.id = 5",
     "patient:5", ""),
    (("select * from archive.patients where exists"
      " (select 1 from public.patients where archive.patients.id = 5)"), "", "no_comparison"),
    ("select * from x, archive.patients join y on true where archive.patients.id = 5", "", ""),
    # Casts under which a key is no longer itself.
    ("select * from patients where ssn::char(3) = '123'", "", "expression"),
    ("select * from patients where ssn::name = '123'", "", "expression"),
    ("select * from patients where id::citext = '123'", "", "expression"),
    ("select * from patients where ssn = '123456'::char(3)", "", "expression"),
    ('select * from patients where ssn = \'123456\'::"char"', "", "expression"),
    ("select * from patients where id = 5.4::int", "", "expression"),
    ("select * from patients where id = '5.4'::numeric::int", "", "expression"),
    ("select * from patients where id = $1::numeric(3,0)", "", "expression"),
    ("select * from (select ssn::char(1) as k from patients) s where k = '1'",
     "", "no_comparison"),
    ("select * from patients where id::int8::text = '5'::text", "patient:5", ""),
    # One number in many forms is one key; blanks and signs in a text are told.
    ("select * from patients where id = 8841.0", "patient:8841", ""),
    ("select * from patients where id = 08841", "patient:8841", ""),
    ("select * from patients where id = 8.841e3", "patient:8841", ""),
    ("select * from patients where id = 884100e-2", "patient:8841", ""),
    ("select * from patients where id = 0x2289", "patient:8841", ""),
    ("select * from patients where id = -0.0", "patient:0", ""),
    ("select * from patients where id = " + "0" * 5000, "patient:0", ""),
    ("select * from patients where id = ' 8841'", "patient: 8841", "odd_key"),
    ("select * from patients where id = '8841 '", "patient:8841 ", "odd_key"),
    ("select * from patients where id = '+8841'", "patient:+8841", "odd_key"),
    ("select * from patients where id = E'-8841\\n'", "patient:-8841\n", "odd_key"),
    ("select * from patients where ssn = 'a '", "ssn:a ", "odd_key"),
    ("select * from patients where ssn = E' a\\n'", "ssn: a\n", ""),
    ("select * from patients where ssn = '+a'", "ssn:+a", ""),
    # What is written without being compared.
    ("update visits set (patient_id, note) = (7, 'x') where patient_id = 8",
     "patient:7 patient:8", ""),
    ("update visits set patient_id = patient_id + 1 where patient_id = 8",
     "patient:8", "expression"),
    ("update visits set patient_id = (select 9) where patient_id = 8", "patient:8", "expression"),
    ("update visits set (patient_id, note) = (select 9, 'x') where patient_id = 8",
     "patient:8", "expression"),
    ("update visits set patient_id = patient_id, note = f(1) where patient_id = 8",
     "patient:8", ""),
    ("update visits set patient_id = null where patient_id = 8", "patient:8", ""),
    ("update visits v set patient_id = p.id from patients p where p.id = 5 and v.patient_id = 8",
     "patient:5 patient:8", ""),
    ("update visits v set patient_id = o.pid from other o where v.patient_id = 8",
     "patient:8", "expression"),
    ("insert into visits (patient_id) values (5) on conflict (id) do update set patient_id = 9",
     "patient:5 patient:9", ""),
    (("insert into visits (patient_id) values (5)"
      " on conflict (id) do update set patient_id = excluded.patient_id"), "patient:5", ""),
    ("insert into visits (patient_id) values (5) on conflict (id) do update set patient_id = f(9)",
     "patient:5", "expression"),
    ("insert into visits (patient_id) values (5) returning (select max(ssn) from patients)",
     "patient:5", "no_comparison"),
    ("delete from visits where patient_id = 5 returning (select max(ssn) from patients)",
     "patient:5", "no_comparison"),
    ("update visits set note = 'x' where patient_id = 5 returning get_patient(6, 1)",
     "patient:6 patient:5", ""),
    # A MERGE acts on the rows that do not match, too.
    (("merge into visits v using patients p on v.patient_id = p.id and p.id = 3"
      " when not matched then insert (patient_id) values (p.id)"),
     "patient:3", "no_comparison expression"),
    (("merge into visits v using (select * from patients where id = 3) p on v.patient_id = p.id"
      " when not matched then insert (patient_id) values (p.id)"), "patient:3", ""),
    (("merge into visits v using (select 3 as id) s on v.patient_id = s.id and s.id = 3"
      " when not matched by source then delete"), "", "no_comparison"),
    (("merge into visits v using patients p on v.patient_id = p.id and p.id = 3"
      " when matched then update set patient_id = 4"), "patient:3 patient:4", ""),
    # Window functions see other rows before the condition from outside does.
    ("select * from (select id, lag(ssn) over (order by id) from patients) s where s.id = 8842",
     "", "no_comparison"),
    (("select * from (select *, lag(ssn) over w from patients window w as (order by id)) s"
      " where s.id = 8842"), "", "no_comparison"),
    (f"select * from (select *, {SUM.format('patient_id')} from visits) s where s.patient_id = 5",
     "patient:5", ""),
    ((f"select * from (select patient_id k, {SUM.format('patient_id, day')} from visits) s"
      " where k = 5"), "patient:5", ""),
    (("select * from (select patient_id, sum(1) over v from visits"
      " window w as (partition by patient_id), v as (w order by day)) s where patient_id = 5"),
     "patient:5", ""),
    ((f"select * from (select id, {SUM.format('id')}, {SUM.format('name')} from patients) s"
      " where id = 5"), "", "no_comparison"),
    ("select id, lag(ssn) over (order by id) from patients where id = 5", "patient:5", ""),
    # New names for columns that `*` gives.
    ("select * from (select * from patients) s (ssn, id) where s.id = 5", "", "no_comparison"),
    ("with x (ssn, id) as (select * from patients) select * from x where id = 5",
     "", "no_comparison"),
    ("select * from (patients join visits on true) as j (ssn, id) where j.id = 5",
     "", "no_comparison"),
    # An outer join says nothing of the side it keeps.
    (("select * from patients p left join lateral (select p.ssn as x, v.* from visits v"
      " where v.patient_id = 5) s on p.id = 4"), "patient:5 patient:4", "no_comparison"),
    (("select * from visits v join patients p on v.patient_id = 5 left join other o"
      " on v.patient_id = p.id"), "patient:5", "no_comparison"),
    (("select * from visits v join patients p on true full join other o on v.patient_id = p.id"
      " where v.patient_id = 5"), "patient:5", "no_comparison"),
    (("select * from visits v full join patients p on v.patient_id = p.id"
      " where v.patient_id = 5"), "patient:5", ""),
    # A subquery that has rows in any case.
    (("select * from visits v where exists"
      " (select 1 from other where v.patient_id = 5 union select 1)"),
     "patient:5", "no_comparison"),
    ("select * from visits v where exists (select count(*) from other where v.patient_id = 5)",
     "patient:5", "no_comparison"),
    ("select * from visits v where 0 = (select count(*) from other where v.patient_id = 5)",
     "patient:5", "no_comparison"),
    ("select * from visits v where exists (select 1 from other where v.patient_id = 5)",
     "patient:5", ""),
    # Names of a WITH.
    (("with recursive a as (select * from patients where id = 5), patients as (select * from other)"
      " select * from a"), "", ""),
    ("with patients as (select 1) delete from patients where id = 5", "patient:5", ""),
    ("with patients as (select 1 id) update patients set name = '' where id = 5",
     "patient:5", ""),
    (("with recursive a as (select * from b where id = 5), b as (select * from patients)"
      " select * from a"), "patient:5", ""),
    # Where one does not look.
    ("select 1 where (select max(ssn) from patients) is null", "", "no_comparison"),
    ("select 1 where get_patient(5, 1) is null", "patient:5", ""),
    ("select 1 where (select max(id) from patients) in (select 5)", "", "no_comparison"),
    ("select 1 where get_patient(5, 1) in (select 5)", "patient:5", ""),
    ("with x as (select * from patients) select 1", "", ""),
    ("select * from patients where id operator(evil.=) 5", "", "expression"),
    ("select * from patients where id operator(pg_catalog.=) 5", "patient:5", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "subjects", "reasons"), CASES)
def test_names_whom_it_reads(
    statements: Statements, text: str, subjects: str, reasons: str
) -> None:
    """Neither a person who is not meant nor a silence about one who is."""
    found = statements.find(text, "1")

    assert " ".join(f"{kind}:{key}" for kind, key in found.subjects or ()) == subjects
    assert " ".join(found.reasons) == reasons


def test_two_persons_in_one_row() -> None:
    """Columns of one kind are of different persons: one named says nothing of the other."""
    letters = SystemDeclaration(
        "postgresql/x",
        {
            "public.letters": {"sender": "person", "recipient": "person"},
            "public.people": {"id": "person", "mail": "mail"},
        },
    )
    text = "select * from people p join letters l on p.id = l.{} where l.{} = 5"
    statements = Statements(letters)

    assert statements.find(text.format("sender", "sender")).reasons == ()
    assert statements.find(text.format("recipient", "sender")).reasons == ("no_comparison",)


def test_a_temporary_table_hides_a_declared_one(statements: Statements) -> None:
    """The log names the table that was read: one of the session's own is not the declared."""
    text = "select * from patients where id = 5"
    for _ in range(2):
        hidden = statements.find(text, dataset="pg_temp_3.patients")
        assert (hidden.subjects, hidden.reasons) == (None, ("temporary_table",))
        assert statements.find(text, dataset="public.patients").subjects == (("patient", "5"),)
        assert statements.find(text, dataset="pg_temp_3.other").subjects == (("patient", "5"),)


def person(text: str, *, application: str = "", before: str = "") -> str:
    """Return whom a statement of the shared account is done for, or why nobody."""
    attribution = SystemAttribution(CLINIC)
    states = SessionStates()
    states.with_misc.add("clinic_app")
    for session, transaction, said in (("r", "1/1", before), ("s", "2/1", text)):
        states.begin(session)
        line = Line("clinic_app", application, session, transaction, said, "SELECT", "READ")
        attribution.attribute(line, states)
    last = Line("clinic_app", application, "s", "2/2", text, "SELECT", "READ")
    found = attribution.attribute(last._replace(text="select 1" if before else text), states)
    return (found.on_behalf_of or found.flags)[0]


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("select 1 /*route='/x, user=boss',user='jdoe'*/", "jdoe"),
        ("select 1 /*route='/it\\'s, user=boss',user='jdoe'*/", "jdoe"),
        ("select 1 /*superuser='boss',user='jdoe'*/", "jdoe"),
        ("select '/*user=boss*/' /*user='jdoe'*/", "jdoe"),
        ("/*user='jdoe'*/ select 1 /*user='jdoe'*/", "jdoe"),
        ("select 1 /*user='boss',user='jdoe'*/", "person_unknown:several_persons"),
        ("/*user='jdoe'*/ select 1 /*user='boss'*/", "person_unknown:several_persons"),
        ("select '/*user=boss*/'", "person_unknown:shared_account"),
        ("select 1 /*user='a%00b'*/", "person_unknown:shared_account"),
        ("select 1 /*user='a%0Ab'*/", "person_unknown:shared_account"),
        ("select 1 /*it's user='boss'*/", "person_unknown:shared_account"),
    ],
)
def test_a_comment_that_misleads(text: str, account: str) -> None:
    """What stands in quotes is no key, and two persons are none."""
    assert person(text) == account


def test_letters_that_the_server_replaced() -> None:
    """PostgreSQL writes `?` for what is not ASCII in an application's name."""
    assert person("select 1", application="user=jos??") == (
        "person_unknown:application_name_not_ascii"
    )


@pytest.mark.parametrize("truth", ["'true'", "'f'", "1::boolean", "f(1)"])
def test_set_config_seen_before_with_another_truth(truth: str) -> None:
    """Whether a value outlives its transaction is not taken from another statement."""
    text = f"select set_config('app.person', 'boss', {truth})"
    assert person(text, before="select set_config('app.person', 'x', 'false')") == (
        "person_unknown:session_variable_not_read"
    )


def test_set_config_where_one_does_not_look() -> None:
    """A call anywhere in a statement changes the variable."""
    text = "select 1 where set_config('app.person', 'jdoe', false) is not null"
    assert person(text, before="select 1") == "jdoe"


@pytest.mark.parametrize(
    ("sign", "number", "key"),
    [
        ("", "1.50", "1.5"),
        ("-", "00.50", "-0.5"),
        ("", ".5", "0.5"),
        ("", "5.", "5"),
        ("", "1e2", "100"),
        ("", "1.25e1", "12.5"),
        ("", "125e-3", "0.125"),
        ("", "1e9999", "1e9999"),
        ("-", "0e5", "0"),
        ("", "00099999999999", "99999999999"),
        ("", "1." + "0" * DIGITS_MAX, "1." + "0" * DIGITS_MAX),
    ],
)
def test_numbers(sign: str, number: str, key: str) -> None:
    """A number is one key in whatever form; what is longer than any key stays as written."""
    assert number_key(sign, number) == key


def test_work_is_bounded(statements: Statements) -> None:
    """No text makes reading it cost more than its length; each once took minutes."""
    blanks = " " * 100_000
    assert split_array("{a" + blanks + "b}") == ["a" + blanks + "b"]
    assert split_array("{a" + blanks + '"}') is None
    assert split_array("{" + blanks + '"}') is None
    attribution, states = SystemAttribution(CLINIC), SessionStates()
    for text in (f"set app.person = 'x'{blanks}, 'y'", f"set{blanks}app.person{blanks}'y'"):
        line = Line("clinic_app", "", "s", "1/1", text, "SET", "MISC")
        attribution.attribute(line, states)
    many = " union ".join(["select patient_id from visits"] * 240)
    found = statements.find(f"select * from ({many}) q join ({many}) r using (patient_id)")
    assert found.reasons == ("unparsed",)
