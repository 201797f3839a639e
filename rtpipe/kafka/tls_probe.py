"""Why no broker can be reached by TLS: asked once by Python, since librdkafka tells all reasons by the same words."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Mapping

from rtpipe.tls_trouble import OF_KAFKA, TlsError, tls_trouble

_SECONDS = 2.0
#: An alert of the server about our certificate comes after the handshake, or never.
_ALERT_SECONDS = 0.5
_OFF = {"false", "0", "none"}


def tls_error_of(kafka: Mapping[str, str]) -> TlsError | None:
    """What is wrong with the certificates of the first broker with such a trouble; None if there is none to be found.

    `kafka`: the properties of a client that gets no answer.
    """
    if not kafka.get("security.protocol", "").upper().endswith("SSL"):
        return None
    with contextlib.suppress(OSError, ValueError):  # files that cannot be read: librdkafka has said so already
        context = _context(kafka)
        for address in kafka.get("bootstrap.servers", "").split(","):
            said = _said(address.strip(), context)
            if trouble := tls_trouble(said, OF_KAFKA):
                return TlsError(f"Kafka at {address.strip()}: {trouble.what}", hint=trouble.hint)
    return None


def _context(kafka: Mapping[str, str]) -> ssl.SSLContext:
    """As librdkafka would check, as far as the properties are files."""
    context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # librdkafka does not ask for that
    verified = kafka.get("enable.ssl.certificate.verification", "true").lower() not in _OFF
    context.check_hostname = (
        verified and kafka.get("ssl.endpoint.identification.algorithm", "https").lower() not in _OFF
    )
    if not verified:
        context.verify_mode = ssl.CERT_NONE
    if own := kafka.get("ssl.certificate.location"):
        context.load_cert_chain(own, kafka.get("ssl.key.location"), kafka.get("ssl.key.password"))
    return context


def _said(address: str, context: ssl.SSLContext) -> str:
    """What OpenSSL says of a handshake there; "" if nothing, or if nobody is there."""
    host, _, port = address.rpartition(":")
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host.strip("[]")) as connection,
        ):
            connection.settimeout(_ALERT_SECONDS)
            connection.recv(1)
    except ssl.SSLError as error:
        return str(error)
    except OSError:
        return ""
    return ""
