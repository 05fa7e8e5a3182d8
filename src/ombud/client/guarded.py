"""Guarded values: opened only inside the purpose and case that they were obtained for.

This holds against accidents: a value that finds its way into a log, a message, a
cache or a task of another purpose.  It is no wall against code that means to get
round it within the same process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NoReturn, TypeVar

from ombud.client.purposes import Purpose, current_purpose
from ombud.core.errors import Forbidden

T = TypeVar("T")
U = TypeVar("U")


class GuardedError(Forbidden, TypeError):
    """A guarded value was used where it may not be."""

    code = "guarded"


class Guarded(Generic[T]):
    """A value obtained for a purpose; `unwrap` opens it there."""

    __slots__ = ("__decision", "__purpose", "__value")

    def __init__(self, value: T, purpose: Purpose, *, decision_id: str = "") -> None:
        self.__value = value
        self.__purpose = purpose
        self.__decision = decision_id

    @property
    def purpose(self) -> Purpose:
        """What it was obtained for."""
        return self.__purpose

    @property
    def decision_id(self) -> str:
        """The decision that let it out."""
        return self.__decision

    def unwrap(self) -> T:
        """Return the value; raises `GuardedError` outside its purpose and case."""
        self._check()
        return self.__value

    def map(self, function: Callable[[T], U]) -> Guarded[U]:
        """Return what a function makes of the value, guarded likewise."""
        self._check()
        return Guarded(function(self.__value), self.__purpose, decision_id=self.__decision)

    def _check(self) -> None:
        held = current_purpose()
        if held is None or (held.name, held.case) != (self.__purpose.name, self.__purpose.case):
            inside = f"inside `{held.name}`" if held is not None else "outside of any purpose"
            raise GuardedError(
                f"a value obtained for `{self.__purpose.name}` is not opened {inside}",
                hint="open it in the block, and for the case, that it was obtained in",
            )

    def __repr__(self) -> str:
        """Return what it is, never what it holds."""
        return f"<Guarded for {self.__purpose.name}>"

    def __format__(self, spec: str, /) -> str:
        """Return the same as `repr`, whatever the format."""
        return repr(self)

    def _refuse(self, *_: Any) -> NoReturn:
        raise GuardedError(
            f"{self!r} is not used as it is", hint="`unwrap()` opens it inside its purpose"
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = _refuse
    __bool__ = __len__ = __iter__ = __reversed__ = __contains__ = __getitem__ = _refuse
    __int__ = __float__ = __index__ = __complex__ = __bytes__ = _refuse
    __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
    __call__ = __enter__ = __await__ = __aiter__ = _refuse
    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse
