"""Copies: the same reason for people who have nothing to do with each other is found."""

from __future__ import annotations

import pytest

from ombud.access import justification_copies
from ombud.access.justification_copies import Given, History, likeness, signature
from ombud.access.justification_text import Flaw

TEXT = "Checking the alibi given in the interview of last week"
NEAR = "Checking the alibi given in the interview of last weeks."
OTHER = "Correcting the date of birth after a letter from the court"


def given(
    text: str, key: str, *, actor: str = "ana", unit: str | None = None, case: str | None = None
) -> Given:
    """Return a reason about one plate."""
    return Given(text, actor, unit, (("plate", key),), case)


def after(*earlier: Given) -> History:
    """Return a history of these."""
    history = History()
    for one in earlier:
        history.add(one)
    return history


def test_own_copy_about_somebody_unrelated() -> None:
    """Word for word, and nearly so, by the same person."""
    history = after(given(TEXT, "1"), given(TEXT, "2"))

    found = history.find(given(TEXT, "3"))
    assert (found.flaws, found.own) == ((Flaw.COPIED,), 2)
    assert history.find(given(NEAR, "3")).flaws == (Flaw.NEAR_COPY,)
    assert history.find(given(OTHER, "3")).flaws == ()


def test_same_person_or_same_case_is_no_copy() -> None:
    """Whoever works on one case says the same again, rightly."""
    history = after(given(TEXT, "1", case="C-1"))

    assert history.find(given(TEXT, "1")).flaws == ()
    assert history.find(given(TEXT, "2", case="C-1")).flaws == ()
    assert history.find(given(TEXT, "2", case="C-2")).flaws == (Flaw.COPIED,)
    assert after(Given(TEXT, "ana")).find(Given(TEXT, "ana")).flaws == ()  # Nobody knows.
    assert after(Given(TEXT, "ana", case="C-1")).find(Given(TEXT, "ana", case="C-2")).own == 1


def test_figures_are_no_difference() -> None:
    """Another case number in front does not make another reason."""
    history = after(given(f"C-26-000703: {TEXT}", "1"))

    assert history.find(given(f"C-26-000999: {TEXT}", "2")).flaws == (Flaw.NEAR_COPY,)


def test_unit_copies_count_from_three() -> None:
    """Colleagues may once say the same; three times about unrelated people is a form."""
    earlier = [given(TEXT, str(n), actor=f"p{n}", unit="patrol") for n in range(3)]

    assert after(*earlier[:2]).find(given(TEXT, "9", unit="patrol")).flaws == ()
    found = after(*earlier).find(given(TEXT, "9", unit="patrol"))
    assert (found.flaws, found.unit) == ((Flaw.COPIED_IN_UNIT,), 3)
    assert after(*earlier).find(given(NEAR, "9", unit="patrol")).flaws == (Flaw.NEAR_COPY_IN_UNIT,)
    assert after(*earlier).find(given(TEXT, "9", unit="records")).flaws == ()


@pytest.mark.parametrize("text", ["", "ok", "調査", "1234567890123456"])
def test_short_texts_are_not_compared(text: str) -> None:
    """That two short texts are equal says nothing more than that they are short."""
    assert signature(text) is None
    assert after(given(text, "1")).find(given(text, "2")).flaws == ()


def test_likeness_estimates_what_is_in_common() -> None:
    """Equal texts are all alike, unlike ones hardly, whatever the script."""
    one, near, other = signature(TEXT), signature(NEAR), signature(OTHER)
    assert one is not None
    assert near is not None
    assert other is not None

    assert likeness(one, one) == 1.0
    assert likeness(one, near) > 0.7
    assert likeness(one, other) < 0.2
    assert signature("盗難車両の持ち主を確認するためです") is not None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest texts of the actors last heard of are kept, and nothing of the others."""
    monkeypatch.setattr(justification_copies, "OWN_MAX", 3)
    monkeypatch.setattr(justification_copies, "GROUPS_MAX", 2)
    texts = [f"{TEXT} {word}" for word in ("alpha", "bravo", "charlie", "delta", "echo")]
    history = after(*(given(text, str(n)) for n, text in enumerate(texts)))

    assert history.find(given(texts[4], "x")).own == 3
    for actor in ("ben", "cy"):
        history.add(given(TEXT, "1", actor=actor))
    assert history.find(given(texts[4], "x")).own == 0
    assert len(history._groups) == 2
