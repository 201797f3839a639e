"""The passwords of a stack's accounts."""

from __future__ import annotations

import dataclasses
import secrets

_BYTES = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Passwords:
    """One for each account; "": the service has no accounts."""

    consumer: str  #: of the database, as the next two
    infra: str
    root: str
    broker: str = ""  #: of Kafka: brokers among themselves
    kafka: str = ""  #: of Kafka: clients, whose user is CLIENT
    registry: str = ""  #: of the registry, with the same user


#: The user name of clients in Kafka and in the registry.
CLIENT = "rtpipe"
#: Those of infra/mysql/init.sql, which everybody knows: of a stack that is not secure.
KNOWN = Passwords("consumer1!", "infra1!", "root1!")


def new_passwords() -> Passwords:
    """Nobody knows them."""
    return Passwords(*(secrets.token_hex(_BYTES) for _ in dataclasses.fields(Passwords)))
