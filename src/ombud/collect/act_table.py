"""Act table: what the operations of a source do, in the closed vocabulary.

Rows name operations or patterns of them (`*`); a whole name wins over a pattern,
and the first pattern over those below it.  What is in no row is `other` and
flagged, so that what a source newly says is counted and not overlooked.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from typing import NamedTuple

from ombud.core.event import Action
from ombud.core.ocsf_table import API_ACTIVITY, AUTHENTICATION, USER_ACCESS, class_of

ACTION_UNKNOWN = "action_unknown"
_NAMES_MAX = 8_192  # Distinct operations remembered; a hostile log may have any number.
_NAME_SIZE_MAX = 256  # Longer names are nobody's, and cost too much to compare.
_LOGOFF = 2  # Of OCSF Authentication.
_ENDS_SESSION = re.compile(r"log_?(out|off)|session\.(end|clear)")


class Act(NamedTuple):
    """What an operation does, and whether a row says so."""

    action: str
    class_uid: int
    activity_id: int
    is_known: bool = True


class ActTable:
    """Decides what operations do, and remembers.

    `rows` are pairs of an action and the operations that are it, separated by
    blanks; `classes` are triples of an OCSF class, an activity or None for that
    of the action, and the operations that are of it.
    """

    def __init__(
        self,
        rows: Sequence[tuple[str, str]],
        *,
        class_uid: int = API_ACTIVITY,
        classes: Sequence[tuple[int, int | None, str]] = (),
    ) -> None:
        self._class_uid = class_uid
        self._names: dict[str, str] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        for action, operations in rows:
            for name in operations.lower().split():
                if "*" in name:
                    pattern = re.compile(fnmatch.translate(name.replace("[", "[[]")))
                    self._patterns.append((pattern, Action(action).value))
                else:
                    self._names.setdefault(name, Action(action).value)
        self._classes = [
            (re.compile(fnmatch.translate(name)), found, activity)
            for found, activity, operations in classes
            for name in operations.lower().split()
        ]
        self._remembered: dict[str, Act] = {}

    def find(self, operation: str | None) -> Act:
        """Return what an operation does."""
        if operation is None:
            return self._act("", None)
        known = self._remembered.get(operation)
        if known is not None:
            return known
        act = self._decide(operation)
        if len(self._remembered) < _NAMES_MAX and len(operation) <= _NAME_SIZE_MAX:
            self._remembered[operation] = act
        return act

    def _decide(self, operation: str) -> Act:
        if len(operation) > _NAME_SIZE_MAX:
            return self._act("", None)
        name = operation.lower()
        action = self._names.get(name)
        if action is None:
            action = next((what for pattern, what in self._patterns if pattern.match(name)), None)
        return self._act(name, action)

    def _act(self, name: str, action: str | None) -> Act:
        is_known = action is not None
        action = action or Action.OTHER.value
        for pattern, class_uid, activity in self._classes:
            if pattern.match(name):
                if activity is not None:
                    return Act(action, class_uid, activity, is_known)
                return Act(action, *class_of(action, class_uid), is_known)
        return Act(*classify(action, self._class_uid, name), is_known)


def classify(action: str, class_uid: int, name: str = "") -> tuple[str, int, int]:
    """Return an action with its class and activity: sign-ins and grants have their own."""
    if action == Action.AUTHENTICATE:
        return action, AUTHENTICATION, _LOGOFF if _ENDS_SESSION.search(name) else 1
    if action in (Action.GRANT, Action.REVOKE):
        return action, *class_of(action, USER_ACCESS)
    return action, *class_of(action, class_uid)
