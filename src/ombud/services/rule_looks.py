"""Rule looks: what a rule makes of a recorded event, which is a look at that event.

The rule may be one that runs here or one that somebody is writing.  Whoever tries
rules on an event learns of it what the rule asks for, so the look is recorded
first, only visible events are explained, and a withheld original stays withheld.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ombud.config.rule_files import read_rule_text
from ombud.core.errors import InputError, NotFound, RuleError
from ombud.core.event import Event
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.rule_set import RuleSet, load_rules
from ombud.detect.loading.selections import parts_of_file
from ombud.detect.rule import Rule
from ombud.detect.telling.explaining import Names
from ombud.detect.telling.explanation import (
    EventInHand,
    explain_correlation,
    explain_rule,
    rules_below,
)
from ombud.detect.view import view_of_event, view_of_original
from ombud.services.asker import Asker
from ombud.services.looks import Looks
from ombud.services.rule_wanted import ExplainWanted
from ombud.services.watching import Watch
from ombud.services.withholding import WITHHELD

Json = dict[str, Any]

REFERENCE_MAX = 128  # Characters; the id of an alert has 64 at most, and it goes on record.
INDEX_DIGITS_MAX = 18  # More digits are the index of no event.


class RuleLooks:
    """Explains rules by recorded events."""

    def __init__(self, *, looks: Looks, watch: Watch) -> None:
        self._looks = looks
        self._watch = watch

    def explain(self, wanted: ExplainWanted, *, asker: Asker) -> Json:
        """Return what the rule makes of the event, condition by condition.

        Raises `RuleError` for a rule that is refused, and `NotFound` for a rule or an
        event that is not there, or that the asker may not see.
        """
        if len(wanted.event) > REFERENCE_MAX:
            raise InputError(f"`event` is longer than {REFERENCE_MAX} characters")
        known, texts = self._known(wanted)
        rule = pick_rule(known, wanted.rule)
        self._looks.record_look(
            "explain",
            asker,
            why=wanted.why,
            case=wanted.case,
            resource_id=wanted.event,
            rule_id=rule.id,
            said={"rule_version": rule.version},  # Any text may bear the id of a rule.
        )
        event, alert = self._event(wanted.event, asker)
        is_withheld = WITHHELD in (event.flags or ())
        original = view_of_original(event.raw, event.source) if event.raw else None
        hand = EventInHand(event.source, view_of_event(event), original)
        return {
            "event": {
                "index": event.id,
                "time": event.time,
                "source": event.source,
                "action": event.action,
                "alert": alert,
                "original": "withheld" if is_withheld else "kept" if event.raw else "none",
            },
            **explain_any(rule, known, hand, texts),
        }

    def _known(self, wanted: ExplainWanted) -> tuple[RuleSet, Callable[[str], bytes]]:
        """Return the rules to choose from, and what gives the text of a file of theirs."""
        if wanted.text is not None:
            text = wanted.text.encode()
            return load_rules(
                [(wanted.path, text)], placeholders=wanted.placeholders
            ), lambda _path: text
        known = RuleSet(self._watch.known_rules, correlations=self._watch.known_correlations)
        return known, lambda path: read_rule_text(Path(path))

    def _event(self, reference: str, asker: Asker) -> tuple[Event, str | None]:
        """Return the event and, when it is the first of an alert, that alert's id."""
        if reference.isascii() and reference.isdecimal() and len(reference) <= INDEX_DIGITS_MAX:
            event = self._looks.event(int(reference), asker)
            if event is not None:
                return event, None
        try:
            alert = self._watch.alert(reference)
        except NotFound:
            raise _nothing(reference) from None
        kept = [alert["first_index"], *(event["index"] for event in alert["events"])]
        # As for alerts themselves: who may not see all of its events is told of none.
        if not self._looks.visible(kept, asker).issuperset(kept):
            raise _nothing(reference)
        event = self._looks.event(alert["first_index"], asker)
        if event is None:
            raise _nothing(reference)
        return event, alert["id"]


def _nothing(reference: str) -> NotFound:
    return NotFound(
        f"no event and no alert is `{reference}`",
        hint="`ombud search` shows the ids of events, `ombud alerts` those of alerts",
    )


def explain_any(
    one: Rule | Correlation, known: RuleSet, hand: EventInHand, texts: Callable[[str], bytes]
) -> Json:
    """Return what a rule or a correlation makes of an event, as JSON values.

    `texts` gives what a file of rules holds, for the names of the parts of conditions.
    """
    filters: Names = {each.tree: f"filter {each.title}" for each in known.filters}

    def names_of(rule: Rule) -> Names:
        return {**filters, **parts_of_file(texts(rule.path), rule.id)}

    if isinstance(one, Rule):
        return explain_rule(one, hand, names=names_of(one)).to_dict()
    names = {rule.id: names_of(rule) for rule in rules_below(one, known)}
    return explain_correlation(one, known, hand, names=names).to_dict()


def pick_rule(found: RuleSet, rule_id: str | None) -> Rule | Correlation:
    """Return the rule or correlation with this id or name, of which the beginning is enough.

    Without one it is the only one that opens alerts.  Raises `RuleError` if it is
    refused, and `NotFound` when there is none, or more than one.
    """
    every: list[Rule | Correlation] = [*found.rules, *found.correlations]
    if rule_id is None:
        rules = [one for one in every if one.id not in found.feeding]
    else:
        rules = [one for one in every if rule_id and rule_id in {one.id, one.name}] or [
            one for one in every if rule_id and one.id.startswith(rule_id)
        ]
    if len(rules) == 1:
        return rules[0]
    refused = [
        refusal
        for refusal in found.refusals
        if rule_id is None or (refusal.rule_id or "").startswith(rule_id)
    ]
    if not rules and refused:
        first = refused[0]
        raise RuleError(first.reason, origin=first.path)
    if rule_id is None and rules:
        named = ", ".join(f"`{one.id}`" for one in rules[:NAMED_MAX])
        raise NotFound(f"there are {len(rules)} rules: {named}", hint="add `#ID` to the file")
    raise NotFound(f"{'more than one' if rules else 'no'} rule is `{rule_id}`", hint=_known(every))


def _known(every: Sequence[Rule | Correlation]) -> str:
    """Return where ids of rules are found: in the one file they are of, or by commands."""
    if every and len({one.path for one in every}) == 1:
        named = ", ".join(f"`{one.name or one.id}`" for one in every[:NAMED_MAX])
        return f"{every[0].path} has {named}" + (" and more" if len(every) > NAMED_MAX else "")
    return "`ombud rules list` shows the shipped ones, `ombud rules status` those of a home"


NAMED_MAX = 10  # Rules named in one message.
