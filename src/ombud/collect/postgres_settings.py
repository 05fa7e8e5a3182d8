"""Settings: what a PostgreSQL must have set for its log to say who read what, and what is missing.

Pure: given what the server has set, it gives the lines that are missing.  Source:
PostgreSQL 15 documentation, section 20.8; pgaudit 1.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ombud.core.instants import ZONES

RESTART, RELOAD = "restart", "reload"
CLASSES = ("read", "write", "function", "role", "ddl")
_ALL_CLASSES = frozenset((*CLASSES, "misc", "misc_set"))
JSONLOG_SINCE = 150_000
_ON = "on"


@dataclass(frozen=True)
class Server:
    """What a server says of itself.

    `settings` are those this user may see.  `pgaudit` is `loaded`, `available` or
    `missing`; `overrides` are settings of single roles and databases, as text.
    """

    version: int
    version_text: str
    database: str
    user: str
    settings: Mapping[str, str] = field(default_factory=dict)
    pgaudit: str = "missing"
    is_created: bool = False
    overrides: tuple[str, ...] = ()
    sees_settings: bool = True
    sees_activity: bool = True
    platform: str = ""
    search_path: str = "public"

    @property
    def system(self) -> str:
        """The name that events of this database carry."""
        return f"postgresql/{self.database}"

    @property
    def log_folder(self) -> str:
        """The folder of its log, empty when this user may not know."""
        folder = self.settings.get("log_directory", "")
        if not folder or folder.startswith("/"):
            return folder
        data = self.settings.get("data_directory", "")
        return f"{data}/{folder}" if data else ""


@dataclass(frozen=True, slots=True)
class Missing:
    """One line that is missing from `postgresql.conf`; `needs` is a restart or a reload."""

    name: str
    value: str
    now: str
    needs: str
    why: str

    @property
    def line(self) -> str:
        """The line as it stands in the file."""
        return f"{self.name} = {self.value}"


_SWITCHES: tuple[tuple[str, str, str, str], ...] = (
    ("logging_collector", "on", RESTART, "the server writes its log into files itself"),
    ("log_connections", "on", RELOAD, "who came, and from where"),
    ("log_disconnections", "on", RELOAD, "when a session ended"),
    ("pgaudit.log_parameter", "on", RELOAD,
     "the values that statements were run with: without them no data subject is known"),
    ("pgaudit.log_relation", "on", RELOAD, "one line for each table of a statement"),
    ("pgaudit.log_rows", "on", RELOAD, "how many rows were returned or changed"),
    ("pgaudit.log_statement", "on", RELOAD, "the statement itself"),
    ("pgaudit.log_statement_once", "off", RELOAD, "the statement stands on each of its lines"),
    ("log_truncate_on_rotation", "off", RELOAD, "a log file that comes round again is not emptied"),
)  # fmt: skip
_DEFAULTS = {"pgaudit.log_statement": "on", "pgaudit.log_statement_once": "off"}


def missing_lines(server: Server) -> list[Missing]:
    """Return the lines that are missing, those that need a restart first."""
    found = [
        missing
        for missing in (
            _preload(server), _destination(server), _classes(server), _zone(server),
            _mode(server), _messages(server), _parameter_size(server),
        )
        if missing is not None
    ]  # fmt: skip
    for name, wanted, needs, why in _SWITCHES:
        now = server.settings.get(name, _DEFAULTS.get(name, ""))
        if now != wanted:
            found.append(Missing(name, wanted, now, needs, why))
    return sorted(found, key=lambda one: (one.needs != RESTART, one.name))


def unaudited_classes(server: Server) -> list[str]:
    """Return the classes of statements that leave no line."""
    if server.pgaudit != "loaded":
        return list(CLASSES)
    audited = _audited(server)
    return [name for name in CLASSES if name not in audited]


def _audited(server: Server) -> set[str]:
    audited: set[str] = set()
    for part in server.settings.get("pgaudit.log", "").lower().split(","):
        word = part.strip()
        if word == "all":
            audited |= _ALL_CLASSES
        elif word.startswith("-"):
            audited.discard(word[1:])
        elif word and word != "none":
            audited.add(word)
    return audited


def _preload(server: Server) -> Missing | None:
    if server.pgaudit == "loaded":
        return None
    now = server.settings.get("shared_preload_libraries", "")
    libraries = [part.strip() for part in now.split(",") if part.strip()]
    value = ",".join([*libraries, "pgaudit"])
    if not server.sees_settings:
        value = "pgaudit"
    why = "pgaudit writes down what is read and changed"
    if not server.sees_settings:
        why += "; add it to the libraries that stand there, which this user may not see"
    return Missing("shared_preload_libraries", f"'{value}'", now, RESTART, why)


def _destination(server: Server) -> Missing | None:
    now = server.settings.get("log_destination", "")
    named = {part.strip() for part in now.split(",")}
    if len(named & {"csvlog", "jsonlog"}) == 1:
        return None
    wanted = "jsonlog" if server.version >= JSONLOG_SINCE else "csvlog"
    why = "a form that can be read for sure"
    if len(named & {"csvlog", "jsonlog"}) == 2:
        why = "one of the two: with both, every act is recorded twice"
    return Missing("log_destination", f"'{wanted}'", now, RELOAD, why)


def _classes(server: Server) -> Missing | None:
    if server.pgaudit == "loaded" and not unaudited_classes(server):
        return None
    now = server.settings.get("pgaudit.log", "")
    others = sorted(_audited(server) - set(CLASSES))
    value = ", ".join([*CLASSES, *others])
    return Missing("pgaudit.log", f"'{value}'", now, RELOAD, "which statements leave a line")


def _zone(server: Server) -> Missing | None:
    now = server.settings.get("log_timezone", "")
    if now.upper() in ZONES or now in {"UTC", "Etc/UTC", "GMT", "Zulu"}:
        return None
    why = "times that can be read anywhere, and no hour that is there twice a year"
    return Missing("log_timezone", "'UTC'", now, RELOAD, why)


def _mode(server: Server) -> Missing | None:
    now = server.settings.get("log_file_mode", "")
    if not now or (now.isdigit() and int(now, 8) & 0o040):
        return None
    return Missing("log_file_mode", "0640", now, RELOAD, "a group may read the log")


def _messages(server: Server) -> Missing | None:
    now = server.settings.get("lc_messages", "C")
    if now in {"", "C", "POSIX"} or now.startswith(("en", "C.")):
        return None
    return Missing("lc_messages", "'C'", now, RELOAD, "sign-ins are known by English messages")


def _parameter_size(server: Server) -> Missing | None:
    now = server.settings.get("pgaudit.log_parameter_max_size", "0")
    if now in {"", "0"}:
        return None
    return Missing("pgaudit.log_parameter_max_size", "0", now, RELOAD, "no value is cut off")


def how_to_install(server: Server) -> str:
    """Return what to do when pgaudit is not there to be loaded."""
    major = server.version // 10_000
    if server.platform == "rds":
        return ("Amazon RDS: add `pgaudit` to `shared_preload_libraries` of the parameter group;"
                " the log goes to CloudWatch, from where it must be exported")  # fmt: skip
    if server.platform == "cloudsql":
        return "Cloud SQL: set the flag `cloudsql.enable_pgaudit`; the log goes to Cloud Logging"
    if server.platform == "azure":
        return "Azure: add `pgaudit` to `azure.extensions` and `shared_preload_libraries`"
    return (f"Debian, Ubuntu: apt-get install postgresql-{major}-pgaudit;"
            f" Red Hat: dnf install pgaudit_{major} (from the PostgreSQL repository)")  # fmt: skip
