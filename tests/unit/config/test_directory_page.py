"""The page about the directory: its columns are those there are, and its examples load."""

from __future__ import annotations

import re

import document
from ombud.config.directory_files import DirectoryFile, read_directory_files
from ombud.config.directory_values import zone_names
from ombud.directory.checks import check_rows
from ombud.directory.kinds import KINDS

PAGE = (document.DOCS / "directory.md").read_text(encoding="utf-8")


def test_every_kind_has_its_row() -> None:
    """Each kind with its columns, the required ones in bold."""
    for kind in KINDS.values():
        columns = ", ".join(
            f"**{column.name}**" if column.is_required else column.name for column in kind.columns
        )
        assert f"| `{kind.name}` | {columns} |" in PAGE


def test_examples_are_one_directory_without_fault() -> None:
    """What the page shows can be loaded as it stands."""
    examples = re.findall(r"^`(\w+\.csv)`.*?```csv\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    files = [DirectoryFile(name, text.encode()) for name, text in examples]
    offered = read_directory_files(files, zone="America/New_York")
    check_rows(offered.rows, zones=zone_names(), faults=offered.faults)

    assert offered.rows.keys() == KINDS.keys()
    assert [str(fault) for fault in offered.faults.shown] == []
