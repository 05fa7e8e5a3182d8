"""AuthZEN wire: bodies of Authorization API 1.0 read into attempts, and decisions written.

Source: openid/authzen, `api/authorization-api-1_0.md` at e287920.  AuthZEN's *subject* is
our actor, and only here it is called otherwise.  Fields that are not known are ignored, as
the specification demands; known ones of another type are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from ombud.access.attempt import Attempt
from ombud.core.errors import InputError
from ombud.services.drafting import Semantic

EVALUATIONS_MAX = 1_000  # In one batch: a page of results to be filtered has fewer.
DEPTH_MAX = 32  # Of properties and context: conditions look at plain values and lists.
COLUMNS_MAX = 4_096  # A wide table has some hundreds.

Json = dict[str, Any]


class Entity(msgspec.Struct, frozen=True, gc=False):
    """A subject or a resource."""

    type: str
    id: str
    properties: Json = {}


class Sought(msgspec.Struct, frozen=True, gc=False):
    """The entity that a search is for: its id is ignored (search APIs, `subject`)."""

    type: str
    properties: Json = {}


class Act(msgspec.Struct, frozen=True, gc=False):
    """An action."""

    name: str
    properties: Json = {}


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """One access evaluation."""

    subject: Entity
    action: Act
    resource: Entity
    context: Json = {}


class Options(msgspec.Struct, frozen=True, gc=False):
    """How a batch is evaluated."""

    evaluations_semantic: Semantic = Semantic.EXECUTE_ALL


class Item(msgspec.Struct, frozen=True, gc=False):
    """One evaluation of a batch; what is absent is taken from the top, whole."""

    subject: Entity | msgspec.UnsetType = msgspec.UNSET
    action: Act | msgspec.UnsetType = msgspec.UNSET
    resource: Entity | msgspec.UnsetType = msgspec.UNSET
    context: Json | msgspec.UnsetType = msgspec.UNSET


class Batch(Item, frozen=True, gc=False):
    """An access evaluations request."""

    evaluations: list[Item] = []
    options: Options = Options()


class RawBatch(Item, frozen=True, gc=False):
    """The same with its evaluations unread: one that is malformed must not spoil the others."""

    evaluations: list[Raw] = []
    options: Options = Options()


class Page(msgspec.Struct, frozen=True, gc=False):
    """Which part of the results of a search is wanted."""

    token: str = ""
    limit: int | msgspec.UnsetType = msgspec.UNSET
    properties: Json = {}


class SubjectSearch(msgspec.Struct, frozen=True, gc=False):
    """Asks who may do this."""

    subject: Sought
    action: Act
    resource: Entity
    context: Json = {}
    page: Page = Page()


class ResourceSearch(msgspec.Struct, frozen=True, gc=False):
    """Asks to what they may do it."""

    subject: Entity
    action: Act
    resource: Sought
    context: Json = {}
    page: Page = Page()


class ActionSearch(msgspec.Struct, frozen=True, gc=False):
    """Asks what they may do to it."""

    subject: Entity
    resource: Entity
    context: Json = {}
    page: Page = Page()


Shape = TypeVar("Shape")
_NO_ACT = Act("")
_evaluation = msgspec.json.Decoder(Evaluation)
_batch = msgspec.json.Decoder(Batch)
_raw_batch = msgspec.json.Decoder(RawBatch)
_item = msgspec.json.Decoder(Item)
_SEARCHES: dict[Any, msgspec.json.Decoder[Any]] = {
    shape: msgspec.json.Decoder(shape) for shape in (SubjectSearch, ResourceSearch, ActionSearch)
}


def _read(decoder: msgspec.json.Decoder[Shape], body: bytes | Raw, origin: str) -> Shape:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(_told(error, body), origin=origin) from error
    except RecursionError as error:
        raise InputError("nested too deeply", origin=origin) from error


def _told(error: Exception, body: bytes | Raw) -> str:
    if not bytes(body).strip():
        return "the body is empty"
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        return f"{text[:1].lower()}{text[1:]}"
    return f"the body is not JSON: {error}"


def read_evaluation(body: bytes, attempt_id: str) -> Attempt:
    """Return the attempt of an evaluation request; raises `InputError`."""
    said = _read(_evaluation, body, "body")
    return to_attempt(said.subject, said.action, said.resource, said.context, attempt_id)


def read_batch(body: bytes, batch_id: str) -> tuple[list[Attempt | InputError], Semantic] | None:
    """Return the attempts of an evaluations request and how they are evaluated.

    None means that it is a single evaluation: it has no `evaluations`, or none in them.
    An evaluation that is malformed is given as its error.
    """
    try:
        said: Batch | RawBatch = _batch.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = _read(_raw_batch, body, "body")
    if not said.evaluations:
        return None
    if len(said.evaluations) > EVALUATIONS_MAX:
        raise InputError(
            f"more than {EVALUATIONS_MAX} evaluations",
            origin="evaluations",
            hint="ask in several batches",
        )
    attempts: list[Attempt | InputError] = []
    items: Sequence[Item | Raw] = said.evaluations
    for number, one in enumerate(items):
        try:
            item = _read(_item, one, f"evaluations[{number}]") if isinstance(one, Raw) else one
            attempts.append(_with_defaults(item, said, f"{batch_id}.{number}"))
        except InputError as error:
            attempts.append(error)
    return attempts, said.options.evaluations_semantic


def _with_defaults(item: Item, top: Item, attempt_id: str) -> Attempt:
    unset = msgspec.UNSET
    subject = top.subject if item.subject is unset else item.subject
    action = top.action if item.action is unset else item.action
    resource = top.resource if item.resource is unset else item.resource
    context = top.context if item.context is unset else item.context
    if subject is unset or action is unset or resource is unset:
        given = {"subject": subject, "action": action, "resource": resource}
        missing = next(name for name, value in given.items() if value is unset)
        raise InputError(f"object missing required field `{missing}`")
    return to_attempt(subject, action, resource, {} if context is unset else context, attempt_id)


def read_search(shape: type[Shape], body: bytes) -> Shape:
    """Return a search request; raises `InputError`."""
    said: Shape = _read(_SEARCHES[shape], body, "body")
    return said


def search_attempt(search: SubjectSearch | ResourceSearch | ActionSearch) -> Attempt:
    """Return the attempt of a search, with nothing where the sought entity will stand."""
    subject = search.subject
    if isinstance(subject, Sought):
        subject = Entity(subject.type, "", subject.properties)
    resource = search.resource
    if isinstance(resource, Sought):
        resource = Entity(resource.type, "", resource.properties)
    action = _NO_ACT if isinstance(search, ActionSearch) else search.action
    return to_attempt(subject, action, resource, search.context, "")


def to_attempt(
    subject: Entity, action: Act, resource: Entity, context: Json, attempt_id: str
) -> Attempt:
    """Return the attempt; `resource.properties.columns` are the columns that are asked for."""
    purpose = context.get("purpose")
    if purpose is not None and not isinstance(purpose, str):
        raise InputError("`purpose` is no text", origin="context.purpose")
    properties = resource.properties
    columns = None
    if properties and "columns" in properties:
        columns = _columns(properties["columns"])
    for values in (subject.properties, action.properties, properties, context):
        if values:
            _check_depth(values)
    return Attempt(
        subject.type,
        subject.id,
        action.name,
        resource.type,
        resource.id,
        purpose,
        subject.properties,
        properties,
        action.properties,
        context,
        columns,
        (),
        attempt_id,
    )


def _columns(value: object) -> tuple[str, ...] | None:
    """Return the columns; an empty list names none, as no list does."""
    if (
        not isinstance(value, list)
        or len(value) > COLUMNS_MAX
        or not all(isinstance(name, str) for name in value)
    ):
        raise InputError(
            f"`columns` is no list of at most {COLUMNS_MAX} texts",
            origin="resource.properties.columns",
        )
    return tuple(value) or None


def _check_depth(values: Json) -> None:
    level: list[Any] = [one for one in values.values() if type(one) in _NESTED]
    for _ in range(DEPTH_MAX):
        if not level:
            return
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if type(inner) in _NESTED
        ]
    raise InputError(f"properties are nested more than {DEPTH_MAX} levels deep")


_NESTED = frozenset({dict, list})
