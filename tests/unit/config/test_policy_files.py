"""Policy files: every fault has file, line and key, all of them at once, and none gets through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.access.model import Hours, Line, Mask, MaskKind, Policy
from ombud.access.snapshot import compile_policy
from ombud.config.policy_files import (
    FILES_MAX,
    PolicyError,
    load_policy,
    read_policy,
    read_policy_folder,
)
from ombud.config.policy_purposes import read_hours
from ombud.config.policy_reader import FAULTS_MAX
from ombud.core.errors import InputError, Unavailable

GOOD = """\
zone: Europe/Dublin
holidays: [2026-12-25]
actions: [print]
attributes:
  actor: {cleared: bool, badge: int}
  resource: {status: string}
  context: {case: string, recipient: string}
  stated: [cleared]
entities:
  user: {ana: {role: clerk, badge: 7}}
  record: {r1: {status: open}}
when_no_purpose: policing
second_person: {approvers: {actors: [person:dpo]}}
vendor: {types: [vendor]}
reason_codes: {SUPPORT: {title: Asked for}}
terms:
  status: {jurisdiction: Here, reason: Law, words: [immigration]}
datasets:
  plates:
    system: anpr
    owner: person:kim
    approval: {approvers: {actors: [person:kim]}}
    columns:
      plate: {classifications: [identity]}
      seen_at: timestamp
      stolen: bool
    intended: [policing]
    prohibited: [marketing]
  streets: {sources: [plates], attributes: {status: open}}
prohibitions:
  no-export: {reason: Stays, actions: [export], when: context.recipient != 'us'}
checkpoints:
  why: {kind: text, prompt: Why, actions: [print], length_min: 20}
  which: {kind: choice, prompt: Which, choices: [a, b], classifications: [identity]}
purposes:
  marketing: {title: Sell}
  policing:
    title: Police
    owner: person:ben
    approval: {approvers: {actors: [person:ben, person:cy]}, quorum: 2}
  stolen:
    parent: policing
    title: Find stolen vehicles
    clause: 3.2
    until: 2027-01-01
    days_max: 90
    limits: {rows_per_query: 500, rows_per_day: 1000}
    break_glass: {reasons: [danger], notify: [person:dpo]}
    scope:
      - name: look
        actions: [read, print]
        resources: [plates]
        systems: [anpr]
        columns: [plate, seen_at]
        row_filter: row.stolen == true
        masks: {plate: {kind: truncate, size: 3}}
        hours: ["mon-fri 08:00-18:00"]
        when: actor.cleared
        until: 2026-12-31T12:00:00+01:00
  bikes: {parent: policing, like: stolen, title: Find stolen bikes, days_max: 30}
"""


def faults(text: str) -> list[str]:
    """Return the faults of one file, each a line for a person."""
    return [str(fault) for fault in read_policy({"p.yaml": text})[1]]


def test_a_good_file_is_read_as_it_says() -> None:
    """Values come out resolved: instants, hours, zone, and what purposes have from others."""
    policy, found = read_policy({"p.yaml": GOOD})

    assert not found
    stolen, bikes = policy.purposes[2:]
    assert policy.zone == "Europe/Dublin"
    assert stolen.until == 1_798_761_600_000  # The first day's first moment, in Dublin.
    assert stolen.clause == "3.2"
    assert stolen.owner == "person:ben"
    assert stolen.approval.quorum == 2
    assert stolen.scope == (
        Line(
            name="look",
            actions=("read", "print"),
            resources=("plates",),
            systems=("anpr",),
            columns=("plate", "seen_at"),
            row_filter="row.stolen == true",
            masks=(Mask(column="plate", kind=MaskKind.TRUNCATE, size=3),),
            hours=(Hours(days=(1, 2, 3, 4, 5), since=480, until=1080, zone="Europe/Dublin"),),
            when="actor.cleared",
            until=1_798_714_800_000,
        ),
    )
    assert (bikes.scope, bikes.limits, bikes.break_glass) == (
        stolen.scope, stolen.limits, stolen.break_glass,
    )  # fmt: skip
    assert (bikes.days_max, bikes.clause, bikes.until) == (30, None, None)
    compile_policy(policy)


def test_summer_time_is_the_zones() -> None:
    """A day begins when it does in the policy's zone."""
    text = "zone: Europe/Dublin\npurposes: {p: {title: P, until: 2026-07-01}}"
    policy, _ = read_policy({"p.yaml": text})

    assert policy.purposes[0].until == 1_782_860_400_000  # 23:00 of the day before, UTC.


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # Keys and types.
        ("zone:", "zoen:", "p.yaml:1: `zoen`: unknown key: did you mean `zone`?"),
        ("actions: [print]", "zone: UTC", "p.yaml:3: `zone`: stands twice; see line 1"),
        (
            "title: Sell",
            "title: Sell, title: Sale",
            "p.yaml:36: `purposes.marketing.title`: stands twice; see line 36",
        ),
        (
            "title: Sell",
            "titel: Sell",
            "p.yaml:36: `purposes.marketing.titel`: unknown key: did you mean `title`?",
        ),
        ("{title: Sell}", "{}", "p.yaml:36: `purposes.marketing.title`: `title` is missing"),
        ("{title: Sell}", "[a]", "p.yaml:36: `purposes.marketing`: must be a mapping"),
        ("title: Sell", "title: ' '", "p.yaml:36: `purposes.marketing.title`: must not be empty"),
        (
            "title: Sell",
            "title: no",
            (
                "p.yaml:36: `purposes.marketing.title`: must be a text;"
                " put `no` in quotes if it is one"
            ),
        ),
        ("title: Sell", "title: [x]", "p.yaml:36: `purposes.marketing.title`: must be a text"),
        (
            "title: Sell",
            'title: "a\\0b"',
            "p.yaml:36: `purposes.marketing.title`: must not hold NUL",
        ),
        ("holidays: [2026-12-25]", "holidays: 2026-12-25", "p.yaml:2: `holidays`: must be a list"),
        (
            "2026-12-25",
            "2026-02-30",
            "p.yaml:2: `holidays[0]`: `2026-02-30` is no day such as 2026-12-25",
        ),
        (
            "Europe/Dublin",
            "Europe/Dubln",
            "p.yaml:1: `zone`: `Europe/Dubln` is no time zone such as Europe/Dublin",
        ),
        (
            "Europe/Dublin",
            "../../etc/passwd",
            ("p.yaml:1: `zone`: `../../etc/passwd` is no time zone such as Europe/Dublin"),
        ),
        (
            "days_max: 90",
            "days_max: ninety",
            "p.yaml:46: `purposes.stolen.days_max`: must be a whole number of 1 to 3660",
        ),
        (
            "days_max: 90",
            "days_max: 0",
            "p.yaml:46: `purposes.stolen.days_max`: must be a whole number of 1 to 3660",
        ),
        (
            "days_max: 90",
            "days_max: '90'",
            "p.yaml:46: `purposes.stolen.days_max`: must be a whole number of 1 to 3660",
        ),
        (
            "days_max: 90",
            "standing: yes",
            "p.yaml:46: `purposes.stolen.standing`: must be true or false",
        ),
        (
            "until: 2027-01-01",
            "until: 2027-13-01",
            (
                "p.yaml:45: `purposes.stolen.until`:"
                " `2027-13-01` is no date such as 2027-01-31 or 2027-01-31T12:00:00Z"
            ),
        ),
        (
            "until: 2027-01-01",
            "until: 2027-01-01T00:00:00",
            (
                "p.yaml:45: `purposes.stolen.until`:"
                " `2027-01-01T00:00:00` is no date such as 2027-01-31 or 2027-01-31T12:00:00Z"
            ),
        ),
        # Names.
        (
            "  marketing: {title",
            "  'mar keting': {title",
            (
                "p.yaml:36: `purposes.mar keting`:"
                " `mar keting` is no name: letters, digits, `.`, `_`, `-`, at most 100"
            ),
        ),
        (
            "owner: person:kim",
            "owner: kim",
            "p.yaml:21: `datasets.plates.owner`: `kim` is no actor such as `person:jdoe`",
        ),
        (
            "[person:ben, person:cy]",
            "[person:ben, person:ben]",
            (
                "p.yaml:40:"
                " `purposes.policing.approval.approvers.actors[1]`: `person:ben` stands twice"
            ),
        ),
        (
            "[person:ben, person:cy]",
            "[person:ben]",
            ("p.yaml:40: `purposes.policing.approval.quorum`: 2 must agree, but only 1 may"),
        ),
        (
            "[person:ben, person:cy]",
            "[]",
            (
                "p.yaml:40: `purposes.policing.approval.approvers`:"
                " means nobody: name actors, types, units or roles, or give `when`"
            ),
        ),
        (
            "{approvers: {actors: [person:dpo]}}",
            "{quorum: 1}",
            "p.yaml:13: `second_person.approvers`: `approvers` is missing",
        ),
        # References.
        (
            "parent: policing\n    title",
            "parent: polcing\n    title",
            (
                "p.yaml:42:"
                " `purposes.stolen.parent`: unknown purpose `polcing`: did you mean `policing`?"
            ),
        ),
        (
            "title: Police",
            "title: Police\n    parent: stolen",
            (
                "p.yaml:43:"
                " `purposes.stolen.parent`: is its own ancestor: policing > stolen > policing"
            ),
        ),
        (
            "system: anpr",
            "system: anpr\n    sources: [streets]",
            (
                "p.yaml:30:"
                " `datasets.streets.sources`: is its own ancestor: plates > streets > plates"
            ),
        ),
        (
            "when_no_purpose: policing",
            "when_no_purpose: nothing",
            "p.yaml:12: `when_no_purpose`: unknown purpose `nothing`",
        ),
        (
            "like: stolen",
            "like: stoln",
            ("p.yaml:60: `purposes.bikes.like`: unknown purpose `stoln`: did you mean `stolen`?"),
        ),
        (
            "like: stolen",
            "like: bikes",
            "p.yaml:60: `purposes.bikes.like`: `bikes` is like another itself: name that one",
        ),
        (
            "intended: [policing]",
            "intended: [policeing]",
            (
                "p.yaml:27: `datasets.plates.intended[0]`:"
                " unknown purpose `policeing`: did you mean `policing`?"
            ),
        ),
        (
            "sources: [plates]",
            "sources: [plate]",
            (
                "p.yaml:29: `datasets.streets.sources[0]`:"
                " unknown dataset `plate`: did you mean `plates`?"
            ),
        ),
        (
            "resources: [plates]",
            "resources: [platse]",
            (
                "p.yaml:52:"
                " `purposes.stolen.scope[0].resources[0]`: unknown dataset `platse`:"
                " did you mean `plates`?"
            ),
        ),
        (
            "resources: [plates]",
            'resources: ["x*"]',
            ("p.yaml:52: `purposes.stolen.scope[0].resources[0]`: `x*` means no declared dataset"),
        ),
        (
            "resources: [plates]",
            'resources: ["p*l*a*t*e*"]',
            ("p.yaml:52: `purposes.stolen.scope[0].resources[0]`: more than 4 `*`"),
        ),
        (
            "resources: [plates]",
            "resources: []",
            "p.yaml:52: `purposes.stolen.scope[0].resources`: must name at least one",
        ),
        (
            "systems: [anpr]",
            "systems: [anrp]",
            (
                "p.yaml:53: `purposes.stolen.scope[0].systems[0]`:"
                " unknown system `anrp`: did you mean `anpr`?"
            ),
        ),
        (
            "columns: [plate, seen_at]",
            "columns: [plate, seenat]",
            (
                "p.yaml:54:"
                " `purposes.stolen.scope[0].columns[1]`: unknown column `seenat`:"
                " did you mean `seen_at`?"
            ),
        ),
        (
            "columns: [plate, seen_at]",
            "columns: [seen_at]",
            (
                "p.yaml:56:"
                " `purposes.stolen.scope[0].masks.plate`: is masked, but not among the columns"
                " of this line"
            ),
        ),
        (
            "[read, print]",
            "[read, pirnt]",
            (
                "p.yaml:51: `purposes.stolen.scope[0].actions[1]`:"
                " unknown action `pirnt`: did you mean `print`?"
            ),
        ),
        (
            "[read, print]",
            "['*']",
            (
                "p.yaml:51: `purposes.stolen.scope[0].actions[0]`: `*` is no"
                " name: letters, digits, `.`, `_`, `-`, at most 100"
            ),
        ),
        (
            "classifications: [identity]}\npurposes",
            "classifications: [idenity]}\npurposes",
            (
                "p.yaml:34: `checkpoints.which.classifications[0]`: unknown classification"
                " `idenity`: did you mean `identity`?"
            ),
        ),
        # Conditions.
        (
            "when: actor.cleared",
            "when: actor.claered",
            (
                "p.yaml:58: `purposes.stolen.scope[0].when`:"
                " column 1: unknown attribute `actor.claered`: did you mean `actor.cleared`?"
            ),
        ),
        (
            "when: actor.cleared",
            "when: actor.badge",
            (
                "p.yaml:58: `purposes.stolen.scope[0].when`:"
                " column 1: a condition must be bool, not int"
            ),
        ),
        (
            "row.stolen == true",
            "row.stolne == true",
            (
                "p.yaml:55:"
                " `purposes.stolen.scope[0].row_filter`: column 1: unknown column `row.stolne`:"
                " did you mean `row.stolen`?"
            ),
        ),
        (
            "row.stolen == true",
            "row.plate.matches('a')",
            (
                "p.yaml:55:"
                " `purposes.stolen.scope[0].row_filter`: `matches` on a column has no form in SQL:"
                " engines differ"
            ),
        ),
        (
            "resources: [plates]\n",
            "resources: [streets]\n",
            (
                "p.yaml:55: `purposes.stolen.scope[0].row_filter`: filters rows"
                " of `streets`, which declares no columns"
            ),
        ),
        (
            "when: context.recipient != 'us'",
            "when: row.x == 1",
            (
                "p.yaml:31:"
                " `prohibitions.no-export.when`: column 1: `row` can be used in row filters only"
            ),
        ),
        # Kinds.
        (
            "{kind: truncate, size: 3}",
            "{kind: truncate}",
            "p.yaml:56: `purposes.stolen.scope[0].masks.plate.size`: `size` is missing",
        ),
        (
            "{kind: truncate, size: 3}",
            "{kind: hash, size: 3}",
            (
                "p.yaml:56:"
                " `purposes.stolen.scope[0].masks.plate.size`: has no meaning for kind `hash`"
            ),
        ),
        (
            "{kind: truncate, size: 3}",
            "{kind: has}",
            (
                "p.yaml:56:"
                " `purposes.stolen.scope[0].masks.plate.kind`: unknown `has`: did you mean `hash`?"
            ),
        ),
        (
            "{kind: truncate, size: 3}",
            "hash",
            "p.yaml:56: `purposes.stolen.scope[0].masks.plate`: must be a mapping",
        ),
        (
            "mon-fri 08:00-18:00",
            "mon-fry 08:00-18:00",
            (
                "p.yaml:57:"
                " `purposes.stolen.scope[0].hours[0]`: `mon-fry 08:00-18:00` is not hours such as"
                " `mon-fri 08:00-18:00` or `sat,sun 22:00-06:00`"
            ),
        ),
        (
            "length_min: 20",
            'pattern: "("',
            "p.yaml:33: `checkpoints.why.pattern`: not a pattern of RE2: missing ): (",
        ),
        (
            "length_min: 20",
            "choices: [a, b]",
            "p.yaml:33: `checkpoints.why.choices`: has no meaning for kind `text`",
        ),
        (
            "choices: [a, b]",
            "choices: [a]",
            "p.yaml:34: `checkpoints.which.choices`: a choice needs two or more",
        ),
        (
            "  why: {kind",
            "  acknowledgement: {kind",
            (
                "p.yaml:33: `checkpoints.acknowledgement`:"
                " this name belongs to the acknowledgement of a purpose"
            ),
        ),
        (
            "kind: text",
            "kind: second_person",
            "p.yaml:33: `checkpoints.why.approvers`: `approvers` is missing",
        ),
        # What would be open, or would never open.
        (
            "days_max: 90",
            "standing: true",
            (
                "p.yaml:41: `purposes.stolen`: stands open to everybody:"
                " a standing purpose needs an `audience`"
            ),
        ),
        (
            "    approval: {approvers: {actors: [person:ben, person:cy]}, quorum: 2}\n",
            "",
            (
                "p.yaml:40: `purposes.stolen.approval`: nobody can approve it: name approvers here"
                " or above, or make it standing"
            ),
        ),
        (
            "reason_codes: {SUPPORT: {title: Asked for}}\n",
            "",
            "p.yaml:14: `vendor`: needs `reason_codes`; without one nothing is let in",
        ),
        (
            "vendor: {types",
            "lone_until: 2027-01-01\nvendor: {types",
            "p.yaml:14: `lone_until`: contradicts `second_person`; keep one of them",
        ),
        (
            ", words: [immigration]",
            "",
            "p.yaml:17: `terms.status`: bars nothing: give `words` or `codes`",
        ),
        (
            "rows_per_query: 500, rows_per_day: 1000",
            "rows_per_query: 1001, rows_per_day: 1000",
            "p.yaml:47: `purposes.stolen.limits.rows_per_query`: more than `rows_per_day`",
        ),
        (
            "reasons: [danger]",
            "reasons: []",
            "p.yaml:48: `purposes.stolen.break_glass.reasons`: must name at least one",
        ),
        # Attributes.
        (
            "cleared: bool",
            "cleared: boolean",
            ("p.yaml:5: `attributes.actor.cleared`: unknown type `boolean`: did you mean `bool`?"),
        ),
        (
            "cleared: bool",
            "cleared: bool, id: int",
            "p.yaml:5: `attributes.actor.id`: is built in, and of type string",
        ),
        (
            "cleared: bool",
            "cleared: bool, a-b: int",
            (
                "p.yaml:5: `attributes.actor.a-b`: an"
                " attribute's name has letters, digits and `_` only"
            ),
        ),
        (
            "stated: [cleared]",
            "stated: [claered]",
            (
                "p.yaml:8: `attributes.stated`: unknown"
                " attribute `actor.claered`: did you mean `cleared`?"
            ),
        ),
        (
            "stated: [cleared]",
            "stated: [id]",
            "p.yaml:8: `attributes.stated`: `id` is what an actor is, never stated",
        ),
        (
            "badge: 7",
            "bagde: 7",
            (
                "p.yaml:10: `entities.user.ana.bagde`: not declared in"
                " attributes.actor or attributes.resource: did you mean `badge`?"
            ),
        ),
        ("badge: 7", "badge: seven", "p.yaml:10: `entities.user.ana.badge`: must be int"),
        (
            "badge: 7",
            "badge: {a: 1}",
            "p.yaml:10: `entities.user.ana.badge`: must be one value or a list of texts",
        ),
        (
            "seen_at: timestamp",
            "seen_at: time",
            (
                "p.yaml:25: `datasets.plates.columns.seen_at`:"
                " unknown type `time`: did you mean `timestamp`?"
            ),
        ),
        (
            "{reason: Stays, actions: [export]",
            "{reason: Stays, actions: []",
            (
                "p.yaml:31: `prohibitions.no-export.actions`:"
                " must name at least one; left out, it means any"
            ),
        ),
        (
            "{reason: Stays, actions: [export]",
            "{reason: Stays, columns: ['pl*']",
            (
                "p.yaml:31: `prohibitions.no-export.columns[0]`:"
                " columns are named one by one, without `*`"
            ),
        ),
        (
            "actions: [print], length_min: 20",
            "areas: [], length_min: 20",
            "p.yaml:33: `checkpoints.why.areas`: must name at least one; left out, it means any",
        ),
        (
            "    clause: 3.2",
            "    checkpoints: {why: {kind: text, prompt: Why}}",
            "p.yaml:44: `purposes.stolen.checkpoints.why`: has the name of one of all purposes",
        ),
        (
            "badge: 7",
            "badge: 1.0e+400",
            (
                "p.yaml:10: `entities.user.ana.badge`: `1.0e+400` is no number;"
                " put it in quotes if it is a text"
            ),
        ),
    ],
)
def test_each_fault_has_its_place(before: str, after: str, expected: str) -> None:
    """One mistake in a good file: the fault, with file, line, key and what to do."""
    assert before in GOOD
    found = faults(GOOD.replace(before, after, 1))

    assert expected in found


def test_all_faults_of_all_files_are_found_at_once() -> None:
    """Nothing is fixed one by one; files are told apart, and names overlap in none."""
    files = {
        "a.yaml": "zone: UTC\npurposes: {p: {title: P, owner: kim}, q: {}}\n",
        "b.yaml": "zone: UTC\npurposes:\n  p: {title: Again}\nentities: {user: {ana: {}}}\n",
        "c.yaml": "entities: {user: {ana: {}}}\ndatasets: {d: {systme: x}}\n",
        "d.yaml": "purposes: [\n",
        "e.yaml": "",
    }

    assert [str(fault) for fault in read_policy(files)[1]] == [
        "a.yaml:2: `purposes.p.owner`: `kim` is no actor such as `person:jdoe`",
        "a.yaml:2: `purposes.q.title`: `title` is missing",
        "b.yaml:1: `zone`: stands in a.yaml:1 too",
        "b.yaml:3: `purposes.p`: stands in a.yaml:2 too",
        "c.yaml:1: `entities.user.ana`: stands in b.yaml:4 too",
        "c.yaml:2: `datasets.d.systme`: unknown key: did you mean `system`?",
        "d.yaml:2: not YAML: did not find expected node content",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &a [x]\nb: *a\n", "p.yaml:2: aliases are not allowed"),
        ("a: " + "[" * 1_000_000, "p.yaml:1: nested too deeply"),
        ("? [a, b]\n: c\n", "`.`: a key must be one printable text of at most 300 characters"),
        ("!!python/object:os.system x: y\n", "unknown key"),
        ("- a\n- b\n", "p.yaml:1: ``: must be a mapping"),
        ("a: b\n---\nc: d\n", "not YAML"),
        ("zone: \x07\n", "not YAML"),
        ("holidays: [" + "a," * 500_000 + "]\n", "too many values"),
        ("purposes:\n" + "".join(f"  p{n}: {{}}\n" for n in range(5_000)), "`title` is missing"),
    ],
    ids=["alias", "depth", "key", "tag", "list", "documents", "control", "values", "many"],
)
def test_hostile_yaml_is_refused(text: str, expected: str) -> None:
    """Bombs, odd keys and tags are faults like others, and never more than are of use."""
    found = faults(text)

    assert 1 <= len(found) <= FAULTS_MAX
    assert any(expected.replace("``: ", "") in fault for fault in found), found[:3]


def test_a_tree_of_purposes_has_a_bound() -> None:
    """Seventeen levels are a mistake."""
    lines = ["purposes:", "  p0: {title: P}"]
    lines += [f"  p{n}: {{title: P, parent: p{n - 1}}}" for n in range(1, 20)]

    assert faults("\n".join(lines)) == ["p.yaml:19: `purposes.p17.parent`: more than 16 above it"]


@pytest.mark.parametrize(
    ("text", "days", "since", "until"),
    [
        ("mon-fri 08:00-18:00", (1, 2, 3, 4, 5), 480, 1080),
        ("Sat,Sun 22:00-06:00", (6, 7), 1320, 360),
        ("fri-mon,wed 00:00-24:00", (1, 3, 5, 6, 7), 0, 1440),
        ("09:30-12:00", (1, 2, 3, 4, 5, 6, 7), 570, 720),
    ],
)
def test_hours_are_read(text: str, days: tuple[int, ...], since: int, until: int) -> None:
    """Days in lists and stretches, also over the week's end."""
    assert read_hours(text, zone="UTC") == Hours(days=days, since=since, until=until, zone="UTC")


@pytest.mark.parametrize(
    "text", ["", "mon", "mon 8-18", "mon 08:00-24:01", "mon 24:00-06:00", "mon 08:60-09:00",
             "mon-fri-sun 08:00-09:00", "xyz 08:00-09:00", "mon  08:00-09:00", "mon 08:00-25:00"],
)  # fmt: skip
def test_hours_that_are_none_are_refused(text: str) -> None:
    """Half an hour's guess is no hour."""
    assert read_hours(text, zone="UTC") is None


def test_a_folder_is_read_or_refused(tmp_path: Path) -> None:
    """Only YAML counts, folders below too; none, too many, and what is no text are refused."""
    with pytest.raises(InputError, match="holds no YAML file"):
        read_policy_folder(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.yml").write_text("zone: UTC\n")
    (tmp_path / "notes.txt").write_text("not: [policy")

    assert read_policy_folder(tmp_path) == {"below/a.yml": "zone: UTC\n"}
    assert load_policy(tmp_path) == Policy()
    with pytest.raises(InputError, match="is not a folder"):
        read_policy_folder(tmp_path / "notes.txt")
    (tmp_path / "b.yaml").write_bytes(b"zone: \xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_policy_folder(tmp_path)
    (tmp_path / "b.yaml").unlink()
    for number in range(FILES_MAX):
        (tmp_path / f"c{number}.yaml").touch()
    with pytest.raises(InputError, match="holds more than 500 files"):
        read_policy_folder(tmp_path)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    """A permission is no fault of the policy."""
    (tmp_path / "a.yaml").write_text("zone: UTC\n")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(Unavailable, match=r"cannot read .*: Permission denied"):
        read_policy_folder(tmp_path)


def test_loading_names_the_first_fault_and_counts_the_rest(tmp_path: Path) -> None:
    """One line for who starts a server; `check` has the rest."""
    (tmp_path / "a.yaml").write_text("zone: Nowhere\npurposes: {p: {}, q: {}}\n")
    with pytest.raises(PolicyError) as refused:
        load_policy(tmp_path)

    assert str(refused.value) == "a.yaml:1: `zone`: `Nowhere` is no time zone such as Europe/Dublin"
    assert refused.value.hint == "and 2 more; `ombud policy check` lists all"
    assert len(refused.value.faults) == 3


# Whatever is written, reading it ends with a policy or with faults.

WORDS = st.sampled_from(
    [
        "zone",
        "purposes",
        "datasets",
        "attributes",
        "entities",
        "checkpoints",
        "prohibitions",
        "scope",
        "columns",
        "title",
        "parent",
        "like",
        "actions",
        "resources",
        "masks",
        "kind",
        "hash",
        "when",
        "row_filter",
        "hours",
        "actor.x",
        "approval",
        "approvers",
        "actors",
        "person:a",
        "limits",
        "until",
        "2027-01-01",
        "*",
        "p",
        "d",
        "text",
        "string",
        "terms",
        "vendor",
        "stated",
    ]
)
SCALARS = WORDS | st.text(max_size=8) | st.integers() | st.booleans() | st.none() | st.floats()
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(WORDS, TREES, max_size=6))
def test_any_tree_is_read_or_faulted(tree: dict[str, Any]) -> None:
    """Arbitrary YAML never breaks the reader."""
    text = yaml.safe_dump(tree, allow_unicode=True)
    policy, found = read_policy({"p.yaml": text})

    assert isinstance(policy, Policy)
    assert all(fault.message for fault in found)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """Return a good policy with something else in one place of it."""
    tree: Any = yaml.safe_load(GOOD)
    place: Any = tree
    for _ in range(draw(st.integers(0, 6))):
        keys: Any = list(place) if isinstance(place, dict) else range(len(place))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or draw(st.booleans()):
            place[key] = draw(TREES)
            break
        place = place[key]
    return dict(tree)


@settings(max_examples=120, deadline=None)
@given(damaged())
def test_a_damaged_policy_is_faulted_or_compiles(tree: dict[str, Any]) -> None:
    """What is read without fault is a policy that the engine takes."""
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    policy, found = read_policy({"p.yaml": text})

    assert all(fault.line > 0 for fault in found)
    if not found:
        compile_policy(policy)
        assert msgspec.json.decode(msgspec.json.encode(policy), type=Policy).zone == policy.zone


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_read_or_faulted(text: str) -> None:
    """Nor does what is no YAML at all."""
    policy, _ = read_policy({"p.yaml": text})

    assert isinstance(policy, Policy)
