"""A token endpoint for OAUTHBEARER (client credentials), and a broker that takes its tokens."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from infra.stack.state import write_private_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.services.service import Service

HOST, CLIENT_ID, AUDIENCE, ISSUER = "127.0.0.1", "rtpipe", "kafka", "https://issuer.example"
_LISTENER = "listener.name.sasl_ssl.oauthbearer"
_OAUTH = "org.apache.kafka.common.security.oauthbearer"


class TokenServer:
    """Gives tokens to who knows the secret. A test may change what it does, at any time."""

    def __init__(self, certificate: Path) -> None:
        self._certificate = certificate
        self._known = rsa.generate_private_key(65537, 2048)
        self.reset()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = server.answer(self.headers.get("Authorization", ""))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            def get_request(self) -> tuple[Any, Any]:
                plain, address = super().get_request()
                return server.context.wrap_socket(plain, server_side=True), address

        self._server = Listener((HOST, 0), Handler)

    def reset(self) -> None:
        """All as it should be."""
        self.secret = "canary-client-secret"
        self.life = 3_600.0  #: seconds of a token
        self.down = False  #: answers HTTP 503
        self.given = 0  #: tokens
        self._signs = self._known
        self.show(self._certificate)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self._server.server_port}/token"

    @property
    def keys(self) -> dict[str, Any]:
        """What the broker trusts, as a JSON Web Key Set."""
        numbers = self._known.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": _text(_bytes(numbers.n)), "e": "AQAB"}
        return {"keys": [key]}

    def show(self, certificate: Path) -> None:
        """Its certificate, with the key; for connections to come."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)

    def forge(self) -> None:
        """Sign by a key that the broker does not know, from now on."""
        self._signs = rsa.generate_private_key(65537, 2048)

    def answer(self, login: str) -> tuple[int, dict[str, Any]]:
        """Status and body for this header `Authorization`."""
        expected = base64.b64encode(f"{CLIENT_ID}:{self.secret}".encode()).decode()
        if self.down:
            return 503, {"error": "temporarily_unavailable"}
        if login != f"Basic {expected}":
            return 401, {"error": "invalid_client", "error_description": "no such client or secret"}
        self.given += 1
        return 200, {"access_token": self.token(), "token_type": "Bearer", "expires_in": round(self.life)}

    def token(self) -> str:
        """A JSON Web Token."""
        now = time.time()
        begun = min(now, now + self.life) - 60
        claims = {"sub": CLIENT_ID, "aud": AUDIENCE, "iss": ISSUER, "iat": round(begun), "exp": round(now + self.life)}
        parts = [_text(json.dumps(one).encode()) for one in ({"alg": "RS256", "kid": "1", "typ": "JWT"}, claims)]
        signed = ".".join(parts)
        return f"{signed}.{_text(self._signs.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)


def taking_tokens(broker: Service, keys: Path, server: TokenServer) -> Service:
    """The broker with OAUTHBEARER beside its other mechanisms; `keys`: the file of the keys that it is to trust."""
    write_private_bytes(keys, json.dumps(server.keys).encode())
    more = {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        f"{_LISTENER}.sasl.jaas.config": f"{_OAUTH}.OAuthBearerLoginModule required;",
        f"{_LISTENER}.sasl.server.callback.handler.class": f"{_OAUTH}.OAuthBearerValidatorCallbackHandler",
        f"{_LISTENER}.sasl.oauthbearer.jwks.endpoint.url": keys.as_uri(),
        f"{_LISTENER}.sasl.oauthbearer.expected.audience": AUDIENCE,
        f"{_LISTENER}.sasl.oauthbearer.expected.issuer": ISSUER,
        f"{_LISTENER}.connections.max.reauth.ms": 3_600_000,  # else a session outlives its token
    }

    def before_start() -> None:
        broker.before_start()
        file = broker.directory / "server.properties"
        lines = [f"{name}={value}\n" for name, value in more.items()]
        write_private_bytes(file, file.read_bytes() + "".join(lines).encode())

    def command() -> list[str]:
        java, *rest = broker.command()
        allowed = "-Dorg.apache.kafka.sasl.oauthbearer.allowed"
        return [java, f"{allowed}.urls={keys.as_uri()}", f"{allowed}.files={keys}", *rest]

    return dataclasses.replace(broker, before_start=before_start, command=command)


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
