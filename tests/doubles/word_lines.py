"""Word lines: finds words in lines, and fails as it is told; for processes of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from ombud.core.errors import QueryError, RuleError

WORDS = (b"alpha", b"beta")


class WordLines:
    """Two rules, a word each; a line that is no JSON object is refused."""

    def match(self, lines: Sequence[bytes]) -> tuple[list[tuple[int, int]], list[tuple[int, str]]]:
        """Return the words found; some words make it fail."""
        faults = []
        found = []
        for row, line in enumerate(lines):
            if b"give up" in line:
                raise RuleError("a rule gave up")
            if b"column" in line:
                raise QueryError("no error that can be pickled", column=1)
            if b"die" in line:
                os.kill(os.getpid(), signal.SIGKILL)
            if b"sleep" in line:
                Path(os.fsdecode(line.split(b'"')[3])).touch()
                time.sleep(600)
            if not line.startswith(b"{"):
                faults.append((row, "no JSON object"))
                continue
            found += [(row, rule) for rule, word in enumerate(WORDS) if word in line]
        return found, faults


def refuse() -> WordLines:
    """Fail before anything is matched."""
    raise RuleError("no rule can run")
