"""OAUTHBEARER, whose tokens librdkafka fetches by itself: why it gets none, and what it needs to be told."""

from __future__ import annotations

from collections.abc import Mapping

from rtpipe.credentials import LoginRefusedError, issuer_refuses, without_credentials
from rtpipe.errors import UnreachableError
from rtpipe.tls_trouble import OF_TOKENS, TlsError, tls_trouble

_BEFORE_REASON = "Failed to acquire SASL OAUTHBEARER token: "
_AUTHORITIES = ("https.ca.location", "https.ca.pem")
#: Most characters of the endpoint's own words that a message repeats.
_MOST_WORDS = 300


def fetches_tokens(kafka: Mapping[str, str]) -> bool:
    """Whether a client of these properties asks an endpoint for tokens."""
    mechanism = kafka.get("sasl.mechanism") or kafka.get("sasl.mechanisms", "")
    return mechanism.upper() == "OAUTHBEARER" and kafka.get("sasl.oauthbearer.method", "").lower() == "oidc"


def system_authorities(kafka: Mapping[str, str]) -> dict[str, str]:
    """The property that a client needs to verify the endpoint, if nobody named an authority: librdkafka by itself looks
    where only some systems keep theirs.
    """
    if not fetches_tokens(kafka) or kafka.keys() & {*_AUTHORITIES}:
        return {}
    import ssl  # noqa: PLC0415 - 70 ms, which no other command needs

    known = ssl.get_default_verify_paths().cafile
    return {_AUTHORITIES[0]: known} if known else {}


def no_token(kafka: Mapping[str, str], said: str) -> UnreachableError | LoginRefusedError | None:
    """What a login failed for, in the client's words; None if it has a token."""
    if not said.startswith(_BEFORE_REASON):
        return None
    endpoint = shown_endpoint(kafka)
    why = " ".join("".join(sign if sign.isprintable() else " " for sign in said[len(_BEFORE_REASON) :]).split())
    why = why if len(why) <= _MOST_WORDS else f"{why[:_MOST_WORDS]}…"
    if issuer_refuses(why):
        return LoginRefusedError(
            f"the token endpoint {endpoint} refuses the client: {why}",
            hint="check sasl.oauthbearer.client.id, .client.secret and .scope in the setting kafka",
        )
    if trouble := tls_trouble(why, OF_TOKENS):
        return TlsError(f"the token endpoint {endpoint}: {trouble.what}", hint=trouble.hint)
    if "unexpired token" in why:
        return LoginRefusedError(
            f"the token endpoint {endpoint} gives tokens that have expired already: {why}",
            hint="is the clock of this machine or of that server wrong?",
        )
    return UnreachableError(
        f"no token for Kafka from the token endpoint {endpoint}: {why}",
        hint="is sasl.oauthbearer.token.endpoint.url in the setting kafka right, and does it answer?",
    )


def shown_endpoint(kafka: Mapping[str, str]) -> str:
    """Where tokens are asked for, without what may be secret in it."""
    return without_credentials(kafka.get("sasl.oauthbearer.token.endpoint.url", ""))
