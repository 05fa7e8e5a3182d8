"""Home file: a file of declarations in a home, read whole and within its bound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ombud.core.errors import FaultyFileError, Unavailable


def read_home_file(
    path: Path, *, size_max: int, error: Callable[[str], FaultyFileError[Any]]
) -> str | None:
    """Return the text of a file of at most `size_max` bytes; None when there is none.

    Raises what `error` makes of the reason for one that is larger or not UTF-8, and
    `Unavailable` if it cannot be read.
    """
    try:
        if path.stat().st_size > size_max:
            raise error(f"larger than {size_max} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise error("not UTF-8") from None
    except OSError as fault:
        raise Unavailable(f"cannot read `{path}`: {fault.strerror}") from None
