"""Difference of two policies: who gains, who loses, and in what oversight is lowered."""

from __future__ import annotations

import pytest

from ombud.access.attempt import Grant
from ombud.access.difference import PolicyDiff, diff_policies
from ombud.access.model import Policy
from ombud.config.policy_files import read_policy

BASE = """\
attributes: {actor: {cleared: bool}, context: {recipient: string}}
second_person: {approvers: {actors: [person:dpo, person:cy]}, quorum: 1}
datasets:
  plates:
    owner: person:kim
    approval: {approvers: {actors: [person:kim]}}
    columns: {plate: {classifications: [identifier]}, seen_at: timestamp, stolen: bool}
    prohibited: [marketing]
  tips: {columns: {text: string}, intended: [policing]}
prohibitions:
  no-export: {reason: Stays here, actions: [export, share], when: context.recipient != 'county'}
checkpoints:
  why: {kind: text, prompt: Why?, actions: [read], length_min: 20, rows_min: 5}
purposes:
  marketing: {title: Sell}
  policing:
    title: Police
    approval: {approvers: {actors: [person:ben]}, quorum: 1, barred: {roles: [chief]}}
    checkpoints: {second: {kind: second_person, prompt: Who?, approvers: {roles: [judge]}}}
  stolen:
    parent: policing
    title: Find stolen vehicles
    days_max: 90
    unused_days: 30
    acknowledgement: I look only for stolen vehicles
    limits: {rows_per_query: 500}
    break_glass: {reasons: [danger], notify: [person:dpo], minutes_max: 60}
    scope:
      - name: look
        actions: [read]
        resources: [plates]
        columns: [plate, seen_at]
        masks: {plate: {kind: hash}}
        row_filter: row.stolen
        hours: ["mon-fri 08:00-18:00"]
        limits: {rows_per_day: 100}
        notify: [person:kim]
        watermark: true
  audit:
    title: Look over shoulders
    standing: true
    audience: {roles: [auditor], when: actor.cleared}
    scope: [{name: all, actions: [read], resources: ["*"], columns: [plate, text]}]
terms: {status: {jurisdiction: County, reason: Law, words: [immigration], codes: [IM1]}}
vendor: {types: [vendor]}
reason_codes: {SUPPORT: {}, LEGAL: {allowed: false}}
"""
GRANT = Grant("G1", "person", "ana", "policing", 0, 1)
PEOPLE = {
    "person:ana": {"role": "officer", "unit": "north"},
    "person:dee": {"role": "auditor", "unit": "audit"},
    "service:job": {"role": "service"},
}


def policy(text: str) -> Policy:
    """Return the policy of a text without faults."""
    found, faults = read_policy({"policy.yaml": text})
    assert not faults, [str(fault) for fault in faults]
    return found


def compare(*changes: tuple[str, str]) -> PolicyDiff:
    """Return what comes of texts put in place of others."""
    text = BASE
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    return diff_policies(policy(BASE), policy(text), [GRANT], PEOPLE)


def test_a_policy_does_not_differ_from_itself() -> None:
    """Nothing changed, nothing is said."""
    found = compare()

    assert found.is_empty
    assert found.lines() == []
    assert found.lowers_oversight == ()


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        pytest.param(
            "[plate, seen_at]\n        masks", "[plate, seen_at, stolen]\n        masks",
            ["+ whoever is granted it: read plates for stolen: columns stolen (now person:ana)"],
            id="a column more",
        ),
        pytest.param(
            "[plate, seen_at]\n        masks", "[plate]\n        masks",
            ["- whoever is granted it: read plates for stolen: columns seen_at (now person:ana)"],
            id="a column less",
        ),
        pytest.param(
            "        masks: {plate: {kind: hash}}\n", "",
            [("+ whoever is granted it: read plates for stolen: column plate unmasked"
             " (now person:ana)")],
            id="a mask gone",
        ),
        pytest.param(
            "        row_filter: row.stolen\n", "",
            [("+ whoever is granted it: read plates for stolen: rows no longer bound to"
             " `row.stolen` (now person:ana)")],
            id="a row filter gone",
        ),
        pytest.param(
            "row_filter: row.stolen", "row_filter: row.stolen == false",
            [("+ whoever is granted it: read plates for stolen: rows bound to"
             " `row.stolen == false`, no longer to `row.stolen` (now person:ana)"),
             ("- whoever is granted it: read plates for stolen: rows bound to"
             " `row.stolen == false`, no longer to `row.stolen` (now person:ana)")],
            id="a row filter of which nobody can tell whether it is narrower",
        ),
        pytest.param(
            "actions: [read]\n        resources: [plates]",
            "actions: [read, export]\n        resources: [plates]",
            ["+ whoever is granted it: export plates for stolen (now person:ana)"],
            id="an action more",
        ),
        pytest.param(
            '        hours: ["mon-fri 08:00-18:00"]\n', "",
            ["+ whoever is granted it: read plates for stolen: at all hours (now person:ana)"],
            id="hours gone",
        ),
        pytest.param(
            "prohibited: [marketing]", "prohibited: [policing]",
            ["- whoever is granted it: read plates for stolen (now person:ana)",
               "! dataset plates: is no longer prohibited for marketing (loosened)",
               "~ dataset plates: is now prohibited for policing (tightened)"],
            id="a prohibited purpose",
        ),
        pytest.param(
            "intended: [policing]", "intended: [policing, audit]",
            ["+ role auditor: read tips for audit (now person:dee)",
             "! dataset tips: is intended for audit, policing (loosened)"],
            id="an intended purpose more",
        ),
        pytest.param(
            "roles: [auditor], when: actor.cleared", "roles: [officer], when: actor.cleared",
            ["+ role officer: read plates for audit (now person:ana)",
             "- role auditor: read plates for audit (now person:dee)"],
            id="another audience",
        ),
        pytest.param(
            "roles: [auditor], when: actor.cleared", "roles: [auditor]",
            [("+ role auditor: read plates for audit: audience no longer bound to"
             " `actor.cleared` (now person:dee)")],
            id="the condition of an audience gone",
        ),
        pytest.param(
            "{reason: Stays here, actions: [export, share], when: context.recipient != 'county'}",
            "{reason: Stays here, actions: [read], columns: [plate]}",
            ["- role auditor: read plates for audit (now person:dee)",
             "- whoever is granted it: read plates for stolen: columns plate (now person:ana)",
             ("! policy, prohibition no-export: no longer holds for actions export, share"
             " (loosened)"),
             "~ policy, prohibition no-export: now holds for actions read (tightened)",
             "! policy, prohibition no-export: holds only for columns plate (loosened)",
             ("~ policy, prohibition no-export: no longer bound to"
             " `context.recipient != 'county'` (tightened)")],
            id="a prohibition that takes a column from all",
        ),
        pytest.param(
            "title: Find stolen vehicles", "title: Find them", [], id="a title",
        ),
    ],
)  # fmt: skip
def test_who_gains_and_who_loses_what(before: str, after: str, lines: list[str]) -> None:
    """One change of a policy, and the lines that say all of it."""
    assert compare((before, after)).lines() == lines


@pytest.mark.parametrize(
    ("before", "after", "lowered"),
    [
        (("  no-export: {reason: Stays here, actions: [export, share], when: context.recipient !="
         " 'county'}\n"), "  {}\n", "policy, prohibition no-export: is gone"),
        ("[export, share]", "[export]",
         "policy, prohibition no-export: no longer holds for actions share"),
        ("!= 'county'", "!= 'country'", ("policy, prohibition no-export: bound to "
         "`context.recipient != 'country'`, no longer to `context.recipient != 'county'`")),
        ("reason: Stays here, actions", "reason: Stays here, audience: {types: [agent]}, actions",
         "policy, prohibition no-export: holds for every agent"),
        ("  why: {kind: text, prompt: Why?, actions: [read], length_min: 20, rows_min: 5}\n",
         "  {}\n", "policy, checkpoint why: is gone"),
        ("length_min: 20", "length_min: 19", "policy, checkpoint why: `length_min` is 19, was 20"),
        ("rows_min: 5", "rows_min: 6", "policy, checkpoint why: `rows_min` is 6, was 5"),
        ("rows_min: 5", "rows_min: 5, every_minutes: 60",
         "policy, checkpoint why: `every_minutes` is 60, was 0"),
        ("rows_min: 5", "rows_min: 5, resources: [tips]",
         "policy, checkpoint why: holds only for resources tips"),
        ("kind: text, prompt: Why?, actions: [read], length_min: 20", ("kind: acknowledgement,"
         " prompt: Why?, actions: [read]"),
         "policy, checkpoint why: is acknowledgement, no longer text"),
        (("    checkpoints: {second: {kind: second_person, prompt: Who?, approvers: {roles: [judge]"
         "}}}\n"), "", "purpose policing, checkpoint second: is gone"),
        ("approvers: {roles: [judge]}", "approvers: {roles: [judge, officer]}",
         "purpose policing, checkpoint second: may now be decided by role officer"),
        ("second_person: {approvers: {actors: [person:dpo, person:cy]}, quorum: 1}\n", "",
         "policy: a change no longer needs a second person"),
        ("[person:dpo, person:cy]", "[person:dpo, person:cy, person:ana]",
         "policy, second person: may now be decided by person:ana"),
        ("{actors: [person:ben]}", "{actors: [person:ben], units: [north]}",
         "purpose policing: may now be decided by unit north"),
        ("barred: {roles: [chief]}", "barred: {roles: [cook]}",
         "purpose policing: no longer bars role chief"),
        ("days_max: 90", "days_max: 91", "purpose stolen: `days_max` is 91, was 90"),
        ("    unused_days: 30\n", "", "purpose stolen: `unused_days` is unbounded, was 30"),
        ("    acknowledgement: I look only for stolen vehicles\n", "",
         "purpose stolen: is no longer to be acknowledged"),
        ("rows_per_query: 500", "rows_per_query: 501",
         "purpose stolen: `rows_per_query` is 501, was 500"),
        ("        limits: {rows_per_day: 100}\n", "",
         "purpose stolen, line look: `rows_per_day` is unbounded, was 100"),
        ("- name: look\n", "- name: renamed\n        until: 2020-01-01\n", None),
        ("        notify: [person:kim]\n", "",
         "purpose stolen, line look: no longer tells person:kim"),
        ("        watermark: true\n", "",
         "purpose stolen, line look: no longer marks what is shown"),
        ("notify: [person:dpo], minutes_max: 60", "notify: [person:cy], minutes_max: 60",
         "purpose stolen: no longer tells person:dpo"),
        ("minutes_max: 60", "minutes_max: 61", "purpose stolen: `minutes_max` is 61, was 60"),
        ("reasons: [danger]", "reasons: [danger, haste]", "purpose stolen: emergencies: haste too"),
        ("    parent: policing\n", ("    approval: {approvers: {actors: [person:ben]}, barred:"
         " {roles: [chief]}}\n"), "purpose stolen: is no longer below policing"),
        ("words: [immigration]", "words: [migration]",
         "policy, bar status: no longer holds for words immigration"),
        ("vendor: {types: [vendor]}\n", "", "policy, vendor: no longer needs a reason code"),
        ("LEGAL: {allowed: false}", "LEGAL: {}", "policy, vendor: now lets in LEGAL"),
        ("classifications: [identifier]", "type: string",
         "dataset plates, column plate: is no longer classified identifier"),
        ("attributes: {", "when_no_purpose: audit\nattributes: {",
         "policy: an attempt without a purpose is for audit"),
        ("attributes: {", "attributes: {stated: [role], ",
         "policy: takes the asking program's word for role"),
        ("    standing: true\n", "    approval: {approvers: {actors: [person:ben]}}\n", None),
    ],
)  # fmt: skip
def test_what_lowers_oversight_is_told(before: str, after: str, lowered: str | None) -> None:
    """Each way of lowering oversight is flagged, and taking it back is not."""
    there = compare((before, after))
    text = BASE.replace(before, after, 1)
    back = diff_policies(policy(text), policy(BASE))

    assert there.lowers_oversight[:1] == (() if lowered is None else (lowered,))
    assert lowered is None or lowered not in back.lowers_oversight
    assert not back.is_empty


OWNED = BASE + "holidays: [2026-12-25]\nentities: {person: {ana: {role: officer}}}\n"
for _before, _after in (
    ("    title: Police\n", "    title: Police\n    requesters: {units: [north]}\n"),
    ("{columns: {text: string}", "{columns: {text: string, extra: {classifications: [secret]}}"),
):
    OWNED = OWNED.replace(_before, _after, 1)


@pytest.mark.parametrize(
    ("before", "after", "lowered"),
    [
        ("    days_max: 90\n", "    days_max: 90\n    owner: person:eve\n",
         "purpose stolen: is now spoken for by person:eve"),
        ("    owner: person:kim\n    approval: {approvers: {actors: [person:kim]}}\n",
         "    owner: person:eve\n", "dataset plates: may now be decided by person:eve"),
        ("    requesters: {units: [north]}\n", "",
         "purpose policing: may now be asked for by anybody"),
        ("requesters: {units: [north]}", "requesters: {units: [north], actors: [person:eve]}",
         "purpose policing: may now be asked for by person:eve, unit north"),
        ("holidays: [2026-12-25]", "holidays: [2026-12-25, 2026-12-28]",
         "policy: deadlines in working days are put off by 2026-12-28"),
        (("  tips: {columns: {text: string, extra: {classifications: [secret]}}, intended:"
          " [policing]}\n"), "  other: {columns: {text: string}}\n",
         "dataset tips: is gone, with all that bound it"),
        (", extra: {classifications: [secret]}", "",
         "dataset tips, column extra: is gone, with its marks"),
        ("  marketing: {title: Sell}\n",
         ("  marketing: {title: Sell}\n  new: {title: N, standing: true, audience: {actors:"
         " [person:eve]}, scope: [{name: all, actions: [read], resources: [plates]}]}\n"),
         "person:eve: read plates for new, which nobody grants"),
        ("  marketing: {title: Sell}\n",
         ("  marketing: {title: Sell}\n  new: {title: N, parent: policing,"
         " break_glass: {reasons: [haste], notify: [person:dpo]}}\n"),
         "purpose new: can be used without a grant in an emergency"),
    ],
)  # fmt: skip
def test_no_slice_lowers_oversight_unseen(before: str, after: str, lowered: str) -> None:
    """By an owner, a fallback, a holiday or something that goes: none is a way around."""
    text = OWNED.replace(before, after, 1)
    assert text != OWNED
    there = diff_policies(policy(OWNED), policy(text))
    back = diff_policies(policy(text), policy(OWNED))

    assert lowered in there.lowers_oversight
    assert lowered not in back.lowers_oversight


@pytest.mark.parametrize(
    ("before", "after", "lowered"),
    [
        ("entities: {person: {ana: {role: officer}}}",
         "entities: {person: {ana: {role: judge}}}",
         "person:ana: has other stored attributes: role"),
        ("entities: {person: {ana: {role: officer}}}", "",
         "person:ana: has other stored attributes: role"),
        ("holidays", "zone: Asia/Tokyo\nholidays",
         "policy: days and hours are of `Asia/Tokyo`, no longer of `UTC`"),
        ("    prohibited: [marketing]\n", "    prohibited: [marketing]\n    subject: vehicle\n",
         "dataset plates: `subject` is changed"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_lowers_oversight(before: str, after: str, lowered: str) -> None:
    """A role of one's own, another day: it may be for worse, so a second person looks."""
    text = OWNED.replace(before, after, 1)

    assert lowered in diff_policies(policy(OWNED), policy(text)).lowers_oversight
    assert diff_policies(policy(text), policy(OWNED)).lowers_oversight


def test_gone_and_come_back_is_said_when_it_goes() -> None:
    """A purpose that comes back without its checkpoints: the first of the two steps is said."""
    bare = policy("purposes: {other: {title: O}}")
    bound = policy(
        "purposes: {other: {title: O}, theft: {title: T, acknowledgement: I know,"
        " checkpoints: {why: {kind: text, prompt: Why?}}}}"
    )

    gone = diff_policies(bound, bare)
    assert gone.lowers_oversight == ("purpose theft: is gone, with all that bound it",)


def test_an_audience_of_a_condition_alone_is_anybody() -> None:
    """Without names a condition is all that bounds who may."""
    found = compare(("{roles: [auditor], when: actor.cleared}", "{when: actor.cleared}"))

    assert [str(change) for change in found.gains] == [
        "anybody: read plates for audit (now person:ana, person:dee, service:job)"
    ]
    assert [change.who for change in found.loses] == ["role auditor"]


def test_what_facts_contradict_may_be_refused_or_flagged() -> None:
    """To be refused is the stricter."""
    strict = BASE.replace("rows_min: 5", "rows_min: 5, verify: refuse")

    assert diff_policies(policy(strict), policy(BASE)).lowers_oversight == (
        "policy, checkpoint why: what facts contradict is only flagged",
    )
    assert not diff_policies(policy(BASE), policy(strict)).lowers_oversight


def test_a_renamed_line_loses_no_limit_unseen() -> None:
    """A line that goes on under another name is compared with what it was."""
    found = compare(
        ("- name: look\n", "- name: glance\n"), ("        limits: {rows_per_day: 100}\n", "")
    )

    assert found.lowers_oversight == (
        "purpose stolen, line glance: `rows_per_day` is unbounded, was 100",
    )
    assert not found.gains


def test_lines_in_another_order_are_said() -> None:
    """The first line that matches decides, so order is part of the policy."""
    two = BASE.replace(
        'scope: [{name: all, actions: [read], resources: ["*"], columns: [plate, text]}]',
        "scope: [{name: a, actions: [read], resources: [plates]},"
        " {name: b, actions: [read], resources: [plates], masks: {plate: {kind: 'null'}}}]",
    )
    swapped = two.replace("name: a, ", "name: x, ").replace(
        "resources: [plates]},", "resources: [plates], masks: {plate: {kind: 'null'}}},"
    )
    swapped = swapped.replace(
        "{name: b, actions: [read], resources: [plates], masks: {plate: {kind: 'null'}}}",
        "{name: b, actions: [read], resources: [plates]}",
    )
    found = diff_policies(policy(two), policy(swapped))

    assert [change.what for change in found.gains] == [("lines are tried in another order",)]
    assert [change.what for change in found.loses] == [("lines are tried in another order",)]


def test_a_difference_is_json() -> None:
    """Programs get the same, with the people of an audience."""
    said = compare(("days_max: 90", "days_max: 91"), ("[plate, text]", "[plate, stolen, text]"))

    assert said.to_dict() == {
        "gains": [
            {
                "who": "role auditor", "purpose": "audit", "actions": ["read"],
                "type": "dataset", "resource": "plates", "what": ["columns stolen"],
                "actors": ["person:dee"],
            }
        ],
        "loses": [],
        "rules": [
            {
                "rule": "approval", "place": "purpose stolen", "effect": "loosened",
                "text": "`days_max` is 91, was 90",
            }
        ],
        "lowers_oversight": [
            "purpose stolen: `days_max` is 91, was 90",
            ("role auditor: read plates for audit: columns stolen (now person:dee),"
             " which nobody grants"),
        ],
    }  # fmt: skip
