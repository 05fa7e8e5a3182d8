"""Person: who stands behind a local process."""

from __future__ import annotations

import os
import pwd


def local_person() -> str:
    """Return the name of the person whose process this is."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"
