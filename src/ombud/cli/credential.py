"""Commands `credential`: the secret by which a person proves at a checkpoint that it is them."""

from __future__ import annotations

from typing import Annotated

import typer

from ombud.app.opening import open_door
from ombud.cli.checkpoint import read_secret
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_json
from ombud.core.errors import InputError

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Set secrets for re-authentication."
)


@app.callback()
def credential() -> None:
    """Set secrets for re-authentication."""


@app.command("set")
def set_credential(
    home: HomeOption,
    person: Annotated[
        str | None, typer.Option("--person", help="Whose, as the directory has it; default is you.")
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the secret from standard input.")
    ] = False,
    change: Annotated[
        bool, typer.Option("--change", help="You have one: it is asked for first, as proof.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Set a secret: asked for twice, without echo; only its hash is kept, beside the record.

    That it was set, for whom and by whom, is on record, and with whatever is proved by it.
    """
    current = read_secret("Secret before", stdin=stdin) if change else None
    secret = read_secret("Secret", stdin=stdin)
    if not stdin and read_secret("Again", stdin=False) != secret:
        raise InputError("the two are not the same")
    with open_door(home) as door:
        answer = door.checkpoints.credential_set(secret, person=person, current=current)
    if json:
        print_json(answer)
    else:
        note(f"set for `{answer['person']}`")
