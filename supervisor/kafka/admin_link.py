"""The admin client of one cluster, and what its failures mean in words."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import SettingsError, UnreachableError
from rtpipe.kafka import error_codes
from rtpipe.kafka.broker_errors import BrokerErrors
from rtpipe.kafka.clients import checked_properties
from rtpipe.kafka.renewal import KafkaRenewal
from rtpipe.log import get_logger
from workers.contract.errors import SetupError

log = get_logger("supervisor")


class AdminLink:
    """Remembers the client's last error, since the answers only say that time ran out."""

    def __init__(self, kafka: Mapping[str, str], timeout: float, file: str = "") -> None:
        """`timeout`: seconds for an answer; `file`: where some of `kafka` came from. Raises SettingsError for
        properties that are none.
        """
        self.address = kafka["bootstrap.servers"]
        self.timeout = timeout
        self._errors = BrokerErrors()
        self._renewal = KafkaRenewal(kafka, file)
        self._client = self._made(self._renewal.properties)

    def _made(self, kafka: Mapping[str, str]) -> AdminClient:
        quiet = {
            "socket.timeout.ms": str(int(self.timeout * 1000)),
            "log_level": "0",
            "allow.auto.create.topics": "false",
        }
        properties: dict[str, Any] = {**quiet, **kafka, "error_cb": self._errors}
        with checked_properties():
            return AdminClient(properties, logger=log)

    @property
    def client(self) -> AdminClient:
        """With the login and the certificates of now; with those of before while the new ones cannot be used."""
        new = self._renewal.wanted(self._client)
        if new is not None:
            with contextlib.suppress(SettingsError):
                self._client = self._made(new)
                self._renewal.taken(new)
        return self._client

    def forget_errors(self) -> None:
        """A broker has answered: what went wrong before is over."""
        self._client.poll(0)
        self._errors.forget()

    def result(self, future: Any) -> Any:
        """What the client promised. Raises KafkaException, or as `no_answer` says if nothing comes."""
        try:
            return future.result(self.timeout + 5)
        except TimeoutError as exc:
            raise self.no_answer("no answer") from exc

    def answer(self, future: Any) -> Any:
        """As `result`, with every failure as `translated` says."""
        try:
            return self.result(future)
        except KafkaException as exc:
            raise self.translated(exc) from exc

    def translated(self, failure: KafkaException) -> SetupError | AccessDeniedError | UnreachableError:
        """The error to raise for it."""
        error = error_codes.error_of(failure)
        if error.code() in error_codes.NO_TOPIC:
            return SetupError(f"Kafka at {self.address}: {error.str()}")
        if error.code() in error_codes.DENIED:
            return AccessDeniedError(
                f"Kafka at {self.address}: {error.str()}", hint="check the account and its DESCRIBE permission"
            )
        return self.no_answer(error.str())

    def no_answer(self, why: str) -> UnreachableError | LoginRefusedError:
        """The error for a question that timed out; the reason is in the client's last error, else it is `why`."""
        self._client.poll(0)
        otherwise = UnreachableError(
            f"no broker of Kafka answers at {self.address} ({self._errors.last or why})",
            hint="check RTPIPE_BOOTSTRAP_SERVERS and that the brokers are up",
        )
        return self._errors.cause(self._renewal.properties, otherwise)
