"""Rule cache: what was parsed is found again, and nothing but that is ever taken for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import ombud
from ombud.config import rule_cache, rule_files
from ombud.config.rule_cache import cache_folder, cache_key, find_cached, keep_cached
from ombud.config.rule_files import read_rules
from ombud.detect.loading.rule_codec import encode_rules
from ombud.detect.loading.rule_set import RuleSet, load_rules

RULE = "title: T\nid: '{}'\nlogsource: {{product: p}}\ndetection: {{s: {{a: {}}}, condition: s}}\n"


def loaded(value: int = 1) -> RuleSet:
    """Return a set of one rule."""
    return load_rules([("a.yml", RULE.format("r", value).encode())])


def test_found_again(tmp_path: Path) -> None:
    """A set that was kept is found by its key, and by no other; the file is for its user alone."""
    folder = tmp_path / "new" / "rules"
    keep_cached(folder, "k", loaded())

    assert find_cached(folder, "k") == loaded()
    assert find_cached(folder, "l") is None
    assert (folder / "k.rules").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == ["k.rules"]


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def _rename(path: Path) -> None:
    keep_cached(path.parent, "other", loaded(2))
    path.with_name("other.rules").replace(path)


def _sign_nonsense(path: Path) -> None:
    data = b"\x01\x02"
    path.write_bytes(rule_cache._MAGIC + rule_cache._checksum("k", data) + data)


def _link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_truncate, id="truncated"),
        pytest.param(_flip, id="one bit"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"ombud rules\n"), id="only a head"),
        pytest.param(lambda path: path.write_bytes(b"\x80\x04."), id="of another program"),
        pytest.param(_rename, id="set of another key"),
        pytest.param(_sign_nonsense, id="sum of nonsense"),
        pytest.param(lambda path: path.chmod(0o620), id="group may write"),
        pytest.param(lambda path: path.chmod(0o602), id="others may write"),
        pytest.param(_link, id="link"),
        pytest.param(_pipe, id="pipe"),
        pytest.param(_folder, id="folder"),
    ],
)
def test_anything_odd_is_as_good_as_none(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """A file that is damaged, foreign or open to others is not taken."""
    keep_cached(tmp_path, "k", loaded())
    damage(tmp_path / "k.rules")

    assert find_cached(tmp_path, "k") is None


def test_file_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that somebody else put there are not run."""
    keep_cached(tmp_path, "k", loaded())
    monkeypatch.setattr(os, "geteuid", lambda: 4242)

    assert find_cached(tmp_path, "k") is None


def test_old_sets_are_deleted(tmp_path: Path) -> None:
    """Only the newest few are kept, and what a writer left half-way goes with them."""
    for place in range(rule_cache.ENTRIES_MAX):
        keep_cached(tmp_path, str(place), loaded())
        os.utime(tmp_path / f"{place}.rules", (place + 10, place + 10))
    (tmp_path / ".half.rules").write_bytes(b"")
    os.utime(tmp_path / ".half.rules", (1, 1))
    (tmp_path / "else").write_bytes(b"")

    keep_cached(tmp_path, "new", loaded())

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"else", "new.rules"} | {f"{place}.rules" for place in range(1, 8)}


def test_a_set_that_cannot_be_kept_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be, a full disk and a set that is too large leave the rules running."""
    (tmp_path / "file").write_bytes(b"")
    keep_cached(tmp_path / "file", "k", loaded())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        keep_cached(tmp_path, "k", loaded())
    with monkeypatch.context() as patch:
        patch.setattr(rule_cache, "SIZE_MAX", 10)
        keep_cached(tmp_path, "k", loaded())
    huge = RULE.format("r", 1).replace("a: 1", f"a|gt: {2**70}")
    keep_cached(tmp_path, "h", load_rules([("a.yml", huge.encode())]))

    assert {path.name for path in tmp_path.iterdir()} <= {"file", "h.rules"}


def test_key_is_of_all_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Path, content, order, placeholders and the program itself each make another key."""
    files = [("a", b"x"), ("b", b"y")]
    keys = {
        cache_key(files, {}),
        cache_key(files[::-1], {}),
        cache_key([("a", b"xb"), ("", b"y")], {}),
        cache_key([("a", b"x"), ("c", b"y")], {}),
        cache_key([("a", b"x"), ("b", b"z")], {}),
        cache_key(files[:1], {}),
        cache_key(files, {"p": ["v"]}),
        cache_key(files, {"p": ["v", "w"]}),
    }
    monkeypatch.setattr(rule_cache, "_program", lambda: b"another")
    keys.add(cache_key(files, {}))

    assert len(keys) == 9
    assert cache_key([("a\udcff", b"x")], {})


def test_folder_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands without a home keep sets where the user keeps what can be made again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ombud" / "rules"

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "ombud" / "rules"


def test_a_user_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any home rules are parsed and not kept; a relative path is no place to keep them."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(rule_files, "CACHED_FILES_MIN", 1)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    (tmp_path / "a.yml").write_text(RULE.format("r", 1))

    assert cache_folder() is None
    assert [rule.id for rule in read_rules([tmp_path / "a.yml"]).rules] == ["r"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.yml"]


def test_key_is_of_the_event_model_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another list of fields in `core` makes other refusals, and so another key."""
    folder = Path(ombud.__file__).parent
    shutil.copytree(folder / "detect", tmp_path / "detect")
    shutil.copytree(folder / "core", tmp_path / "core")
    monkeypatch.setattr(ombud, "__file__", str(tmp_path / "__init__.py"))
    program = rule_cache._program.__wrapped__
    before = program()

    with (tmp_path / "core" / "fields.py").open("a") as file:
        file.write("# changed\n")
    assert program() != before


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of rules that are just enough to be kept."""
    monkeypatch.setattr(rule_files, "CACHED_FILES_MIN", 3)
    for name in "abc":
        (tmp_path / f"{name}.yml").write_text(RULE.format(name, 1))
    return tmp_path


def test_rules_are_parsed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reading takes what the first has kept, until a file changes."""
    cache = folder / "cache"
    (folder / "d.yml").write_text("a: b: c")
    first = read_rules([folder], cache=cache)
    parsed: list[int] = []

    def counted(files: list[tuple[str, bytes]], **options: object) -> RuleSet:
        parsed.append(len(files))
        return load_rules(files, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(rule_files, "load_rules", counted)
    assert read_rules([folder], cache=cache) == first
    assert parsed == []

    (folder / "a.yml").write_text(RULE.format("a", 2))
    second = read_rules([folder], cache=cache)
    assert parsed == [4]
    assert second.rules[0].version != first.rules[0].version
    (folder / "placeholders.yml").write_text("x: y")
    assert read_rules([folder], cache=cache) == second
    assert parsed == [4, 4]


def test_damaged_cache_is_written_anew(folder: Path) -> None:
    """Rules are parsed if what is kept is damaged, and kept again."""
    cache = folder / "cache"
    first = read_rules([folder], cache=cache)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-5])

    assert read_rules([folder], cache=cache) == first
    assert kept.read_bytes() == whole
    assert whole.endswith(encode_rules(first))


def test_few_files_are_not_kept(folder: Path) -> None:
    """A handful of rules is parsed faster than it is looked up."""
    read_rules([folder / "a.yml", folder / "b.yml"], cache=folder / "cache")

    assert not (folder / "cache").exists()
