"""Output: what is printed is read, and commands no terminal."""

from __future__ import annotations

import pytest

from ombud.cli.output import print_facts, print_line, print_table, visible


def test_what_commands_a_terminal_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes and what turns the direction of writing are shown, by every way to print."""
    evil = "a\x1b[2J\x9b31m\u202eb"
    print_line(evil)
    print_table(("name",), [(evil,)])
    print_facts({"name": evil})
    out = capsys.readouterr().out

    assert out.count(r"a\u001b[2J\u009b31m\u202eb") == 3
    assert not {"\x1b", "\x9b", "\u202e"} & {*out}
    assert visible("Ana Müller\n\tن") == "Ana Müller\n\tن"
