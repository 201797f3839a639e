"""What a client of Kafka could not do: its answers only say that time ran out, its events say why."""

from __future__ import annotations

import re
from collections.abc import Mapping

from confluent_kafka import KafkaError

from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import UnreachableError
from rtpipe.kafka import error_codes, tokens
from rtpipe.kafka.tls_probe import tls_error_of

#: In the client's error for a broker that it cannot reach: the broker that it tried, and for how long.
_BROKER_AND_TIME = re.compile(r"^\S+: (Connect to \S+ failed: )?|\s*\(after [^)]*\).*$")


class BrokerErrors:
    """The `error_cb` of a client, called whenever that is polled."""

    def __init__(self) -> None:
        self.last = ""  #: in the client's words
        self._login_refused = False

    def __call__(self, error: KafkaError) -> None:
        """What the client could not do. That all brokers are down says less than the error of each."""
        if error.code() != error_codes.ALL_BROKERS_DOWN:
            self.last = _BROKER_AND_TIME.sub("", error.str())
            self._login_refused = error.code() in error_codes.LOGIN_REFUSED

    def forget(self) -> None:
        """A broker has answered: what went wrong before is over."""
        self.last, self._login_refused = "", False

    def cause(self, kafka: Mapping[str, str], otherwise: UnreachableError) -> UnreachableError | LoginRefusedError:
        """Why there was no answer to a client of these properties: login, certificates, or what the caller says."""
        if self._login_refused:
            return tokens.no_token(kafka, self.last) or self._refusal(kafka)
        if trouble := tls_error_of(kafka):
            return trouble
        if tokens.fetches_tokens(kafka) and not self.last:  # no broker is spoken to before there is a token
            return UnreachableError(
                f"{otherwise.message}, or no token comes from {tokens.shown_endpoint(kafka)}",
                hint=f"{otherwise.hint}; does the token endpoint answer?",
            )
        return otherwise

    def _refusal(self, kafka: Mapping[str, str]) -> LoginRefusedError:
        hint = "check sasl.username and sasl.password in the setting kafka"
        if tokens.fetches_tokens(kafka):
            hint = "check what the brokers want of a token: issuer, audience, scope, and the clocks"
        return LoginRefusedError(
            f"Kafka at {kafka.get('bootstrap.servers', '')} refuses the login ({self.last})", hint=hint
        )
