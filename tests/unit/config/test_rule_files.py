"""Where rules are found on disk, and what is said of what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

import ombud
from ombud.config import rule_files
from ombud.config.rule_files import cases_file, find_rule_files, read_rules, shipped_rules_folder
from ombud.core.errors import InputError, Unavailable

RULE = "title: T\nid: {}\nlogsource: {{product: p}}\ndetection: {{s: {{a: 1}}, condition: s}}\n"


def test_finds_rules_in_folders(tmp_path: Path) -> None:
    """Folders are searched in order of name; events of rules are no rules; no file comes twice."""
    for name in ("b.yml", "sub/a.yaml", "b.tests.yml", "readme.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(RULE.format(name.replace("/", "-")))

    found = find_rule_files([tmp_path / "b.yml", tmp_path])

    assert [path.name for path in found] == ["b.yml", "a.yaml"]
    assert find_rule_files([tmp_path / "readme.md"]) == [tmp_path / "readme.md"]
    assert cases_file(tmp_path / "b.yml") == tmp_path / "b.tests.yml"


def test_reads_what_it_can(tmp_path: Path) -> None:
    """An unreadable file is refused by name, and the rest runs."""
    (tmp_path / "a.yml").write_text(RULE.format("a"))
    (tmp_path / "b.yml").symlink_to(tmp_path / "gone.yml")
    (tmp_path / "c.yml").mkdir()

    loaded = read_rules([tmp_path, tmp_path / "a.yml"])
    rules, refusals = loaded.rules, loaded.refusals

    assert [rule.id for rule in rules] == ["a"]
    assert not refusals
    with pytest.raises(InputError, match=r"gone\.yml` does not exist"):
        read_rules([tmp_path / "gone.yml"])


def test_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be opened becomes a refusal, not an end."""
    path = tmp_path / "a.yml"
    path.write_text(RULE.format("a"))

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", fail)
    loaded = read_rules([path])
    rules, refusals = loaded.rules, loaded.refusals

    assert not rules
    assert str(refusals[0]) == f"{path}: permission denied"


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that holds far too much is a mistaken one."""
    monkeypatch.setattr(rule_files, "FILES_MAX", 1)
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(RULE.format(name))

    with pytest.raises(InputError, match="more than 1 rule files"):
        find_rule_files([tmp_path])


def test_shipped_rules_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The shipped rules lie in the package or in the checkout; without them it is said."""
    assert (shipped_rules_folder() / "bulk_export.yml").is_file()

    installed = tmp_path / "site" / "ombud"
    (installed / "rules").mkdir(parents=True)
    monkeypatch.setattr(ombud, "__file__", str(installed / "__init__.py"))
    assert shipped_rules_folder() == installed / "rules"

    (installed / "rules").rmdir()
    with pytest.raises(Unavailable, match="shipped rules are missing"):
        shipped_rules_folder()
