"""Session: the variables of one database session that name a person, as far as its log shows.

A pooled connection serves one person after the other, so a value holds only
while the log proves that it does: within its transaction, or after it when the
server logs what ends transactions and resets sessions.  Anything else is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

MISC = "MISC"  # pgaudit's class of BEGIN, COMMIT, DISCARD; plain SET bears it too.
_COMMITS = frozenset({"COMMIT"})
_BLOCKS = frozenset({"BEGIN", "START TRANSACTION"})
_NO_PROOF = frozenset({"SET", "RESET", "SHOW"})  # Logged by `misc_set` alone.


class Unknown(Enum):
    """Why the value of a variable is not known; the words follow `person_unknown:`."""

    CUT = "application_name_cut"
    LETTERS = "application_name_not_ascii"
    SEVERAL = "several_persons"
    START = "session_start_not_seen"
    OUTCOME = "transaction_end_not_seen"
    MISC = "misc_not_logged"
    VALUE = "session_variable_not_read"


Value = str | Unknown | None  # None: it is not set.


class Session:
    """What the log has shown of one session."""

    __slots__ = (
        "_changed", "_failed", "_initial", "_is_block", "_local", "_outcome", "_settled",
        "_transaction",
    )  # fmt: skip

    def __init__(self, *, is_new: bool) -> None:
        """`is_new` says that the session's first line was seen."""
        self._initial: Value = None if is_new else Unknown.START
        self._settled: dict[str, Value] = {}
        self._changed: dict[str, Value] = {}  # In this transaction, for the session.
        self._local: dict[str, Value] = {}  # In this transaction, until its end.
        self._transaction = ""
        self._is_block = self._failed = False
        self._outcome = ""

    def reach(self, transaction: str) -> None:
        """Come to a line of a transaction, or of none; the one before is over."""
        if transaction == self._transaction and transaction:
            return
        if self._changed and not (self._failed or self._outcome == "ROLLBACK"):
            if self._is_block and not self._outcome:
                self._settled.update(dict.fromkeys(self._changed, Unknown.OUTCOME))
            else:
                self._settled.update(self._changed)
        self._changed.clear()
        self._local.clear()
        self._is_block = self._failed = False
        self._outcome = ""
        self._transaction = transaction

    def command(self, command: str, text: str) -> None:
        """Note a command that begins or ends something; `text` is the statement."""
        if command in _BLOCKS:
            self._is_block = True
        elif command in _COMMITS:
            self._outcome = "ROLLBACK" if self._failed else "COMMIT"
        elif command == "ROLLBACK":
            if " to " in f" {text.lower()} ":  # A savepoint: what was set behind it is not known.
                self._failed = False
                for values in (self._changed, self._local):
                    values.update(dict.fromkeys(values, Unknown.OUTCOME))
            else:
                self._outcome = "ROLLBACK"
        elif command == "DISCARD ALL":
            self._initial = None
            for values in (self._settled, self._changed, self._local):
                values.clear()

    def fail(self) -> None:
        """Note that a statement failed: its transaction will not commit."""
        self._failed = True

    def set(self, name: str, value: Value, *, is_local: bool) -> None:
        """Note that a variable is set, None: reset."""
        if is_local:
            self._local[name] = value
        else:
            self._changed[name] = value
            self._local.pop(name, None)

    def reset(self, names: Iterable[str]) -> None:
        """Note that all variables are reset."""
        for name in names:
            self.set(name, None, is_local=False)

    def value(self, name: str, *, has_misc: bool) -> Value:
        """Return the value of a variable now.

        `has_misc` says that the server is known to log what ends transactions.
        """
        for values in (self._local, self._changed):
            if name in values:
                return values[name]
        value = self._settled.get(name, self._initial)
        if isinstance(value, str) and not has_misc:
            return Unknown.MISC
        return value


def proves_misc(audit_class: str, command: str) -> bool:
    """Whether a line proves that pgaudit logs the class `misc`, beyond SET."""
    return audit_class == MISC and command not in _NO_PROOF
