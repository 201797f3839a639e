"""What `rtpipe infra create` tells of one thing that it made, found or would make."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """How a thing stands, in the words that people read."""

    CREATED = "created"
    THERE = "already there"
    DIFFERS = "differs"  #: it is there, is not what the schemas ask for, and was left alone
    TO_CREATE = "to create"  #: missing, in a plan


@dataclass(frozen=True, slots=True)
class ProvisionItem:
    """One thing. `sql` is what makes it in the database, passwords as ***, and empty for what is no SQL."""

    kind: str  #: schema file, subject, topic, database, user, table or grant
    name: str
    state: State
    detail: str = ""  #: numbers, ids, or how it differs: one difference a line
    sql: str = ""
