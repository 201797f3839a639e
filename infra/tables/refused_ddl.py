"""What it means that the server refuses to make or to alter a table, in words for a person."""

from __future__ import annotations

from typing import Literal

from sqlalchemy.exc import DBAPIError

from avro_schemas.tables.evolution import EvolutionError
from infra.tables.database import Account, action_for, error_number, said_by
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.mysql.error_lookup import words_for
from rtpipe.mysql.error_numbers import LOCK_WAIT_TIMEOUT, PASSING, TABLE_CHANGED, Action

Verb = Literal["alter", "make"]
_DONE: dict[Verb, str] = {"alter": "altered", "make": "made"}


class TableBusyError(UnreachableError):
    """Another session holds the table, or alters it: worth another try."""


def why_refused(error: DBAPIError, verb: Verb, table: str, sql: str) -> RtpipeError:
    """By the table of error numbers; for a missing privilege see `denied`."""
    number, action = error_number(error), action_for(error)
    waits = f"table {table} waits to be {_DONE[verb]}: {said_by(error)}"
    if number in TABLE_CHANGED:
        return TableBusyError(waits, hint="somebody changed its columns meanwhile, so it is looked at again")
    if number == LOCK_WAIT_TIMEOUT:
        hint = "another session has it open in a transaction; SHOW PROCESSLIST names it"
        return TableBusyError(waits, hint=hint)
    if action in PASSING:
        busy = TableBusyError if action is Action.REPLAY else UnreachableError
        return busy(waits, hint=words_for(number))
    refused = f"the database refuses to {verb} table {table}: {said_by(error)}"
    return EvolutionError(refused, hint=f"the statement is: {sql}")


def denied(account: Account, table: str, sql: str, grant: str) -> AccessDeniedError:
    """Without the statements nobody could help: what was to be run, and what gives the right to it."""
    return AccessDeniedError(
        f"the account {account.user} of {account.setting} may not create or alter table {table}",
        hint="an administrator must give the privilege, or run the statement, then `rtpipe resume`:"
        f"\n  {grant};\n  {sql};",
    )
