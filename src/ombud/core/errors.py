"""Errors: the few ways in which Ombud says no.

Every error is one line for a person: lower case, no full stop, input in
backticks, causes joined by colons.  HTTP statuses live only in `web` and exit
statuses only in `cli`; a denial is a value, never an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

Fault = TypeVar("Fault")


class OmbudError(Exception):
    """The root; never raised itself.

    `code` is stable and machine-readable; `origin` says where (a file with its
    line and key, a column of a query), when there is a place to name; `hint`
    says what to do next.
    """

    code = "error"

    def __init__(
        self, message: str, *, origin: str = "", hint: str = "", code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.origin = origin
        self.hint = hint
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        """Return the line that a person is shown."""
        return f"{self.origin}: {self.message}" if self.origin else self.message


class InputError(OmbudError):
    """What was given cannot be used; giving it again will not help."""

    code = "input"


class EventError(InputError):
    """Bytes that are not a record of the source they were given as."""

    code = "event"


class QueryError(InputError):
    """A query that does not parse or names an unknown field.

    `column` counts characters from 1.
    """

    code = "query"

    def __init__(self, message: str, *, column: int, hint: str = "") -> None:
        super().__init__(message, origin=f"column {column}", hint=hint)
        self.column = column


class RuleError(InputError):
    """A rule that cannot be evaluated, named with its file and the reason."""

    code = "rule"


class SettingsError(InputError):
    """A settings or mapping file that cannot be used."""

    code = "settings"


class FaultyFileError(SettingsError, Generic[Fault]):
    """A file of declarations with faults, each a line of its own in `faults`."""

    code = "file"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class Forbidden(OmbudError):
    """The asker is known and may not do this."""

    code = "forbidden"


class Unauthenticated(OmbudError):
    """The asker is not known."""

    code = "unauthenticated"


class NotFound(OmbudError):
    """What was named does not exist."""

    code = "not_found"


class Conflict(OmbudError):
    """The act contradicts what already stands."""

    code = "conflict"


class Unavailable(OmbudError):
    """It could not be done now: environment, permission, or load.

    `retry_seconds` is how long to wait before trying again.
    """

    code = "unavailable"

    def __init__(self, message: str, *, retry_seconds: float = 1.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_seconds = retry_seconds


class TamperError(OmbudError):
    """The record is proved wrong; never retried, always an alert.

    `origin` names the first bad place.
    """

    code = "tamper"
