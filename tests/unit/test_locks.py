"""The locks agree with each other and name no registry."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lock

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WANTED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
# Written in pieces, so that this file passes its own test.
REGISTRY_HOSTS = [
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("anaconda", "org"),
        ("deb.debian", "org"),
        ("security.debian", "org"),
    )
]


def test_constraints_say_what_the_lock_says() -> None:
    """Both files pin the same versions, so that both ways to install give the same."""
    locked = lock.LOCK.read_text(encoding="utf-8")

    assert lock.CONSTRAINTS.read_text(encoding="utf-8") == lock.constraints_of(locked)


@pytest.mark.parametrize("wanted", WANTED)
def test_what_the_project_wants_is_pinned(wanted: str) -> None:
    """Each requirement is pinned, to a version that it allows."""
    requirement = Requirement(wanted)
    pins = lock.parse_pins(lock.CONSTRAINTS.read_text(encoding="utf-8"))
    version = pins[canonicalize_name(requirement.name)].partition(" ")[0]

    assert requirement.specifier.contains(version)


def test_each_pin_of_the_lock_has_a_sum() -> None:
    """A package whose bytes changed is refused."""
    entries = lock.LOCK.read_text(encoding="utf-8").replace("\\\n", "").splitlines()

    assert len(entries) == len(lock.parse_pins("\n".join(entries)))
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_no_tracked_file_names_a_registry() -> None:
    """Where packages come from is the business of who installs, not of the project."""
    words = [word for host in REGISTRY_HOSTS for word in ("-e", host)]
    found = subprocess.run(
        ["git", "grep", "-n", "-I", "-i", "-F", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode > 1:
        pytest.skip("not a git checkout: which files are tracked is not known")

    assert found.stdout == ""
