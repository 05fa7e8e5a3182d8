"""The README as a newcomer follows it: its shell blocks are run word by word.

A folder with a `run` that starts this checkout stands for the clone.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from servers import postgres

REPOSITORY = Path(__file__).resolve().parent.parent.parent
README = (REPOSITORY / "README.md").read_text("utf-8")
SHELL = ["bash", "-eu", "-o", "pipefail", "-c"]
SECONDS = 240
EVENTS = 2_000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def chapter(title: str) -> str:
    """Return the text under a heading that begins with a title."""
    found = re.search(rf"^## {title}.*?(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[0]


def blocks(title: str, kind: str = "sh") -> list[str]:
    """Return the fenced blocks of one kind in a chapter."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", chapter(title), re.MULTILINE | re.DOTALL)


def program(path: Path, *words: str, **environment: str) -> None:
    """Write a program that starts another one with whatever it is given."""
    path.parent.mkdir(exist_ok=True)
    named = " ".join(f"{name}={value}" for name, value in environment.items())
    path.write_text(f'#!/bin/sh\nexec env {named} {" ".join(words)} "$@"\n')
    path.chmod(0o755)


@pytest.fixture
def clone() -> Iterator[Path]:
    """Return a folder with a `run`, which other users may enter."""
    folder = Path(tempfile.mkdtemp(prefix="readme-"))
    folder.chmod(0o755)
    program(folder / "run", sys.executable, "-m", "ombud", PYTHONPATH=str(REPOSITORY / "src"))
    yield folder
    shutil.rmtree(folder)


def follow(clone: Path, script: str, **environment: str) -> str:
    """Run shell text in the clone and return what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OMBUD_")}
    done = subprocess.run(
        [*SHELL, script],
        cwd=clone,
        env={**kept, "COLUMNS": "160", **environment},  # A runner of tests may say 80.
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return done.stdout


def test_own_postgresql(clone: Path) -> None:
    """Tutorial 2: a real server, a day's work on it, and what Ombud says of that."""
    if not postgres.is_installed():
        pytest.skip(f"no PostgreSQL with pgaudit: apt-get install {postgres.PACKAGES}")
    path = os.environ["PATH"]
    if os.geteuid() == 0:  # The server refuses to run as root, as the README says.
        shutil.chown(clone, "postgres")
        for name in ("initdb", "pg_ctl"):
            words = ("runuser", "-u", "postgres", "--", str(postgres.PROGRAMS / name))
            program(clone / "bin" / name, *words)
        path = f"{clone / 'bin'}:{path}"
    environment = {"PATH": path, "PGPORT": str(postgres.free_port())}
    try:
        printed = follow(clone, "\n".join(blocks("Tutorial 2")), **environment)
    finally:
        if (clone / "postgres-data" / "postmaster.pid").exists():
            follow(clone, "pg_ctl stop -m immediate -D $PWD/postgres-data", **environment)

    for line in blocks("Tutorial 2", "json")[0].splitlines():
        assert line in printed.splitlines()
    assert re.search(r"^quarantined +0$", printed, re.MULTILINE)
    assert "Rows of patients were exported; no reason was given" in printed
    assert "as it should be" in printed
    assert re.search(r"^good: \d+ events", printed, re.MULTILINE)


def test_folder_of_cloudtrail_logs(clone: Path, vectors: Path) -> None:
    """Tutorial 3: every line of the published logs is an event, counted and watched."""
    logs = vectors / "cloudtrail"
    count = sum(len(path.read_bytes().splitlines()) for path in logs.glob("*.ndjson"))

    printed = follow(clone, "\n".join(blocks("Tutorial 3")), LOGS=str(logs))

    assert re.search(rf"^read +{count:,}$", printed, re.MULTILINE)
    assert re.search(rf"^recorded +{count:,}$", printed, re.MULTILINE)
    assert re.search(r'^\{"action":"read","events":\d+\}$', printed, re.MULTILINE)
    assert "StopLogging changed the audit trail of aws.cloudtrail" in " ".join(printed.split())
    assert re.search(r"^good: \d+ events", printed, re.MULTILINE)


def test_purpose_request_decision(clone: Path) -> None:
    """Tutorial 4: denied, asked for, approved by another, permitted, revoked; as it is printed."""
    no_server_left = "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT"
    script = "\n".join([no_server_left, *blocks("Tutorial 4")])
    printed = follow(clone, script, PORT=str(postgres.free_port()))

    said = [line for kind in ("text", "json") for block in blocks("Tutorial 4", kind)
            for line in block.splitlines()]  # fmt: skip
    assert len(said) == 13
    assert [line for line in said if line not in printed.splitlines()] == []
    answers = re.findall(r'^"decision":(\w+)', printed, re.MULTILINE)
    assert answers == ["false", "true", "false", "false"]
    assert re.search(r"^decided by +person:kim$", printed, re.MULTILINE)
    assert "approved by person:kim: Agreed with the desk" in printed
    assert not (clone / "serve.log").read_text().count("Traceback")


def test_rule_of_ones_own(clone: Path) -> None:
    """Tutorial 5: checked, tested, run and explained, as it is printed."""
    printed = follow(clone, "\n".join(blocks("Tutorial 5"))).splitlines()

    said = blocks("Tutorial 5", "text")[0].splitlines()
    assert len(said) == 4
    assert [line for line in said if line not in printed] == []


def begun_demo(clone: Path) -> tuple[subprocess.Popen[str], list[str]]:
    """Start the demo with a small county and return what it printed up to its end."""
    words = ["./run", "demo", "--no-browser", "--events", str(EVENTS), "--home", "demo-home"]
    process = subprocess.Popen(
        words, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if "Ctrl-C ends the demo" in line:
            break
    return process, lines


def test_demo(clone: Path) -> None:
    """Tutorial 1: alerts come up, and all that it says to try next works as it is printed."""
    process, lines = begun_demo(clone)
    try:
        steps = [line.removeprefix("  ") for line in lines if line.startswith("  ")]
        # Two answer "no", as they should: an act that is denied, a copy that is proved wrong.
        said = [f"{step} || test $? = 1" if " explain " in step else step for step in steps]
        printed = follow(clone, "\n".join([*said[:-1], "set +e", said[-1]]), COLUMNS="100")
        address = re.search(r"http://127\.0\.0\.1:\d+", lines[-1])
        assert address, lines[-1]
        pages = [httpx.get(address[0] + path) for path in ("/", "/docs")]
    finally:
        process.send_signal(signal.SIGINT)
        complaints = process.communicate(timeout=60)[1]

    assert process.returncode == 0
    assert re.fullmatch(r"([\d,]+ of [\d,]+ events\n)*", complaints)
    assert not CONTROL.search("\n".join(lines) + printed)
    assert sum("alert (" in line for line in lines) == 3
    assert len(steps) == 22
    # The county is the same each time, so what the README shows of it is what comes up.
    for command in re.findall(
        r"\./run (?:alerts|who|sessions) (\S+?)(?:`|$)", chapter("Tutorial 1"), re.MULTILINE
    ):
        assert f" {command} " in "\n".join(steps), command
    assert [line for line in printed.splitlines() if line[:1] == " " and len(line) > 100] == []
    assert "What to do" in printed
    assert '"log_name":"ombud.look"' in printed
    assert "c2sp.org/tlog-proof@v1" in printed
    assert "prohibition benefit_files: refuses: the data must not serve this purpose" in printed
    assert re.search(r"^would have denied [\d,]+ acts? by \d+ people", printed, re.MULTILINE)
    assert re.search(r'"state":"approved",.*"made":"grant-[0-9a-f]{32}"', printed)
    assert re.search(r"^good: \d+ events", printed, re.MULTILINE)
    assert re.search(r"^WRONG: segments/\S+\.parquet: ", printed, re.MULTILINE)
    assert [page.status_code for page in pages] == [200, 200]
