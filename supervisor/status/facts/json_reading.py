"""Reads the frozen classes of this folder from JSON that another version may have written.

What is missing, or of another type than it should be, is the field's own way to say "not known".
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

#: What was found, of whatever type -> a value of the right one.
Reader = Callable[[Any], Any]
#: What "not known" is, where a field's type has no None.
_UNKNOWN: Mapping[Any, Any] = {str: "", int: -1, float: 0.0, bool: False}


def read(cls: Any, data: object) -> Any:
    """An instance of the dataclass `cls`."""
    found = data if isinstance(data, Mapping) else {}
    wanted = ((name, of, found.get(name)) for name, of, has_default in _fields(cls) if name in found or not has_default)
    return cls(**{name: of(value) for name, of, value in wanted})


@cache
def _fields(cls: Any) -> tuple[tuple[str, Reader, bool], ...]:
    """Of each field its name, what reads it, and whether it has a default."""
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return tuple(
        (
            field.name,
            _reader(hints[field.name]),
            field.default is not missing or field.default_factory is not missing,
        )
        for field in dataclasses.fields(cls)
    )


@cache
def _reader(type_: Any) -> Reader:
    """What makes a value of this type of what was found."""
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin in {types.UnionType, typing.Union}:
        [kind] = [argument for argument in arguments if argument is not types.NoneType]
        known = _known(kind)
        return lambda data: None if data is None else known(data)
    if origin is tuple:
        item = _reader(arguments[0])
        return lambda data: tuple(map(item, data)) if isinstance(data, list | tuple) else ()
    if origin is Mapping or getattr(origin, "__name__", "") == "Mapping":
        item = _reader(arguments[1])
        return lambda data: {str(key): item(value) for key, value in data.items()} if isinstance(data, Mapping) else {}
    known, unknown = _known(type_), _UNKNOWN.get(type_)
    return lambda data: unknown if (value := known(data)) is None else value


def _known(kind: Any) -> Reader:
    """The value, if it is of this kind; else None."""
    if dataclasses.is_dataclass(kind):
        return lambda data: read(kind, data)
    kinds = (int, float) if kind is float else (kind,)
    if kind is bool:
        return lambda data: data if isinstance(data, bool) else None
    return lambda data: data if isinstance(data, kinds) and not isinstance(data, bool) else None
