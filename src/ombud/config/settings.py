"""Settings: one YAML file per home, every setting documented and overridable.

`DOCUMENTED` is the table that the file is checked against, that the reference
page is generated from, and from which the environment names follow:
`server.port` is overridden by `OMBUD_SERVER_PORT`.  All faults of a file are
reported at once; an unknown or duplicate key is a fault.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ombud.core.errors import SettingsError

FILE_NAME = "settings.yaml"
FILE_SIZE_MAX = 1 << 20  # A settings file is read whole.


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its dotted name, default, bounds and meaning."""

    name: str
    default: Any
    meaning: str
    minimum: float | None = None
    maximum: float | None = None

    @property
    def environment(self) -> str:
        """The environment variable that overrides it."""
        return "OMBUD_" + self.name.upper().replace(".", "_")


DOCUMENTED: tuple[Setting, ...] = (
    Setting("server.host", "127.0.0.1", "address the API listens on"),
    Setting("server.port", 8420, "port the API listens on; 0 takes a free one", 0, 65535),
    Setting(
        "server.pending_mb",
        64,
        "megabytes of unacknowledged input held before senders are told to wait",
        1,
        4096,
    ),
    Setting("server.tls.certificate", "", "PEM file of the API's certificate; empty: no TLS"),
    Setting("server.tls.key", "", "PEM file of its private key"),
    Setting("server.tls.client_ca", "", "PEM file of those whose client certificates are taken"),
    Setting(
        "trino.certificates",
        (),
        "names of client certificates of Trino: `CN=…` (whole subject), `DNS:…`, `URI:…`",
    ),
    Setting(
        "trino.peers",
        (),
        "who of this machine is Trino without a certificate or token: `loopback` or `uid:NUMBER`",
    ),
    Setting(
        "trino.purpose_from",
        ("credentials", "group"),
        "where the purpose is looked for: `credentials`, `group` (purpose:ID or purpose=ID),"
        " `user` (NAME+ID)",
    ),
    Setting("trino.services", (), "users of Trino that are services, not persons"),
    Setting(
        "trino.rows_counted_later",
        False,
        "permit reads under limits of rows or bytes, which Trino cannot be made to keep",
    ),
    Setting("looks.why_required", True, "every search, session and who must state why"),
    Setting("looks.case_required", True, "every search, session and who must state a case"),
    Setting("sessions.idle_minutes", 30, "idle minutes that split an undeclared session", 1, 1440),
    Setting("index.memory_mb", 768, "memory limit of the index, megabytes", 128, 65536),
    Setting("index.threads", 2, "threads of the index", 1, 64),
    Setting(
        "index.days",
        0,
        "days the index goes back, by time of recording; 0 keeps everything searchable",
        0,
        36500,
    ),
    Setting(
        "quarantine.max_mb",
        1024,
        "megabytes of quarantine at which input is refused; 0 is no bound",
        0,
        1_000_000,
    ),
    Setting("record.origin", "", "name of the log, schemaless address; empty makes one up once"),
    Setting("record.tick_seconds", 60, "seconds between the events that carry log time", 1, 3600),
    Setting("rules.shipped", True, "load the rules that come with Ombud"),
    Setting("rules.folders", (), "further folders or files of Sigma rules"),
    Setting("directory.zone", "UTC", "time zone of days in directory files, unless the load says"),
    Setting(
        "server.public_url",
        "",
        "address under which others reach the server; empty takes that of each request",
    ),
    Setting("decide.port", 8421, "port of the decision workers; 0 takes a free one", 0, 65535),
    Setting("decide.workers", 0, "processes that answer decisions on a port of their own", 0, 64),
    Setting("policy", "", "folder of policy files to be in force; empty keeps what was applied"),
    Setting("sources", (), "sources to follow: kind, path, and for `mapping` the mapping file"),
)
BY_NAME = {setting.name: setting for setting in DOCUMENTED}
SOURCE_KEYS = frozenset({"kind", "path", "mapping", "heartbeat_seconds"})


@dataclass(frozen=True, slots=True)
class FollowedSource:
    """One source that `serve` follows.

    `heartbeat_seconds` of silence raise an event; None takes the source's own.
    """

    kind: str
    path: Path
    mapping: Path | None = None
    heartbeat_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one home, complete: file over defaults, environment over both."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return the value of a documented setting."""
        return self.values.get(name, BY_NAME[name].default)

    @property
    def sources(self) -> tuple[FollowedSource, ...]:
        """The sources to follow."""
        return tuple(
            FollowedSource(
                kind=row["kind"],
                path=Path(row["path"]),
                mapping=Path(row["mapping"]) if row.get("mapping") else None,
                heartbeat_seconds=row.get("heartbeat_seconds"),
            )
            for row in self["sources"]
        )

    def as_dict(self) -> dict[str, Any]:
        """Return every setting with its value in force, by dotted name."""
        return {setting.name: _plain(self[setting.name]) for setting in DOCUMENTED}


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


class _StrictLoader(yaml.SafeLoader):
    """YAML without duplicate keys."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key_node, _ in node.value:
        if key_node.value in seen:
            mark = key_node.start_mark
            raise SettingsError(f"line {mark.line + 1}: key `{key_node.value}` stands twice")
        seen.add(key_node.value)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and name not in BY_NAME:
            flat.update(_flatten(value, f"{name}."))
        else:
            flat[name] = value
    return flat


def _check_sources(rows: Any) -> list[str]:
    if not isinstance(rows, list):
        return ["`sources` must be a list"]
    faults = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or not {"kind", "path"} <= row.keys():
            faults.append(f"`sources` entry {number} needs `kind` and `path`")
        elif unknown := sorted(row.keys() - SOURCE_KEYS):
            faults.append(f"`sources` entry {number} has an unknown key `{unknown[0]}`")
        elif row["kind"] == "mapping" and not row.get("mapping"):
            faults.append(f"`sources` entry {number} is a mapping and names no `mapping` file")
    return faults


def _check(setting: Setting, value: Any) -> list[str]:
    if setting.name == "sources":
        return _check_sources(value)
    if isinstance(setting.default, tuple):
        is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return [] if is_texts else [f"`{setting.name}` must be a list of texts"]
    if type(value) is not type(setting.default):
        return [f"`{setting.name}` must be {type(setting.default).__name__}, not `{value}`"]
    if setting.minimum is not None and not setting.minimum <= value <= (setting.maximum or value):
        return [f"`{setting.name}` must lie in {setting.minimum}..{setting.maximum}, not `{value}`"]
    return []


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        setting.name: yaml.safe_load(environment[setting.environment])
        for setting in DOCUMENTED
        if setting.environment in environment
    }


def parse_settings(
    text: str, *, origin: str = FILE_NAME, environment: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of a file's text, overridden by the environment.

    Raises `SettingsError` that names every fault.
    """
    try:
        # A SafeLoader: it builds plain values only.
        tree = yaml.load(text, Loader=_StrictLoader) or {}  # noqa: S506
        overrides = _from_environment(environment or {})
    except yaml.YAMLError as error:
        raise SettingsError(f"not YAML: {error}".replace("\n", " "), origin=origin) from error
    if not isinstance(tree, dict):
        raise SettingsError("not a mapping of settings", origin=origin)
    values: dict[str, Any] = {}
    faults = []
    for name, value in {**_flatten(tree), **overrides}.items():
        if name not in BY_NAME:
            near = difflib.get_close_matches(name, BY_NAME, n=1)
            hint = f": did you mean `{near[0]}`?" if near else ""
            faults.append(f"unknown setting `{name}`{hint}")
            continue
        faults.extend(_check(BY_NAME[name], value))
        values[name] = value
    if faults:
        raise SettingsError("; ".join(faults), origin=origin)
    return Settings(values)


def load_settings(home: Path, environment: Mapping[str, str]) -> Settings:
    """Return the settings of a home; a home without a file has the defaults."""
    path = home / FILE_NAME
    if not path.exists():
        return parse_settings("", environment=environment)
    if path.stat().st_size > FILE_SIZE_MAX:
        raise SettingsError(f"larger than {FILE_SIZE_MAX} bytes", origin=str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError("not UTF-8", origin=str(path)) from error
    return parse_settings(text, origin=str(path), environment=environment)


def settings_page() -> str:
    """Return the reference page of all settings, in Markdown."""
    rows = "\n".join(
        f"| `{setting.name}` | `{_plain(setting.default)}` | `{setting.environment}` |"
        f" {setting.meaning} |"
        for setting in DOCUMENTED
    )
    return (
        "# Settings\n\n"
        f"One file, `{FILE_NAME}`, in the home. Dots nest: `server.port` is `port` under"
        " `server`.\nEvery setting can be overridden by its environment variable, written as"
        " YAML.\nA change is recorded as an event when the home is next opened.\n\n"
        "| setting | default | environment | meaning |\n|---|---|---|---|\n"
        f"{rows}\n"
    )
