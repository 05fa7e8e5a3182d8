"""SQL masks: what is shown in place of a column's values, in the column's own type.

A kind of mask that makes no sense for a type gives NULL of that type, so that a mask
never shows more than it says.  NULL stays NULL, but for `redact` and `constant`,
which do not tell whether there was a value.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from ombud.access.model import Mask, MaskKind
from ombud.access.sql_text import Dialect, RenderError, check_type, quote_name, quote_text

REDACTED = "[redacted]"
KEY_BYTES_MIN = 16
DIGEST_SIZE_MIN = 16  # Hex digits of a digest that still tells values apart: 64 bits.

_BLOCK = 64  # Bytes of SHA-256's block (RFC 2104).
_TEXT = {"varchar", "char", "character", "character varying", "text", "bpchar", "citext"}
_WHOLE = {"tinyint": 8, "smallint": 16, "int2": 16, "integer": 32, "int": 32, "int4": 32,
          "bigint": 64, "int8": 64}  # fmt: skip
_EXACT = {"decimal", "numeric"}
_REAL = {"real", "double", "double precision", "float4", "float8"}
_TYPE = re.compile(r"([a-z_0-9 ]+?)(?:\( ?(\d+)(?:, ?(\d+))? ?\))?")
_DIGITS = re.compile(r"-?\d{1,19}", re.ASCII)
_NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?\d{1,3})?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def render_mask(mask: Mask, column_type: str, *, key: bytes, dialect: str) -> str:
    """Return a mask as a SQL expression of the column's type.

    `column_type` is as the server calls it; `key` is of the purpose, at least 16
    bytes, and stands in the expression of a `hash`: who may read the text of queries
    may read it.  Raises `RenderError` for what has no safe form.
    """
    return _Writer(mask, check_type(column_type), key, Dialect(dialect)).write()


class _Writer:
    def __init__(self, mask: Mask, column_type: str, key: bytes, dialect: Dialect) -> None:
        self._mask = mask
        self._type = column_type
        self._key = key
        self._dialect = dialect
        self._is_trino = dialect is Dialect.TRINO
        self._column = quote_name(mask.column, dialect)
        found = _TYPE.fullmatch(column_type.lower())
        self._base = found[1].strip() if found else ""
        self._length = int(found[2]) if found and found[2] else None

    def write(self) -> str:
        kind = self._mask.kind
        if kind is MaskKind.REDACT:
            is_text = self._base in _TEXT
            return self._cast(quote_text(REDACTED, self._dialect)) if is_text else self._null()
        if kind is MaskKind.CONSTANT:
            return self._constant()
        if kind is MaskKind.HASH:
            return self._hash()
        if kind is MaskKind.TRUNCATE and self._base in _TEXT:
            return self._cast(f"substr({self._text()}, 1, {self._size()})")
        if kind is MaskKind.BUCKET:
            return self._bucket()
        return self._null()

    def _cast(self, expression: str) -> str:
        return f"CAST({expression} AS {self._type})"

    def _null(self) -> str:
        return self._cast("NULL")

    def _text(self) -> str:
        return f"CAST({self._column} AS {'varchar' if self._is_trino else 'text'})"

    def _size(self) -> int:
        size = self._mask.size
        if size is None or size < 1:
            raise RenderError(f"mask `{self._mask.kind}` of `{self._mask.column}` needs a size")
        return size

    def _constant(self) -> str:
        value = self._mask.value
        if value is None:
            raise RenderError(f"mask `constant` of `{self._mask.column}` needs a value")
        if not _is_of(value, self._base):
            return self._null()
        return self._cast(quote_text(value, self._dialect))

    def _digest(self) -> str:
        """Return HMAC-SHA-256 (RFC 2104) of the value's text, as bytes."""
        if len(self._key) < KEY_BYTES_MIN:
            raise RenderError(f"a key of {len(self._key)} bytes; at least {KEY_BYTES_MIN} needed")
        if self._is_trino:
            return f"hmac_sha256(to_utf8({self._text()}), X'{self._key.hex().upper()}')"
        key = self._key if len(self._key) <= _BLOCK else hashlib.sha256(self._key).digest()
        padded = key.ljust(_BLOCK, b"\0")
        inner, outer = (
            f"decode('{bytes(byte ^ pad for byte in padded).hex()}', 'hex')" for pad in (0x36, 0x5C)
        )
        return f"sha256({outer} || sha256({inner} || convert_to({self._text()}, 'UTF8')))"

    def _hash(self) -> str:
        digest = self._digest()
        hexed = f"lower(to_hex({digest}))" if self._is_trino else f"encode({digest}, 'hex')"
        if self._base in _TEXT:
            # A bare `char` has one place.
            length = self._length or (1 if self._base in {"char", "character"} else None)
            is_short = length is not None and length < DIGEST_SIZE_MIN
            return self._null() if is_short else self._cast(hexed)
        if _WHOLE.get(self._base) == 64:
            if self._is_trino:
                return f"from_big_endian_64(substr({digest}, 1, 8))"
            return f"CAST(CAST('x' || substr({hexed}, 1, 16) AS bit(64)) AS bigint)"
        if self._base == "uuid":
            part = f"substr({digest}, 1, 16)" if self._is_trino else f"substr({hexed}, 1, 32)"
            return self._cast(part)
        return self._null()

    def _bucket(self) -> str:
        """Return the lower bound of the step; steps below zero go downwards too."""
        size, column = self._size(), self._column
        if self._base in _REAL:
            step = f"DOUBLE '{size}'" if self._is_trino else f"'{size}'::double precision"
            return self._cast(f"floor({column} / {step}) * {step}")
        step = f"DECIMAL '{size}'" if self._is_trino else f"'{size}'::numeric"
        if self._base in _EXACT:
            return self._cast(self._lower(column, step))
        bits = _WHOLE.get(self._base)
        if bits is None:
            return self._null()
        least = -(1 << (bits - 1))  # The step that holds the least number begins below it.
        wide = "decimal(38, 0)" if self._is_trino else "numeric"
        low = f"DECIMAL '{least}'" if self._is_trino else f"'{least}'::numeric"
        lower = self._lower(f"CAST({column} AS {wide})", step)
        return self._cast(f"CASE WHEN {lower} < {low} THEN {low} ELSE {lower} END")

    @staticmethod
    def _lower(value: str, step: str) -> str:
        return f"({value} - mod(mod({value}, {step}) + {step}, {step}))"


def _is_of(value: str, base: str) -> bool:
    """Whether a text can be cast to a type."""
    is_it = base in _TEXT
    try:
        if base in _WHOLE:
            limit = 1 << (_WHOLE[base] - 1)
            is_it = bool(_DIGITS.fullmatch(value)) and -limit <= int(value) < limit
        elif base in _EXACT | _REAL:
            is_it = bool(_NUMBER.fullmatch(value)) and Decimal(value).is_finite()
        elif base == "date":
            is_it = date.fromisoformat(value).isoformat() == value
        elif base.startswith("timestamp"):
            is_it = datetime.fromisoformat(value) is not None and value.isascii()
        elif base in {"bool", "boolean"}:
            is_it = value in {"true", "false"}
        elif base == "uuid":
            is_it = _UUID.fullmatch(value) is not None
    except (ValueError, InvalidOperation):
        is_it = False
    return is_it
