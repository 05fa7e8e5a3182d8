"""What an attribution file may say, and that every fault of it is named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ombud.attribution.declarations import PersonPattern, PersonPlace, SystemDeclaration
from ombud.config.attribution_file import (
    FILE_NAME,
    FILE_SIZE_MAX,
    AttributionError,
    load_attribution,
    parse_attribution,
    render_attribution,
)

WHOLE = """
systems:
  postgresql/clinic:
    search_path: [app, public]
    subjects:
      public.patients: {id: patient, ssn: ssn}
      public."Visits": {patient_id: patient}
    functions: {public.get_patient: [patient, null]}
    shared_accounts: [clinic_app, 4711]
    persons:
      - {from: application_name, pattern: 'user=(?P<person>[^;]+)', actors: [clinic_app]}
      - {from: comment, key: user}
      - {from: session_variable, key: app.user}
"""


def test_whole_file_and_back() -> None:
    """What is declared is read, and written so that it reads the same."""
    declared = parse_attribution(WHOLE)

    assert declared == {
        "postgresql/clinic": SystemDeclaration(
            system="postgresql/clinic",
            subjects={
                "public.patients": {"id": "patient", "ssn": "ssn"},
                'public."Visits"': {"patient_id": "patient"},
            },
            functions={"public.get_patient": ("patient", None)},
            search_path=("app", "public"),
            persons=(
                PersonPattern(
                    PersonPlace.APPLICATION_NAME, ("clinic_app",), "user=(?P<person>[^;]+)"
                ),
                PersonPattern(PersonPlace.COMMENT, key="user"),
                PersonPattern(PersonPlace.SESSION_VARIABLE, key="app.user"),
            ),
            shared_accounts=frozenset({"clinic_app", "4711"}),
        )
    }
    assert parse_attribution(render_attribution(declared)) == declared


@pytest.mark.parametrize("text", ["", "systems:\n", "systems: {}\n", "# nothing yet\n"])
def test_nothing_declared(text: str) -> None:
    """An empty file declares nothing."""
    assert parse_attribution(text) == {}


def system(text: str) -> str:
    """Return a file whose one system has this text, in one line."""
    return f"systems: {{s: {{{text}}}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[1", "not YAML", id="not yaml"),
        pytest.param("- 1", "`file`: must be a mapping", id="a list"),
        pytest.param("sistems: {}", "did you mean `systems`?", id="unknown at the top"),
        pytest.param(system("subjcts: {}"), "did you mean `subjects`?", id="unknown of a system"),
        pytest.param("systems: {s: {}, s: {}}", "`systems.s`: given twice", id="twice"),
        pytest.param("systems: {s: &a {}, t: *a}", "aliases are not allowed", id="alias"),
        pytest.param("systems: {[1]: {}}", "a key must be a single value", id="key"),
        pytest.param(system("subjects: {patients: {id: p}}"), "needs its schema", id="no schema"),
        pytest.param(
            system("subjects: {a.b: {id: p}, '\"a\".b': {id: p}}"), "given twice", id="same name"
        ),
        pytest.param(system("subjects: {a.b: {}}"), "at least one column", id="no column"),
        pytest.param(system("subjects: {a.b: {id: A b}}"), "lower-case word", id="kind"),
        pytest.param(system("subjects: {a.b: {id: [p]}}"), "must be a text", id="kind is a list"),
        pytest.param(system("functions: {a.b: [null]}"), "give a parameter a kind", id="function"),
        pytest.param(system("functions: {a.b: patient}"), "must be a list", id="no list"),
        pytest.param(system("search_path: []"), "at least one schema", id="no path"),
        pytest.param(system("shared_accounts: ['']"), "must not be empty", id="empty"),
        pytest.param(system("persons: [{key: x}]"), "needs `from`", id="no place"),
        pytest.param(system("persons: [{from: coment}]"), "did you mean `comment`?", id="place"),
        pytest.param(system("persons: [{from: comment}]"), "needs a `key`", id="no key"),
        pytest.param(
            system("persons: [{from: application_name}]"), "needs a `pattern`", id="no pattern"
        ),
        pytest.param(
            system("persons: [{from: application_name, pattern: '(?P<person>x)', key: a}]"),
            "no meaning",
            id="key of an application name",
        ),
        pytest.param(
            system("persons: [{from: application_name, pattern: '(x'}]"), "RE2", id="pattern"
        ),
        pytest.param(
            system("persons: [{from: application_name, pattern: 'x'}]"), "a group `person`", id="x"
        ),
        pytest.param(
            system(f"persons: [{{from: comment, key: a, pattern: '{'x' * 501}'}}]"),
            "longer than 500",
            id="long pattern",
        ),
        pytest.param(
            system(f"persons: [{', '.join(['{from: comment, key: a}'] * 33)}]"),
            "more than 32",
            id="many patterns",
        ),
    ],
)
def test_refuses(text: str, message: str) -> None:
    """A file that cannot be used is refused with file, line, key and the reason."""
    with pytest.raises(AttributionError) as refusal:
        parse_attribution(text)

    assert message in str(refusal.value)
    assert all(fault.startswith(f"{FILE_NAME}:1: ") for fault in refusal.value.faults)


def test_names_every_fault_at_once_with_its_line() -> None:
    """Three faults are three lines of one refusal, in the order of the file."""
    with pytest.raises(AttributionError) as refusal:
        parse_attribution("systems:\n  s:\n    search_path: 1\n    x: 1\n  t: 5\n", origin="a.yaml")

    assert refusal.value.faults == (
        "a.yaml:3: `systems.s.search_path`: must be a list",
        "a.yaml:3: `systems.s.search_path`: must name at least one schema",
        "a.yaml:4: `systems.s.x`: unknown key",
        "a.yaml:5: `systems.t`: must be a mapping",
    )


def test_file_of_a_home(tmp_path: Path) -> None:
    """A home without the file declares nothing; a file too large or not text is refused."""
    assert load_attribution(tmp_path) == {}
    (tmp_path / FILE_NAME).write_text(WHOLE)
    assert list(load_attribution(tmp_path)) == ["postgresql/clinic"]
    (tmp_path / FILE_NAME).write_bytes(b"\xff")
    with pytest.raises(AttributionError, match="not UTF-8"):
        load_attribution(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"#" * (FILE_SIZE_MAX + 1))
    with pytest.raises(AttributionError, match="larger than"):
        load_attribution(tmp_path)
