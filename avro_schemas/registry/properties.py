"""The properties that confluent_kafka's registry client takes, TLS and accounts among them: which there are, and what
the client is told for them.

Light, since every command reads its settings: the client itself takes 0.4 s to load (client.py).
"""

from __future__ import annotations

from collections.abc import Mapping

#: Properties that name a file.
FILES = ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location")
#: Properties that are other text: accounts, tokens.
_TEXTS = (
    "ssl.key.password",
    "basic.auth.user.info",
    "bearer.auth.credentials.source",
    "bearer.auth.token",
    "bearer.auth.client.id",
    "bearer.auth.client.secret",
    "bearer.auth.scope",
    "bearer.auth.issuer.endpoint.url",
    "bearer.auth.issuer.endpoint.query",
    "bearer.auth.logical.cluster",
    "bearer.auth.identity.pool.id",
    "proxy",
)
#: Properties that are numbers.
_NUMBERS = ("timeout", "max.retries", "retries.wait.ms", "retries.max.wait.ms")
#: All that may be set.
PROPERTIES = (*FILES, *_TEXTS, *_NUMBERS)
#: Where a token comes from; without a word about it, from `bearer.auth.token`, or from the issuer if there is one.
TOKEN_SOURCES = ("STATIC_TOKEN", "OAUTHBEARER", "OAUTHBEARER_AZURE_IMDS")
_SOURCE = "bearer.auth.credentials.source"


#: An answer or an error within about ten seconds: seconds for one request, and how often it is repeated.
_LIMITS: Mapping[str, str] = {
    "timeout": "4",
    "max.retries": "1",
    "retries.wait.ms": "200",
    "retries.max.wait.ms": "1000",
}


def for_client(properties: Mapping[str, str]) -> dict[str, str | float]:
    """What the client is told: numbers as numbers, and what follows from the rest. ValueError for what is no number."""
    told: dict[str, str | float] = {
        name: float(value) if name in _NUMBERS else value for name, value in {**_LIMITS, **properties}.items()
    }
    source = _source(properties)
    if source is None:
        return told
    demanded = {"bearer.auth.logical.cluster": ""}  # by the client, though only some registries know of it
    if source == "OAUTHBEARER":
        demanded["bearer.auth.scope"] = ""
    return {**demanded, **told, _SOURCE: source}


def problem_of(properties: Mapping[str, str]) -> str | None:
    """What is wrong with the properties, by name; no value of them is repeated."""
    for name, value in properties.items():
        if name not in PROPERTIES:
            other = "; the address is schema_registry_url" if name == "url" else ""
            return f"{name} is no property of the registry's client{other}"
        if name in _NUMBERS and not _is_number(value):
            return f"{name} takes a number"
    if "basic.auth.user.info" in properties and ":" not in properties["basic.auth.user.info"]:
        return "basic.auth.user.info takes user:password"
    if "ssl.certificate.location" not in properties:
        for name in ("ssl.key.location", "ssl.key.password"):
            if name in properties:
                return f"{name} needs ssl.certificate.location"
    return _token_problem(properties)


def _token_problem(properties: Mapping[str, str]) -> str | None:
    source = _source(properties)
    if source is None:
        lone = next((name for name in properties if name.startswith("bearer.")), None)
        return f"{lone} needs bearer.auth.token, or bearer.auth.issuer.endpoint.url for OAuth" if lone else None
    if source not in TOKEN_SOURCES:
        return f"{_SOURCE} takes {', '.join(TOKEN_SOURCES)}"
    needed = {
        "STATIC_TOKEN": ("bearer.auth.token",),
        "OAUTHBEARER": ("bearer.auth.issuer.endpoint.url", "bearer.auth.client.id", "bearer.auth.client.secret"),
    }.get(source, ())
    missing = [name for name in needed if name not in properties]
    if missing:
        return f"{_SOURCE} = {source} needs {', '.join(missing)}"
    if "basic.auth.user.info" in properties:
        return "basic.auth.user.info and a bearer token cannot both be sent"
    return None


def _source(properties: Mapping[str, str]) -> str | None:
    if _SOURCE in properties:
        return properties[_SOURCE]
    if "bearer.auth.token" in properties:
        return "STATIC_TOKEN"
    return "OAUTHBEARER" if "bearer.auth.issuer.endpoint.url" in properties else None


def _is_number(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False
