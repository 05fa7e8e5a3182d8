"""Where rules are found on disk, and what is said of what cannot be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import ombud
from ombud.config import rule_files
from ombud.config.rule_files import (
    cases_file,
    find_rule_files,
    read_rule_text,
    read_rules,
    shipped_rules_folder,
)
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


def _broken_link(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


def _closed_folder(path: Path) -> None:
    path.mkdir(0)


def _unreadable(path: Path) -> None:
    path.write_text(RULE.format("x"))
    path.chmod(0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(_broken_link, "no such file or directory", id="broken link"),
        pytest.param(_circle, "too many levels of symbolic links", id="link to itself"),
        pytest.param(os.mkfifo, "is no plain file", id="pipe"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), "is no plain file", id="device"),
        pytest.param(lambda path: path.write_bytes(b"a: \xff\xfe"), "invalid", id="no UTF-8"),
        pytest.param(lambda path: path.write_bytes(b"x" * (2 << 20)), "larger", id="large"),
        pytest.param(
            _unreadable,
            "permission denied",
            id="closed",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything"),
        ),
        pytest.param(
            _closed_folder,
            "permission denied",
            id="closed folder",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything"),
        ),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    """What is no readable file is refused by name, and the rest runs."""
    (tmp_path / "a.yml").write_text(RULE.format("a"))
    make(tmp_path / "b.yml")

    loaded = read_rules([tmp_path, tmp_path / "a.yml"])

    assert [rule.id for rule in loaded.rules] == ["a"]
    assert [refusal.path for refusal in loaded.refusals] == [str(tmp_path / "b.yml")]
    assert reason in loaded.refusals[0].reason


def test_unsearchable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be searched is named, for it may hold rules."""
    (tmp_path / "a.yml").write_text(RULE.format("a"))
    (tmp_path / "sub").mkdir()
    scan = os.scandir

    def fail(path: str) -> object:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", fail)
    loaded = read_rules([tmp_path])

    assert [rule.id for rule in loaded.rules] == ["a"]
    assert str(loaded.refusals[0]) == f"{tmp_path / 'sub'}: is no plain file"


def test_links_are_followed_to_files_only(tmp_path: Path) -> None:
    """A link to a file is that file, once; a link to a folder could lead in circles."""
    rules = tmp_path / "rules"
    (rules / "c.yml").mkdir(parents=True)
    (rules / "a.yml").write_text(RULE.format("a"))
    (rules / "b.yml").symlink_to(rules / "a.yml")
    (rules / "d").symlink_to(rules)
    (tmp_path / "linked").symlink_to(rules)

    assert find_rule_files([rules]) == [rules / "a.yml"]
    assert find_rule_files([tmp_path / "linked", rules]) == [tmp_path / "linked" / "a.yml"]
    with pytest.raises(InputError, match=r"gone\.yml` does not exist"):
        read_rules([tmp_path / "gone.yml"])


def test_reading_shows_nothing_of_what_is_gone(tmp_path: Path) -> None:
    """The text of a rule is what its file holds now."""
    (tmp_path / "a.yml").write_text("x")

    assert read_rule_text(tmp_path / "a.yml") == b"x"
    assert read_rule_text(tmp_path / "gone.yml") == b""


EXPAND = """
title: T
id: {}
logsource: {{product: p}}
detection: {{s: {{user|expand: '%admins%'}}, condition: s}}
"""


def test_placeholders_stand_beside_the_rules(tmp_path: Path) -> None:
    """A file in the folder, or beside the file, gives the values; it is no rule itself."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yml").write_text(EXPAND.format("a"))
    (tmp_path / "b.yml").write_text(EXPAND.format("b"))
    (tmp_path / "placeholders.yml").write_text("admins: [ana]\n")

    folder = read_rules([tmp_path])
    assert [rule.matches({"user": "ana"}) for rule in folder.rules] == [True, True]
    assert folder.refusals == ()
    assert read_rules([tmp_path / "b.yml"]).rules[0].matches({"user": "ana"})

    given = read_rules([tmp_path], placeholders={"admins": ["ben"]})
    assert given.rules[0].matches({"user": "ben"})


def test_placeholders_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """A broken file is refused, and with it the rules that ask for its names; so are two minds."""
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.yml").write_text(EXPAND.format(name))
    (tmp_path / "a" / "placeholders.yml").write_text("admins: [")
    broken = read_rules([tmp_path / "a"])
    assert broken.rules == ()
    assert {"`%admins%` has no value" in one.reason for one in broken.refusals} == {True, False}

    (tmp_path / "a" / "placeholders.yml").write_text("admins: ana")
    (tmp_path / "b" / "placeholders.yml").write_text("admins: ben")
    found = read_rules([tmp_path / "a", tmp_path / "b"])
    assert [rule.matches({"user": "ana"}) for rule in found.rules] == [True, True]
    assert "has other values in another folder" in found.refusals[0].reason


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that holds far too much is a mistaken one."""
    monkeypatch.setattr(rule_files, "FILES_MAX", 1)
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(RULE.format(name))

    with pytest.raises(InputError, match="more than 1 rule files"):
        find_rule_files([tmp_path])
    monkeypatch.setattr(rule_files, "ENTRIES_MAX", 1)
    with pytest.raises(InputError, match="more than 1 files"):
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
