"""Request paths: what can be read in one way only, and everything that cannot."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ombud.access.request_path import URI_MAX, RequestPath, read_uri
from ombud.core.errors import InputError


@pytest.mark.parametrize(
    ("uri", "segments", "is_folder"),
    [
        ("/", (), True),
        ("/?x=1", (), True),
        ("/plates", ("plates",), False),
        ("/plates/", ("plates",), True),
        ("/plates/AB%20123", ("plates", "AB 123"), False),
        ("/plates/a.b", ("plates", "a.b"), False),
        ("/plates/%61", ("plates", "a"), False),
        ("/m%C3%BCller", ("müller",), False),
        ("/a/...x", ("a", "...x"), False),
        ("/a?next=//evil/../;x&q=a%2Fb", ("a",), False),
        ("/a?method=card", ("a",), False),
        ("/a:b@c!$&'()*+,=~-_", ("a:b@c!$&'()*+,=~-_",), False),
    ],
)
def test_a_plain_path(uri: str, segments: tuple[str, ...], is_folder: bool) -> None:
    """Decoded once; the query says nothing of the path."""
    assert read_uri(uri) == RequestPath(segments, is_folder)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "plates",
        "//plates",
        "///",
        "/plates//x",
        "/plates//",
        "/plates/./x",
        "/plates/../admin",
        "/plates/..",
        "/plates/.",
        "/plates/%2e%2e/admin",
        "/plates/%2E./admin",
        "/plates/.%2e",
        "/plates%2Fadmin",
        "/plates%2fadmin",
        "/plates/%5Cadmin",
        "/plates\\admin",
        "/plates/%252e%252e/admin",
        "/plates/AB1%3Fadmin",
        "/plates/AB1%23admin",
        "/plates/AB1%EF%BC%9Fadmin",
        "/plates/%25",
        "/plates/%2",
        "/plates/%",
        "/plates/%zz",
        "/plates/%00",
        "/plates/x%00.png",
        "/plates/%0d%0aX:1",
        "/plates/%0a",
        "/plates/%7f",
        "/plates/%E2%80%AE",
        "/plates/%C0%AE%C0%AE/admin",
        "/plates/%ff",
        "/plates/%ED%A0%80",
        "/plates/x%EF%BC%8Fadmin",
        "/plates/%EF%BC%8E%EF%BC%8E/admin",
        "/plates/%EF%BC%85%32%65",
        "/plates/x%20",
        "/plates/%20",
        "/plates/x.",
        "/plates/...",
        "/plates;x=1/admin",
        "/plates/..;/admin",
        "/plates%3Bx",
        "/plates#x",
        "/plates?x#y",
        "http://evil/plates",
        "*",
        "/plätze",
        "/a b",
        "/a\tb",
        "/a\n",
        "/a\x00",
        "/a?_method=DELETE",
        "/a?x=1&_method=DELETE",
        "/a?x=1;_METHOD=DELETE",
        "/a?_method",
        "/a?%5fmethod=DELETE",
        "/a?%5Fm%65thod=DELETE",
        "/a?.method=DELETE",
        "/a?+_method=DELETE",
        "/a?%20_method=DELETE",
        "/a?X-HTTP-Method-Override=DELETE",
        "/" + "a/" * 65,
        "/" + "a" * URI_MAX,
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(uri: str) -> None:
    """Traversal, doubled and hidden slashes, second encodings, other methods."""
    with pytest.raises(InputError):
        read_uri(uri)


@given(st.text(st.sampled_from("ab./%2eE5cF;\\?#&_=0+"), max_size=20).map(lambda text: "/" + text))
@example("/a/%2e%2e")
def test_what_is_read_is_read_alike_by_everybody(uri: str) -> None:
    """A path that is taken is the same decoded once or twice, and with its dots resolved."""
    try:
        path = read_uri(uri)
    except InputError:
        return
    plain = "/" + "/".join(path.segments) + ("/" if path.is_folder and path.segments else "")
    raw = uri.partition("?")[0]

    assert unquote(raw) == unquote(unquote(raw)) == plain
    assert posixpath.normpath(plain).lstrip("/") == plain.strip("/")
