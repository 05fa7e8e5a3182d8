"""Routes: which request is which act, and that the first that fits decides alone."""

from __future__ import annotations

import pytest

from ombud.access.request_path import read_uri
from ombud.access.routes import Route, fill, find_route, parse_template, variables_of
from ombud.core.errors import InputError


@pytest.mark.parametrize(
    ("template", "uri", "variables"),
    [
        ("/", "/", {}),
        ("/", "/a", None),
        ("/plates", "/plates", {}),
        ("/plates", "/plates/", None),
        ("/plates/", "/plates", None),
        ("/plates", "/Plates", None),
        ("/plates/{plate}", "/plates/AB%20123", {"plate": "AB 123"}),
        ("/plates/{plate}", "/plates", None),
        ("/plates/{plate}", "/plates/a/b", None),
        ("/plates/{plate}", "/plates/a/", None),
        ("/{a}/x/{b}", "/1/x/2", {"a": "1", "b": "2"}),
        ("/{a}/x/{b}", "/1/y/2", None),
        ("/files/{rest*}", "/files/a/b", {"rest": "a/b"}),
        ("/files/{rest*}", "/files/a/", {"rest": "a/"}),
        ("/files/{rest*}", "/files/", None),
        ("/files/{rest*}", "/files", None),
    ],
)
def test_templates(template: str, uri: str, variables: dict[str, str] | None) -> None:
    """A variable takes one part, the rest takes at least one; all else is literal."""
    assert parse_template(template).match(read_uri(uri)) == variables


@pytest.mark.parametrize(
    "template",
    ["", "plates", "//x", "/a//b", "/{", "/{}", "/{A}", "/{a}{b}", "/x{a}", "/{a*}/b", "/{a*}/",
     "/{a}/{a}", "/*", "/a%20b", "/a?b", "/a;b", "/a\\b"],
)  # fmt: skip
def test_what_is_no_template(template: str) -> None:
    """A pattern that looks like more than it is would let through more than is meant."""
    with pytest.raises(InputError):
        parse_template(template)


def route(path: str, *hosts: str) -> Route:
    """Return a route."""
    return Route(
        path=path,
        template=parse_template(path),
        actions={"GET": "read"},
        resource_type="dataset",
        resource_id="plates",
        hosts=hosts or None,
    )


def test_the_first_that_fits_decides() -> None:
    """By host and path; no later one is asked."""
    routes = [route("/a/{x}", "one.example"), route("/a/b"), route("/{rest*}")]

    def found(host: str, uri: str) -> str | None:
        one = find_route(routes, host, read_uri(uri))
        return one.route.path if one else None

    assert found("one.example", "/a/b") == "/a/{x}"
    assert found("two.example", "/a/b") == "/a/b"
    assert found("", "/a/c") == "/{rest*}"
    assert found("", "/") is None


def test_variables_are_put_in_once() -> None:
    """What a path holds is no template."""
    variables = {"a": "{b}", "b": "x"}

    assert variables_of(parse_template("/{a}/{b*}")) == {"a", "b"}
    assert fill("plate:{a}/{b}", variables) == "plate:{b}/x"
