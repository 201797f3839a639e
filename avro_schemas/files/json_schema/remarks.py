"""What Avro cannot say of a JSON Schema: kept in the `doc` of a field, and told by a warning."""

from __future__ import annotations

import json
from typing import Any

from avro_schemas.files.json_schema.location import Location

#: Most characters of the value of a keyword in a `doc`.
_MAX_NOTE = 200


class Remarks:
    """About one document: each warning once, in the order in which they came up."""

    def __init__(self) -> None:
        self._warnings: dict[str, None] = {}

    @property
    def warnings(self) -> list[str]:
        """All of them."""
        return list(self._warnings)

    def warn(self, location: Location, warning: str) -> None:
        """Tell the user."""
        self._warnings[f"{location.words}: {warning}" if location.words else warning] = None

    def keep(self, location: Location, key: str, value: Any) -> None:
        """Keep a keyword in the doc, and tell the user."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        location.notes.append(f"{key}: {text if len(text) <= _MAX_NOTE else text[: _MAX_NOTE - 3] + '...'}")
        self.warn(location, f"`{key}` is only kept in the doc")
