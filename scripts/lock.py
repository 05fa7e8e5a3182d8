"""Locks: writes `constraints.txt` and `requirements.lock` from `pyproject.toml`.

The lock has exact versions and SHA-256 sums, for `pip install --require-hashes`;
the constraints are the same versions without sums, because sums in a constraints
file would refuse the editable project itself.  Neither names a registry's host.
Needs `uv` on the PATH: `pip install uv`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
CONSTRAINTS = ROOT / "constraints.txt"
COMPILE = (
    "uv pip compile pyproject.toml --extra test --universal --fork-strategy fewest"
    " --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet"
)
_PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[^ ]+)(?P<marker> ; [^\\]*[^\\ ])?")


def parse_pins(text: str) -> dict[str, str]:
    """Return version and marker by name from the text of a lock or of constraints."""
    matches = filter(None, (_PIN.match(line) for line in text.splitlines()))
    return {match["name"]: match["version"] + (match["marker"] or "") for match in matches}


def constraints_of(lock: str) -> str:
    """Return the constraints that say the same as the lock."""
    return "".join(f"{name}=={pin}\n" for name, pin in parse_pins(lock).items())


def main() -> int:
    """Write both files, with versions as new as `pyproject.toml` allows."""
    done = subprocess.run(COMPILE.split(), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"lock: uv refused: {done.stderr.strip()}", file=sys.stderr)
        return 3
    LOCK.write_text(done.stdout, encoding="utf-8")
    CONSTRAINTS.write_text(constraints_of(done.stdout), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
