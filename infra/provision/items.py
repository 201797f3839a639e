"""What `rtpipe infra create` and `rtpipe setup` tell of one thing that it made, found or would make."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from rtpipe.errors import ExitCode


class ItemState(enum.StrEnum):
    """How a thing stands, in the words that people read."""

    CREATED = "created"
    THERE = "already there"
    DIFFERS = "differs"  #: it is there, is not what the schemas ask for, and was left alone
    CHANGED = "changed"
    TO_CREATE = "to create"  #: missing, in a plan
    TO_CHANGE = "to change"  #: there, and short of something that can be given, in a plan


@dataclass(frozen=True, slots=True)
class ProvisionItem:
    """One thing. `sql` is what makes it in the database, passwords as ***, and empty for what is no SQL."""

    kind: str  #: schema file, schema, subject, topic, database, user, table or grant
    name: str
    state: ItemState
    detail: str = ""  #: numbers, ids, or how it differs: one difference a line
    sql: str = ""


@dataclass(frozen=True, slots=True)
class ProvisionResult:
    """What was found and done, in the order of the work."""

    items: tuple[ProvisionItem, ...]

    @property
    def exit_code(self) -> ExitCode:
        """DIFFERENT if something is there and is not what the schemas ask for."""
        differs = any(item.state is ItemState.DIFFERS for item in self.items)
        return ExitCode.DIFFERENT if differs else ExitCode.DONE

    @property
    def differing_tables(self) -> list[str]:
        """Tables that are there, and are not what the schemas ask for."""
        return [item.name for item in self.items if item.kind == "table" and item.state is ItemState.DIFFERS]

    @property
    def to_do(self) -> bool:
        """Whether a plan has anything to make or to change."""
        return any(item.state in {ItemState.TO_CREATE, ItemState.TO_CHANGE} for item in self.items)
