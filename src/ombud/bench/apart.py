"""Apart: a measurement in a process of its own, whose memory and caches are nobody else's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Told = TypeVar("Told")


def run_apart(function: Callable[Given, Told], *args: Given.args, **options: Given.kwargs) -> Told:
    """Return what a function of a module returns in a new process; raises what it raises."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args, **options).result()
