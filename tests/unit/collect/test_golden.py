"""Golden logs: what each source makes of real lines, written down.

With OMBUD_UPDATE_GOLDEN=1 the expectations are written anew, to be read in the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ombud.collect.reading import read_paths
from ombud.collect.source import Source
from ombud.collect.sources import get_source
from ombud.core.ocsf import event_to_ocsf

FOLDER = Path(__file__).resolve().parents[2] / "golden" / "sources"
LOGS = sorted(
    path
    for path in FOLDER.glob("*/*")
    if path.suffix != ".yaml" and not path.name.endswith(".expected.ndjson")
)
EXAMPLES = FOLDER.parents[2] / "docs" / "sources" / "examples"
NOW_MS = 1_790_000_000_000


def source_of(log: Path) -> Source:
    """Return the source of a golden log: its folder's name, or the mapping of its own name.

    That lies beside it, or is one of the examples of the documentation.
    """
    if log.parent.name == "mapping":
        mapping = log.with_suffix(".yaml")
        example = EXAMPLES / mapping.name
        return get_source("mapping", mapping=mapping if mapping.exists() else example)
    return get_source(log.parent.name)


@pytest.mark.parametrize("log", LOGS, ids=[f"{log.parent.name}/{log.name}" for log in LOGS])
def test_golden_log(log: Path) -> None:
    """Each line of a golden log becomes the event that was written down for it."""
    source = source_of(log)
    found = []
    for block in read_paths(source, [str(log)]):
        assert not block.faults
        for raw, line in zip(block.raws, block.lines, strict=True):
            event = source.parse(raw, now_ms=NOW_MS)
            assert event.raw == raw
            document = event_to_ocsf(event)
            for name in ("raw_data", "raw_data_size"):
                document.pop(name, None)
            for name in ("version", "product", "profiles", "extensions"):
                del document["metadata"][name]
            found.append(json.dumps({"line": line, "event": document}, sort_keys=True))
    text = "\n".join(found) + "\n"
    expected = log.with_name(f"{log.stem}{log.suffix.replace('.', '-')}.expected.ndjson")
    if os.environ.get("OMBUD_UPDATE_GOLDEN"):
        expected.write_text(text, encoding="utf-8")

    assert text == expected.read_text(encoding="utf-8")
