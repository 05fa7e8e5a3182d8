"""PostgreSQL: a throw-away cluster with pgaudit, on a free loopback port.

Needs Debian's `postgresql` and `postgresql-15-pgaudit`.  Started by root it runs
as the user `postgres`, because the server refuses to run as root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PGAUDIT = Path("/usr/lib/postgresql/15/lib/pgaudit.so")
PASSWORD = "a-password-of-the-test"
PACKAGES = "postgresql postgresql-15-pgaudit"
_TIMEOUT_SECONDS = 60


def is_installed() -> bool:
    """Whether the server and pgaudit are there."""
    return (PROGRAMS / "initdb").exists() and PGAUDIT.exists()


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Cluster:
    """A running cluster; `log` is the folder of its logs."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port
        self.log = folder / "log"

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the server as the user that may."""
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        return subprocess.run(
            [*as_user, str(PROGRAMS / program), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            cwd=self._folder,
        )

    def start(self, settings: dict[str, str]) -> None:
        """Make the cluster and start it."""
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        data = self._folder / "data"
        self.run("initdb", "-D", str(data), "-U", "postgres", "-A", "scram-sha-256",
                 f"--pwfile={password}", "--no-sync")  # fmt: skip
        lines = [f"{name} = '{value}'" for name, value in settings.items()]
        with (data / "postgresql.conf").open("a") as file:
            file.write("\n".join(lines) + "\n")
        # The server keeps its output open: it must not be a pipe that we wait for.
        self.run("pg_ctl", "-D", str(data), "-w", "-l", str(self._folder / "start.log"), "start")

    def change(self, *lines: str) -> None:
        """Add lines to the settings and start the server again."""
        data = self._folder / "data"
        with (data / "postgresql.conf").open("a") as file:
            file.write("\n".join(lines) + "\n")
        self.run("pg_ctl", "-D", str(data), "-m", "fast", "-w", "stop")
        self.run("pg_ctl", "-D", str(data), "-w", "-l", str(self._folder / "start.log"), "start")

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return how to reach a database, without the password."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Stop the cluster at once."""
        self.run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")

    def psql(self, *commands: str, user: str = "postgres", password: str = PASSWORD) -> str:
        """Run statements in one session; failures of statements and sign-in are no error here."""
        done = subprocess.run(
            [
                str(PROGRAMS / "psql"), "-X", "-q", "-h", "127.0.0.1", "-p", str(self.port),
                "-U", user, "-d", "postgres",
                *(part for command in commands for part in ("-c", command)),
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            env={**os.environ, "PGPASSWORD": password},
        )  # fmt: skip
        return done.stdout + done.stderr


@contextmanager
def cluster(log_destination: str, *, is_bare: bool = False) -> Iterator[Cluster]:
    """Give a running cluster that audits everything, and remove it afterwards.

    A bare one has what PostgreSQL is delivered with, and logs below its data.
    """
    folder = Path(tempfile.mkdtemp(prefix="pgaudit-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        folder.chmod(0o755)
    made = Cluster(folder, free_port())
    own = {
        "listen_addresses": "127.0.0.1",
        "port": str(made.port),
        "unix_socket_directories": str(folder),
        "fsync": "off",
    }
    if is_bare:
        made.log = folder / "data" / "log"
    try:
        made.start(own if is_bare else own | {
            "shared_preload_libraries": "pgaudit",
            "logging_collector": "on",
            "log_destination": log_destination,
            "log_directory": str(made.log),
            "log_filename": "postgresql-%Y-%m-%d_%H%M%S.log",
            "log_timezone": "UTC",
            "log_connections": "on",
            "log_disconnections": "on",
            "pgaudit.log": "read, write, function, role, ddl",
            "pgaudit.log_parameter": "on",
            "pgaudit.log_relation": "on",
            "pgaudit.log_rows": "on",
        })  # fmt: skip
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
