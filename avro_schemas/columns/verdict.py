"""How a column takes the values of a field, and what it costs to make it wider."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from sqlalchemy.types import TypeEngine


class Cost(enum.IntEnum):
    """What a change of a table costs while rows flow."""

    INSTANT = 0  #: the server changes only its own notes
    IN_PLACE = 1  #: rows stay where they are, or are rebuilt beside the writers
    COPY = 2  #: the table is copied, and its writers wait


class Fit(enum.Enum):
    """How a column takes a field's values."""

    HOLDS = "holds"  #: each of them, exactly
    NARROW = "narrow"  #: not each, until the column is wider
    APART = "apart"  #: what is in it means something else: the field gets a column of its own
    REFUSED = "refused"  #: nothing that rtpipe would decide alone
    THEIRS = "theirs"  #: a person chose its type: each value is looked at


@dataclass(frozen=True, slots=True)
class Verdict:
    """`type` is the column's, as found; None: it is one that rtpipe never makes."""

    fit: Fit
    type: TypeEngine[Any] | None = None
    wider: TypeEngine[Any] | None = None  #: of a narrow one: what it should become
    cost: Cost = Cost.COPY
