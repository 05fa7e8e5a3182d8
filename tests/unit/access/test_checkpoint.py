"""Checkpoints: their exact words, and whether an answer is one."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.access.checkpoint import (
    Answer,
    all_checkpoints,
    asked_of,
    faults_of,
    find_checkpoint,
    wording_of,
)
from ombud.access.model import Checkpoint, CheckpointKind, Policy, Purpose

PROMPT = "Why do you need to look at this record?"
GOOD = "Witness named this person, checking the address"


def checkpoint(kind: str, **other: Any) -> Checkpoint:
    """Return a checkpoint of a kind."""
    return Checkpoint(name="reason", kind=CheckpointKind(kind), prompt=PROMPT, **other)


CHOICE = {"choices": ("victim", "suspect", "witness")}
CASES: dict[str, tuple[Checkpoint, Answer, str]] = {
    "acknowledged": (checkpoint("acknowledgement"), Answer(acknowledged=True), ""),
    "not acknowledged": (checkpoint("acknowledgement"), Answer(), "`acknowledged` must be true"),
    "a reason": (checkpoint("text"), Answer(text=GOOD), ""),
    "no reason": (checkpoint("text"), Answer(), "`text` is missing"),
    "blank": (checkpoint("text"), Answer(text=" \n"), "`text` is missing"),
    "placeholder": (checkpoint("text"), Answer(text="as requested"), "no reason: placeholder"),
    "mash": (checkpoint("text"), Answer(text="asdfghjkl"), "no reason: mash"),
    "prompt": (checkpoint("text"), Answer(text=PROMPT), "no reason: prompt_copied"),
    "the case alone": (
        checkpoint("text"),
        Answer(text="see case C-1", case="C-1"),
        "no reason: placeholder",
    ),
    "too short": (checkpoint("text", length_min=80), Answer(text=GOOD), "80 are asked for"),
    "too long": (checkpoint("text"), Answer(text="x" * 4_001), "longer than 4000"),
    "pattern": (
        checkpoint("text", pattern=r"[A-Z]{3}: .+"),
        Answer(text=f"ABC: {GOOD}"),
        "",
    ),
    "pattern in the middle": (
        checkpoint("text", pattern=r"[A-Z]{3}: .+"),
        Answer(text=f"x ABC: {GOOD}"),
        "does not match",
    ),
    "no pattern at all": (checkpoint("case", pattern="("), Answer(case="C-1"), "does not match"),
    "choice": (checkpoint("choice", **CHOICE), Answer(choices=("victim",)), ""),
    "none": (checkpoint("choice", **CHOICE), Answer(), "`choices` are missing"),
    "two": (
        checkpoint("choice", **CHOICE),
        Answer(choices=("victim", "witness")),
        "only one of the choices",
    ),
    "two of several": (
        checkpoint("choice", multiple=True, **CHOICE),
        Answer(choices=("victim", "witness")),
        "",
    ),
    "twice": (
        checkpoint("choice", multiple=True, **CHOICE),
        Answer(choices=("victim", "victim")),
        "one twice",
    ),
    "another": (checkpoint("choice", **CHOICE), Answer(choices=("bored",)), "`bored` is not one"),
    "choice without its text": (
        checkpoint("choice", with_text=True, **CHOICE),
        Answer(choices=("victim",)),
        "`text` is missing",
    ),
    "choices unasked": (checkpoint("text"), Answer(text=GOOD, choices=("x",)), "not asked for"),
    "case": (checkpoint("case", pattern=r"C-\d+"), Answer(case="C-118"), ""),
    "no case": (checkpoint("case"), Answer(case=" "), "`case` is missing"),
    "case of another form": (
        checkpoint("case", pattern=r"C-\d+"),
        Answer(case="C-118; drop"),
        "does not match",
    ),
    "case too long": (checkpoint("text"), Answer(text=GOOD, case="C" * 201), "longer than 200"),
    "secret": (checkpoint("reauthentication"), Answer(secret="correct horse"), ""),
    "no secret": (checkpoint("reauthentication"), Answer(), "`secret` is missing"),
    "secret unasked": (checkpoint("text"), Answer(text=GOOD, secret="s"), "`secret` is not asked"),
    "secret too long": (checkpoint("reauthentication"), Answer(secret="s" * 1_001), "longer than"),
    "other words": (
        checkpoint("acknowledgement"),
        Answer(acknowledged=True, shown="Why not?"),
        "not what the policy asks now",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_answer(name: str) -> None:
    """What is an answer to which kind, and what is wrong with any other."""
    asked, answer, fault = CASES[name]
    faults = faults_of(asked, answer)

    assert (fault in "; ".join(faults)) if fault else not faults


def test_all_faults_at_once() -> None:
    """Whoever answers learns everything that is missing."""
    assert len(faults_of(checkpoint("choice", with_text=True, **CHOICE), Answer(shown=""))) == 3


def test_secret_is_in_no_traceback() -> None:
    """An answer that is printed does not show what it proves."""
    assert "horse" not in repr(Answer(secret="correct horse", text="horse"))


def test_wording_is_all_that_is_shown() -> None:
    """The prompt and every choice, line by line."""
    asked = checkpoint("choice", **CHOICE)

    assert wording_of(asked) == f"{PROMPT}\n- victim\n- suspect\n- witness"
    assert asked_of(asked, policy_version="v1")["wording"] == wording_of(asked)


def test_nearest_checkpoint_of_a_name() -> None:
    """A purpose's own checkpoint hides one of the same name above it, and a text is one, too."""
    above = checkpoint("text", length_min=5)
    own = checkpoint("text", length_min=50)
    policy = Policy(
        purposes=(
            Purpose(id="policing", title="", checkpoints=(above,), acknowledgement="I will not."),
            Purpose(id="theft", title="", parent="policing", checkpoints=(own,)),
            Purpose(id="loop", title="", parent="loop"),
        ),
        checkpoints=(checkpoint("case"),),
    )

    assert find_checkpoint(policy, "reason", "theft") == own
    assert find_checkpoint(policy, "reason", "policing") == above
    assert find_checkpoint(policy, "reason", "unheard-of") == policy.checkpoints[0]
    assert find_checkpoint(policy, "reason", "loop") == policy.checkpoints[0]
    acknowledgement = find_checkpoint(policy, "acknowledgement", "theft")
    assert acknowledgement is not None
    assert acknowledgement.prompt == "I will not."
    assert find_checkpoint(policy, "acknowledgement", None) is None
    assert len(all_checkpoints(policy)) == 4
