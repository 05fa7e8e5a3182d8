"""Rule states: which rules run in a home, and what they cannot do there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ombud.core.clock import Clock
from ombud.core.errors import InputError
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.rule import Rule
from ombud.services.asker import Asker
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.services.rule_looks import pick_rule
from ombud.services.watching import Watch
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL, RULE_DISABLED, RULE_ENABLED

REASON_MAX = 4_000  # Characters.


class RuleStates:
    """Switches rules on and off; each change is an event before it takes effect."""

    def __init__(
        self,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        watch: Watch,
        clock: Clock,
    ) -> None:
        self._appender = appender
        self._control = control
        self._project = project
        self._watch = watch
        self._clock = clock

    def _known(self) -> RuleSet:
        return RuleSet(self._watch.known_rules, correlations=self._watch.known_correlations)

    def report(self) -> dict[str, Any]:
        """Return every rule with its state, and what rules cannot do here."""
        disabled = self._control.disabled_rules()
        known = self._known()
        every: list[Rule | Correlation] = [*known.rules, *known.correlations]
        rules = [
            {
                "id": rule.id,
                "type": rule.type.value if isinstance(rule, Correlation) else "rule",
                "title": rule.title,
                "level": rule.level,
                "path": rule.path,
                "state": "disabled" if rule.id in disabled else "enabled",
                "reason": disabled.get(rule.id),
                "opens_alerts": rule.id not in known.feeding,
            }
            for rule in every
        ]
        return {"rules": rules, **self._watch.faults()}

    def set_state(
        self, rule_id: str, *, is_enabled: bool, reason: str | None, asker: Asker
    ) -> dict[str, Any]:
        """Switch a rule on or off, of whose id the beginning is enough; off needs a reason."""
        asker.require("admin")
        reason = (reason or "").strip() or None
        rule_id = pick_rule(self._known(), rule_id).id
        if not is_enabled and reason is None:
            raise InputError("switching a rule off needs a reason", hint="add `--why …`")
        if len(reason or "") > REASON_MAX:
            raise InputError(f"the reason is longer than {REASON_MAX} characters")
        event = own_event(
            time=self._clock(),
            source=CONTROL,
            action="configure",
            operation=RULE_ENABLED if is_enabled else RULE_DISABLED,
            actor_id=asker.person,
            actor_type="person",
            rule_id=rule_id,
            justification_text=reason,
            attributes={"rule_id": rule_id, "reason": reason, "via": asker.via},
        )
        record_events(self._appender, [event])
        self._project()
        self._watch.disable(self._control.disabled_rules())
        return {"id": rule_id, "state": "enabled" if is_enabled else "disabled"}
