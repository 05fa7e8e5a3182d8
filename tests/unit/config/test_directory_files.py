"""Directory files: what is written in them is what is read, or a fault with its line."""

from __future__ import annotations

import codecs
from typing import Any

import pytest

from ombud.config import directory_files
from ombud.config.directory_files import DirectoryFile, Offered, read_directory_files
from ombud.config.directory_values import ValueReader, get_zone
from ombud.core.clock import format_instant
from ombud.core.errors import InputError

NAMES = "person,name\nana,Ana Müller\n"


def read(name: str, content: bytes | str, **options: Any) -> Offered:
    """Return what one file offers."""
    data = content.encode() if isinstance(content, str) else content
    return read_directory_files([DirectoryFile(name, data)], **{"zone": "UTC", **options})


def faults(name: str, content: bytes | str, **options: Any) -> list[str]:
    """Return the faults of one file."""
    return [str(fault) for fault in read(name, content, **options).faults.shown]


def values(name: str, content: bytes | str, **options: Any) -> list[tuple[Any, ...]]:
    """Return the rows of one file of one kind, which has no fault."""
    offered = read(name, content, **options)
    assert not offered.faults, offered.faults.shown
    return [row.values for rows in offered.rows.values() for row in rows]


READABLE = [
    ("utf-8", NAMES.encode(), None),
    ("utf-8 with mark", codecs.BOM_UTF8 + NAMES.encode(), None),
    ("utf-16 little", codecs.BOM_UTF16_LE + NAMES.encode("utf-16-le"), None),
    ("utf-16 big", codecs.BOM_UTF16_BE + NAMES.encode("utf-16-be"), "utf-16"),
    ("windows-1252 declared", NAMES.encode("cp1252"), "windows-1252"),
    ("latin-1 declared", NAMES.encode("latin-1"), "latin-1"),
    ("semicolons", NAMES.replace(",", ";").encode(), None),
    ("tabs", NAMES.replace(",", "\t").encode(), None),
    ("line ends of Windows", NAMES.replace("\n", "\r\n").encode(), None),
    ("line ends of old", NAMES.replace("\n", "\r").encode(), None),
    ("blank lines", b"person,name\n\nana,Ana M\xc3\xbcller\n\n,\n", None),
    ("columns in another order", "name,person\nAna Müller,ana\n".encode(), None),
    ("names as people write them", "Person, NAME \nana,Ana Müller".encode(), None),
]


@pytest.mark.parametrize(
    ("content", "encoding"), [c[1:] for c in READABLE], ids=[c[0] for c in READABLE]
)
def test_same_row_however_it_is_written(content: bytes, encoding: str | None) -> None:
    """Encodings, delimiters and line ends make no difference."""
    assert values("person.csv", content, encoding=encoding) == [("ana", "Ana Müller")]


BAD = [
    (
        "not utf-8",
        NAMES.encode("cp1252"),
        None,
        "person.csv:2: byte 0xFC (number 21) is not UTF-8; if",
    ),
    (
        "mixed",
        NAMES.encode() + "ben,Bjørn\n".encode("cp1252"),
        None,
        "person.csv:3: mixed encodings: byte 0xF8",
    ),
    (
        "mixed, declared",
        NAMES.encode() + "ben,Bjørn\n".encode("cp1252"),
        "latin-1",
        "person.csv:3: mixed encodings: line 2 is UTF-8",
    ),
    (
        "utf-8, declared other",
        NAMES.encode(),
        "windows-1252",
        "person.csv:2: `windows-1252` is declared, and the text is UTF-8",
    ),
    (
        "mark, declared other",
        codecs.BOM_UTF8 + NAMES.encode(),
        "latin-1",
        "the file says it is utf-8",
    ),
    (
        "undefined byte",
        b"person\na\x81\n",
        "windows-1252",
        "person.csv:2: byte 8 is not windows-1252",
    ),
    (
        "half a character",
        codecs.BOM_UTF16_LE + NAMES.encode("utf-16-le")[:-1],
        None,
        "person.csv:2: byte 52 is not utf-16-le",
    ),
    ("utf-16 without mark", NAMES.encode("utf-16-le"), "utf-16", "UTF-16 without its mark"),
    ("NUL", b"person,name\nana,a\0b\n", None, "person.csv:2: a NUL character"),
    ("empty", b"", None, "person.csv:1: no header"),
    (
        "unknown column",
        b"person,nam\nana,x\n",
        None,
        "unknown column `nam` of person: did you mean `name`?",
    ),
    ("column twice", b"person,Person\na,b\n", None, "person.csv:1: column `person` stands twice"),
    ("column missing", b"name\nana\n", None, "person.csv:1: column `person` of person is missing"),
    ("value missing", b"person,name\n,x\n", None, "person.csv:2: `person` is missing"),
    (
        "too many fields",
        b"person,name\nana,x,y\n",
        None,
        "person.csv:2: has 3 fields, and the header has 2",
    ),
    ("too few fields", b"person,name\nana\n", None, "person.csv:2: has 1 fields"),
    ("long value", b"person\n" + b"a" * 501, None, "person.csv:2: `person` is longer than 500"),
    ("huge field", b"person\n" + b"a" * 200_000, None, "person.csv:2: not CSV: field larger"),
    ("open quote", b'person,name\n"ana,x\nb,y\n', None, "person.csv:2: not CSV: unexpected end"),
    ("quote within", b'person,name\n"a"b,x\n', None, "person.csv:2: not CSV:"),
]


@pytest.mark.parametrize(
    ("content", "encoding", "said"), [c[1:] for c in BAD], ids=[c[0] for c in BAD]
)
def test_bad_file_is_a_fault_with_its_line(content: bytes, encoding: str | None, said: str) -> None:
    """What cannot be read says where and why, in one line."""
    found = faults("person.csv", content, encoding=encoding)

    assert len(found) == 1, found
    assert said in found[0]


def test_quoted_fields_hold_line_feeds_and_lines_are_still_right() -> None:
    """A row is where it begins, whatever its fields hold."""
    text = 'person,name\nana,"Ana\nof the ""north"", first"\n,\nben,x,y\n'
    offered = read("person.csv", text)

    assert [(fault.line, fault.reason) for fault in offered.faults.shown] == [
        (2, "`name` holds U+000A, a character that cannot be seen"),
        (5, "has 3 fields, and the header has 2"),
    ]


def test_all_faults_of_all_files_at_once() -> None:
    """Every file is read to its end, and each fault has its file."""
    offered = read_directory_files(
        [
            DirectoryFile(
                "leave.csv", b"person,from,to\na,soon,2026-01-02\nb,2026-13-01,2026-02-02"
            ),
            DirectoryFile("unit.yaml", b"unit:\n  - {unit: a, time_zon: x}\n  - {name: b}\n"),
        ],
        zone="UTC",
    )

    assert [(one.file, one.line) for one in offered.faults.shown] == [
        ("leave.csv", 2),
        ("leave.csv", 3),
        ("unit.yaml", 2),
        ("unit.yaml", 3),
    ]


STEMS = [
    ("people.csv", "person"),
    ("Accounts.CSV", "account"),
    ("unit-2026-11.csv", "unit"),
    ("memberships_hr.csv", "membership"),
    ("roster.2026.csv", "roster"),
    ("leave.csv", "leave"),
]


@pytest.mark.parametrize(("name", "kind"), STEMS)
def test_name_says_the_kind(name: str, kind: str) -> None:
    """A file is called by what it holds."""
    assert read(name, "").faults.shown[0].reason.endswith(f"columns of {kind}")


def test_name_that_says_nothing_needs_the_option() -> None:
    """What a file holds is not guessed from its columns."""
    assert "the name says no kind" in faults("export.csv", NAMES)[0]
    assert values("export.csv", NAMES, kind="person") == [("ana", "Ana Müller")]


YAML = """
person:
  - {person: ana, name: Ana Müller}
  - person: "007"
    name: ~
membership:
  - {person: ana, unit: patrol, role: officer, from: 2026-11-01, to: 2026-12-01T08:00+01:00}
supervision:
  - {unit: patrol, supervisor: ana, acting: yes}
leave: []
"""


def test_yaml_rows_are_what_csv_rows_are() -> None:
    """Kinds by name, values as they are written: a number stays the text it is."""
    offered = read("staff.yaml", YAML)

    assert not offered.faults
    assert {kind: [row.values for row in rows] for kind, rows in offered.rows.items()} == {
        "person": [("ana", "Ana Müller"), ("007", None)],
        "membership": [("ana", "patrol", "officer", 1793491200000, 1796108400000)],
        "supervision": [("patrol", "ana", True, None, None)],
        "leave": [],
    }
    assert offered.rows["person"][1].line == 4


BAD_YAML = [
    ("not YAML", "person: [", "staff.yml:"),
    ("no mapping", "- a\n", "staff.yml:1: no mapping of kinds"),
    (
        "unknown kind",
        "persons:\n  - {person: a}\n",
        "staff.yml:1: unknown kind `persons`: did you mean",
    ),
    ("kind twice", "person: []\nperson: []\n", "staff.yml:2: `person` stands twice"),
    ("no list", "person: ana\n", "`person` is not a list of rows"),
    ("no row", "person:\n  - ana\n", "staff.yml:2: a row of person is no mapping"),
    (
        "column twice",
        "person:\n  - {person: a, person: b}\n",
        "staff.yml:2: column `person` stands twice",
    ),
    ("list as value", "person:\n  - {person: [a]}\n", "staff.yml:2: `person` is not one value"),
    (
        "neither yes nor no",
        "supervision:\n  - {unit: a, supervisor: b, acting: maybe}\n",
        "`acting` `maybe` is neither",
    ),
    ("merge", "person:\n  - &a {person: a}\n  - {<<: *a}\n", "aliases are not allowed"),
]


@pytest.mark.parametrize(("text", "said"), [c[1:] for c in BAD_YAML], ids=[c[0] for c in BAD_YAML])
def test_bad_yaml_is_a_fault_with_its_line(text: str, said: str) -> None:
    """YAML says where it is wrong, too."""
    found = faults("staff.yml", text)

    assert len(found) == 1, found
    assert said in found[0]


def test_kind_in_two_files() -> None:
    """A load replaces a kind, so that it is given once."""
    two = [DirectoryFile("person.csv", NAMES.encode()), DirectoryFile("p.yml", b"person: []")]
    offered = read_directory_files(two, zone="UTC")

    assert "person is in another file already" in offered.faults.shown[0].reason


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes and counts end somewhere, and say so."""
    monkeypatch.setattr("ombud.config.directory_csv.ROWS_MAX", 2)
    assert "more than 2 rows" in faults("person.csv", "person\na\nb\nc\nd\n")[0]
    monkeypatch.setattr("ombud.config.directory_yaml.YAML_SIZE_MAX", 3)
    assert "write large tables as CSV" in faults("person.yml", "person: []")[0]
    monkeypatch.setattr(directory_files, "SIZE_MAX", 4)
    with pytest.raises(InputError, match="larger than 4 bytes"):
        read("person.csv", "person\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "people"}, "unknown kind `people`"),
        ({"encoding": "ebcdic"}, "unknown encoding `ebcdic`"),
        ({"zone": "Mars/Base"}, "unknown time zone `Mars/Base`"),
        ({"zone": "../etc/passwd"}, "unknown time zone"),
    ],
)
def test_wrong_options(options: dict[str, Any], said: str) -> None:
    """Options that are wrong whatever the file holds are refused at once."""
    with pytest.raises(InputError, match=said):
        read("person.csv", NAMES, **options)


INSTANTS = [
    ("UTC", "2026-11-01", "2026-11-01T00:00:00.000Z"),
    ("Europe/Berlin", "2026-07-01", "2026-06-30T22:00:00.000Z"),
    ("Europe/Berlin", "2026-12-01", "2026-11-30T23:00:00.000Z"),
    ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00.000Z"),  # Clocks change later that day.
    ("Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00.000Z"),
    ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00.000Z"),  # Midnight is skipped.
    ("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00.000Z"),  # Midnight comes twice.
    ("Europe/Berlin", "2026-07-01T08:30", "2026-07-01T06:30:00.000Z"),
    ("Europe/Berlin", "2026-07-01 08:30:15.250", "2026-07-01T06:30:15.250Z"),
    ("Europe/Berlin", "2026-10-25T02:30+02:00", "2026-10-25T00:30:00.000Z"),
    ("Europe/Berlin", "2026-10-25T02:30+0100", "2026-10-25T01:30:00.000Z"),
    ("Europe/Berlin", "2026-07-01T08:30Z", "2026-07-01T08:30:00.000Z"),
]


@pytest.mark.parametrize(("zone", "written", "utc"), INSTANTS)
def test_instant_of_a_zone(zone: str, written: str, utc: str) -> None:
    """A day is its first instant in its zone, also where clocks change."""
    assert format_instant(ValueReader(get_zone(zone)).instant(written)) == utc


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-03-29T02:30", "is skipped in Europe/Berlin"),
        ("2026-10-25T02:30", "comes twice in Europe/Berlin"),
        ("2026-02-30", "is no time there is"),
        ("01.11.2026", "is neither a day such as"),
        ("20261101", "is neither a day such as"),
        ("2026-11-01T08", "is neither a day such as"),
        ("tomorrow", "is neither a day such as"),
        ("0001-01-01", "is no time there is"),
    ],
)
def test_time_that_is_not(written: str, said: str) -> None:
    """An hour that a clock skips or shows twice is not guessed."""
    text = f"person,from,to\na,{written},2027-01-01\n"

    assert said in faults("leave.csv", text, zone="Europe/Berlin")[0]


BOMB = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("person: " + "[" * 1_000_000, "1: nested too deeply", id="brackets"),
        pytest.param("person:\n" + "- " * 500_000 + "x", "2: nested too deeply", id="hyphens"),
        pytest.param(f"a0: &a0 [x]\n{BOMB}? *a11\n: 1\n", "2: aliases are not", id="key"),
        pytest.param("person: &a [*a]\n", "1: aliases are not", id="itself"),
        pytest.param("? [person]\n: 1\n", "1: unknown kind `…`", id="list as kind"),
        pytest.param("person:\n- {? [person] : 1}\n", "2: unknown column `…`", id="as column"),
    ],
)
def test_shapes_that_end_a_process_are_refused(text: str, fault: str) -> None:
    """Depth and aliases are refused before a tree is made, which recurses and multiplies."""
    (said,) = faults("x.yaml", text)
    assert said.startswith(f"x.yaml:{fault}")


def test_what_is_wrong_is_told_in_bounded_words() -> None:
    """Names of a hundred thousand characters, and as many columns, are one short fault."""
    (said,) = faults("x.yaml", f"person:\n- {{? {'a' * 100_000} : 1}}\n")
    assert len(said) < 200
    assert faults("person.csv", ",".join(f"c{n}" for n in range(100_000)) + "\n") == [
        "person.csv:1: the first line names 100000 columns of person"
    ]


@pytest.mark.parametrize("code", [0x1B, 0x07, 0x0A, 0x7F, 0x9B, 0x200B, 0x2028, 0x202E, 0x2066])
def test_what_cannot_be_seen_is_no_name(code: int) -> None:
    """A name commands no terminal, ends no line and does not turn the direction of writing."""
    said = faults("person.csv", f'person,name\nana,"A{chr(code)}b"\n')
    assert said == [f"person.csv:2: `name` holds U+{code:04X}, a character that cannot be seen"]


def test_joined_letters_are_a_name() -> None:
    """What joins letters, in Persian and others, is part of how a name is written."""
    assert values("person.csv", "person,name\nana,ک\u200cن\n") == [("ana", "ک\u200cن")]


@pytest.mark.parametrize("name", ["", "x" * 256 + ".csv", "person\x1b[2J.csv", "person\n.csv"])
def test_names_of_files_are_text(name: str) -> None:
    """They go on record and on screens."""
    with pytest.raises(InputError, match="file name"):
        read(name, "person\nana\n")
