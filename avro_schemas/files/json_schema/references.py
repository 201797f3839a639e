"""What a `$ref` of JSON Schema points at: in its own document, in another of the files given, in a file beside it.

Nothing is fetched from anywhere, and no path leads out of the folders of the files that were given.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from avro_schemas.files.json_file import is_file
from rtpipe.errors import SchemaError

_GIVE = "save it as a file and give it, too: it is known by its `$id`"
_ABOVE = "--root DIR allows references to all that lies below DIR; or give that file, too"


@dataclass(eq=False)
class Base:
    """A document, or a part of one with an `$id` of its own: what the references inside start from."""

    root: Any
    path: Path
    url: str  #: its `$id`, absolute if any is
    anchors: dict[str, Any] = field(default_factory=dict)  #: by name, without the `#`


class Reference(str):
    """A `$ref` that knows where it stands."""

    __slots__ = ("base",)
    base: Base

    def __new__(cls, text: str, base: Base) -> Reference:
        """`text` as it was written."""
        reference = super().__new__(cls, text)
        reference.base = base
        return reference


class Library:
    """The documents that references may point into: those given, and those in or below their folders and the `roots`.

    `load` parses one of the latter.
    """

    def __init__(self, given: Mapping[Path, Any], load: Callable[[Path], Any], roots: Iterable[Path] = ()) -> None:
        self._load = load
        self._folders = {_real(path).parent for path in given} | set(map(_real, roots))
        self._by_path: dict[Path, Base] = {}
        self._by_url: dict[str, Base] = {}
        for path, document in given.items():
            self.add(path, document)

    def add(self, path: Path, document: Any) -> Base:
        """Make a document known, once, and each `$ref` in it a Reference."""
        real = _real(path)
        if real not in self._by_path:
            self._by_path[real] = Base(document, path, "")
            self._bind(document, self._by_path[real])
        return self._by_path[real]

    def resolve(self, reference: Reference) -> tuple[Any, str]:
        """The schema that it points at, and a word for it. SchemaError if there is none."""
        try:
            return self._resolve(reference)
        except ValueError as error:  # no URL, such as `http://[`
            raise SchemaError(f"$ref {str(reference)!r} is no reference: {error}") from error

    def _resolve(self, reference: Reference) -> tuple[Any, str]:
        url, fragment = urldefrag(reference)
        base = self._base(reference, url) if url else reference.base
        fragment = unquote(fragment)
        if not fragment:
            return base.root, _stem(base.url or base.path.name)
        if fragment in base.anchors:
            return base.anchors[fragment], fragment
        if not fragment.startswith("/"):
            raise SchemaError(f"$ref {str(reference)!r}: there is no anchor {fragment!r}")
        found, last = base.root, ""
        for part in fragment[1:].split("/"):
            last = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and last.isdecimal() and len(last) < 10 and int(last) < len(found):  # noqa: PLR2004
                found = found[int(last)]
            elif isinstance(found, Mapping) and last in found:
                found = found[last]
            else:
                raise SchemaError(f"$ref {str(reference)!r} points at nothing: there is no {last!r}")
        return found, last

    def _base(self, reference: Reference, url: str) -> Base:
        absolute = urljoin(reference.base.url, url)
        if found := self._by_url.get(absolute) or self._by_url.get(url):
            return found
        parts = urlsplit(url)
        if parts.scheme or parts.netloc or url.startswith("/"):
            raise SchemaError(f"$ref {str(reference)!r} is in another document, and nothing is fetched", hint=_GIVE)
        path = reference.base.path.parent / unquote(parts.path)
        place = _real(path)
        if self._folders.isdisjoint(place.parents):
            raise SchemaError(f"$ref {str(reference)!r} leads out of the folder of the file", hint=_ABOVE)
        if not is_file(path):
            raise SchemaError(f"$ref {str(reference)!r}: there is no file {path}", hint=_GIVE)
        return self._by_path.get(place) or self.add(path, self._load(path))

    def _bind(self, document: Any, base: Base) -> None:
        waiting = [(document, base)]
        while waiting:
            value, base = waiting.pop()
            if isinstance(value, dict):
                base = self._entered(value, base)
                if isinstance(text := value.get("$ref"), str):
                    value["$ref"] = Reference(text, base)
            inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            waiting += [(inner, base) for inner in inside]

    def _entered(self, schema: dict[str, Any], base: Base) -> Base:
        """The base inside `schema`, which is made known by its `$id` and its anchors."""
        for key in ("$anchor", "$id", "id"):
            name = schema.get(key)
            if not isinstance(name, str) or (key == "id" and "$schema" not in schema):
                continue
            if key == "$anchor" or name.startswith("#"):
                base.anchors.setdefault(name.removeprefix("#"), schema)
                continue
            try:
                url = urldefrag(urljoin(base.url, name))[0]
            except ValueError:
                continue
            if schema is base.root:
                base.url = url
            else:
                base = Base(schema, base.path, url)
            self._by_url.setdefault(url, base)
        return base


def _real(path: Path) -> Path:
    """The path without links; unlike Path.resolve, it takes a circle of them."""
    return Path(os.path.realpath(path))


def _stem(name: str) -> str:
    """`address` of `https://example.com/address.schema.json`."""
    return re.split(r"[/\\]", name.rstrip("/"))[-1].partition(".")[0]
