"""Commands `policy check` and `policy diff`: what they say, and the status they end with."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import typer

from ombud.cli.policy_files import check, diff
from ombud.config.policy_files import PolicyError, shipped_policies_folder

OLD = "purposes: {p: {title: P, standing: true, audience: {roles: [clerk]}, days_max: 9}}\n"
BAD = "purposes: {p: {titel: P}}\nzone: Nowhere\n"


def folder(tmp_path: Path, name: str, text: str) -> Path:
    """Return a folder with one policy file."""
    made = tmp_path / name
    made.mkdir()
    (made / "policy.yaml").write_text(text)
    return made


def test_check_counts_what_a_good_policy_has(capsys: pytest.CaptureFixture[str]) -> None:
    """A line on standard output, nothing else."""
    county = shipped_policies_folder() / "county"
    check(county)
    said = capsys.readouterr()

    assert said.err == ""
    assert said.out.startswith(f"{county}: ")
    assert said.out.endswith(" purposes, 17 datasets, 5 prohibitions, 2 checkpoints; no fault\n")


def test_check_names_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Faults go to standard error, one a line; the status is that of a problem found."""
    bad = folder(tmp_path, "bad", BAD)
    with pytest.raises(typer.Exit) as ended:
        check(bad)
    said = capsys.readouterr()

    assert ended.value.exit_code == 1
    assert said.err.splitlines() == [
        "policy.yaml:1: `purposes.p.titel`: unknown key: did you mean `title`?",
        "policy.yaml:1: `purposes.p.title`: `title` is missing",
        "policy.yaml:2: `zone`: `Nowhere` is no time zone such as Europe/Dublin",
    ]
    assert said.out == (f"{bad}: 1 purposes, 0 datasets, 0 prohibitions, 0 checkpoints; 3 faults\n")


def test_check_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get file, line, key and message of each fault."""
    with pytest.raises(typer.Exit):
        check(folder(tmp_path, "bad", "zone: Nowhere\n"), json=True)
    said = orjson.loads(capsys.readouterr().out)

    assert said["faults"] == [
        {
            "file": "policy.yaml", "line": 1, "key": "zone",
            "message": "`Nowhere` is no time zone such as Europe/Dublin",
        }
    ]  # fmt: skip


def test_diff_tells_and_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same difference for people and for programs."""
    old = folder(tmp_path, "old", OLD)
    new = folder(tmp_path, "new", OLD.replace("days_max: 9", "days_max: 10"))
    diff(old, new)
    text = capsys.readouterr().out
    diff(old, new, json=True)
    said = orjson.loads(capsys.readouterr().out)
    diff(old, old)

    assert text == (
        "gained  nothing\nlost    nothing\n! purpose p: `days_max` is 10, was 9 (loosened)\n"
    )
    assert said["lowers_oversight"] == ["purpose p: `days_max` is 10, was 9"]
    assert capsys.readouterr().out == "no difference\n"


def test_diff_refuses_what_is_no_policy(tmp_path: Path) -> None:
    """Two policies are compared, never half of one."""
    with pytest.raises(PolicyError, match="unknown key"):
        diff(folder(tmp_path, "old", OLD), folder(tmp_path, "bad", BAD))
