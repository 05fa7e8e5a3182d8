"""Trino: a real server with its own OPA plugin, on a free loopback port.

The archive comes from Maven and is kept outside of the checkout, checked against its
digest; a newer Java than Debian's is needed.  `find_trino` says what is missing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.postgres import free_port

VERSION = "476"  # The last whose server Maven has.
JAVA_MIN = 24
URL = (
    f"https://repo1.maven.org/maven2/io/trino/trino-server/{VERSION}/trino-server-{VERSION}.tar.gz"
)
SHA256 = "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f"
KEPT = ("bin/", "lib/", "plugin/opa/", "plugin/memory/", "plugin/tpch/",
        "plugin/password-authenticators/")  # fmt: skip
DOWNLOAD_SECONDS = 240.0
START_SECONDS = 120.0
CHUNK = 1 << 20


def _cache() -> Path:
    named = os.environ.get("OMBUD_TEST_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "ombud-tests"


def find_java() -> Path | None:
    """Return a Java that this Trino accepts."""
    homes = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    homes += sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    for home in homes:
        program = home / "bin" / "java"
        if not program.is_file():
            continue
        told = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
        found = re.search(r'version "(\d+)', told.stderr)
        if found and int(found[1]) >= JAVA_MIN:
            return program
    return None


def _download(target: Path) -> str | None:
    """Fetch the archive; return what is wrong, if anything."""
    part = target.with_suffix(".part")
    digest, began = hashlib.sha256(), time.monotonic()
    try:
        with urllib.request.urlopen(URL, timeout=20) as source, part.open("wb") as file:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
                if time.monotonic() - began > DOWNLOAD_SECONDS:
                    return f"{URL} took longer than {DOWNLOAD_SECONDS:.0f} s"
        if digest.hexdigest() != SHA256:
            return f"{URL} has another digest than it had"
        part.replace(target)
    except (OSError, urllib.error.URLError) as error:
        return f"{URL} cannot be reached ({error})"
    finally:
        part.unlink(missing_ok=True)
    return None


def _extract(archive: Path, folder: Path) -> None:
    """Unpack what is needed; files that are links of others bring those along."""
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        inner = {one.name: one.name.partition("/")[2] for one in members}
        wanted = {one.name for one in members if inner[one.name].startswith(KEPT)}
        wanted |= {one.linkname for one in members if one.name in wanted and one.islnk()}
        made = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(made, ignore_errors=True)
        tar.extractall(made, [one for one in members if one.name in wanted], filter="data")
    root = made / f"trino-server-{VERSION}"
    kept = {part.split("/")[1] for part in KEPT if part.startswith("plugin/")}
    for plugin in (root / "plugin").iterdir():
        if plugin.name not in kept:
            shutil.rmtree(plugin)
    root.replace(folder)
    shutil.rmtree(made)


def find_trino() -> tuple[Path, Path] | str:
    """Return the server's folder and its Java, or why there is none."""
    java = find_java()
    if java is None:
        return f"no Java {JAVA_MIN} or newer in JAVA_HOME or /usr/lib/jvm"
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    folder, archive = cache / f"trino-{VERSION}", cache / f"trino-server-{VERSION}.tar.gz"
    with (cache / "trino.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Several runs at once fetch it once.
        if not folder.is_dir():
            if not archive.is_file() and (fault := _download(archive)) is not None:
                return fault
            digest = hashlib.sha256()
            with archive.open("rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
            if digest.hexdigest() != SHA256:
                return f"`{archive}` has another digest than {SHA256}: remove it"
            _extract(archive, folder)
    return folder, java


@dataclass
class Trino:
    """A running Trino."""

    port: int

    def query(self, sql: str, *, user: str) -> list[list[Any]]:
        """Run a statement; raises `PermissionError` or `RuntimeError` with Trino's message."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._query(sql, user)
            except RuntimeError as error:  # It has started, and does not know of itself yet.
                if "No nodes available" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _query(self, sql: str, user: str) -> list[list[Any]]:
        url = f"http://127.0.0.1:{self.port}/v1/statement"
        body: bytes | None = sql.encode()
        rows: list[list[Any]] = []
        while True:
            request = urllib.request.Request(url, body, {"X-Trino-User": user})
            with urllib.request.urlopen(request, timeout=60) as answer:
                said = json.load(answer)
            rows += said.get("data", [])
            if error := said.get("error"):
                is_denied = error["errorName"] == "PERMISSION_DENIED"
                raise (PermissionError if is_denied else RuntimeError)(error["message"])
            if "nextUri" not in said:
                return rows
            url, body = said["nextUri"], None


def _write(folder: Path, files: dict[str, dict[str, Any]]) -> None:
    for name, values in files.items():
        path = folder / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key}={value}\n" for key, value in values.items()]
        path.write_text("".join(lines), encoding="utf-8")


@contextlib.contextmanager
def trino(
    place: tuple[Path, Path], folder: Path, *, opa: dict[str, Any], groups: str = ""
) -> Iterator[Trino]:
    """Start a Trino whose access control is `opa`; yield it, and end it."""
    program, java = place
    port = free_port()
    data = folder / "data"
    data.mkdir(parents=True)
    files: dict[str, dict[str, Any]] = {
        "config.properties": {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "http-server.http.port": port,
            "discovery.uri": f"http://127.0.0.1:{port}",
            "plugin.dir": program / "plugin",
        },
        "access-control.properties": {"access-control.name": "opa", **opa},
        "catalog/memory.properties": {"connector.name": "memory"},
        "catalog/tpch.properties": {"connector.name": "tpch"},
    }
    if groups:
        (folder / "groups").write_text(groups, encoding="utf-8")
        files["group-provider.properties"] = {
            "group-provider.name": "file",
            "file.group-file": folder / "groups",
        }
    _write(folder, files)
    log = folder / "trino.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                java, "-cp", f"{program}/lib/*", "-Xmx1G", "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", f"-Dnode.data-dir={data}",
                "-Dconfig=etc/config.properties", "-Dnode.environment=test", "-Dnode.id=one",
                "-Dnode.bind-ip=127.0.0.1", "-Dnode.internal-address=127.0.0.1",
                "io.trino.server.TrinoServer",
            ],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _await(process, log)
        yield Trino(port)
    finally:
        process.kill()  # It keeps nothing.
        process.wait(timeout=60)


def _await(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        text = log.read_text(encoding="utf-8", errors="replace")
        if "SERVER STARTED" in text:
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    message = f"Trino did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-4000:]}"
    raise AssertionError(message)
