"""What a settings file may say, and that every fault of it is named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ombud.config.settings import DOCUMENTED, load_settings, parse_settings
from ombud.core.errors import SettingsError


def test_defaults_without_a_file(tmp_path: Path) -> None:
    """A home without a file has every default."""
    settings = load_settings(tmp_path, {})

    assert settings["server.host"] == "127.0.0.1"
    assert set(settings.as_dict()) == {setting.name for setting in DOCUMENTED}


def test_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """The order of precedence is environment, file, default."""
    (tmp_path / "settings.yaml").write_text("server: {port: 1000, pending_mb: 7}\n")

    settings = load_settings(tmp_path, {"OMBUD_SERVER_PORT": "2000"})

    assert (settings["server.port"], settings["server.pending_mb"]) == (2000, 7)
    assert settings["index.threads"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("server: {prt: 1}", "did you mean `server.port`", id="unknown key"),
        pytest.param("a: 1\na: 2", "line 2: key `a` stands twice", id="duplicate key"),
        pytest.param("server: {port: x}", "`server.port` must be int", id="wrong type"),
        pytest.param("server: {port: true}", "`server.port` must be int", id="bool is no int"),
        pytest.param("server: {port: 70000}", "must lie in 0..65535", id="out of bounds"),
        pytest.param("rules: {folders: x}", "must be a list of texts", id="not a list"),
        pytest.param("sources: [{kind: ocsf}]", "entry 1 needs `kind` and `path`", id="source"),
        pytest.param("sources: [{kind: a, path: b, c: d}]", "unknown key `c`", id="source key"),
        pytest.param("sources: [{kind: mapping, path: b}]", "no `mapping` file", id="mapping"),
        pytest.param("[1", "not YAML", id="not yaml"),
        pytest.param("[1]", "not a mapping", id="a list"),
        pytest.param("!!python/object:os.system x", "not YAML", id="no objects"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    """A file that cannot be used is refused with the place and the reason."""
    with pytest.raises(SettingsError) as refusal:
        parse_settings(text)

    assert message in str(refusal.value)


def test_names_every_fault_at_once() -> None:
    """Two faults are two reasons in one refusal."""
    with pytest.raises(SettingsError) as refusal:
        parse_settings("server: {port: x, nope: 1}")

    assert "server.port" in str(refusal.value)
    assert "server.nope" in str(refusal.value)


def test_sources_are_typed() -> None:
    """A followed source comes back with its paths."""
    settings = parse_settings("sources: [{kind: postgres.pgaudit, path: /var/log/pg}]")

    assert [str(source.path) for source in settings.sources] == ["/var/log/pg"]
