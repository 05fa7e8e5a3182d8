"""The documentation follows the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import document
from ombud.core.fields import FIELDS, Field
from ombud.web.metrics import MEANINGS

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SOURCE = REPOSITORY / "src" / "ombud"
FOLDERS = sorted(path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists())
MARKDOWN = sorted({*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")})
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


@pytest.mark.parametrize("name", document.PAGES)
def test_page_is_current(name: str) -> None:
    """A page that follows from the code is what the code says now."""
    assert (document.DOCS / name).read_text(encoding="utf-8") == document.PAGES[name](), (
        "run `python scripts/document.py`"
    )


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_field_is_documented(field: Field) -> None:
    """Each field of the event model has its row: name, type, home and meaning."""
    text = (document.DOCS / "event-model.md").read_text(encoding="utf-8")

    assert f"| `{field.name}` | {field.kind} | `{field.ocsf}` | {field.meaning} |" in text


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_is_on_the_code_map(folder: str) -> None:
    """Each folder has its line in ARCHITECTURE.md, with a module to copy."""
    text = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")

    example = re.search(rf"^\| `{folder}/` \|.*\| `({folder}/\w+\.py)` \|$", text, re.MULTILINE)

    assert example, f"no row for `{folder}/`"
    assert (SOURCE / example[1]).is_file(), example[1]


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link within the repository names a file that is there."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_named_paths_exist(page: Path) -> None:
    """What a page names of the repository is there: a promise names its test."""
    named = re.findall(r"`((?:tests|src|docs|scripts|rules)/[\w./-]*\w)`", page.read_text("utf-8"))

    assert [path for path in named if not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("name", MEANINGS)
def test_metric_is_documented(name: str) -> None:
    """Each figure of a home is named where operators look for it."""
    text = (document.DOCS / "operations.md").read_text(encoding="utf-8")

    assert f"`ombud_{name}`" in text
