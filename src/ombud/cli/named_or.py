"""Named or else: a group whose first word may be an argument of its main command.

`ombud backup verify DIR` names a command; `ombud backup DIR` means the main one.
"""

from __future__ import annotations

from typing import Any

import typer


class NamedOr(typer.core.TyperGroup):
    """A group that runs its first command when no other is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the main command before arguments that name none."""
        main = next(iter(self.commands))
        words = [word for word in args if not word.startswith("-")]
        asks_for_help = not words and (not args or "--help" in args)
        if not asks_for_help and (not args or args[0] not in self.commands):
            args = [main, *args]
        return super().parse_args(ctx, args)
