"""What OpenSSL says of a handshake that failed, in words: whose certificate is wrong, why, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from rtpipe.errors import UnreachableError


class TlsError(UnreachableError):
    """A service is there, but one side refuses the other's certificate, or one of them speaks no TLS."""

    name = "E_TLS"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Where the settings of one link name its files, for hints."""

    authority: str
    own: str  #: our certificate and its key


OF_KAFKA = TlsSettings("ssl.ca.location of the block `kafka`", "ssl.certificate.location of the block `kafka`")
OF_REGISTRY = TlsSettings("ssl.ca.location of the block `registry`", "ssl.certificate.location of the block `registry`")
OF_TOKENS = TlsSettings("https.ca.location of the block `kafka`", "ssl.certificate.location of the block `kafka`")
OF_DATABASE = TlsSettings("ssl_ca in the database URL", "ssl_cert in the database URL")

_RENEW = "give the server a new one"
#: Words of OpenSSL in lower case -> what is wrong, what to do. The first that fits counts.
_MEANINGS = (
    ("certificate has expired", "its certificate has expired", _RENEW),
    ("not yet valid", "its certificate is not valid yet", "is the clock of this machine or of the server wrong?"),
    (
        "mismatch",
        "its certificate is for another host name",
        "connect by a name that stands in the certificate, or let it name this one (subjectAltName)",
    ),
    (
        "certificate subject name",
        "its certificate is for another host name",
        "connect by a name that stands in the certificate, or let it name this one (subjectAltName)",
    ),
    (
        "issuer certificate",
        "its certificate is of an authority that is not trusted",
        "{authority} names a file with it",
    ),
    ("self-signed", "its certificate is of an authority that is not trusted", "{authority} names a file with it"),
    ("signature failure", "its certificate is not of the authority that it names", "{authority} names another one"),
    ("alert certificate expired", "it says that our certificate has expired", "renew the file that {own} names"),
    ("certificate required", "it wants a certificate of ours", "{own} names a file with one"),
    ("alert unknown ca", "it does not trust the authority of our certificate", "{own} names the file with it"),
    (
        "alert certificate unknown",  # Java says no more, whatever is wrong
        "it refuses our certificate",
        "{own} names the file with it: has it expired, or is it of another authority?",
    ),
    ("alert bad certificate", "it refuses our certificate", "{own} names the file with it"),
    ("wrong version number", "it speaks no TLS at this port", "take another port, or settings without TLS"),
    ("record layer failure", "it speaks no TLS at this port", "take another port, or settings without TLS"),
    ("verify failed", "its certificate could not be verified", "{authority} names a file with its authority"),
)


@dataclass(frozen=True, slots=True)
class TlsTrouble:
    """`what` follows the name of the server: `the registry at …: its certificate has expired`."""

    what: str
    hint: str


def tls_trouble(said: str, settings: TlsSettings) -> TlsTrouble | None:
    """The meaning of an error's text; None if it is not about TLS, or tells nothing."""
    text = said.lower().replace("_", " ")
    if not any(word in text for word in ("ssl", "tls", "certificate")):
        return None
    for words, what, hint in _MEANINGS:
        if words in text:
            return TlsTrouble(what, hint.format(authority=settings.authority, own=settings.own))
    return None
