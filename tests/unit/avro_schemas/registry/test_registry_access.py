"""TLS, accounts and tokens for the registry, against a small service that wants them; and what its failures say."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from avro_schemas.registry.client import Registry
from avro_schemas.registry.properties import PROPERTIES, for_client, problem_of
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import RtpipeError, SchemaError, SettingsError, UnreachableError
from rtpipe.tls_trouble import TlsError
from tests.support.servers.web_service import Answer, Certificates, certificates, web_service

SCHEMA = {"schema": json.dumps({"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}]})}
TOKEN = "canary-token"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("pem"))


def always(status: int, said: object) -> Answer:
    return lambda *_: (status, said)


def wants(authorization: str) -> Answer:
    def answer(_method: str, _path: str, headers: Mapping[str, str], _body: bytes) -> tuple[int, object]:
        if headers.get("Authorization") == authorization:
            return 200, SCHEMA
        return 401, {"error_code": 40101, "message": "Unauthorized"}

    return answer


def name_of_schema(url: str, properties: Mapping[str, str]) -> str:
    with closing(Registry(url, properties)) as registry:
        name: str = registry.schema_by_id(1)["name"]
        return name


def failure(url: str, properties: Mapping[str, str]) -> RtpipeError:
    with closing(Registry(url, {"max.retries": "0", **properties})) as registry, pytest.raises(RtpipeError) as caught:
        registry.schema_by_id(1)
    return caught.value


def test_an_authority_of_ones_own(pem: Certificates) -> None:
    with web_service(always(200, SCHEMA), pem.context(wants_client=False)) as url:
        assert name_of_schema(url, {"ssl.ca.location": pem.authority}) == "r"
        refused = failure(url, {})
    assert isinstance(refused, TlsError)
    assert f"the schema registry at {url}: its certificate is of an authority that is not trusted" in refused.message
    assert "ssl.ca.location" in refused.hint


def test_a_client_certificate(pem: Certificates) -> None:
    own = {"ssl.certificate.location": pem.client, "ssl.key.location": pem.client_key}
    with web_service(always(200, SCHEMA), pem.context(wants_client=True)) as url:
        assert name_of_schema(url, {"ssl.ca.location": pem.authority, **own}) == "r"
        refused = failure(url, {"ssl.ca.location": pem.authority})
    assert isinstance(refused, UnreachableError)
    assert url in refused.message


def test_a_bearer_token() -> None:
    with web_service(wants(f"Bearer {TOKEN}")) as url:
        assert name_of_schema(url, {"bearer.auth.token": TOKEN}) == "r"
        for properties in ({}, {"bearer.auth.token": "canary-other"}):
            refused = failure(url, properties)
            assert isinstance(refused, AccessDeniedError)
            assert "canary" not in str(refused) + refused.hint


def test_user_and_password_as_a_property_or_in_the_url() -> None:
    with web_service(wants(f"Basic {base64.b64encode(b'me:can:ary').decode()}")) as url:
        assert name_of_schema(url, {"basic.auth.user.info": "me:can:ary"}) == "r"
        assert name_of_schema(url.replace("://", "://me:can%3Aary@"), {}) == "r"
        assert isinstance(failure(url, {"basic.auth.user.info": "me:canary"}), AccessDeniedError)


def test_a_token_of_an_issuer_behind_the_same_authority(pem: Certificates) -> None:
    """OAuth, client credentials: the issuer's certificate is of the registry's own authority."""

    def issuer(_method: str, _path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, object]:
        account = base64.b64decode(headers.get("Authorization", "Basic ").partition(" ")[2]).decode()
        if account == "id:canary" and parse_qs(body.decode())["grant_type"] == ["client_credentials"]:
            return 200, {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300}
        return 401, {"error": "invalid_client", "error_description": "no such client"}

    tls = pem.context(wants_client=False)
    with web_service(issuer, tls) as tokens, web_service(wants(f"Bearer {TOKEN}"), tls) as url:
        oauth = {
            "ssl.ca.location": pem.authority,
            "bearer.auth.issuer.endpoint.url": f"{tokens}/token",
            "bearer.auth.client.id": "id",
            "bearer.auth.client.secret": "canary",
        }
        assert name_of_schema(url, oauth) == "r"
        refused = failure(url, {**oauth, "bearer.auth.client.secret": "canary-2"})
        away = failure(url, {**oauth, "bearer.auth.issuer.endpoint.url": "https://127.0.0.1:1/token"})
    assert isinstance(refused, AccessDeniedError)
    assert "invalid_client" in refused.message
    assert isinstance(away, UnreachableError)
    assert "no token" in away.message
    assert not [error for error in (refused, away) if "canary" in str(error) + error.hint]


def test_proxy_and_authorities_of_the_environment(pem: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def proxy(_method: str, path: str, _headers: Mapping[str, str], _body: bytes) -> tuple[int, object]:
        asked.append(path)
        return 200, SCHEMA

    with web_service(proxy) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        assert name_of_schema("http://registry.invalid:8081", {}) == "r"
        assert asked == ["http://registry.invalid:8081/schemas/ids/1"]
        monkeypatch.setenv("NO_PROXY", "registry.invalid")
        assert "registry.invalid" in failure("http://registry.invalid:8081", {}).message
    monkeypatch.delenv("HTTP_PROXY")
    with web_service(always(200, SCHEMA), pem.context(wants_client=False)) as url:
        monkeypatch.setenv("SSL_CERT_FILE", pem.authority)
        assert name_of_schema(url, {}) == "r"


REFUSALS = [400, 401, 403, 409, 422]
FAILURES = [500, 502, 503, 507, 599, 302]
SAYS_NOTHING: list[object] = [
    {"error_code": 0},
    {},
    {"message": None},
    {"message": ""},
    {"message": " \n"},
    {"message": []},
    b"",
    b" \n",
]
ODD_ANSWERS: list[tuple[object, str]] = [
    ([], "[]"),
    (None, "null"),
    ("out of order", "out of order"),
    (7, "7"),
    (b"<html>\n\n<h1>Bad gateway</h1>", "<html> <h1>Bad gateway</h1>"),
    (b"it's down", "it's down"),
    (b'{"message": "cut o', '{"message": "cut o'),
    (b"\xff\xfe\x1b[31mred\x00", "red"),
    ({"message": {"why": "odd"}}, "odd"),
    ({"message": 12}, "12"),
    ({"error_code": [], "message": "said"}, "said"),
    ({"error_code": "x" * 9, "message": "said"}, "said"),
    ({"error_code": 50003}, "error code 50003"),
]


def check_told(refused: RtpipeError, url: str, status: int, words: str) -> None:
    """Which status, of which registry, and what it said or that it said nothing; on one line of a bounded length."""
    message = refused.message
    assert f"{url}, HTTP {status})" in message
    assert words in message
    assert not [noise for noise in ("None", "b'", 'b"', "Unknown Schema Registry Error") if noise in message]
    assert message.isprintable()
    assert len(message) < 600


@pytest.mark.parametrize("status", [*REFUSALS, *FAILURES])
@pytest.mark.parametrize("said", SAYS_NOTHING)
def test_a_registry_that_says_nothing_is_told_so(status: int, said: object) -> None:
    with web_service(always(status, said)) as url:
        refused = failure(url, {})
        check_told(refused, url, status, "without a reason")
    assert isinstance(refused, UnreachableError) == (status in FAILURES)


@pytest.mark.parametrize("status", [401, 422, 302, 500])
@pytest.mark.parametrize(("said", "words"), ODD_ANSWERS)
def test_what_is_no_answer_of_a_registry_is_told_as_it_came(status: int, said: object, words: str) -> None:
    with web_service(always(status, said)) as url:
        refused = failure(url, {})
        check_told(refused, url, status, words)
    assert isinstance(refused, UnreachableError) == (status in FAILURES)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"message":' * 100_000])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_an_answer_that_is_nested_without_end(status: int, body: bytes) -> None:
    with web_service(always(status, body)) as url:
        refused = failure(url, {})
    assert isinstance(refused, UnreachableError)
    assert url in refused.message
    assert len(refused.message) < 600


@pytest.mark.parametrize("said", [[], None, {"error_code": []}, {"error_code": {}, "message": "said"}, b""])
def test_a_404_of_another_server(said: object) -> None:
    with web_service(always(404, said)) as url:
        assert f"what answers at {url} is no schema registry" in failure(url, {}).message


def test_a_page_of_a_proxy_is_cut() -> None:
    with web_service(always(500, b"<html>" + b"x" * 10_000)) as url:
        assert len(failure(url, {}).message) < 600


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_what_the_registry_says_of_a_request_is_told(status: int) -> None:
    with web_service(always(status, {"error_code": 40403, "message": "the reason"})) as url:
        refused = failure(url, {})
    assert isinstance(refused, SchemaError)
    assert "the reason" in refused.message


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"no.such": "canary"}, "no.such is no property"),
        ({"url": "canary"}, "schema_registry_url"),
        ({"timeout": "canary"}, "timeout takes a number"),
        ({"basic.auth.user.info": "canary"}, "user:password"),
        ({"ssl.key.location": "canary"}, "ssl.certificate.location"),
        ({"bearer.auth.client.id": "canary"}, "bearer.auth.client.id needs"),
        ({"bearer.auth.credentials.source": "CUSTOM"}, "bearer.auth.credentials.source takes"),
        ({"bearer.auth.issuer.endpoint.url": "canary"}, "bearer.auth.client.id"),
        ({"bearer.auth.token": "canary", "basic.auth.user.info": "canary:"}, "cannot both be sent"),
    ],
)
def test_what_is_wrong_with_a_property_is_told_by_its_name(properties: Mapping[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Registry("http://h:8081", properties)
    assert words in caught.value.message
    assert "canary" not in caught.value.message


def test_a_file_that_is_not_there_or_no_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ssl\.ca\.location .*: /nowhere\.pem: No such file"):
        Registry("http://h:8081", {"ssl.ca.location": "/nowhere.pem"})
    (tmp_path / "empty.pem").write_text("x")
    with pytest.raises(SettingsError, match="certificates"):
        Registry("http://h:8081", {"ssl.ca.location": str(tmp_path / "empty.pem")})


def test_the_client_knows_every_property() -> None:
    """All but files, whose use is tested above, and those of the other sources of tokens."""
    for name in PROPERTIES:
        value = "1" if "max" in name or name.startswith(("retries", "timeout")) else "http://h:1"
        chosen = {name: value}
        if name.startswith("bearer"):
            issuer = ("bearer.auth.issuer.endpoint.url", "bearer.auth.client.id", "bearer.auth.client.secret")
            chosen |= dict.fromkeys(issuer, "x") if "token" not in name else {}
            chosen["bearer.auth.credentials.source"] = "STATIC_TOKEN" if "token" in name else "OAUTHBEARER"
        if name.startswith("ssl") or name == "bearer.auth.issuer.endpoint.query":
            continue
        assert problem_of(chosen) is None, name
        with SchemaRegistryClient({"url": "http://h:8081", **for_client(chosen)}):
            pass
