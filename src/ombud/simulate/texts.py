"""Texts: the reasons people give, from careful to lazy.

A reason is put together from parts, so that honest ones rarely repeat word for
word; about one in thirty is a placeholder, as in real justification logs.
"""

from __future__ import annotations

from ombud.simulate.dice import Dice

LAZY_SHARE = 0.03

LAZY = (".", "test", "asdf", "work", "n/a", "as requested", "same as before", "-", "see case", "ok")

_OPENINGS = {
    "investigation": (
        "Follow-up on the statement of the complainant",
        "Checking the alibi given in interview",
        "Witness named this person",
        "Linking two reports from the same night",
        "Preparing the file for the prosecutor",
        "Confirming the address before a visit",
        "Request by the officer in the case",
    ),
    "patrol": (
        "Stopped for a defective light",
        "Vehicle left with engine running",
        "Reported driving the wrong way",
        "Caller reported an abandoned vehicle",
        "Check at the roadside",
        "Seen leaving the scene",
    ),
    "records": (
        "Correcting a date of birth",
        "Merging two entries of one person",
        "Disclosure request received by post",
        "Court asked for the certified extract",
        "Expiry review of the entry",
    ),
    "care": (
        "Medication round",
        "Handover from the previous shift",
        "Reviewing results before the round",
        "Patient asked about the appointment",
        "Preparing the discharge letter",
        "Consult asked for by the ward",
    ),
    "administration": (
        "Insurance query on the invoice",
        "Booking the follow-up appointment",
        "Correcting the address on file",
        "Preparing the monthly return",
    ),
    "benefits": (
        "Annual review of entitlement",
        "Applicant sent further documents",
        "Change of household reported",
        "Answering a call from the applicant",
    ),
    "analysis": (
        "Monthly statistics for the county board",
        "Checking data quality after the migration",
        "Question from the planning office",
        "Trial of the new report",
    ),
}

_ENDINGS = (
    "", "", "", ", urgent", ", second attempt", ", as agreed in the morning briefing",
    ", details in the file", ", see note of yesterday", ", asked by phone", ", before the hearing",
    ", by order of the duty lead", ", to close the file", ", no reply so far",
)  # fmt: skip


def reason(dice: Dice, topic: str, *, case: str | None = None, careful: bool = False) -> str:
    """Return the reason an actor types for an act of this topic; a careful one is never lazy."""
    if not careful and dice.chance(LAZY_SHARE):
        return dice.pick(LAZY)
    text = dice.pick(_OPENINGS[topic]) + dice.pick(_ENDINGS)
    return f"{case}: {text}" if case is not None and dice.chance(0.4) else text
