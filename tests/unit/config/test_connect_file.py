"""The proposal file: read back as what was proposed, and known when somebody edited it."""

from __future__ import annotations

import pytest

from ombud.attribution.declarations import PersonPattern, PersonPlace, SystemDeclaration
from ombud.attribution.proposal import Proposal
from ombud.attribution.shared_accounts import Activity, find_shared
from ombud.config.attribution_file import parse_attribution
from ombud.config.connect_file import declared_subjects, is_edited, merged, render_proposed

SYSTEM = "postgresql/clinic"
PROPOSALS = [
    Proposal(
        "public.patients", "id", "patient", 0.98, ("named `patients`", "key: of\nthe # table")
    ),
    Proposal("public.patients", "no", "patient_number", 0.8, ("unique",)),
    Proposal('public."Odd: Table"', "null", "person", 0.7, ("why not",)),
    Proposal("public.visits", "patient_id", "patient", 0.96, ("foreign key",)),
]
SHARED = find_shared([Activity("clinic_app"), Activity("web: app")])


def rendered() -> str:
    """Return the file of these proposals."""
    return render_proposed(SYSTEM, PROPOSALS, SHARED, search_path=["public", "on"])


def test_what_is_proposed_is_read_back() -> None:
    """The file is an attribution file, whatever names there are."""
    declared = parse_attribution(rendered())[SYSTEM]

    assert declared.subjects == declared_subjects(PROPOSALS)
    assert declared.search_path == ("public", "on")
    assert declared.shared_accounts == {"clinic_app", "web: app"}
    assert declared.persons == tuple(one.pattern for one in SHARED)
    assert "0.98: named `patients`; key: of the # table" in rendered()


def test_nothing_to_propose() -> None:
    """A database without persons gives a file that declares nothing."""
    text = render_proposed(SYSTEM, [], [], search_path=["public"])

    assert not parse_attribution(text)[SYSTEM].subjects


@pytest.mark.parametrize(
    ("old", "new"),
    [("id: patient", "id: person"), ("# as proposed", "# as"), ("visits", "visit")],
)
def test_edited_or_not(old: str, new: str) -> None:
    """Any change of what is proposed is seen."""
    assert not is_edited(rendered())
    assert is_edited(rendered().replace(old, new))


def test_what_stands_stays() -> None:
    """What was declared before wins; what is new is added; a second time changes nothing."""
    pattern = PersonPattern(PersonPlace.COMMENT, ("clinic_app",), key="user")
    before = SystemDeclaration(
        SYSTEM,
        subjects={"public.patients": {"id": "person"}},
        search_path=("care",),
        persons=(pattern,),
        shared_accounts=frozenset({"clinic_app"}),
    )
    more = SystemDeclaration(
        SYSTEM,
        subjects=declared_subjects(PROPOSALS),
        persons=tuple(one.pattern for one in SHARED),
        shared_accounts=frozenset({"web: app"}),
    )
    other = SystemDeclaration("postgresql/other")

    after = merged({SYSTEM: before, "postgresql/other": other}, more)

    assert after["postgresql/other"] == other
    assert after[SYSTEM].subjects["public.patients"] == {"id": "person", "no": "patient_number"}
    assert after[SYSTEM].subjects["public.visits"] == {"patient_id": "patient"}
    assert after[SYSTEM].search_path == ("care",)
    assert [one.actors for one in after[SYSTEM].persons] == [("clinic_app",), ("web: app",)]
    assert merged(after, more) == after
    assert merged({}, more) == {SYSTEM: more}
