"""Routes: from a method and a path to the act that they are, by what was declared.

The first route whose host and path match decides; a method that it does not name is
refused and no later route is asked.  What matches no route is no act, and refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from ombud.access.request_path import RequestPath
from ombud.core.errors import InputError

VARIABLE = re.compile(r"\{([a-z][a-z0-9_]{0,31})(\*?)\}")


class Template(NamedTuple):
    """A path with variables: `/plates/{plate}`, and `{rest*}` for all that is left."""

    parts: tuple[str, ...]
    is_folder: bool

    def match(self, path: RequestPath) -> dict[str, str] | None:
        """Return the variables of a path; None when it is another one."""
        found: dict[str, str] = {}
        for number, part in enumerate(self.parts):
            variable = VARIABLE.fullmatch(part)
            if variable is not None and variable[2]:
                rest = path.segments[number:]
                found[variable[1]] = "/".join(rest) + ("/" if path.is_folder else "")
                return found if rest else None
            if number >= len(path.segments):
                return None
            if variable is not None:
                found[variable[1]] = path.segments[number]
            elif part != path.segments[number]:
                return None
        is_whole = len(self.parts) == len(path.segments) and self.is_folder == path.is_folder
        return found if is_whole else None


def parse_template(text: str) -> Template:
    """Return a template; raises `InputError`."""
    if not text.startswith("/") or "//" in text:
        raise InputError("a path begins with a slash and has no empty parts")
    is_folder = text.endswith("/")
    parts = tuple(part for part in text.split("/") if part)
    names = []
    for number, part in enumerate(parts):
        variable = VARIABLE.fullmatch(part)
        if variable is None and set("{}*%?#;\\") & set(part):
            raise InputError(f"`{part}` is neither a text nor one variable such as `{{id}}`")
        if variable is not None:
            names.append(variable[1])
            if variable[2] and (number + 1 < len(parts) or is_folder):
                raise InputError(f"`{part}` takes the rest and stands last")
    if len(set(names)) < len(names):
        raise InputError("a variable stands twice")
    return Template(parts, is_folder)


def variables_of(template: Template) -> frozenset[str]:
    """Return the names of a template's variables."""
    found = (VARIABLE.fullmatch(part) for part in template.parts)
    return frozenset(one[1] for one in found if one is not None)


def fill(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with its variables put in."""
    return VARIABLE.sub(lambda found: variables[found[1]], text)


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of request and the act it is; texts may have variables of the path.

    `actions` are by method; `hosts` None means any; `handles` are the obligations that
    the server behind discharges.
    """

    path: str
    template: Template
    actions: Mapping[str, str]
    resource_type: str
    resource_id: str
    hosts: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    subjects: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    purpose: str | None = None  # Of requests that state none.


class Found(NamedTuple):
    """The route of a request, and the variables of its path."""

    route: Route
    variables: dict[str, str]


def find_route(routes: Sequence[Route], host: str, path: RequestPath) -> Found | None:
    """Return the first route of a host and path."""
    for route in routes:
        if route.hosts is not None and host not in route.hosts:
            continue
        variables = route.template.match(path)
        if variables is not None:
            return Found(route, variables)
    return None
