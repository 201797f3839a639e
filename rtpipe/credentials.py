"""What may be shown of an address that carries a password, and the error for a password that was refused."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from rtpipe.errors import ExitCode, RtpipeError


class AccessDeniedError(RtpipeError):
    """A user name, a password or a permission was refused by Kafka, the registry or the database."""

    name = "E_AUTH"
    exit_code = ExitCode.ACCESS_DENIED


class LoginRefusedError(AccessDeniedError):
    """The account may not log in, for now: what a password looks like that was changed on one side first."""


def without_credentials(url: str) -> str:
    """`url` without user name, password, query and fragment; a list split by commas stays one.

    What cannot be read as a URL loses everything up to its last `@`, so that no part of a password is left.
    """
    return ",".join(_bare(part.strip()) for part in url.split(","))


def issuer_refuses(said: str) -> bool:
    """Whether an issuer of tokens refuses the client, by the error codes of OAuth in its answer."""
    return any(code in said for code in ("invalid_", "unauthorized", "access_denied"))


#: How a URL writes the signs that end its user name or password.
ESCAPES = {"@": "%40", "/": "%2F", ":": "%3A", "?": "%3F", "#": "%23"}


def unescaped(url: str) -> str:
    """What in the user name or password of a URL that cannot be read must be escaped, in words that show none of it.

    "" if nothing is found. A sign of ESCAPES ends the part in which it stands, and the rest becomes host or path.
    """
    user, _, password = url.partition("://")[2].rpartition("@")[0].partition(":")
    for part, text, signs in (("user name", user, "/?#"), ("password", password, "@/?#")):
        if found := [sign for sign in signs if sign in text]:
            escapes = " and ".join(f"{sign} must be written {ESCAPES[sign]}" for sign in found)
            return f"in the {part} {escapes}"
    return ""


def web_address_problem(url: str) -> str:
    """What is wrong with the addresses in a list split by commas, "" if nothing. Shows no user name and no password."""
    for one in url.split(","):
        if not _is_web_address(one.strip()):
            return unescaped(one) or "takes a URL that begins with http:// or https://, such as http://host:8081"
    return ""


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # ValueError for half a password
    except ValueError:
        return False
    secret_left = parts.netloc.count("@") > 1 or "@" in parts.path + parts.query + parts.fragment
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not secret_left


def _bare(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rpartition("@")[2], "", ""))
