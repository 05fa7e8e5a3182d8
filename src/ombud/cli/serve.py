"""Command `serve`: run a home until told to stop."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import flush, note, print_json
from ombud.config.settings import load_settings
from ombud.web.serving import Server

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    home: HomeOption,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run the recorder, the sealer and the server of a home; Ctrl-C stops them in order."""
    settings = load_settings(home, os.environ)
    with Server(home, settings=settings, port=port) as server:
        server.heed_signals()  # Whoever reads that it serves may stop it at once.
        if json:
            told = {"address": server.address, "home": str(home), "pid": os.getpid()}
            if server.decide_address is not None:
                told["decide_address"] = server.decide_address
            print_json(told)
            flush()
        else:
            note(f"ombud serves {home} at {server.address}")
            if server.decide_address is not None:
                note(f"  decisions: {server.decide_address}")
            note("  API: /openapi.json and /docs   health: /readyz   stop: Ctrl-C")
        server.wait()
