"""What the registry's client raises -> rtpipe's errors: each says what the registry said, or what happened."""

from __future__ import annotations

import ast
from http import HTTPStatus

from confluent_kafka.schema_registry.error import OAuthTokenError, SchemaRegistryError

from rtpipe.credentials import AccessDeniedError, LoginRefusedError, issuer_refuses
from rtpipe.errors import RtpipeError, SchemaError, UnreachableError
from rtpipe.tls_trouble import OF_REGISTRY, TlsError, tls_trouble

#: Registry error codes for a subject, version or schema id that is not there (a bare 404 is another server).
_NOT_FOUND = frozenset({40401, 40402, 40403})
#: Most characters of the registry's own words that a message repeats: a proxy answers with a whole page.
_MOST_WORDS = 300
#: Of a client that gives no reason: whether it waited in vain.
_UNSAID = {True: "no answer in time", False: "the connection ended without an answer"}
#: What the client puts before the bytes of an answer that is no JSON object, written as Python writes them.
_RAW = "Unknown Schema Registry Error: "
_START = "start it, or correct RTPIPE_SCHEMA_REGISTRY_URL"


class SchemaNotFoundError(SchemaError):
    """The registry answers, but has no such subject, version or schema id."""


class UnprocessableError(SchemaError):
    """The registry understands the request and does not do it (HTTP 422)."""


class NotARegistryError(UnreachableError):
    """What answers does not know the path, or does not answer as a registry does."""


def explained(error: Exception, url: str, doing: str) -> RtpipeError:
    """The error to raise for `error`; `url` is without password, and so is its text."""
    match error:
        case RtpipeError():
            return error
        case SchemaRegistryError():
            return _refused(error, url, doing)
        case OAuthTokenError():
            return _no_token(error, url, doing)
        case ValueError() | TypeError() | KeyError() | AttributeError() | RecursionError():  # not the registry's JSON
            return _not_a_registry(url, doing)
    return _silent(error, url, doing)  # httpx's or httpx2's, by the version of confluent_kafka


def _refused(error: SchemaRegistryError, url: str, doing: str) -> RtpipeError:
    status = error.http_status_code
    reason = f"{_words(error)} ({doing} at {url}, HTTP {status})"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        kind = LoginRefusedError if status == HTTPStatus.UNAUTHORIZED else AccessDeniedError
        return kind(
            f"the schema registry at {url} refused access: {reason}",
            hint="check the account in RTPIPE_SCHEMA_REGISTRY_URL or in the block `registry`, and its permissions",
        )
    if status == HTTPStatus.NOT_FOUND:
        return SchemaNotFoundError(reason) if _code(error) in _NOT_FOUND else _not_a_registry(url, doing)
    if status == HTTPStatus.CONFLICT:
        return SchemaError(
            f"the registry holds the schema for incompatible with earlier versions: {reason}",
            hint="change the schema so that the subject's compatibility rule holds, or change that rule",
        )
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return UnprocessableError(f"the registry holds the schema for invalid: {reason}")
    if status == HTTPStatus.BAD_REQUEST:
        return SchemaError(f"the registry holds the schema for invalid: {reason}")
    return UnreachableError(f"the schema registry cannot answer now: {reason}", hint="its log says why")


def _words(error: SchemaRegistryError) -> str:
    """The registry's own words on one line; where it has none, what its status means."""
    text = _body(str(error.error_message or ""))
    said = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    if said:
        return said if len(said) <= _MOST_WORDS else f"{said[:_MOST_WORDS]}…"
    status, code = error.http_status_code, _code(error)
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "unknown status"
    return f"{phrase}, without a reason" + (f", error code {code}" if code > 0 else "")


def _code(error: SchemaRegistryError) -> int:
    """The registry's own number for it; -1 if there is none, or something else in its place."""
    code: object = error.error_code
    return code if isinstance(code, int) else SchemaRegistryError.UNKNOWN


def _body(message: str) -> str:
    """The text of an answer that the client could not read; `message` itself, where it could."""
    if not message.startswith(_RAW):
        return message
    try:
        body = ast.literal_eval(message.removeprefix(_RAW))
    except (ValueError, SyntaxError):
        return message
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else message


def _no_token(error: OAuthTokenError, url: str, doing: str) -> RtpipeError:
    """The issuer's refusal stands in the text only; its cause would tell, but the client does not keep it."""
    said = error.message.partition("due to error: ")[2] or error.message
    if issuer_refuses(said):
        return AccessDeniedError(
            f"the issuer of tokens for the schema registry at {url} refused: {said} ({doing})",
            hint="check bearer.auth.client.id, bearer.auth.client.secret and bearer.auth.scope",
        )
    return UnreachableError(
        f"no token for the schema registry at {url}: {said or 'the issuer does not answer'} ({doing})",
        hint="is bearer.auth.issuer.endpoint.url right, and does the issuer answer?",
    )


def _silent(error: Exception, url: str, doing: str) -> UnreachableError:
    said = str(error) or _UNSAID[any("Timeout" in kind.__name__ for kind in type(error).__mro__)]
    if trouble := tls_trouble(said, OF_REGISTRY):
        return TlsError(f"the schema registry at {url}: {trouble.what} ({doing})", hint=trouble.hint)
    return UnreachableError(f"no schema registry answers at {url}: {said} ({doing})", hint=_START)


def _not_a_registry(url: str, doing: str) -> NotARegistryError:
    return NotARegistryError(
        f"what answers at {url} is no schema registry ({doing})",
        hint="RTPIPE_SCHEMA_REGISTRY_URL needs the path, too, such as /apis/ccompat/v7",
    )
