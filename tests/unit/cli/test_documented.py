"""Every command and every word of it is explained, at the terminal and in the reference."""

from __future__ import annotations

import pytest
from typer.core import TyperCommand

import document

PAGE = document.DOCS / "commands.md"
COMMANDS = document.commands()

each_command = pytest.mark.parametrize(("words", "command"), COMMANDS.items(), ids=list(COMMANDS))


@each_command
def test_command_is_explained(words: str, command: TyperCommand) -> None:
    """A command says what it does, each of its words what it means, and the page says both."""
    mute = [word.name for word in document.words_of(command) if not word.help]

    assert command.help
    assert mute == []
    assert f"## {words}\n" in PAGE.read_text(encoding="utf-8")


@each_command
def test_command_speaks_json(words: str, command: TyperCommand) -> None:
    """Every command prints JSON when asked to."""
    assert "--json" in {name for word in document.words_of(command) for name in word.opts}, words
