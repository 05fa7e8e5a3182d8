"""Command `serve`: run a home until told to stop."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import flush, note, print_json
from ombud.config.settings import load_settings
from ombud.web.serving import Server

# Of `gc.set_threshold`: with the interpreter's own, looking for cycles takes a quarter of the
# time that rules take.
COLLECTOR = (50_000, 10, 10)

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
        with _seldom_collected():
            server.wait()


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let the collector of cycles look at what is new seldom, and at what is there never.

    Columns of events are objects by the ten thousand, none of them in a cycle.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()  # Else what libraries keep would count as lost at the end.
