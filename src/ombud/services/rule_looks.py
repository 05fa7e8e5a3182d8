"""Rule looks: what a rule makes of a recorded event, which is a look at that event.

The rule may be one that runs here or one that somebody is writing.  Whoever tries
rules on an event learns of it what the rule asks for, so the look is recorded
first, only visible events are explained, and a withheld original stays withheld.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ombud.config.rule_files import read_rule_text
from ombud.core.errors import NotFound, RuleError
from ombud.core.event import Event
from ombud.detect.explanation import EventInHand, explain_rule
from ombud.detect.rule import Rule
from ombud.detect.rule_set import RuleSet, load_rules
from ombud.detect.selections import parts_of_file
from ombud.detect.view import view_of_event, view_of_original
from ombud.services.asker import Asker
from ombud.services.looks import Looks
from ombud.services.rule_wanted import ExplainWanted
from ombud.services.watching import Watch
from ombud.services.withholding import WITHHELD

Json = dict[str, Any]


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
        rule, text = self._rule(wanted)
        self._looks.record_look(
            "explain",
            asker,
            why=wanted.why,
            case=wanted.case,
            resource_id=wanted.event,
            rule_id=rule.id,
        )
        event, alert = self._event(wanted.event, asker)
        is_withheld = WITHHELD in (event.flags or ())
        original = view_of_original(event.raw, event.source) if event.raw else None
        hand = EventInHand(event.source, view_of_event(event), original)
        explained = explain_rule(rule, hand, names=parts_of_file(text, rule.id))
        return {
            "event": {
                "index": event.id,
                "time": event.time,
                "source": event.source,
                "action": event.action,
                "alert": alert,
                "original": "withheld" if is_withheld else "kept" if event.raw else "none",
            },
            **explained.to_dict(),
        }

    def _rule(self, wanted: ExplainWanted) -> tuple[Rule, bytes]:
        """Return the rule and the text of its file, empty when that is not to be had."""
        if wanted.text is not None:
            text = wanted.text.encode()
            return pick_rule(load_rules([(wanted.path, text)]), wanted.rule), text
        rule = pick_rule(RuleSet(self._watch.known_rules), wanted.rule)
        return rule, read_rule_text(Path(rule.path))

    def _event(self, reference: str, asker: Asker) -> tuple[Event, str | None]:
        """Return the event and, when it is the first of an alert, that alert's id."""
        if reference.isascii() and reference.isdecimal():
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


def pick_rule(found: RuleSet, rule_id: str | None) -> Rule:
    """Return the rule with this id, which may be cut short, or the only one.

    Raises `RuleError` if that one is refused, and `NotFound` without one or among several.
    """
    rules = [rule for rule in found.rules if rule_id is None or rule.id == rule_id] or [
        rule for rule in found.rules if rule_id and rule.id.startswith(rule_id)
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
        named = ", ".join(f"`{rule.id}`" for rule in rules[:NAMED_MAX])
        raise NotFound(f"there are {len(rules)} rules: {named}", hint="add `#ID` to the file")
    raise NotFound(
        f"{'more than one' if rules else 'no'} rule is `{rule_id}`",
        hint="`ombud rules list` shows the shipped ones, `ombud rules status` those of a home",
    )


NAMED_MAX = 10  # Rules named in one message.
