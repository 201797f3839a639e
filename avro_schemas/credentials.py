"""What may be shown of an address that carries a password, and the error for a password that was refused."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from avro_schemas.errors import ExitCode, RtpipeError


class AccessDeniedError(RtpipeError):
    """A user name, a password or a permission was refused by Kafka, the registry or the database."""

    name = "E_AUTH"
    exit_code = ExitCode.ACCESS_DENIED


def without_credentials(url: str) -> str:
    """`url` without user name, password, query and fragment; a list split by commas stays one.

    What cannot be read as a URL loses everything up to its last `@`, so that no part of a password is left.
    """
    return ",".join(_bare(part.strip()) for part in url.split(","))


def _bare(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rpartition("@")[2], "", ""))
