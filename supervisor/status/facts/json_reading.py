"""Reads the frozen classes of this folder from JSON that another version may have written.

What is missing, or of another type than it should be, is the field's own way to say "not known".
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

#: What "not known" is, where a field's type has no None.
_UNKNOWN: Mapping[Any, Any] = {str: "", int: -1, float: 0.0, bool: False}


def read(cls: Any, data: object) -> Any:
    """An instance of the dataclass `cls`."""
    found = data if isinstance(data, Mapping) else {}
    wanted = {name: type_ for name, (type_, has_default) in _types(cls).items() if name in found or not has_default}
    return cls(**{name: _value(type_, found.get(name)) for name, type_ in wanted.items()})


@cache
def _types(cls: Any) -> dict[str, tuple[Any, bool]]:
    """The type of each field, and whether it has a default."""
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is not missing or field.default_factory is not missing)
        for field in dataclasses.fields(cls)
    }


def _value(type_: Any, data: object) -> Any:
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin in {types.UnionType, typing.Union}:
        [kind] = [argument for argument in arguments if argument is not types.NoneType]
        return None if data is None else _known(kind, data)
    if origin is tuple:
        return tuple(_value(arguments[0], item) for item in data) if isinstance(data, list | tuple) else ()
    if origin is Mapping or getattr(origin, "__name__", "") == "Mapping":
        items = data.items() if isinstance(data, Mapping) else ()
        return {str(key): _value(arguments[1], item) for key, item in items}
    known = _known(type_, data)
    return _UNKNOWN[type_] if known is None else known


def _known(kind: Any, data: object) -> Any:
    """The value, if it is of this kind; else None."""
    if dataclasses.is_dataclass(kind):
        return read(typing.cast("type[Any]", kind), data)
    if isinstance(data, bool) and kind is not bool:
        return None
    if kind is float:
        return data if isinstance(data, int | float) else None
    return data if isinstance(data, kind) else None
