"""Expressions: regular expressions by RE2, which takes time linear in the text: none explodes."""

from __future__ import annotations

import re
from functools import lru_cache

import re2  # type: ignore[import-untyped]
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern

_FLAGS = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))
COMPILED_MAX = 4096  # Expressions kept compiled: pySigma tries each before we use it.

# Bytes that RE2 may take for one, compiled and while it matches; those of public rules need 50 kB.
EXPRESSION_SIZE_MAX = 2 << 20


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(pattern: str) -> RegexPattern:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = EXPRESSION_SIZE_MAX
    compiled: RegexPattern = re2.compile(pattern, options)
    return compiled


class _QuietRe2(RegexEngine):
    """RE2, without its habit of writing faults to standard error."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        try:
            return _compiled(expression_text(pattern, flags))
        except re2.error as error:
            reason = error.args[0]
            said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise re2.error(said + _way_out(said)) from error

    @property
    def error(self) -> type[Exception]:
        kind: type[Exception] = re2.error
        return kind


def _way_out(reason: str) -> str:
    """Return what to do about an expression that other engines take and RE2 does not."""
    if reason.startswith("invalid perl operator: (?") and reason.endswith(("!", "=", "<")):
        return ": RE2 has no look-around; say what must not be there in a selection after `not`"
    if re.match(r"invalid escape sequence: \\[1-9]", reason):
        return ": RE2 has no back references"
    return ""


def expression_text(pattern: str, flags: int) -> str:
    """Return an expression with its flags written into it."""
    letters = "".join(letter for flag, letter in _FLAGS if flags & flag)
    return f"(?{letters}){pattern}" if letters else pattern


REGEX_ENGINE = _QuietRe2()
POLICY = SigmaPolicy(regex_engine=REGEX_ENGINE)
