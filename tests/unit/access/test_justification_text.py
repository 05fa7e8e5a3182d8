"""The quality of texts: what says nothing is found in any script, and nothing else is."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.access.justification_text import (
    LEFT,
    POOR,
    TEXT_MAX,
    Flaw,
    judge_text,
    normal,
    with_flaws,
)
from ombud.simulate.dice import Dice
from ombud.simulate.texts import _ENDINGS, _OPENINGS, LAZY, reason

PROMPT = "Why do you need to look at this record?"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", Flaw.EMPTY),
        (None, Flaw.EMPTY),
        (" \t\u200b\n", Flaw.EMPTY),
        (".", Flaw.PLACEHOLDER),
        ("---", Flaw.PLACEHOLDER),
        ("12345", Flaw.PLACEHOLDER),
        ("N/A", Flaw.PLACEHOLDER),
        ("As Requested.", Flaw.PLACEHOLDER),
        ("see case 24-118", Flaw.PLACEHOLDER),
        ("Siehe oben", Flaw.PLACEHOLDER),
        ("voir dossier", Flaw.PLACEHOLDER),
        ("同上", Flaw.PLACEHOLDER),
        ("тест", Flaw.PLACEHOLDER),
        ("\uff54\uff45\uff53\uff54", Flaw.PLACEHOLDER),
        ("asdfghjkl", Flaw.MASH),
        ("sdkjfh skdjfh", Flaw.MASH),
        ("йцукен", Flaw.MASH),
        ("aaaaaaaaaaaa", Flaw.REPEATED),
        ("stolen stolen stolen stolen", Flaw.REPEATED),
        (PROMPT.upper(), Flaw.PROMPT_COPIED),
        ("need to look at this record", Flaw.PROMPT_COPIED),
        ("nötig!", Flaw.SHORT),
    ],
)
def test_flaw_is_found(text: str | None, flaw: Flaw) -> None:
    """Each way of saying nothing."""
    found = judge_text(text, prompt=PROMPT, codes=["24-118"])

    assert flaw in found.flaws
    assert found.score <= LEFT[flaw] < POOR


@pytest.mark.parametrize(
    "text",
    [
        "Überprüfung der Adresse vor dem Hausbesuch",
        "Témoin a nommé cette personne",
        "盗難車両の持ち主を確認するため",
        "调查盗窃案",
        "التحقق من عنوان الشاهد قبل الزيارة",
        "Проверка алиби по заявлению потерпевшей",
        "בדיקת כתובת העד לפני הביקור",
        "จำเป็นต้องตรวจสอบที่อยู่ของพยาน",
        "Bodgan Strzyżewski asked for his own file by post",
        "rhythm strip reviewed with ward",
        "Look at this plate: seen leaving the scene",
    ],
)
def test_reason_is_left_alone(text: str) -> None:
    """A reason in any script is a reason."""
    assert judge_text(text, prompt=PROMPT) == judge_text(text)
    assert judge_text(text, prompt=PROMPT).score == 1.0


def test_county_precision_and_recall() -> None:
    """Of the simulated county's labelled lazy texts all are found, and of its others none."""
    honest = {a + b for texts in _OPENINGS.values() for a, b in product(texts, _ENDINGS)}
    found = {text for text in (*honest, *LAZY) if judge_text(text, prompt=PROMPT).score < POOR}

    assert len(LAZY) == 10
    assert len(honest) > 300
    precision = len(found & set(LAZY)) / len(found)
    recall = len(found & set(LAZY)) / len(LAZY)
    assert (precision, recall) == (1.0, 1.0)


def test_county_as_it_is_typed() -> None:
    """The same over texts as actors of the county type them, with their case in front."""
    dice = Dice(7)
    typed = [reason(dice, "patrol", case="C-26-000703") for _ in range(2_000)]
    lazy = [text for text in typed if text in LAZY]
    found = [text for text in typed if judge_text(text, codes=["C-26-000703"]).score < POOR]

    assert len(lazy) > 30
    assert sorted(found) == sorted(lazy)


def test_flaws_add_up_to_the_worst() -> None:
    """A copy of a short text is as bad as the worse of both."""
    quality = with_flaws(judge_text("nötig!"), [Flaw.COPIED, Flaw.SHORT])

    assert quality.flaws == (Flaw.SHORT, Flaw.COPIED)
    assert quality.score == LEFT[Flaw.COPIED]


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_text_has_a_quality(text: str, prompt: str) -> None:
    """No text of any kind is beyond judging, and case and blanks never matter."""
    quality = judge_text(text, prompt=prompt)

    assert 0 <= quality.score <= 1
    assert (quality.score < 1) == bool(quality.flaws)
    assert judge_text(f"  {text}\t", prompt=prompt) == quality
    assert normal(normal(text)) == normal(text)


def test_long_texts_are_judged_by_their_beginning() -> None:
    """A text of another platform may be of any length; judging it is not."""
    assert judge_text("a reason. " * 1_000_000).score == judge_text("a reason. " * TEXT_MAX).score
