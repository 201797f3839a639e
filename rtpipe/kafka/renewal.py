"""Passwords and certificates of Kafka that change while a client lives: seen by their files.

librdkafka takes another user name and password into a running client, for its next connection. All else it reads when a
client is made, certificates and keys among it: then there must be a new client.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from confluent_kafka import Consumer, TopicPartition

from rtpipe.secret_files import FileWatch, current_properties

#: Seconds between two looks at the files.
EVERY = 2.0
_USER, _PASSWORD = "sasl.username", "sasl.password"
#: How the names of properties end that are files, read when a client is made.
_FILES = (".location", ".keytab", ".file")


class TakesLogin(Protocol):
    """Any client."""

    def set_sasl_credentials(self, username: str, password: str) -> None:
        """For the next connection."""


class KafkaRenewal:
    """What a client was made of, and what of it is otherwise by now. Used by one thread."""

    def __init__(self, kafka: Mapping[str, str], file: str) -> None:
        """`kafka`: the properties of the settings; `file`: where some of them came from, "" if from nowhere."""
        self._file = file
        self._secret = FileWatch([file] if file else [])
        self.properties = current_properties(dict(kafka), file)  #: of the client
        self._certificates = FileWatch(path for name, path in self.properties.items() if name.endswith(_FILES))
        self._next_look = time.monotonic() + EVERY

    def wanted(self, client: TakesLogin) -> dict[str, str] | None:
        """The properties for a new client, None if none is needed; a changed login is told to `client` here.

        Looks at the files once in EVERY seconds. The answer stays the same until `taken`: certificate and key may be
        replaced one after the other, and no client can be made in between.
        """
        if time.monotonic() < self._next_look:
            return None
        self._next_look = time.monotonic() + EVERY
        new = dict(self.properties)
        if self._secret.changed():
            new = current_properties(self.properties, self._file)
        different = {name for name in new if new[name] != self.properties.get(name)}
        if self._certificates.changed() or different - {_USER, _PASSWORD}:
            return new
        if different:
            client.set_sasl_credentials(new.get(_USER, ""), new.get(_PASSWORD, ""))
            self.taken(new)
        return None

    def taken(self, properties: dict[str, str]) -> None:
        """The client is of these by now."""
        self.properties = properties
        self._secret.seen()
        self._certificates.seen()


def read_on(old: Consumer, new: Consumer, starts: list[TopicPartition]) -> None:
    """`new` reads on where `old` was, which is closed. `starts`: what that was assigned, and where it began."""
    reached = old.position(starts)
    new.assign([now if now.offset >= 0 else start for now, start in zip(reached, starts, strict=True)])
    old.close()
