"""The reference file: what it declares, and every fault at once with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ombud.access.justification import Aspect
from ombud.access.reference import Origin, References
from ombud.config import reference_file
from ombud.config.reference_file import ReferenceFileError, load_references, parse_references
from ombud.core.errors import Unavailable

GOOD = """\
tables:
  cases:
    kind: case
    from: sql
    url: postgresql://reader@db.example/cases
    table: public.case
    secret: CASES_PASSWORD
    live: true
    columns: {id: number, opened_at: opened, closed_at: closed, assigned_unit: unit}
    constants: {subject_kind: person}
    closed: [closed, archived]
    zone: Europe/Dublin
    fresh_minutes: 120
    refresh_minutes: 60
  roster:
    kind: roster
    from: csv
    path: roster.csv
    delimiter: tab
    columns: {person: staff, from: begins, to: ends}
justification:
  require: [case, assignment]
  days: 14
  keep: 5
"""


def test_what_is_declared() -> None:
    """Each value arrives where it is used."""
    declared = parse_references(GOOD)
    cases, roster = declared.tables

    assert (declared.require, declared.days, declared.keep) == (
        (Aspect.CASE, Aspect.ASSIGNMENT), 14, 5,
    )  # fmt: skip
    assert (cases.name, cases.kind, cases.origin, cases.live) == ("cases", "case", Origin.SQL, True)
    assert cases.columns["id"] == "number"
    assert (cases.constants, cases.closed) == ({"subject_kind": "person"}, ("closed", "archived"))
    assert (cases.secret, cases.fresh_minutes, cases.refresh_minutes) == ("CASES_PASSWORD", 120, 60)
    assert (roster.delimiter, roster.zone, roster.refresh_minutes) == ("\t", "UTC", None)


def test_nothing_is_declared(tmp_path: Path) -> None:
    """A home without the file, and one with an empty one."""
    assert load_references(tmp_path) == References()
    (tmp_path / "reference.yaml").write_text("")
    assert load_references(tmp_path) == References()


def test_all_faults_at_once() -> None:
    """Every fault has file, line and key; nothing is read half."""
    text = """\
tabels: {}
tables:
  Cases: {}
  cases:
    kind: case
    from: sql
    url: postgresql://reader:secret@db/cases
    columns: {number: id, opened_at: opened, opened_at: again}
    secret: "pass word"
    colour: red
  plain:
    kind: cases
    from: http
  web:
    kind: roster
    from: http
    url: http://example.org/roster
    live: true
    columns: {person: who, from: a, to: b}
    constants: {person: ana}
    zone: Europe/Atlantis
    rows_max: 0
justification: {require: [weather], days: soon}
"""
    with pytest.raises(ReferenceFileError) as raised:
        parse_references(text, origin="r.yaml")
    faults = "\n".join(raised.value.faults)

    for expected in (
        "r.yaml:1: `tabels`: unknown key; did you mean `tables`?",
        "`tables.Cases`: a name is a lower-case word",
        "r.yaml:7: `tables.cases.url`: holds a password",
        "`tables.cases`: needs `table`",
        "r.yaml:8: `tables.cases.columns.number`: unknown key",
        "r.yaml:8: `tables.cases.columns.opened_at`: given twice",
        "`tables.cases.columns`: `id` is missing",
        "`tables.cases.secret`: is the name of an environment variable",
        "r.yaml:10: `tables.cases.colour`: unknown key",
        "`tables.plain.kind`: must be one of",
        "`tables.web.url`: must be https, or http on the loopback",
        "`tables.web.live`: only cases are asked for one by one",
        "`tables.web.constants.person`: is a column, too",
        "`tables.web.zone`: `Europe/Atlantis` is no time zone",
        "`tables.web.rows_max`: must be a whole number",
        "`justification.require`: `weather` is not one of",
        "`justification.days`: must be a whole number",
    ):
        assert expected in faults
    assert "secret@" not in faults
    assert "pass word" not in faults


@pytest.mark.parametrize(
    ("url", "origin", "fault"),
    [
        ("https://cases.example/list", "http", ""),
        ("http://127.0.0.1:8000/list", "http", ""),
        ("http://localhost.evil.example/", "http", "must be https"),
        ("http://127.0.0.1.evil.example/", "http", "must be https"),
        ("file:///etc/passwd", "http", "must be https"),
        ("https://user:pw@cases.example/", "http", "holds a password"),
        ("https:///nowhere", "http", "must be https"),
        ("https://host:port/", "http", "cannot be read"),
        ("sqlite:///cases.db", "sql", ""),
        ("postgresql+psycopg://db/x?password=secret", "sql", "holds a password"),
        ("mysql://db/x", "sql", "must begin with one of"),
    ],
)
def test_urls(url: str, origin: str, fault: str) -> None:
    """Where data may come from; a secret is in no URL."""
    text = f"tables: {{t: {{kind: roster, from: {origin}, url: '{url}', table: t,"
    text += " columns: {person: a, from: b, to: c}}}"
    if origin == "http":
        text = text.replace(" table: t,", "")
    if not fault:
        assert parse_references(text).tables[0].url == url
        return
    with pytest.raises(ReferenceFileError, match=fault):
        parse_references(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("tables: [", "not YAML"),
        ("tables: &a {}\njustification: *a", "aliases are not allowed"),
        ("a: " + "[" * 50 + "]" * 50, "nested too deeply"),
        ("a: " + "[" * 100_000, "nested too deeply"),
        ("- a list", "must be a mapping"),
        ("? [a]\n: b", "a key must be a single value"),
        ("tables: {t: {kind: [a], from: csv}}", "must be a text"),
        ("tables: {t: {kind: case, from: csv, path: p, closed: c, columns: {id: a}}}", "a list"),
        ("tables: {t: {kind: case, from: csv, path: p, delimiter: xx}}", "one of"),
        ("tables: {t: {kind: case, from: csv, path: p, encoding: x}}", "one of"),
        ("tables: {t: {kind: case, from: http, url: 'https://h/', live: true, columns: {id: a}}}",
         "must hold `{case}`"),
        ("tables: {t: {kind: case, from: http, url: 'https://h/{case}', live: 7}}",
         "true or false"),
        ("tables: {t: {kind: case, from: csv, path: p, columns: {}, constants: {id: a}}}",
         "must be a column"),
    ],
)  # fmt: skip
def test_malformed(text: str, fault: str) -> None:
    """What is no such file is refused in one line."""
    with pytest.raises(ReferenceFileError, match=fault):
        parse_references(text)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large, not text, not a file: refused, with the path."""
    path = tmp_path / "reference.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ReferenceFileError, match="not UTF-8"):
        load_references(tmp_path)
    monkeypatch.setattr(reference_file, "FILE_SIZE_MAX", 1)
    with pytest.raises(ReferenceFileError, match="larger than"):
        load_references(tmp_path)
    monkeypatch.undo()
    path.unlink()
    path.mkdir()
    with pytest.raises(Unavailable, match="cannot read"):
        load_references(tmp_path)


def test_number_of_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a bound."""
    monkeypatch.setattr(reference_file, "TABLES_MAX", 1)
    with pytest.raises(ReferenceFileError, match="more than 1"):
        parse_references(GOOD)
