"""What librdkafka (2.16) says where it gets no token, in words with what to do; and where it looks for authorities."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from confluent_kafka import KafkaError

from rtpipe.errors import UnreachableError
from rtpipe.kafka.broker_errors import BrokerErrors
from rtpipe.kafka.tokens import system_authorities

OIDC = {
    "bootstrap.servers": "k:1",
    "sasl.mechanism": "OAUTHBEARER",
    "sasl.oauthbearer.method": "oidc",
    "sasl.oauthbearer.token.endpoint.url": "https://user:canary@login/token?canary=1",
}
AWAY = UnreachableError("no broker answers", hint="start one")


def cause(*said: str, kafka: dict[str, str] = OIDC) -> Any:
    """The error of a client that was told so, one after the other."""
    errors = BrokerErrors()
    for text in said:
        errors(KafkaError(KafkaError._AUTHENTICATION, text))
    return errors.cause(kafka, AWAY)


@pytest.mark.parametrize(
    ("said", "name", "told", "hint"),
    [
        ('{"error": "invalid_client"}', "E_AUTH", 'refuses the client: {"error": "invalid_client"}', "client.secret"),
        ("Must supply an unexpired token: now=2ms, exp=1ms", "E_AUTH", "have expired already", "clock"),
        ("SSL certificate OpenSSL verify result: certificate has expired (10)", "E_TLS", "has expired", "new one"),
        (
            "SSL certificate OpenSSL verify result: unable to get local issuer certificate (20)",
            "E_TLS",
            "of an authority that is not trusted",
            "https.ca.location",
        ),
        (
            "SSL: no alternative certificate subject name matches target IPv4 address '127.0.0.1'",
            "E_TLS",
            "for another host name",
            "subjectAltName",
        ),
        ("Could not resolve host: login", "E_UNREACHABLE", "no token for Kafka", "token.endpoint.url"),
        ("Response is not JSON encoded: (n/a)", "E_UNREACHABLE", "Response is not JSON", "token.endpoint.url"),
    ],
)
def test_why_there_is_no_token(said: str, name: str, told: str, hint: str) -> None:
    found = cause(f"Failed to acquire SASL OAUTHBEARER token: {said}")
    assert found.name == name
    assert "the token endpoint https://login/token" in found.message
    assert told in found.message
    assert hint in found.hint
    assert "canary" not in found.message


def test_words_of_the_endpoint_are_one_short_line() -> None:
    found = cause("Failed to acquire SASL OAUTHBEARER token: a\n\x1b[31mb" + "c" * 1_000)
    assert found.message.isprintable()
    assert len(found.message) < 500


def test_a_token_that_the_brokers_refuse() -> None:
    found = cause('SASL authentication error: {"status":"invalid_token"}')
    assert found.name == "E_AUTH"
    assert "refuses the login" in found.message
    assert "audience" in found.hint
    assert "sasl.username" in cause("wrong", kafka={"sasl.mechanism": "PLAIN"}).hint


def test_nothing_was_said_since_no_token_came_yet() -> None:
    found = cause()
    assert found.message == "no broker answers, or no token comes from https://login/token"
    assert cause(kafka={"bootstrap.servers": "k:1"}) is AWAY


def test_the_systems_authorities_are_named_where_nobody_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ssl.get_default_verify_paths()._replace(cafile="/system.pem")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: known)
    assert system_authorities(OIDC) == {"https.ca.location": "/system.pem"}
    assert system_authorities(OIDC | {"https.ca.location": "/mine.pem"}) == {}
    assert system_authorities({"sasl.mechanism": "PLAIN"}) == {}
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: known._replace(cafile=""))
    assert system_authorities(OIDC) == {}
