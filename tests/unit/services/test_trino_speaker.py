"""Who speaks through Trino, for which purpose; statements that differ are a conflict."""

from __future__ import annotations

import pytest

from ombud.core.errors import SettingsError
from ombud.services.trino_request import Identity
from ombud.services.trino_speaker import PLACES, Speakers

ALL = Speakers(places=PLACES, services=["nightly"])


def said(**credentials: str) -> dict[str, str]:
    """Return extra credentials."""
    return credentials


@pytest.mark.parametrize(
    ("identity", "actor", "purpose"),
    [
        (Identity("ana", extra_credentials=said(purpose="fraud")), "ana", "fraud"),
        (Identity("ana", extra_credentials=said(purpose=" fraud ")), "ana", "fraud"),
        (Identity("ana", groups=["staff", "purpose:fraud"]), "ana", "fraud"),
        (Identity("ana", groups=["purpose=fraud"]), "ana", "fraud"),
        (Identity("ana+fraud"), "ana", "fraud"),
        (Identity("ana+x+fraud"), "ana+x", "fraud"),
        (Identity("ana"), "ana", None),
        (Identity("ana", groups=["purpose:"]), "ana", None),
        (Identity("+fraud"), "+fraud", None),
        (Identity("ana+"), "ana+", None),
        (
            Identity(
                "ana+fraud", groups=["purpose:fraud"], extra_credentials=said(purpose="fraud")
            ),
            "ana",
            "fraud",
        ),
    ],
)
def test_purpose(identity: Identity, actor: str, purpose: str | None) -> None:
    """The client states it, or a group or the user does; all may say the same."""
    speaker = ALL.speaker(identity)
    assert (speaker.id, speaker.purpose, speaker.is_conflict) == (actor, purpose, False)


@pytest.mark.parametrize(
    "identity",
    [
        Identity("ana", groups=["purpose:a", "purpose:b"]),
        Identity("ana", groups=["purpose:a"], extra_credentials=said(purpose="b")),
        Identity("ana+a", extra_credentials=said(purpose="b")),
    ],
)
def test_conflict(identity: Identity) -> None:
    """No statement wins over another."""
    speaker = ALL.speaker(identity)
    assert speaker.is_conflict
    assert speaker.purpose is None


def test_only_where_the_settings_look() -> None:
    """A place that is not looked at states nothing, and a plus is part of a name."""
    identity = Identity("ana+a", groups=["purpose:b"], extra_credentials=said(purpose="c"))
    assert Speakers(places=["credentials"]).speaker(identity).purpose == "c"
    assert Speakers(places=["group"]).speaker(identity).purpose == "b"
    only = Speakers(places=["credentials", "group"]).speaker(identity)
    assert (only.id, only.is_conflict) == ("ana+a", True)


def test_what_else_is_said() -> None:
    """Case, justification and code go along; other credentials stay where they are."""
    credentials = said(
        case="24-1", justification="why", justification_id="f1,f2", reason_code="R", password="x"
    )
    speaker = ALL.speaker(Identity("nightly", principal="CN=n", extra_credentials=credentials))
    assert dict(speaker.stated) == {
        "case": "24-1",
        "justification": "why",
        "justification_id": "f1,f2",
        "reason_code": "R",
    }
    assert (speaker.type, ALL.speaker(Identity("ana")).type) == ("service", "person")


def test_unknown_place_is_refused() -> None:
    """A typing error does not turn a place off."""
    with pytest.raises(SettingsError, match="grup"):
        Speakers(places=["grup"])
