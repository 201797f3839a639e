"""The admin client of one cluster, and what its failures mean in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import UnreachableError
from rtpipe.kafka import error_codes
from rtpipe.kafka.clients import checked_properties
from rtpipe.log import get_logger
from workers.contract.errors import SetupError

log = get_logger("supervisor")
#: In the client's error for a broker that it cannot reach: the broker that it tried, and for how long.
_BROKER_AND_TIME = re.compile(r"^\S+: (Connect to \S+ failed: )?|\s*\(after [^)]*\).*$")


class AdminLink:
    """Remembers the client's last error, since the answers only say that time ran out."""

    def __init__(self, kafka: Mapping[str, str], timeout: float) -> None:
        """`timeout`: seconds for an answer. Raises SettingsError for properties that are none."""
        self.address = kafka["bootstrap.servers"]
        self.timeout = timeout
        self._last_error = ""
        self._login_refused = False
        quiet = {"socket.timeout.ms": str(int(timeout * 1000)), "log_level": "0", "allow.auto.create.topics": "false"}
        properties: dict[str, Any] = {**quiet, **kafka, "error_cb": self._on_error}
        with checked_properties():
            self.client = AdminClient(properties, logger=log)

    def _on_error(self, error: KafkaError) -> None:
        """Called by `poll` with what the client could not do."""
        if error.code() != error_codes.ALL_BROKERS_DOWN:
            self._last_error = _BROKER_AND_TIME.sub("", error.str())
            self._login_refused = error.code() in error_codes.LOGIN_REFUSED

    def forget_errors(self) -> None:
        """A broker has answered: what went wrong before is over."""
        self.client.poll(0)
        self._last_error, self._login_refused = "", False

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
        self.client.poll(0)
        if self._login_refused:
            return LoginRefusedError(
                f"Kafka at {self.address} refuses the login ({self._last_error})",
                hint="check sasl.username and sasl.password in the setting kafka",
            )
        return UnreachableError(
            f"no broker of Kafka answers at {self.address} ({self._last_error or why})",
            hint="check RTPIPE_BOOTSTRAP_SERVERS and that the brokers are up",
        )
